"""What of a session must outlive it, record by record, as jobs on its account's store.

The same records give the same jobs, whether they are just being made or read back from a journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from adapters.state.store import AccountHalt, AccountStore
from engine import events as ev
from engine.account.history import Observation
from engine.calendar import resets
from engine.trading import HaltCause
from engine.types import Limits, Millis

StoreJob = Callable[[AccountStore], object]

_UNTIL_RESET = (HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT)
_LATCHED = (HaltCause.MAX_LOSS, HaltCause.LIMIT)
"""Halts that belong to the account; the others are a session's, or follow from its history."""

ENDINGS = {
    ev.SessionOutcome.DONE: "done",
    ev.SessionOutcome.INTERRUPTED: "interrupted",
    ev.SessionOutcome.FAILED: "internal_error",
}

_KINDS: Final = frozenset(
    {
        ev.SessionResumed,
        ev.SessionEnded,
        ev.LinkChanged,
        ev.OrderApproved,
        ev.OrderSubmitted,
        ev.ResetDue,
        ev.AttemptEnded,
        ev.TradingStateChanged,
    }
)
"""What counts; of other records, which are most, only the time is kept."""


class SessionNotes:
    """Collects the jobs of one session; whoever takes them with `due` carries them out in order.

    `sends` is False for a dry session: it opens nothing on the account and watches another one.
    """

    def __init__(
        self, session: str, limits: Limits, *, sends: bool, halted: tuple[HaltCause, ...] = ()
    ) -> None:
        """`halted` is what the store knows as halted already."""
        self._session, self._limits, self._sends = session, limits, sends
        self._causes = halted
        self._jobs: list[StoreJob] = []
        self._watched_from: Millis | None = None
        self._latest: Millis = 0

    @property
    def waiting(self) -> bool:
        """Whether there are jobs to carry out."""
        return bool(self._jobs)

    def due(self) -> list[StoreJob]:
        """The jobs since the last time."""
        jobs, self._jobs = self._jobs, []
        return jobs

    def take(self, record: ev.Record) -> None:
        """Note what counts of the session's next record."""
        if type(record.event) in _KINDS:
            self._count(record)
        self._latest = record.time

    def _count(self, record: ev.Record) -> None:
        if isinstance(record.event, ev.SessionResumed | ev.LinkChanged):
            self.beat()  # until the last record: nobody watched between that and this one
            self._watched_from = None
        if isinstance(record.event, ev.SessionEnded):
            self._end(record.event, record.time)
        elif self._sends:
            self._note(record)

    def cancels(self, ticket: int, seq: int) -> None:
        """A pending order is about to be cancelled: one more request, after the record `seq`."""
        if self._sends:
            name, at = f"{self._session}/{ticket}", self._latest
            self._jobs.append(partial(AccountStore.add_request, session=name, seq=seq, at=at))

    def recall(self, past: Iterable[ev.Record]) -> None:
        """Note once more what the records of a session that goes on tell: it may have ended after
        they were on the disk, and before the account's store had them.
        """
        causes = self._causes
        for record in past:
            if isinstance(record.event, ev.TradingStateChanged):
                causes, self._latest = record.event.causes, record.time
            elif self._sends:
                self._note(record)
        self._watched_from = None
        if self._sends:
            known = self._causes
            self._state((*known, *(one for one in causes if one not in known)), self._latest, "")

    def beat(self) -> None:
        """The session lives; with the link up it has watched the account until now."""
        session, low, high = self._session, self._watched_from, self._latest
        if not high:
            return
        if self._sends and low is not None:
            self._jobs.append(lambda store: store.watch(session, low, high))
            self._watched_from = high
        else:
            self._jobs.append(lambda store: store.beat(session, high))

    def _note(self, record: ev.Record) -> None:
        event, at, seq, session = record.event, record.time, record.seq, self._session
        if isinstance(event, ev.OrderApproved) and event.order.terms.action is ev.OPEN:
            signal, symbol = event.order.terms.signal_id, event.order.terms.symbol
            self._jobs.append(
                partial(
                    AccountStore.add_approval,
                    session=session, seq=seq, at=at, signal=signal, symbol=symbol,
                )
            )  # fmt: skip
        elif isinstance(event, ev.OrderSubmitted):
            self._jobs.append(partial(AccountStore.add_request, session=session, seq=seq, at=at))
        elif isinstance(event, ev.ResetDue):
            self._see(at, event.balance, event.equity)
        elif isinstance(event, ev.AttemptEnded):
            self._see(at, event.account.balance, event.account.equity)
        elif isinstance(event, ev.LinkChanged) and event.up:
            self._watched_from = at
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
