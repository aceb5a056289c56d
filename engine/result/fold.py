"""Records, one by one and in order, become the parts of a result. Pure.

The fold only remembers what records say; equity points come of `engine.result.replayed` (bars) or
`engine.result.observed` (a live session's own looks at its account).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from engine import events as ev
from engine import money
from engine.calendar import trading_date
from engine.result.coverage import MarketCoverage
from engine.result.days import DayCounts
from engine.result.observed import Observations
from engine.result.parts import (
    AttemptRecord,
    DenialRecord,
    LevelChange,
    OperationRecord,
    OrderFunnel,
    PartialClose,
    RunTerms,
    TradeRecord,
    initial_risk,
)
from engine.result.running_trade import RunningTrade
from engine.result.steps import QUOTED, AccountSteps
from engine.trading import HaltCause, Trading
from engine.types import Cents, Millis, Points, SymbolSpec

_NEVER_SENT: Final = (0, None)
"""The price that nobody asked for, at no time."""


class LimitHistory(Protocol):
    """The firm's limits from day to day, of whoever knows its rules."""

    def begin(self, phase: int, initial: Cents, date: str) -> tuple[Cents, Cents]:
        """The limits (of the day, overall) on the first day of `phase` (from 1)."""

    def roll(self, date: str, balance: Cents, equity: Cents) -> tuple[Cents, Cents]:
        """The limits of the day `date`, on the account's figures at the reset."""


