"""`butler strategy`: cheating strategies of several kinds are caught, honest ones are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.bars import sample
from scripts.app.authoring.check import StrategyCheck, check_strategy
from scripts.app.terms.request import ReplayRequest
from tests.commands import butler
from tests.process.cli import environment
from tests.unit.test_user_strategy import PRESET

HEAD = """
from __future__ import annotations

import msgspec

from engine.types import LONG, SHORT
from signals.scan import closings_of
from signals.strategy import Enter


class Parameters(msgspec.Struct, frozen=True):
    every: int = 7


def enter(view, side):
    price = view.tick.ask
    return Enter(side=side, stop_loss=price - side * 200, take_profit=price + side * 300,
                 reason="x")


class Base:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        self.count = 0
        self.parameters = parameters
"""

ON_BAR = """

class Mine(Base):
    def on_bar(self, bar, view):
        self.count += 1
        if self.count % 7 or view.position is not None:
            return None
        {body}
"""

SCAN = """

class Columns:
    def __init__(self, bars):
        self.bars, self.m15 = bars, closings_of(bars, "M15")

    def next(self, index, position):
        return index if position is None else len(self.m15)

    def decide(self, index, view):
        if view.position is not None or index < 20:
            return None
        {body}


class Mine(Base):
    def on_bar(self, bar, view):
        return None

    def scan_columns(self, bars):
        return Columns(bars)
"""

BARS = """
import csv
from pathlib import Path

with (Path(__file__).parent / "future.csv").open() as stream:
    ROWS = [(int(time), int(close)) for time, close in csv.reader(stream)]
"""

CHEATS = {
    "the next bar's close in a column": (
        SCAN.format(body="return enter(view, LONG if self.m15.close[min(index + 1, "
                    "len(self.m15) - 1)] > self.m15.close[index] else SHORT)"),
        "future", "it reads the future",
    ),
    "a row far ahead": (
        SCAN.format(body="return enter(view, LONG if self.m15.close[index + 40] > "
                    "self.m15.close[index] else SHORT) if index + 40 < len(self.m15) else None"),
        "future", "it reads the future",
    ),
    "the close of the bar that only opens": (
        SCAN.format(body="row = self.m15.rows[index]; return enter(view, LONG if "
                    "self.bars.close[row] > self.bars.open[row] else SHORT)"),
        "future", "it reads the future",
    ),
    "a file of the future by time": (
        BARS + ON_BAR.format(body="ahead = AHEAD[bar.time]; "
                             "return enter(view, LONG if ahead > bar.close else SHORT)")
        + "\n\nAHEAD = {time: after for (time, _), (_, after) in zip(ROWS, ROWS[4:])}\n"
        + "AHEAD |= {time: close for time, close in ROWS if time not in AHEAD}\n",
        "dates", "it knows particular dates",
    ),
    "a file of the future by row": (
        BARS + ON_BAR.format(body="row = min(self.count + 4, len(ROWS) - 1); return enter(view, "
                             "LONG if ROWS[row][1] > ROWS[self.count - 1][1] else SHORT)"),
        "files", "its decisions do not follow the bars",
    ),
    "a table of moments": (
        ON_BAR.format(body="return enter(view, LONG) if bar.time in KNOWN else None")
        + "\n\nKNOWN = range(1_674_000_000_000, 1_676_000_000_000, 900_000)\n",
        "dates", "it knows particular dates",
    ),
    "what an earlier run left in a global": (
        ON_BAR.format(body="SEEN.append(bar.close); ahead = SEEN[self.count // 7] if len(SEEN) > "
                      "self.count // 7 else bar.close; return enter(view, LONG if ahead > "
                      "bar.close else SHORT)")
        + "\n\nSEEN = []\n",
        "state", "state of the module leaks from run to run",
    ),
    "what an earlier run left in the class": (
        ON_BAR.format(body="Mine.known = getattr(Mine, 'known', 0) + 1; "
                      "return enter(view, LONG if Mine.known < 50 else SHORT)"),
        "state", "state of the module leaks from run to run",
    ),
    "chance": (
        "import random\n" + ON_BAR.format(body="return enter(view, random.choice((LONG, SHORT)))"),
        "repeatable", "two runs over the same bars decide otherwise",
    ),
    "columns that decide otherwise": (
        SCAN.format(body="return enter(view, LONG)"), "columns", "scan_columns and on_bar decide",
    ),
}  # fmt: skip

HONEST = {
    "the mean of everything since the start": ON_BAR.format(
        body="self.sum = getattr(self, 'sum', 0) + bar.close; "
        "return enter(view, LONG if bar.close * (self.count // 7) > self.sum else SHORT)"
    ),
    "a slow exponential mean": ON_BAR.format(
        body="self.mean = getattr(self, 'mean', bar.close) * 0.9999 + bar.close * 0.0001; "
        "return enter(view, LONG if bar.close > self.mean else SHORT)"
    ),
    "hours and weekdays": ON_BAR.format(
        body="hour, day = bar.time // 3_600_000 % 24, bar.time // 86_400_000 % 7; "
        "return enter(view, LONG if day < 3 else SHORT) if hour > 9 else None"
    ),
    "a month of the year": "import datetime as dt\n" + ON_BAR.format(
        body="month = dt.datetime.fromtimestamp(bar.time / 1000, dt.UTC).month; "
        "return enter(view, LONG if month % 2 else SHORT)"
    ),
    "a model in a file": BARS.replace("ROWS =", "MODEL =") + ON_BAR.format(
        body="return enter(view, LONG if (bar.close - bar.open) * len(MODEL) > 0 else SHORT)"
    ),
    "a constant table": ON_BAR.format(
        body="return enter(view, TABLE[bar.close % 2])"
    ) + "\n\nTABLE = {0: LONG, 1: SHORT}\n",
}  # fmt: skip


def checked(folder: Path, code: str) -> StrategyCheck:
    (folder / "mine.py").write_text(code_of(code), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{every: 7}")
    file = folder / "mine.yaml"
    file.write_text(preset, "utf-8")
    request = ReplayRequest(preset=str(file), end="2023-03-01", cold=True)
    (found,) = check_strategy(request, cuts=16)
    return found


def code_of(code: str) -> str:
    """Imports first, as Python wants it for those from the future."""
    return HEAD + code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With closes of the sample in a file beside the strategy."""
    import pyarrow.parquet as pq

    from scripts.app.terms.replay_terms import resolve_terms

    terms, _ = resolve_terms(ReplayRequest(end="2023-03-01", cold=True))
    assert pq.read_metadata(sample.SAMPLE).num_rows > 1000
    (item,) = terms.inputs
    bars = next(iter(item.prepared(("M15",))))
    (closings,) = [one for one in bars.closings if one.timeframe == "M15"]
    rows = zip(closings.time.tolist(), closings.close.tolist(), strict=True)
    text = "".join(f"{time},{close}\n" for time, close in rows)
    (tmp_path / "future.csv").write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", CHEATS)
