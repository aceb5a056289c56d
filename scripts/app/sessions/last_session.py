"""The session that an account had last: whether it is finished, and how to go on with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.journal import StoredJournal
from adapters.journal.store import failure, settle
from engine import events as ev
from engine.journal import JournalDamaged, JournalFailed
from scripts.app.errors import AppError, BadData
from scripts.app.session_folder import JOURNAL

if TYPE_CHECKING:
    from config.loader import ResolvedAccount

LAST = "last"
"""The name that stands for the last session of the account, whichever it is."""

_COMMANDS = {"shadow": "butler shadow", "signals": "butler replay"}
"""The command that goes on with a session, by its mode; no other session can be gone on with."""


@dataclass(frozen=True)
class SessionKind:
    """Which sessions a command can go on with."""

    mode: str
    dry_run: bool


@dataclass(frozen=True)
class LastSession:
    """A session on an account; `unfinished` says in words why it is, and is empty otherwise."""

    session: str
    kind: SessionKind
    unfinished: str

    def remedy(self, profile: str | None) -> str:
        """The command that goes on with it."""
        sending = "" if self.kind.dry_run else " --no-dry-run"
        command = _COMMANDS[self.kind.mode]
        return f"{command} --account-profile {profile or 'NAME'}{sending} --resume {self.session}"


def to_go_on_with(
    results: Path, account: ResolvedAccount, resume: str | None, kind: SessionKind
) -> tuple[str | None, list[str]]:
    """The session that `--resume` means, None for a new one, and what the user should know.

    `last` stands for the account's last one of this kind, unless that is finished. Raises
    AppError where it cannot be determined.
    """
    if resume is None:
        return None, _beside(results, account)
    if resume != LAST:
        return resume, []
    last = last_session(results, account, kind)
    if last is not None and last.unfinished:
        return last.session, [f"going on with session {last.session}: {last.unfinished}"]
    finished = "" if last is None else f" ({last.session} is finished)"
    return None, [f"no session to go on with{finished}: a new one begins"]


def _beside(results: Path, account: ResolvedAccount) -> list[str]:
    """A new session does not know what an unfinished one of its account has opened: say so."""
    try:
        last = last_session(results, account)
    except AppError as error:
        return [f"warning: {error}"]
    if last is None or not last.unfinished:
        return []
    return [
        f"warning: session {last.session} of this account is unfinished ({last.unfinished}), and "
        f"this is a new one; to go on with that one: {last.remedy(account.profile)}"
    ]


def last_session(
    results: Path, account: ResolvedAccount, kind: SessionKind | None = None
) -> LastSession | None:
    """The session that wrote last to a journal of `account` in `results`; None without any.

    Only one of `kind`, if given. A running session is skipped. Raises BadData
    for a journal that cannot be read: it may be the one.
    """
    mark = f"{account.login}@{account.server}"
    for journal in _latest_first(results):
        ends = _ends(journal)
        found = None if ends is None else _described(journal.parent.name, *ends, mark)
        if found is not None and kind in (None, found.kind):
            return found
    return None


def _latest_first(results: Path) -> Iterator[Path]:
    journals = (results / "sessions").glob(f"*/{JOURNAL}")
    yield from sorted(journals, key=lambda path: (_written(path), path.parent.name), reverse=True)


def _written(journal: Path) -> int:
    """When something was last written to a journal, as the file system tells it."""
    log = journal.with_name(f"{JOURNAL}-wal")
    return max(file.stat().st_mtime_ns for file in (journal, log) if file.exists())


def _ends(journal: Path) -> tuple[ev.Record, ev.Record] | None:
    """The first and the last record; None for a journal in use, or without records."""
    try:
        settle(journal)
        with StoredJournal(journal) as stored:
            if not stored.last_seq:
                return None
            (first,) = stored.records(1, 1)
            (last,) = stored.records(stored.last_seq)
            return first, last
    except JournalFailed:
        return None  # another process writes to it
    except JournalDamaged as error:
        raise BadData(f"{error}; {_REMEDY}") from error
    except (OSError, sqlite3.Error) as error:
        raise BadData(f"{failure(journal, error)}; {_REMEDY}") from error


_REMEDY = "the last session of the account cannot be determined: name one with --resume SESSION"


def _described(session: str, first: ev.Record, last: ev.Record, mark: str) -> LastSession | None:
    """A session of the account `mark` that can be gone on with; None for any other."""
    started, metadata = first.event, first.metadata or {}
    if not isinstance(started, ev.SessionStarted) or metadata.get("account") != mark:
        return None
    if started.mode not in _COMMANDS:
        return None
    kind = SessionKind(started.mode, dry_run=metadata.get("dry_run") is True)
    return LastSession(session, kind, _unfinished(last.event))


def _unfinished(last: object) -> str:
    """Why a session whose last record is this one is unfinished, or nothing."""
    if not isinstance(last, ev.SessionEnded):
        return "it did not come to its end"
    if last.open_positions:
        return f"it left {len(last.open_positions)} open positions"
    return "" if last.outcome is ev.SessionOutcome.DONE else f"it was {last.outcome}"
