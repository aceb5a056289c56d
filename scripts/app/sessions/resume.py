"""Going on with a session on a terminal: its journal, its terms, and whether they still fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.store import failure, settle
from adapters.mt5.api import contract as mt5
from adapters.mt5.live.script import ScriptedEntry
from engine import events as ev
from engine.decoding import converted
from engine.journal import FREQUENT, KINDS, JournalDamaged, JournalFailed
from engine.types import Limits, amount
from risk.challenge import Challenge
from scripts.app.errors import BadData, Refused, WrongUsage
from scripts.app.session_folder import SessionFolder, find_journal, kind_of
from scripts.app.terms.objectives import challenge_of

_LONGEST_SHOWN = 60

SIGNALS = "signals"
"""What stands for the preset of a session that the user's own signals decide."""


@dataclass(frozen=True)
class PreviousRun:
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
    def metadata(self) -> dict[str, Any]:
        return self.records[0].metadata or {}

    @property
    def limits(self) -> Limits:
        return converted(self.started.limits, Limits)

    @property
    def challenge(self) -> Challenge | None:
        """The firm's objectives that the session follows, if any."""
        return challenge_of(self.started, self.metadata)

    @property
    def plans(self) -> list[ScriptedEntry]:
        return [converted(plan, ScriptedEntry) for plan in self.started.script]

    @property
    def symbols(self) -> list[str]:
        return [spec.name for spec in self.started.symbols]

    def insist_on_terms(
        self, preset: str, parameters: dict[str, Any], data: Sequence[ev.DataRef], *, dry_run: bool
    ) -> None:
        """Raise AppError unless the session goes on with what it began with."""
        began = self.started
        same = {
            "the preset": (began.preset, preset),
            "the preset's parameters": (_plain(began.parameters), _plain(parameters)),
            "the bars": (_contents(began.data), _contents(data)),
            "--dry-run or --no-dry-run": (self.metadata.get("dry_run"), dry_run),
        }
        for what, (before, now) in same.items():
            if before != now:
                if what == "the preset" and SIGNALS in (before, now):
                    preset_alone = f"--preset {before}, without --signals,"
                    what = "--signals FILE" if before == SIGNALS else preset_alone
                raise WrongUsage(
                    f"session {self.folder.session_id} began with {_shown(before)} and cannot go "
                    f"on with {_shown(now)}: give {what} as at its beginning"
                )

    def insist_on_initial(self, challenge: Challenge | None) -> None:
        """Raise AppError unless its objectives began with the balance of `challenge`."""
        began = None if self.challenge is None else self.challenge.initial_balance
        now = None if challenge is None else challenge.initial_balance
        if began != now:
            before = "none" if began is None else amount(began, self.started.currency)
            raise WrongUsage(
                f"--initial-balance: session {self.folder.session_id} began with {before} and "
                "keeps that: leave the option out, or begin a new session"
            )

    def insist_on(self, account: mt5.AccountInfo, mode: str) -> None:
        """Raise AppError unless the session is of this kind and was on this account."""
        session = self.folder.session_id
        if self.started.mode != mode:
            raise WrongUsage(
                f"session {session} is a {self.started.mode} session, not {mode}: "
                "resume it with the command that began it"
            )
        if self.metadata.get("account") != account_mark(account):
            raise Refused(
                f"session {session} was on account {self.metadata.get('account')}, the terminal "
                f"has {account_mark(account)}: use the profile that began it"
            )


def _plain(parameters: dict[str, Any]) -> Any:
    """Parameters as a journal gives them back."""
    return msgspec.json.decode(msgspec.json.encode(parameters))


def _contents(data: Sequence[ev.DataRef]) -> list[tuple[str, str]]:
    return [(item.symbol, item.sha256) for item in data]


def _shown(value: Any) -> str:
    """A term in a few words."""
    text = str(value) if value not in ([], None) else "none"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def account_mark(account: mt5.AccountInfo) -> str:
    """What a session's first record says of its account."""
    return f"{account.login}@{account.server}"


def previous_run(results: Path, session: str) -> PreviousRun:
    """A session given by id or path; raises AppError when it cannot be read back."""
    path = find_journal(results, session)
    try:
        settle(path)
        with StoredJournal(path) as stored:
            records = list(stored.records(kinds=KINDS - set(FREQUENT)))
    except JournalDamaged as error:
        raise BadData(f"{error}; nothing was changed") from error
    except JournalFailed as error:
        raise WrongUsage(str(error)) from error
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise BadData(str(failure(path, error))) from error
    if not records:
        raise BadData(f"session {session} ended before its first record: begin a new one")
    home = path.resolve().parent
    folder = SessionFolder(home.parents[1], home.name, kind_of(records[0].metadata))
    return PreviousRun(folder, records)


async def open_journal(folder: SessionFolder, *, resume: bool) -> SqliteJournal:
    """The session's journal: a new one, or the one to go on with, checked.

    Raises AppError for one that is damaged or in use.
    """
    if not resume:
        return SqliteJournal(folder.journal, power_safe=True)
    try:
        return await SqliteJournal.reopen(folder.journal, power_safe=True)
    except JournalDamaged as error:
        raise BadData(f"{error}; nothing was changed") from error
    except JournalFailed as error:
        raise WrongUsage(str(error)) from error