def test_a_cheating_strategy_is_caught_with_the_bar_at_which_it_showed(
    kind: str, folder: Path
) -> None:
    code, check, fault = CHEATS[kind]
    found = checked(folder, code)
    assert not found.honest
    faults = {one.check: one.fault for one in found.findings if one.fault}
    assert fault in faults[check], faults
    assert "bar of 2023-0" in faults[check]


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_strategy_is_not_accused(kind: str, folder: Path) -> None:
    found = checked(folder, HONEST[kind])
    assert found.decisions > 50
    assert [one.fault for one in found.findings if one.fault] == []


@pytest.mark.parametrize("preset", ["sma_cross", "ftmo_m15"])
def test_the_shipped_presets_are_honest(preset: str) -> None:
    said = butler("strategy", "check", preset, "--to", "2023-03-01")
    assert said.code == 0, said.out
    assert any("ok     columns     scan_columns decides what on_bar does" in x for x in said.out)


def test_a_fault_has_its_exit_code_and_json(folder: Path) -> None:
    code, *_ = CHEATS["chance"]
    (folder / "mine.py").write_text(code_of(code), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}")
    (folder / "mine.yaml").write_text(preset, "utf-8")
    said = butler("strategy", "check", folder / "mine.yaml", "--to", "2023-02-01", "--json")
    assert said.code == 5
    (found,) = json.loads("\n".join(said.out))
    assert found["microseconds"] > 0
    assert any(one["fault"] for one in found["findings"])


def test_a_strategy_that_fails_is_named_with_the_bar(folder: Path) -> None:
    (folder / "mine.py").write_text(code_of(ON_BAR.format(body="return 1 / 0")), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}")
    (folder / "mine.yaml").write_text(preset, "utf-8")
    said = butler("strategy", "check", folder / "mine.yaml", "--to", "2023-02-01")
    assert said.code == 1
    assert "the strategy fails at the bar of 2023-01-02" in said.line
    assert "ZeroDivisionError" in said.line


def test_a_new_strategy_runs_as_it_is_and_passes_its_own_test(tmp_path: Path) -> None:
    said = butler("strategy", "new", "night_owl", "--dir", tmp_path)
    assert said.code == 0, said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "night_owl.py", "night_owl.yaml", "test_night_owl.py",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        env=environment(), cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Night", "1st", "a-b", "../up", ""])
def test_a_name_that_is_no_module_is_refused(name: str, tmp_path: Path) -> None:
    said = butler("strategy", "new", name, "--dir", tmp_path)
    assert said.code == 2
    assert "use lower-case letters" in said.line


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "owl.yaml").write_text("mine", "utf-8")
    said = butler("strategy", "new", "owl", "--dir", tmp_path)
    assert (said.code, "exists already" in said.line) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["owl.yaml"]
