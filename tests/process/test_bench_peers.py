"""The comparison with other engines: its own two programs trade alike, and what fails is told."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests import synthetic
from tests.bench.bars import Source
from tests.bench.peers import environments
from tests.bench.peers.__main__ import as_csv
from tests.bench.peers.environments import OTHERS, OURS, NotInstalled, Peer, interpreter
from tests.bench.peers.runs import Answer, RunFailed, Runs, answered, in_turns, once
from tests.bench.peers.sweeps import SWEEPERS, SweepAnswer, Sweeps, sweep_table
from tests.bench.peers.table import table, whole_processes

BARE, REPLAY = OURS


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last minutes of a week or so."""
    folder = tmp_path_factory.mktemp("bars")
    made = synthetic.feed(3, days=14, period=synthetic.MINUTE)["EURUSD"]
    source = Source(synthetic.write_parquet(made, folder / "EURUSD.parquet"), "two weeks")
    return as_csv(source, folder / "bars.csv", 5_000)


@pytest.mark.parametrize("rules", ["cross", "storm"])
def test_the_bare_loop_and_the_replay_trade_alike_to_the_cent(bars: Path, rules: str) -> None:
    """So the ratio in the table is one of equal work."""
    bare, ours = (once(peer, sys.executable, bars, rules) for peer in OURS)
    assert bare.bars == ours.bars == 5_000
    assert bare.trades >= (3 if rules == "cross" else 300)
    assert (bare.trades, bare.last, bare.balance) == (ours.trades, ours.last, ours.balance)


def test_a_program_that_fails_is_told_in_its_last_line_and_stops_no_other(tmp_path: Path) -> None:
    nowhere = tmp_path / "none.csv"
    with pytest.raises(RunFailed, match=r"FileNotFoundError.*none\.csv"):
        once(BARE, sys.executable, nowhere, "cross")
    programs = [Runs(BARE, sys.executable), Runs(Peer("other", "no_such.py"), sys.executable)]
    in_turns(programs, nowhere, "cross", 2, quick=False)
    assert [bool(runs.failure) for runs in programs] == [True, True]
    assert "| other | none: " in table(programs)


def test_an_environment_that_cannot_be_made_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [[sys.executable, "-c", "raise SystemExit('first line\\nno space left')"]]
    monkeypatch.setattr(environments, "_commands", lambda *_: failing)
    # This interpreter is there, whichever the peers need.
    monkeypatch.setattr(
        environments, "PYTHON", f"{sys.version_info.major}.{sys.version_info.minor}"
    )
    with pytest.raises(NotInstalled, match=r"^no space left$"):
        interpreter(OTHERS[0], tmp_path)


def test_a_missing_interpreter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the package installer says then (no matching version) would lead astray."""
    monkeypatch.setattr(environments, "PYTHON", "3.99")
    with pytest.raises(NotInstalled, match=r"^Python 3\.99 is missing"):
        interpreter(OTHERS[0], tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NotInstalled, match=r"^Python 3\.99 is missing, and so is uv"):
        interpreter(OTHERS[0], tmp_path)


def test_the_table_has_medians_and_the_ratio_to_the_first_program() -> None:
    def answer(processor: float) -> Answer:
        return Answer("1.2", 0.5, 2 * processor, processor, 1_000, 50, "2025-12-30T15:10:00+00:00",
                      99_000.5, 2**20)  # fmt: skip

    programs = [Runs(BARE, ""), Runs(REPLAY, "")]
    programs[0].answers = [answer(1.0), answer(9.0), answer(2.0)]
    programs[1].answers = [answer(5.0)]
    first, second = table(programs).splitlines()[2:]
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells == [
        "bare loop 1.2", "3", "500", "25", "50", "2025-12-30", "99,000.50", "2.00", "4.00", "0.50",
        "1", "1.0",
    ]  # fmt: skip
    assert second.endswith("| 2.5 |")


def test_the_table_of_sweeps_has_rates_and_the_ratio_to_the_other_one() -> None:
    def answer(seconds: float) -> SweepAnswer:
        return SweepAnswer("1.2", 0.5, seconds, 2 * seconds, 200, 100_900.5, 98_000, 99_500)

    ours, theirs = (Sweeps(peer) for peer in SWEEPERS)
    ours.answers, theirs.answers = [answer(10), answer(20), answer(90)], [answer(40)]
    first, second = sweep_table([ours, theirs]).splitlines()[2:]
    assert first == (
        "| this sweep 1.2 | 3 | 200 | 10.0 | 20.00 | 40.00 | 5.0 | 2.00 | 0.50 | 98,000.00 "
        "| 99,500.00 | 100,900.50 |"
    )
    assert "| 2.5 | 1.00 |" in second
    theirs.answers, theirs.failure = [], "it does not install"
    first, second = sweep_table([ours, theirs]).splitlines()[2:]
    assert "| 5.0 | - |" in first
    assert "none: it does not install" in second


@pytest.mark.deep
def test_the_sweep_answers_for_each_of_its_sets(bars: Path) -> None:
    told = answered(SWEEPERS[0], sys.executable, bars, "sweep", SweepAnswer)
    assert told.sets == 200
    assert told.worst <= told.middle <= told.best
    assert told.worst < 100_000 or told.best > 100_000


def test_a_table_of_its_own_has_the_whole_processes(bars: Path) -> None:
    """Imports and exit count there, and a program that never answered has no row."""
    programs = [Runs(BARE, sys.executable), Runs(Peer("other", "no_such.py"), sys.executable)]
    in_turns(programs, bars, "cross", 1, quick=False)
    (answer,), (whole,) = programs[0].answers, programs[0].wholes
    assert whole > answer.seconds
    programs[0].wholes = [1.0, 4.0, 2.0]
    assert whole_processes(programs).splitlines()[2:] == ["| bare loop | 2.00 | 1.0 |"]
