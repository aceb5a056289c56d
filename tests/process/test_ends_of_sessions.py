"""What a session leaves behind that was killed, read while it ended, or never began."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from adapters.journal import SqliteJournal, StoredJournal
from engine import events as ev
from scripts.app.operations.control import journaled
from scripts.cli.shared.exit_codes import ExitCode
from tests.builders import TICKS, ended, started
from tests.commands import butler


async def _written(path: Path, *, seal: bool) -> None:
    journal = SqliteJournal(path, power_safe=False)
    events: list[ev.Event | ev.Input] = [
        started(),
        *[TICKS["EURUSD"]] * 5,
        *([ended()] if seal else []),
    ]
    for seq, event in enumerate(events, 1):
        journal.append(ev.Record(seq, 1_736_251_200_000 + seq, None, event))
    await journal.durable(len(events))
    if seal:
        await journal.close()


def test_the_status_of_a_session_that_was_cut_off_names_its_last_record(tmp_path: Path) -> None:
    """Prices have no part in the status, and are how far it came."""

    async def write_and_look() -> None:
        await _written(tmp_path / "journal.sqlite", seal=False)
        status = journaled(tmp_path)
        assert (status.seq, status.time) == (6, 1_736_251_200_006)

    anyio.run(write_and_look)


def test_a_sealed_journal_with_a_log_beside_it_says_so(tmp_path: Path) -> None:
    """The seal is in the file itself although somebody read it while it was sealed."""
    path = tmp_path / "sessions" / "s-1" / "journal.sqlite"
    path.parent.mkdir(parents=True)

    async def write() -> None:
        journal = SqliteJournal(path, power_safe=False)
        journal.append(ev.Record(1, 0, None, started()))
        await journal.durable(1)
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
            reader.execute("SELECT * FROM records").fetchall()
            journal.append(ev.Record(2, 1, None, ended()))
            await journal.close()
            with StoredJournal(path) as stored:
                beside = stored.beside()
            assert beside is not None
            assert "is still beside the sealed journal: keep both together" in beside
            said = butler("journal", "verify", "s-1", "--results-dir", tmp_path)
            assert said.out[-1] == beside
        (path.parent / "alone").write_bytes(path.read_bytes())
        with StoredJournal(path.parent / "alone") as alone:
            assert alone.sealed_hash() is not None

    anyio.run(write)


def test_a_plain_sealed_journal_has_nothing_beside_it(tmp_path: Path) -> None:
    anyio.run(lambda: _written(tmp_path / "journal.sqlite", seal=True))
    with StoredJournal(tmp_path / "journal.sqlite") as stored:
        assert stored.beside() is None


@pytest.mark.parametrize("command", ["shadow", "replay"])
def test_a_start_that_fails_leaves_no_empty_folder(tmp_path: Path, command: str) -> None:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(
        "profiles:\n  far:\n    login: 5\n    server: A-Demo\n    purpose: demo\n"
        "    host: 127.0.0.1:9\n    default_symbol: EURUSD\n"
    )
    said = butler(
        command, "--account-profile", "far", "--accounts", accounts, "--results-dir", tmp_path / "r"
    )
    assert said.code in (ExitCode.TERMINAL, ExitCode.USAGE), said
    assert list((tmp_path / "r").glob("sessions/*")) == []
