"""Which session a start goes on with, before the account is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from adapters.services.last_cause import last_cause
from adapters.state.errors import StateFailed
from adapters.state.resuming import (
    ATTEMPTS,
    ATTEMPTS_WITHIN,
    AUTO,
    LAST,
    NEVER,
    Choice,
    Start,
    StartAction,
    choose,
)
from adapters.state.store import AccountStore, SessionRow
from engine.events import SessionOutcome
from scripts.app.account.books import AccountBooks
from scripts.app.account.notes import ENDINGS
from scripts.app.errors import BadData, WrongUsage
from scripts.app.session_folder import LOG
from scripts.app.sessions.resume import PreviousRun, previous_run
from scripts.app.sessions.starting import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = SessionOutcome.FAILED
_NOT_NAMED = (AUTO, LAST, NEVER)


def names_a_session(resume: str) -> bool:
    """Whether `--resume` names one."""
    return resume not in _NOT_NAMED


@dataclass(frozen=True, kw_only=True)
class StartPlan:
    """The session to go on with (None: a new one), where it lies, and what is given up by that.

    `tags` are those of the account's sessions: a new one has another.
    """

    start: Start
    session: str | None = None
    folder: str = ""
    line: str = ""
    given_up: tuple[str, ...] = ()
    tags: frozenset[int] = frozenset()


async def planned(books: AccountBooks, start: Start) -> StartPlan:
    """What a start means by the sessions that the store knows. Raises AppError."""
    if names_a_session(start.wanted):
        folder = Path(start.wanted)
        return StartPlan(start=start, session=folder.name, folder=start.wanted)
    rows, failed = await _asked(books, lambda store: _known(store, start))
    causes = {
        row.id: last_cause(Path(row.folder) / LOG)
        for row in rows
        if failed.get(row.id, 0) >= ATTEMPTS
    }
    start = msgspec.structs.replace(start, failed=failed, causes=causes)
    return _plan(start, choose(start, rows, ()), rows)


def _known(store: AccountStore, start: Start) -> tuple[tuple[SessionRow, ...], Mapping[str, int]]:
    rows = store.sessions()
    since = start.now - ATTEMPTS_WITHIN
    unfinished = [row for row in rows if row.ended is None or row.how == ENDINGS[FAILED]]
    return rows, {row.id: store.resumes(row.id, since) for row in unfinished}


def _plan(start: Start, choice: Choice, rows: tuple[SessionRow, ...]) -> StartPlan:
    if choice.kind in STOPPED:
        raise STOPPED[choice.kind](choice.line)
    folders = {row.id: row.folder for row in rows}
    session = choice.session if choice.kind is StartAction.RESUME else None
    return StartPlan(
        start=start,
        session=session,
        folder=folders.get(session or "", ""),
        line=choice.line,
        given_up=choice.given_up,
        tags=frozenset(row.tag for row in rows),
    )


async def read_back(
    books: AccountBooks, plan: StartPlan, results: Path
) -> tuple[StartPlan, PreviousRun | None]:
    """The session to go on with, read back; None for a new one.

    One that was not named and cannot be read back is given up, which the plan's line tells. Raises
    AppError.
    """
    if plan.session is None:
        return plan, None
    if names_a_session(plan.start.wanted):
        return plan, previous_run(results, plan.folder)
    try:
        return plan, previous_run(results, plan.folder)
    except BadData as error:
        start = msgspec.structs.replace(plan.start, unreadable={plan.session: str(error)})
        rows, _ = await _asked(books, lambda store: _known(store, start))
        return _plan(start, choose(start, rows, ()), rows), None


async def _asked(
    books: AccountBooks,
    job: Callable[[AccountStore], tuple[tuple[SessionRow, ...], Mapping[str, int]]],
) -> tuple[tuple[SessionRow, ...], Mapping[str, int]]:
    try:
        return await books.run(job)
    except StateFailed as error:
        raise WrongUsage(str(error)) from error
