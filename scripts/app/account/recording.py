"""A session's journal that also keeps, in the account's store, what must outlive the session.

An approved entry and a request are in the store before the request leaves, for whoever sends one
waits until its record is durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.journal import SqliteJournal
from adapters.state.errors import StateFailed
from adapters.state.store import AccountHalt, AccountStore
from engine import events as ev
from engine.account.history import Observation
from engine.calendar import resets
from engine.journal import JournalFailed
from engine.trading import HaltCause
from engine.types import Limits, Millis
from scripts.app.account.books import AccountBooks

_BEAT_SECONDS = 5.0
_UNTIL_RESET = (HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT)
_LATCHED = (HaltCause.MAX_LOSS, HaltCause.LIMIT)
"""Halts that belong to the account; the others are a session's, or follow from its history."""

_Job = Callable[[AccountStore], object]

ENDINGS = {
    ev.SessionOutcome.DONE: "done",
    ev.SessionOutcome.INTERRUPTED: "interrupted",
    ev.SessionOutcome.FAILED: "internal_error",
}


class AccountJournal:
    """The journal of a session on an account (`engine.ports.Journal`).

    `sends` is False for a dry session: it opens nothing on the account and watches another one.
    """

    def __init__(
        self,
        journal: SqliteJournal,
        books: AccountBooks,
        session: str,
        limits: Limits,
        *,
        sends: bool,
        halted: tuple[HaltCause, ...] = (),
    ) -> None:
        """`halted` is what the store knows as halted already."""
        self._journal, self._books, self._session = journal, books, session
        self._limits, self._sends = limits, sends
        self._jobs: list[_Job] = []
        self._causes = halted
        self._linked = False
        self._watched_from: Millis | None = None
        self._latest: Millis = 0
        self._beaten = time.monotonic()

    @property
    def last_seq(self) -> int:
        """The number of the last record."""
        return self._journal.last_seq

    def append(self, record: ev.Record) -> None:
        self._journal.append(record)
        self._latest = record.time
        if isinstance(record.event, ev.SessionEnded):
            self._end(record.event, record.time)
        elif self._sends:
            self._note(record)

    async def room(self) -> None:
        await self._journal.room()
        if self._jobs or time.monotonic() - self._beaten >= _BEAT_SECONDS:
            self._beat()
            await self._flush()

    async def durable(self, seq: int) -> None:
        await self._journal.durable(seq)
        await self._flush()

    async def close(self) -> None:
        try:
            await self._journal.close()
        finally:
            self._beat()
            await self._flush()

    async def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        if not jobs:
            return
        try:
            await self._books.run(lambda store: [job(store) for job in jobs])
        except StateFailed as error:
            raise JournalFailed(str(error)) from error

    def _beat(self) -> None:
        """The session lives; with the link up it has watched the account until now."""
        self._beaten = time.monotonic()
        session, low, high = self._session, self._watched_from, self._latest
        if not high:
            return
        if self._sends and self._linked and low is not None:
            self._jobs.append(lambda store: store.watch(session, low, high))
            self._watched_from = high
        else:
            self._jobs.append(lambda store: store.beat(session, high))

    def _note(self, record: ev.Record) -> None:
        event, at, seq, session = record.event, record.time, record.seq, self._session
        if isinstance(event, ev.OrderApproved) and event.order.terms.action is ev.OPEN:
            signal, symbol = event.order.terms.signal_id, event.order.terms.symbol
            self._jobs.append(lambda store: store.add_approval(session, seq, at, signal, symbol))
        elif isinstance(event, ev.OrderSubmitted):
            self._jobs.append(lambda store: store.add_request(session, seq, at))
        elif isinstance(event, ev.ResetDue):
            self._see(at, event.balance, event.equity)
        elif isinstance(event, ev.AttemptEnded):
            self._see(at, event.account.balance, event.account.equity)
        elif isinstance(event, ev.LinkChanged):
            self._linked, self._watched_from = event.up, at if event.up else None
        elif isinstance(event, ev.TradingStateChanged):
            self._state(event.causes, at, event.detail)

    def _see(self, at: Millis, balance: int, equity: int) -> None:
        seen, session = Observation(at=at, balance=balance, equity=equity), self._session
        self._jobs.append(lambda store: store.add_figure(seen, session))

    def _state(self, causes: tuple[HaltCause, ...], at: Millis, detail: str) -> None:
        """What was halted since, and what the user has released."""
        before, self._causes = self._causes, causes
        for cause in causes:
            if cause not in before and cause in (*_UNTIL_RESET, *_LATCHED):
                self._halt(cause, at)
        for cause in before:
            if cause not in causes and cause in _LATCHED:
                self._release(str(cause), at, detail)

    def _halt(self, cause: HaltCause, at: Millis) -> None:
        halt = AccountHalt(
            cause=str(cause), since=at, until=self._until(cause, at), session=self._session
        )
        self._jobs.append(lambda store: store.halt(halt))

    def _release(self, cause: str, at: Millis, reason: str) -> None:
        self._jobs.append(lambda store: store.release(cause, at, reason))

    def _until(self, cause: HaltCause, at: Millis) -> Millis | None:
        if cause not in _UNTIL_RESET:
            return None
        reset, _ = next(resets(self._limits.reset_zone, at, self._limits.reset_hour))
        return reset

    def _end(self, ended: ev.SessionEnded, at: Millis) -> None:
        how, session = ENDINGS[ended.outcome], self._session
        self._jobs.append(lambda store: store.end(session, at, how))
