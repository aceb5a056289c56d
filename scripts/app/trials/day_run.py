"""One replay in memory, of which only its firm days and a few counts are kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable

import msgspec

from engine import events as ev
from engine.journal import PassingJournal, encode_lines
from engine.session import Session
from engine.trading import Trading, TradingState
from engine.types import Cents, Millis
from risk.odds.days import FirmDay
from risk.odds.fold import DayFold
from risk.odds.table import Sizing
from scripts.app.sessions.replay import begin, concluding, connect, replay_feed
from scripts.app.terms.replay_terms import Terms


class DayRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run: its firm days, and what says how they may be read.

    `by_risk` and `fixed` count the entries whose volume risk set and those that came with one.
    `denied` counts denials by reason, `cut` the orders that the largest volume made smaller.
    `ended_by` names what ended the run, or stopped its entries for good (empty: nothing).
    `journal` is the hash of all records, where it was asked for.
    """

    days: tuple[FirmDay, ...]
    trades: int
    initial: Cents
    final: Cents
    currency: str
    by_risk: int = 0
    fixed: int = 0
    denied: dict[str, int] = {}
    cut: int = 0
    ended_by: str = ""
    journal: str = ""
    first: Millis = 0
    last: Millis = 0

    @property
    def sizing(self) -> Sizing:
        """Relative where risk set every volume; with any fixed one, figures are absolute."""
        return Sizing.ABSOLUTE if self.fixed else Sizing.RELATIVE

    @property
    def mixed(self) -> bool:
        """Whether some volumes were fixed and others were not."""
        return bool(self.fixed and self.by_risk)


class RunCounts:
    """Follows a run beside its firm days: how orders were sized, denied, cut, and what ended it."""

    def __init__(self, largest: dict[str, int]) -> None:
        """`largest` is the most that one order may have, in units, by symbol."""
        self._largest = largest
        self.by_risk = 0
        self.fixed = 0
        self.cut = 0
        self.denied: Counter[str] = Counter()
        self.ended_by = ""
        self.balance: Cents = 0
        self.currency = ""
        self._latched = ""

    def routes(self) -> ev.Routes:
        """For a run, and for its records alike."""
        return {
            ev.SessionStarted: self._started,
            ev.OrderApproved: self._approved,
            ev.OrderDenied: self._denied,
            ev.AttemptEnded: self._attempt_ended,
            ev.TradingStateChanged: self._state,
            ev.SessionEnded: self._ended,
        }

    def _started(self, started: ev.SessionStarted) -> None:
        self.balance, self.currency = started.account.balance, started.currency

    def _approved(self, approved: ev.OrderApproved) -> None:
        terms = approved.order.terms
        if terms.action is not ev.OPEN:
            return
        if terms.volume:
            self.fixed += 1
        else:
            self.by_risk += 1
        largest = self._largest.get(terms.symbol, 0)
        self.cut += bool(largest) and approved.volume >= largest

    def _denied(self, denied: ev.OrderDenied) -> None:
        self.denied[str(denied.reason)] += 1

    def _attempt_ended(self, ended: ev.AttemptEnded) -> None:
        self.ended_by = self.ended_by or ended.cause or str(ended.outcome)

    def _state(self, changed: ev.TradingStateChanged) -> None:
        latched = changed.state is TradingState.LATCHED
        self._latched = str(Trading(changed.causes).reason) if latched else ""

    def _ended(self, ended: ev.SessionEnded) -> None:
        self.finish(ended.account.balance)

    def finish(self, balance: Cents) -> None:
        """The run is over, with this balance; what is latched then has stopped its entries."""
        self.balance = balance
        self.ended_by = self.ended_by or self._latched


class _NoJournal(PassingJournal):
    """A journal (`engine.ports.Journal`) that keeps no record for long; it may hash them."""

    def __init__(self, *, hashed: bool) -> None:
        super().__init__()
        self._hash = hashlib.sha256() if hashed else None
        self._waiting: deque[ev.Record] = deque(maxlen=None if hashed else 1)
        self.append: Callable[[ev.Record], None] = self._waiting.append
        """Nothing is done for a record by itself: thousands of them cost more than their batch."""

    async def room(self) -> None:
        """A slice of the replay is over: take in its records."""
        self._take()

    async def durable(self, seq: int) -> None:
        self._take()
        await super().durable(seq)

    def _take(self) -> None:
        if not self._waiting:
            return
        self._last = self._waiting[-1].seq
        if self._hash is not None:
            self._hash.update(encode_lines(self._waiting))
            self._waiting.clear()

    @property
    def digest(self) -> str:
        """The hash so far; empty without one."""
        self._take()
        return "" if self._hash is None else self._hash.hexdigest()


def day_run(fold: DayFold, counts: RunCounts, initial: Cents, currency: str) -> DayRun:
    """What the two have followed; `initial` is the balance before the first day."""
    return DayRun(
        days=tuple(fold.days()),
        trades=fold.trades,
        initial=initial,
        final=counts.balance,
        currency=currency,
        by_risk=counts.by_risk,
        fixed=counts.fixed,
        denied=dict(sorted(counts.denied.items())),
        cut=counts.cut,
        ended_by=counts.ended_by,
    )


Follow = Callable[[Callable[[], Millis]], ev.Routes]
"""Makes routes that are to see a run's events, from what tells the time of the current one."""


def run_days(terms: Terms, *, hashed: bool = False, follow: Follow | None = None) -> DayRun:
    """Replay `terms` in memory and return its firm days: no file, no screen, no signal handlers.

    The routes of `follow` see the events too, after all others.
    Without objectives the firm's day is that of our own limits. Raises what a replay raises
    (BarFileError, engine.bus.HandlerFailed). Not to be called inside a running event loop.
    """
    journal = _NoJournal(hashed=hashed)
    specs = {item.spec.name: item.spec for item in terms.inputs}
    counts = RunCounts({name: spec.volume_max for name, spec in specs.items()})
    folds: list[DayFold] = []

    async def run() -> None:
        parts = connect(journal, terms)
        limits, bus = terms.limits, parts.bus
        fold = DayFold(limits.reset_zone, limits.reset_hour, lambda: bus.time)
        folds.append(fold)
        bus.attach(fold.routes())
        bus.attach(counts.routes())
        bus.attach({} if follow is None else follow(lambda: bus.time))
        session = Session(
            bus,
            journal,
            replay_feed(parts, terms),
            [],
            conclude=concluding(parts.portfolio, parts.risk, parts.challenge_actor),
            end_metadata=dict,
            on_slice=lambda: None,
        )
        begin(parts, terms)
        await session.run()
        counts.finish(parts.portfolio.account.balance)
        if terms.limit_trades and parts.order_manager.entries_exhausted:
            counts.ended_by = counts.ended_by or "--limit-trades"

    asyncio.run(run())
    return msgspec.structs.replace(
        day_run(folds[0], counts, terms.starting_balance, counts.currency),
        journal=journal.digest,
        first=min(item.ref.first for item in terms.inputs),
        last=max(item.ref.last for item in terms.inputs),
    )