class ResultFold:
    """Takes a session's records; its attributes are what they say so far.

    `limits` tells the firm's floors from day to day; without it those of objectives stay the ones
    of the first day. Who shows no single denial need not keep them (`keeps_denials`): there may be
    one for each tick. Their counts by reason and by day are kept in any case.
    """

    def __init__(self, limits: LimitHistory | None = None, *, keeps_denials: bool = True) -> None:
        self.limits, self._keeps_denials = limits, keeps_denials
        self._handlers: dict[type, Any] = {
            ev.SessionStarted: self._started,
            ev.SessionEnded: self._ended,
            ev.SignalRaised: self._signal,
            ev.SignalDropped: self._dropped,
            ev.OrderApproved: self._approved,
            ev.OrderDenied: self._denied,
            ev.OrderSubmitted: self._submitted,
            ev.OrderRejected: self._rejected,
            ev.OrderUnknown: self._unknown,
            ev.OrderCancelled: self._cancelled,
            ev.PositionOpened: self._opened,
            ev.PositionClosed: self._closed,
            ev.StopModified: self._modified,
            ev.AccountUpdated: self._updated,
            ev.TradingStateChanged: self._state,
            ev.UserCommanded: self._commanded,
            ev.DayRolled: self._rolled,
            ev.SessionResumed: self._resumed,
            ev.ReconciliationMismatch: self._differs,
            ev.AttemptStarted: self._attempt,
            ev.AttemptEnded: self._attempt_ended,
            ev.LinkChanged: self._link,
            ev.ConditionSeen: self._condition,
            ev.AccountSeen: self._seen,
            ev.Tick: self._tick,
            ev.BarClosed: self._bar,
        }
        self.terms: RunTerms | None = None
        self.first: Millis = 0
        self.last: Millis = 0
        self.denials: list[DenialRecord] = []
        self.operations: list[OperationRecord] = []
        self.attempts: list[AttemptRecord] = []
        self.trading = Trading()
        self.ended: ev.SessionEnded | None = None
        self.account = ev.Account(balance=0, equity=0)
        self.deposits: Cents = 0
        self.counts: Counter[str] = Counter()
        self.denied: Counter[str] = Counter()
        self.days = DayCounts()
        self.steps = AccountSteps()
        self.observed = Observations()
        self.coverage = MarketCoverage()
        self._watches = True  # a replay has no market that it could fail to see
        self._specs: Mapping[str, SymbolSpec] = {}
        self._trades: list[RunningTrade] = []
        self._open: dict[int, RunningTrade] = {}
        self._risks: dict[int, Cents] = {}
        self._sent: dict[int, tuple[Points, Millis | None]] = {}
        self._now: ev.Record | None = None  # the last one that was taken

    @property
    def kinds(self) -> frozenset[type]:
        """The kinds of records that matter; others need not be read."""
        return frozenset(self._handlers)

    def take(self, record: ev.Record) -> None:
        """Take the next record into account."""
        self.take_all((record,))

    def take_all(self, records: Iterable[ev.Record]) -> None:
        """Take records into account, in their order."""
        handlers = self._handlers
        for record in records:
            event, time = record.event, record.time
            self._now = record
            if time > self.last:
                self.last = time
            handler = handlers.get(type(event))
            if handler is not None:
                if self._watches and type(event) is not ev.SessionResumed:
                    self.coverage.seen(time)
                handler(event, time)

    def watched(self, time: Millis) -> None:
        """Something is on record at `time`; who leaves records out may say so by itself."""
        if self._watches:
            self.coverage.seen(time)

    @property
    def end_key(self) -> int:
        """The step key of the last record."""
        return self.steps.key(self._now, QUOTED)

    @property
    def openings(self) -> list[tuple[str, Millis]]:
        """Symbol and moment of each trade's opening, in their order."""
        return [(trade.opened.symbol, trade.time) for trade in self._trades]

    def trades(
        self,
        excursions: Mapping[int, tuple[Points, Points]] | None = None,
        spreads: Sequence[Points | None] | None = None,
    ) -> list[TradeRecord]:
        """The trades so far, in the order of their openings.

        `excursions` (by position) and `spreads` (of each trade) are what bars say; without them
        both are those of the ticks that the session saw, as far as it saw any.
        """
        reached, ticks = excursions or {}, self.observed.excursions
        if spreads is None:
            spreads = [self.observed.spread(trade.opened.position) for trade in self._trades]
        return [
            trade.record(
                *(reached.get(trade.opened.position) or ticks(trade.opened.position)), spread
            )
            for trade, spread in zip(self._trades, spreads, strict=True)
        ]

    @property
    def funnel(self) -> OrderFunnel:
        """The orders so far."""
        return OrderFunnel(denied=dict(self.denied), **self.counts)

    # --- the session ---

    def _started(self, event: ev.SessionStarted, time: Millis) -> None:
        about = (self._now.metadata if self._now else None) or {}
        self.terms = RunTerms(
            session_id=str(about.get("session_id", "")),
            mode=event.mode,
            preset=event.preset,
            strategy=event.strategy or event.preset,
            currency=event.currency,
            start=event.account,
            symbols={spec.name: spec for spec in event.symbols},
            limits=event.limits,
            parameters=event.parameters,
            objectives=event.objectives,
            costs=event.costs,
            data=event.data,
            about=about,
        )
        self._watches = event.mode != "replay"
        self._specs = self.terms.symbols
        self.first, self.account = time, event.account
        date = trading_date(self.terms.day_zone, self.terms.day_hour, time)
        self.days.begin(date, event.account.balance)
        self.steps.begin(event, time)
        self.observed.begin(event, time)

    def _ended(self, event: ev.SessionEnded, time: Millis) -> None:
        self.ended = event
        self._look(event.account, time)
        room = event.loss_buffer
        self.days.end(event.account.balance, None if room is None else room.worst_today)
        if room is not None and self.attempts and not self.attempts[-1].outcome:
            self.attempts[-1] = msgspec.structs.replace(
                self.attempts[-1],
                final_balance=event.account.balance,
                final_equity=event.account.equity,
                days=room.days,
                trading_days=room.trading_days,
                min_buffer=room.min_buffer,
                min_buffer_at=room.min_buffer_at,
            )
        if event.outcome is not ev.SessionOutcome.DONE:
            self._operation(time, "ended", str(event.outcome), event.detail)

    def _resumed(self, event: ev.SessionResumed, time: Millis) -> None:
        self.ended = None
        self.coverage.resumed(time)
        self._look(event.account, time)
        self._operation(time, "resumed", "", "the session goes on from its journal")

    def _operation(self, time: Millis, kind: str, cause: str, detail: str) -> None:
        self.operations.append(OperationRecord(time, kind, cause, detail))

    def _state(self, event: ev.TradingStateChanged, time: Millis) -> None:
        self.trading = Trading(event.causes)
        kind = "halt" if event.cause is not None else "release"
        if event.cause is not None or not event.causes:
            self._operation(time, kind, str(event.cause or ""), event.detail)

    def _commanded(self, event: ev.UserCommanded, time: Millis) -> None:
        by = f" (by {event.origin})" if event.origin else ""
        self._operation(time, "command", str(event.action), f"{event.reason}{by}")

    def _link(self, event: ev.LinkChanged, time: Millis) -> None:
        self.coverage.link(event.up)
        self._operation(time, "link up" if event.up else "link down", "", event.detail)

    def _condition(self, event: ev.ConditionSeen, time: Millis) -> None:
        if event.cause is HaltCause.FEED:
            self.coverage.feed(event.holds)
        word = "condition" if event.holds else "condition over"
        self._operation(time, word, str(event.cause), event.detail)

    def _differs(self, event: ev.ReconciliationMismatch, time: Millis) -> None:
        if event.mismatches:
            self._operation(time, "mismatch", "", "; ".join(event.mismatches))

    # --- signals and orders ---

    def _signal(self, event: ev.SignalRaised, _: Millis) -> None:
        if event.terms.action is ev.OPEN:
            self.counts["signals"] += 1

    def _dropped(self, _event: ev.SignalDropped, _: Millis) -> None:
        self.counts["signals"] -= 1
        self.counts["dropped"] += 1

    def _approved(self, event: ev.OrderApproved, _: Millis) -> None:
        if event.risk:
            self._risks[event.order.order_id] = event.risk

    def _denied(self, event: ev.OrderDenied, time: Millis) -> None:
        terms = event.order.terms
        self.denied[str(event.reason)] += 1
        self.days.denials += 1
        if not self._keeps_denials:
            return
        self.denials.append(
            DenialRecord(
                time, str(event.reason), terms.symbol, terms.side, terms.signal_id, event.detail
            )
        )

    def _submitted(self, event: ev.OrderSubmitted, time: Millis) -> None:
        terms = event.terms
        if terms.action is ev.OPEN:
            self.counts["submitted"] += 1
        if terms.entry_price:
            self._sent[event.order_id] = terms.entry_price, None
        else:
            self._sent[event.order_id] = terms.price, time

    def _rejected(self, event: ev.OrderRejected, time: Millis) -> None:
        self.counts["rejected"] += 1
        self._forget(event.order_id)
        self._operation(time, "rejected", str(event.retcode), event.message)

    def _unknown(self, event: ev.OrderUnknown, time: Millis) -> None:
        self.counts["unknown"] += 1
        self._operation(time, "unknown outcome", event.symbol, event.message)

    def _cancelled(self, event: ev.OrderCancelled, _: Millis) -> None:
        self.counts["cancelled"] += 1
        self._forget(event.order_id)

    def _forget(self, order_id: int) -> tuple[Points, Cents, Millis | None]:
        """Of an order that is over: the price asked for, its risk, and when it was sent."""
        asked, sent = self._sent.pop(order_id, _NEVER_SENT)
        return asked, self._risks.pop(order_id, 0), sent

    # --- positions ---

    def _opened(self, event: ev.PositionOpened, time: Millis) -> None:
        self.counts["filled"] += 1
        self.days.opened += 1
        asked, risk, sent = self._forget(event.order_id)
        trade = RunningTrade(
            event,
            time,
            asked,
            risk,
            None if sent is None else time - sent,
            self._initial_risk(event),
            self.attempts[-1].attempt if self.attempts else 0,
            [LevelChange(time, event.stop_loss, event.take_profit)],
            [],
        )
        self._trades.append(trade)
        self._open[event.position] = trade
        self.steps.opened(event, self._now)
        self.observed.opened(event)
        self._look(event.account, time)

    def _initial_risk(self, event: ev.PositionOpened) -> Cents | None:
        spec = self._specs.get(event.symbol)
        if spec is None or not event.stop_loss:
            return None
        try:
            risk = initial_risk(spec, event.side, event.volume, event.price, event.stop_loss)
        except money.RateMissing:
            return None
        return risk if risk > 0 else None

    def _closed(self, event: ev.PositionClosed, time: Millis) -> None:
        asked, _, _ = self._forget(event.order_id)
        trade = self._open[event.position]
        trade.parts.append(
            PartialClose(
                time, event.volume, event.price, event.reason, event.profit,
                event.commission, event.swap, event.net, asked,
            )
        )  # fmt: skip
        self.steps.closed(event, self._now)
        self.observed.closed(event)
        if not event.remaining:
            self.days.trades += 1
            del self._open[event.position]
        self._look(event.account, time)

    def _modified(self, event: ev.StopModified, time: Millis) -> None:
        self._forget(event.order_id)
        trade = self._open.get(event.position)
        if trade is not None:
            trade.levels.append(LevelChange(time, event.stop_loss, event.take_profit))
            self.steps.modified(event)

    # --- the account ---

    def _updated(self, event: ev.AccountUpdated, time: Millis) -> None:
        self.steps.updated(event, self._now)
        self._look(event.account, time)

    def _rolled(self, event: ev.DayRolled, time: Millis) -> None:
        account = event.account
        self.days.roll(event.date, account.balance, event.day_start, event.worst)
        firm = None
        if self.limits is not None and self.attempts and not self.attempts[-1].outcome:
            firm = self.limits.roll(event.date, account.balance, account.equity)
        self.steps.rolled(event, firm, self._now)
        self._look(account, time)

    def _attempt(self, event: ev.AttemptStarted, time: Millis) -> None:
        self.deposits += event.deposit
        self.days.deposit(event.deposit)
        self.attempts.append(
            AttemptRecord(
                attempt=event.attempt,
                phase=event.phase,
                name=event.name,
                started=time,
                balance=event.account.balance,
                target=event.target,
                day_limit=event.day_limit,
                max_limit=event.max_limit,
            )
        )
        if self.limits is not None:
            self.limits.begin(event.phase, event.account.balance, event.date)
        self.steps.attempt(event, self._now)
        self._look(event.account, time)

    def _attempt_ended(self, event: ev.AttemptEnded, time: Millis) -> None:
        self.attempts[-1] = msgspec.structs.replace(
            self.attempts[-1],
            ended=time,
            outcome=str(event.outcome),
            cause=event.cause,
            detail=event.detail,
            final_balance=event.account.balance,
            final_equity=event.account.equity,
            days=event.days,
            trading_days=event.trading_days,
            min_buffer=event.min_buffer,
            min_buffer_at=event.min_buffer_at,
        )

    def _look(self, account: ev.Account, time: Millis) -> None:
        self.account = account
        self.observed.figures(time, account.balance, account.equity)

    # --- what a live session received ---

    def _seen(self, event: ev.AccountSeen, time: Millis) -> None:
        self.account = event.figures
        self.observed.figures(time, event.balance, event.equity)

    def _tick(self, event: ev.Tick, _: Millis) -> None:
        self.observed.tick(event)

    def _bar(self, event: ev.BarClosed, _: Millis) -> None:
        self.observed.bar(event)
