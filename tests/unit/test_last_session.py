"""Which session of an account was the last one, whether it is finished, and what is said of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.journal import SqliteJournal
from config.loader import CliOverrides, ResolvedAccount
from engine import events as ev
from scripts.app.errors import AppError
from scripts.app.sessions import connection
from scripts.app.sessions.last_session import SessionKind, last_session, to_go_on_with
from scripts.app.sessions.paper import PAPER
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from tests.builders import ended, started

DRY, SENDING = SessionKind("shadow", dry_run=True), SessionKind("shadow", dry_run=False)
MARK = "1@Paper-Demo"


@pytest.fixture
def account() -> ResolvedAccount:
    return connection.resolve(PAPER, CliOverrides(), None, {})


def session(
    results: Path,
    name: str,
    *after: ev.SessionEnded,
    at: int,
    mode: str = "shadow",
    dry_run: bool = True,
    mark: str | None = MARK,
) -> Path:
    """A session's journal, last written to at a moment; `after` is what follows its start."""
    folder = results / "sessions" / name
    folder.mkdir(parents=True)
    metadata: dict[str, Any] = {"account": mark, "dry_run": dry_run, "account_profile": PAPER}

    async def write() -> None:
        journal = SqliteJournal(folder / "journal.sqlite", power_safe=False)
        events: tuple[ev.Event, ...] = (started(mode=mode), *after)
        for seq, event in enumerate(events, 1):
            journal.append(ev.Record(seq, seq * 1000, None, event, metadata if seq == 1 else None))
        await journal.close()

    asyncio.run(write())
    for file in folder.iterdir():
        os.utime(file, (at, at))
    return folder / "journal.sqlite"


def test_the_last_one_is_the_one_that_was_written_to_last(
    tmp_path: Path, account: ResolvedAccount
) -> None:
    """Of this account and kind alone, whatever the names."""
    session(tmp_path, "b", at=200)
    session(tmp_path, "c", at=100)
    session(tmp_path, "other account", at=300, mark="2@Paper-Demo")
    session(tmp_path, "a replay", at=300, mode="replay", mark=None)
    session(tmp_path, "a smoke test", at=300, mode="smoke_test")
    session(tmp_path, "sending", at=300, dry_run=False)
    for kind, name in {DRY: "b", SENDING: "sending", None: "sending"}.items():
        found = last_session(tmp_path, account, kind)
        assert found is not None
        assert found.session == name


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        ((), "it did not come to its end"),
        ((ended(ev.SessionOutcome.INTERRUPTED),), "it was interrupted"),
        ((ended(ev.SessionOutcome.FAILED),), "it was failed"),
        ((ended(open_positions=(7, 8)),), "it left 2 open positions"),
        ((ended(),), ""),
    ],
)
def test_it_is_finished_when_it_ended_by_itself_and_left_nothing(
    tmp_path: Path, account: ResolvedAccount, ending: tuple[ev.SessionEnded, ...], why: str
) -> None:
    session(tmp_path, "it", *ending, at=1)
    found = last_session(tmp_path, account)
    assert found is not None
    assert found.unfinished == why
    meant, (note,) = to_go_on_with(tmp_path, account, "last", DRY)
    assert meant == ("it" if why else None)
    assert note == (
        f"going on with session it: {why}"
        if why
        else "no session to go on with (it is finished): a new one begins"
    )


@pytest.mark.parametrize(
    ("mode", "dry_run", "command"),
    [
        ("shadow", True, "butler shadow --account-profile PAPER --resume it"),
        ("shadow", False, "butler shadow --account-profile PAPER --no-dry-run --resume it"),
        ("signals", False, "butler replay --account-profile PAPER --no-dry-run --resume it"),
    ],
)
def test_a_new_session_beside_an_unfinished_one_is_told_how_to_go_on_with_that(
    tmp_path: Path, account: ResolvedAccount, mode: str, dry_run: bool, command: str
) -> None:
    session(tmp_path, "it", at=1, mode=mode, dry_run=dry_run)
    meant, (note,) = to_go_on_with(tmp_path, account, None, DRY)
    assert meant is None
    assert note.startswith("warning: session it of this account is unfinished")
    assert note.endswith(command)


def test_nothing_is_said_where_there_is_nothing(tmp_path: Path, account: ResolvedAccount) -> None:
    assert to_go_on_with(tmp_path, account, None, DRY) == (None, [])
    session(tmp_path, "it", ended(), at=1)
    assert to_go_on_with(tmp_path, account, None, DRY) == (None, [])
    assert to_go_on_with(tmp_path, account, "named", DRY) == ("named", [])


def test_a_journal_that_cannot_be_read_may_be_the_last_one(
    tmp_path: Path, account: ResolvedAccount
) -> None:
    """`last` is not guessed then; one that was written to after it is the last all the same."""
    broken = session(tmp_path, "broken", at=100)
    broken.write_bytes(b"no journal at all, though it is long enough for one" * 100)
    os.utime(broken, (100, 100))
    session(tmp_path, "before", at=50)
    with pytest.raises(AppError, match="name one with --resume SESSION") as caught:
        to_go_on_with(tmp_path, account, "last", DRY)
    assert exit_code(caught.value) is ExitCode.DATA
    assert str(broken) in str(caught.value)
    _, (note,) = to_go_on_with(tmp_path, account, None, DRY)
    assert str(broken) in note
    session(tmp_path, "after", at=200)
    assert to_go_on_with(tmp_path, account, "last", DRY)[0] == "after"


def test_a_session_that_is_running_is_passed_over(tmp_path: Path, account: ResolvedAccount) -> None:
    """Whoever runs it holds the account, which is told on its own."""
    from adapters.journal.lock import JournalLock

    lock = JournalLock(session(tmp_path, "it", at=1))
    try:
        assert last_session(tmp_path, account) is None
    finally:
        lock.release()
