"""`butler replay` and `butler journal export` as processes: what they print, write and return."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from tests import synthetic
from tests.commands import butler
from tests.process.cli import ROOT, butler_process, complaint, everything

JANUARY = ("--from", "2023-01-02", "--to", "2023-02-01")
LOG, SUMMARY = "execution_sim_log.csv", "execution_sim_summary.json"


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three weeks of EURUSD."""
    made = synthetic.feed(2, days=21)["EURUSD"]
    return synthetic.write_parquet(made, tmp_path_factory.mktemp("bars") / "eurusd.parquet")


def sealed(folder: Path) -> str | None:
    journal = StoredJournal(folder / "journal.sqlite")
    found = journal.sealed_hash()
    journal.close()
    return found


def test_the_sample_through_a_window_from_another_folder(tmp_path: Path) -> None:
    """Started elsewhere, a replay of the shipped bars tells its results and where they are."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = butler_process("replay", *JANUARY, "--results-dir", "out", "-h", cwd=elsewhere)
    assert (said.code, said.err) == (0, [])
    assert everything(elsewhere) == {}  # asking for help runs nothing
    said = butler_process(
        "replay", *JANUARY, "--results-dir", "out", "--session-id", "january", cwd=elsewhere
    )
    assert (said.code, said.err) == (0, [])
    assert "2023-01-02 to 2023-01-31" in said.out[0]
    assert any(line.endswith(str(Path("out", LOG))) for line in said.out)
    out = elsewhere / "out"
    session = out / "sessions" / "january"
    for name in (LOG, SUMMARY):
        assert (out / name).read_bytes() == (session / name).read_bytes()
    summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    assert summary["outcome"] == "done"
    assert summary["number_of_trades"] > 20
    (data,) = summary["data"]
    assert data["first"] >= "2023-01-02T00:00:00+00:00"
    assert data["last"] < "2023-02-01T00:00:00+00:00"
    assert sealed(session)


def test_json_prints_the_summary_and_nothing_else(bars: Path, tmp_path: Path) -> None:
    """Standard output is one JSON document, the one that is also in the file."""
    said = butler_process(
        "replay", "--json", "--bars", f"EURUSD={bars}", "--clock", "new-york+7",
        "--results-dir", tmp_path,
    )  # fmt: skip
    assert (said.code, said.err) == (0, [])
    written = json.loads((tmp_path / SUMMARY).read_text(encoding="utf-8"))
    assert json.loads("".join(said.out)) == written
    assert written["data"][0]["file"] == bars.name


def test_quiet_prints_nothing_even_when_the_run_has_warnings(bars: Path, tmp_path: Path) -> None:
    """The halt that another run would warn of is in the session's own log."""
    terms = (
        "replay", "--bars", f"EURUSD={bars}", "--results-dir", tmp_path,
        "--daily-loss-fraction", "0.002",
    )  # fmt: skip
    said = butler_process(*terms, "--quiet", "--session-id", "silent")
    assert (said.code, said.out, said.err) == (0, [], [])
    silent = tmp_path / "sessions" / "silent"
    assert "daily_loss" in (silent / "log.jsonl").read_text(encoding="utf-8")
    said = butler(*terms, "--session-id", "talking")
    assert said.code == 0
    assert any("daily_loss" in line for line in said.err)
    assert all(line.startswith("butler: ") for line in said.err)
    assert sealed(tmp_path / "sessions" / "talking") == sealed(silent)


OPTIONS = {
    "--max-positions": "1",
    "--per-trade-risk-fraction": "0.003",
    "--daily-loss-fraction": "0.01",
    "--max-loss-fraction": "0.05",
    "--limit-trades": "5",
    "--starting-equity": "50000",
    "--slippage-points": "1",
    "--spread-floor": "3",
}


def test_flags_with_underscores_mean_the_same(bars: Path, tmp_path: Path) -> None:
    """Both spellings of every limit and cost lead to the same session."""
    hashes = set()
    for spelling in ("-", "_"):
        given = {**OPTIONS, "--results-dir": str(tmp_path), "--session-id": f"with{spelling}"}
        said = butler(
            "replay", "--quiet", "--bars", f"EURUSD={bars}", "--clock", "new-york+7",
            *(part for flag, value in given.items()
              for part in ("--" + flag[2:].replace("-", spelling), value)),
        )  # fmt: skip
        assert (said.code, said.out, said.err) == (0, [], [])
        hashes.add(sealed(tmp_path / "sessions" / f"with{spelling}"))
    assert len(hashes) == 1


@pytest.mark.parametrize("command", ["replay", "config check", "journal export"])
def test_every_flag_is_known_with_underscores(command: str) -> None:
    """Whatever flags of several words the help text of a command shows."""
    help_text = "\n".join(butler(*command.split(), "--help").out)
    flags = set(re.findall(r"--[a-z]+(?:-[a-z]+)+", help_text))
    assert flags
    for flag in flags:
        spelled = "--" + flag[2:].replace("-", "_")
        said = butler(*command.split(), f"{spelled}=x", "--unheard-of")
        assert said.code == 2
        assert f"No such option: {flag}" not in complaint(said)


def test_an_export_rebuilds_the_files_of_a_session(bars: Path, tmp_path: Path) -> None:
    """In another process and without the bars, byte for byte."""
    said = butler(
        "replay", "--quiet", "--bars", f"EURUSD={bars}", "--results-dir", tmp_path,
        "--session-id", "first",
    )  # fmt: skip
    assert said.code == 0
    out = tmp_path / "again"
    said = butler_process("journal", "export", "first", "--results_dir", tmp_path, "--out", out)
    assert (said.code, said.err) == (0, [])
    session = tmp_path / "sessions" / "first"
    assert everything(out) == {name: (session / name).read_bytes() for name in (LOG, SUMMARY)}


def test_a_path_that_the_console_cannot_show_is_still_one_line(tmp_path: Path) -> None:
    """A console of another code page gets a message, not a traceback."""
    missing = tmp_path / "Märkte €" / "eurusd.csv"
    said = butler_process(
        "replay", "--bars", f"EURUSD={missing}", "--results-dir", tmp_path / "out",
        PYTHONUTF8="0", PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert said.code == 3
    assert "eurusd.csv: does not exist" in complaint(said)


def test_the_configuration_check_succeeds_from_anywhere(tmp_path: Path) -> None:
    """It shows every limit and where it comes from."""
    said = butler_process("config", "check", cwd=tmp_path)
    assert said.code == 0
    assert any("limits.daily_loss_fraction" in line for line in said.out)
    assert any(str(ROOT) in line for line in said.out)
