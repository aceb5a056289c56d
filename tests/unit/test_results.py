"""Results without files, and of what sessions left on disk."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from adapters.reports.tables import equity_csv, trades_csv
from engine.result import RunResult
from scripts.app.journals.results import replay_in_memory, result_of_journal
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.replay import Screen, run_replay
from tests.journals import stored
from tests.reruns import recorded

QUIET = Screen(quiet=True)


def terms(**options: str) -> Terms:
    return resolve_terms(ReplayRequest(start="2023-02-01", end="2023-03-15", **options))[0]  # type: ignore[arg-type]


def tables_of(result: RunResult) -> tuple[bytes, bytes]:
    """All that users see of it, but for the session's id."""
    return trades_csv(result).replace(b"a-session", b""), equity_csv(result)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    """A replay under a firm's rules, as the command leaves it."""
    made = SessionFolder(tmp_path_factory.mktemp("results"), "a-session", SIMULATED)
    made.create()
    run_replay(terms(objectives="ftmo_2step"), made, QUIET)
    return made


def test_a_journal_gives_the_result_that_the_replay_has_in_memory(folder: SessionFolder) -> None:
    """Trades, equity points and floors, cell by cell."""
    stored_one = result_of_journal(folder.journal)
    memory = replay_in_memory(terms(objectives="ftmo_2step"))
    assert tables_of(stored_one) == tables_of(memory)
    assert stored_one.terms.session_id == "a-session"
    assert msgspec.to_builtins(stored_one.attempts) == msgspec.to_builtins(memory.attempts)


def test_a_replay_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, wherever it is called."""
    monkeypatch.chdir(tmp_path)
    replay_in_memory(terms())
    assert list(tmp_path.iterdir()) == []


def test_a_replay_runs_inside_a_running_loop_and_in_any_thread() -> None:
    """As in a notebook, and as in a pool of workers."""

    async def inside() -> RunResult:
        return replay_in_memory(terms())

    expected = tables_of(replay_in_memory(terms()))
    assert tables_of(asyncio.run(inside())) == expected
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: tables_of(replay_in_memory(terms())), range(2)))
    assert found == [expected, expected]


def test_without_its_bars_a_replay_still_has_its_trades(
    folder: SessionFolder, tmp_path: Path
) -> None:
    """It says what is missing, and no price is made up."""
    gone = {"EURUSD": tmp_path / "gone.parquet"}
    result = result_of_journal(folder.journal, gone)
    assert [trade.net for trade in result.trades] == [
        trade.net for trade in result_of_journal(folder.journal).trades
    ]
    assert result.prices == {}
    assert "gone.parquet" in result.warnings[0]
    assert result.curve.equity[-1] == result.account.equity


def test_a_live_sessions_journal_gives_its_result(tmp_path: Path) -> None:
    """Through the disk as from memory."""
    records = recorded(4)
    path = asyncio.run(stored(tmp_path / "journal.sqlite", records))
    result = result_of_journal(path)
    assert len(result.curve)
    assert result.account == records[-1].event.account  # type: ignore[union-attr]
