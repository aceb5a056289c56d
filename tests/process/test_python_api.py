"""`import butler`: replays and results for programs and notebooks."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import venv
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import butler
from tests.commands import butler as command
from tests.process.cli import ROOT

MARCH = {"start": "2024-03-01", "end": "2024-03-15"}
PAGE = ROOT / "docs" / "python.md"


@pytest.fixture(scope="module")
def run() -> butler.Run:
    return butler.replay(**MARCH)


def test_a_replay_in_memory_is_the_commands(run: butler.Run, tmp_path: Path) -> None:
    """The same trades and equity, to the cent, as the command writes; and a session loads alike."""
    said = command(
        "replay", "--from", MARCH["start"], "--to", MARCH["end"], "--results-dir", tmp_path,
        "--session-id", "march", "--parquet",
    )  # fmt: skip
    assert said.code == 0
    loaded = butler.load("march", results=tmp_path)
    names = [name for name in run.trades.column_names if name != "session_id"]
    assert run.trades.select(names).equals(loaded.trades.select(names))
    assert run.equity.equals(loaded.equity)
    assert run.daily.equals(loaded.daily)
    assert run.figures == loaded.figures
    summary = json.loads((tmp_path / "execution_sim_summary.json").read_bytes())
    assert run.figures["net"] == summary["total_pnl"]
    assert run.equity["equity"][-1].as_py() == summary["final_equity"]
    assert sum(Decimal(str(x)) for x in run.trades["net"].to_pylist()) == Decimal(
        str(summary["total_pnl"])
    )


def test_tables_are_arrow_and_the_run_says_what_it_is(run: butler.Run) -> None:
    """Times in UTC; the short form names preset, trades and result."""
    assert run.trades.schema.field("opened").type == pa.timestamp("ms", tz="UTC")
    assert run.equity.schema.field("time").type == pa.timestamp("ms", tz="UTC")
    assert re.fullmatch(r"<butler\.Run ftmo_m15, \d+ trades, [+-][\d,.]+ USD>", repr(run))
    assert "FTMO 2-Step" in run.verdict


def test_it_works_inside_a_running_event_loop(run: butler.Run) -> None:
    """As in a notebook: the call blocks the loop and comes back with the same."""

    async def cell() -> butler.Run:
        return butler.replay(**MARCH)

    assert asyncio.run(cell()).trades.equals(run.trades)


@pytest.mark.parametrize("name", ["equity", "underwater", "daily", "r"])
def test_figures_are_plotlys(run: butler.Run, name: str) -> None:
    """Each draws something and can be shown."""
    figure = run.figure(name)
    assert len(figure.data[0].x) > 0
    assert figure.to_json()


def test_the_page_is_written_where_it_is_wanted(run: butler.Run, tmp_path: Path) -> None:
    assert run.report(tmp_path / "page.html").read_bytes().startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"beginning": "2024-03-01"}, "replay has no option 'beginning'"),
        ({"preset": "no_such_preset"}, "no_such_preset"),
        ({"bars": "EURUSD=/not/there.csv"}, "/not/there.csv"),
        ({"objectives": "no_such_firm"}, "no_such_firm"),
        ({"limit_trades": 0}, "--limit-trades 0"),
    ],
)
def test_what_is_wrong_raises_a_problem_with_the_commands_line(
    options: dict[str, object], text: str
) -> None:
    with pytest.raises(butler.Problem, match=re.escape(text)):
        butler.replay(**options)


def test_a_session_or_figure_that_is_not_there_is_a_problem(
    run: butler.Run, tmp_path: Path
) -> None:
    with pytest.raises(butler.Problem, match="no session yet"):
        butler.load(results=tmp_path)
    with pytest.raises(butler.Problem, match="one of equity, underwater, daily, r"):
        run.figure("pie")


def test_the_module_only_names_what_others_make() -> None:
    """Beside pyproject.toml: a docstring, imports and the list of names."""
    lines = (ROOT / "butler.py").read_text(encoding="utf-8").partition('"""\n\n')[2].splitlines()
    assert [line for line in lines if line and not line.startswith(("from ", "__all__"))] == []


def test_importing_it_brings_nothing_heavy() -> None:
    """The heavy packages come with the first call; so the import takes a moment only."""
    code = (
        "import sys, butler; heavy = ('numpy', 'pyarrow', 'plotly', 'jinja2', 'anyio', 'pandas'); "
        "print([name for name in heavy if name in sys.modules], len(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[] ")
    assert int(done.stdout.split()[1]) < 250


def test_pandas_and_jupyter_are_no_dependencies() -> None:
    """Neither by name nor by import."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").lower()
    assert "pandas" not in project
    assert "jupyter" not in project
    for folder in ("engine", "risk", "signals", "adapters", "config", "scripts"):
        for file in (ROOT / folder).rglob("*.py"):
            assert "import pandas" not in file.read_text(encoding="utf-8"), file


def recipes() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_there_are_five_recipes() -> None:
    assert len(recipes()) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_recipe_runs_as_it_stands(number: int, tmp_path: Path) -> None:
    """As a program of its own, in a folder with one session."""
    said = command(
        "replay", "--from", "2024-03-01", "--to", "2024-03-08", "--quiet",
        "--results-dir", tmp_path / "results",
    )  # fmt: skip
    assert said.code == 0
    code = recipes()[number].replace(
        'load("last")', f'load("last", results={str(tmp_path / "results")!r})'
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or (tmp_path / "march.html").is_file()


INSTALLED = """
import sys, time
started = time.perf_counter()
import butler
print(time.perf_counter() - started)
run = butler.replay(start="2024-03-01", end="2024-03-15")
print(len(run.trades), run.report("page.html").stat().st_size)
try:
    run.trades.to_pandas()
except ModuleNotFoundError as error:
    print(error)
print([name for name in ("pandas", "IPython", "MetaTrader5") if name in sys.modules])
"""


@pytest.mark.deep
def test_the_wheel_works_where_it_is_installed(run: butler.Run, tmp_path: Path) -> None:
    """In a fresh environment: imported at once, replays the sample, writes its page.

    Without pandas its tables say which package is missing, and nothing else needs it.
    """
    pip = (sys.executable, "-m", "pip")
    subprocess.run([*pip, "wheel", "--no-deps", "--quiet", "-w", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert "butler.py" in zipfile.ZipFile(wheel).namelist()
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=True)
    python = fresh / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    said = subprocess.run(
        [python, "-c", INSTALLED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    seconds, played, missing, loaded = said.stdout.splitlines()
    assert float(seconds) < 2  # a tenth on an idle machine
    trades, size = map(int, played.split())
    assert trades == run.trades.num_rows
    assert size > 1_000_000
    assert missing == "No module named 'pandas'"
    assert loaded == "[]"
