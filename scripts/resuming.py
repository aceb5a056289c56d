"""Going on with a session on a terminal: its journal, its terms, and whether they still fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from adapters.journal_sqlite import SqliteJournal, StoredJournal
from adapters.mt5 import contract as mt5
from adapters.mt5.script import Plan
from engine import events as ev
from engine.journal import KINDS, JournalDamaged, JournalFailed
from engine.types import Limits
from risk.evaluation import Course
from scripts.cli import CommandFailed, Exit
from scripts.folders import SessionFolder, find_journal, kind_of
from scripts.objectives import course_of

_FREQUENT = {"tick"}
"""Kinds that leave nothing behind which a session needs to go on; they are not read back."""


@dataclass(frozen=True)
class Earlier:
    """A session as its journal has it; `records` leave out the frequent kinds."""

    folder: SessionFolder
    records: list[ev.Record]

    @property
    def started(self) -> ev.SessionStarted:
        event = self.records[0].event
        if not isinstance(event, ev.SessionStarted):
            raise JournalDamaged(f"{self.folder.journal}: it does not begin with a session's start")
        return event

    @property
    def about(self) -> dict[str, Any]:
        return self.records[0].about or {}

    @property
    def limits(self) -> Limits:
        return msgspec.convert(self.started.limits, Limits)

    @property
    def course(self) -> Course | None:
        """The firm's objectives that the session follows, if any."""
        return course_of(self.started)

    @property
    def plans(self) -> list[Plan]:
        return [msgspec.convert(plan, Plan) for plan in self.started.script]

    def insist_on(self, account: mt5.AccountInfo, mode: str) -> None:
        """Raise CommandFailed unless the session is of this kind and was on this account."""
        session = self.folder.session_id
        if self.started.mode != mode:
            raise CommandFailed(
                f"session {session} is a {self.started.mode} session, not {mode}: "
                "resume it with the command that began it",
                Exit.USAGE,
            )
        if self.about.get("account") != account_mark(account):
            raise CommandFailed(
                f"session {session} was on account {self.about.get('account')}, the terminal has "
                f"{account_mark(account)}: use the profile that began it",
                Exit.TERMINAL,
            )


def account_mark(account: mt5.AccountInfo) -> str:
    """What a session's first record says of its account."""
    return f"{account.login}@{account.server}"


def earlier_session(results: Path, session: str) -> Earlier:
    """A session given by id or path; raises CommandFailed when it cannot be read back."""
    path = find_journal(results, session)
    try:
        with StoredJournal(path) as stored:
            records = list(stored.records(kinds=KINDS - _FREQUENT))
    except JournalDamaged as error:
        raise CommandFailed(f"{error}; nothing was changed", Exit.DATA) from error
    if not records:
        raise CommandFailed(
            f"session {session} ended before its first record: begin a new one", Exit.DATA
        )
    home = path.resolve().parent
    folder = SessionFolder(home.parents[1], home.name, kind_of(records[0].about))
    return Earlier(folder, records)


async def open_journal(folder: SessionFolder, *, resume: bool) -> SqliteJournal:
    """The session's journal: a new one, or the one to go on with, checked whole.

    Raises CommandFailed for one that is damaged or in use.
    """
    if not resume:
        return SqliteJournal(folder.journal, power_safe=True)
    try:
        return await SqliteJournal.reopen(folder.journal, power_safe=True)
    except JournalDamaged as error:
        raise CommandFailed(f"{error}; nothing was changed", Exit.DATA) from error
    except JournalFailed as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
