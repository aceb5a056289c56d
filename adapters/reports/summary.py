"""The summary of a session: a pure fold over its records, so a rebuilt one is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from adapters.reports.external import ExternalStatus, external_of
from adapters.reports.objective_projection import AttemptsProjection, DaysProjection, units_in
from adapters.reports.projection import iso
from adapters.reports.waiting_orders import WaitingOrders
from engine import events as ev
from engine.trading import Trading
from engine.types import Cents, Millis


class SummaryProjection:
    """Folds a session's records into its summary."""

    KINDS: frozenset[type] = (
        frozenset(
            {
                ev.SessionStarted,
                ev.SignalRaised,
                ev.SignalDropped,
                ev.OrderSubmitted,
                ev.OrderDenied,
                ev.PositionOpened,
                ev.PositionClosed,
                ev.TradingStateChanged,
                ev.DayRolled,
                ev.SessionEnded,
                ev.OrderRejected,
                ev.OrderUnknown,
                ev.StopModified,
                ev.ReconciliationMismatch,
            }
        )
        | WaitingOrders.KINDS
        | AttemptsProjection.KINDS
        | DaysProjection.KINDS
    )

    def __init__(self) -> None:
        self._started: ev.SessionStarted | None = None
        self._ended: ev.SessionEnded | None = None
        self._metadata: dict[str, Any] = {}
        self._waiting = WaitingOrders()
        self._pending: Counter[str] = Counter()
        self._unresolved: dict[int, str] = {}
        self._signals = 0
        self._orders = 0
        self._days = 1
        self._played: list[Millis] = []
        self._trades = 0
        self._wins = 0
        self._open: set[int] = set()
        # A session of many trades is mostly these: recognised by their kind.
        self._counting: ev.Routes = {
            ev.SignalRaised: self._signal,
            ev.SignalDropped: self._drop,
            ev.OrderSubmitted: self._submit,
            ev.OrderDenied: self._deny,
            ev.PositionOpened: self._opened,
            ev.PositionClosed: self._close,
            ev.DayRolled: self._roll,
            ev.OrderAccepted: self._accept,
            ev.OrderCancelled: self._cancel,
            ev.OrderRejected: self._settled,
            ev.OrderUnknown: self._unknown,
            ev.StopModified: self._settled,
            ev.ReconciliationMismatch: self._see_external,
        }
        self._external: tuple[ExternalStatus, ...] = ()
        self._parts: dict[int, Cents] = {}  # results of positions of which a part is closed
        self._denied: Counter[ev.DenyReason] = Counter()
        self._state: ev.TradingStateChanged | None = None
        self._attempts = AttemptsProjection()
        self._daily = DaysProjection()

    def take(self, record: ev.Record) -> None:
        """Take the next record into account."""
        self.take_all((record,))

    def take_all(self, records: Iterable[ev.Record]) -> None:
        """Take records into account, in their order."""
        counting = self._counting
        for record in records:
            event = record.event
            kind = type(event)
            count = counting.get(kind)
            if count is not None:
                count(event)
            else:
                self._turn(record)
            if kind in AttemptsProjection.KINDS:
                self._attempts.take(record)
            if kind in DaysProjection.KINDS:
                self._daily.take(record)

    def _turn(self, record: ev.Record) -> None:
        """Where the session, or its trading, begins or ends."""
        event = record.event
        match event:
            case ev.SessionStarted():
                self._started = event
                self._played = [record.time, record.time]
                self._metadata |= record.metadata or {}
                self._attempts.begin(event)
                self._daily.begin(event, record.time)
            case ev.SessionEnded():
                self._ended = event
                self._played[1:] = [record.time]
                self._metadata |= record.metadata or {}
            case ev.TradingStateChanged():
                self._state = event
            case _:
                pass

    def _signal(self, event: ev.SignalRaised) -> None:
        self._signals += event.terms.action is ev.OPEN

    def _drop(self, _event: ev.SignalDropped) -> None:
        self._signals -= 1

    def _accept(self, event: ev.OrderAccepted) -> None:
        self._unresolved.pop(event.order_id, None)
        if self._waiting.accepted(event) is not None:
            self._pending["placed"] += 1

    def _cancel(self, event: ev.OrderCancelled) -> None:
        self._unresolved.pop(event.order_id, None)
        row = self._waiting.cancelled(event)
        if row is not None and row.ticket:
            self._pending["ended_unfilled"] += 1

    def _unknown(self, event: ev.OrderUnknown) -> None:
        self._waiting.unknown(event)
        self._unresolved[event.order_id] = event.message

    def _see_external(self, event: ev.ReconciliationMismatch) -> None:
        self._external = external_of(event)

    def _settled(self, event: ev.OrderRejected | ev.StopModified) -> None:
        """Refused, or found done: a change of stop or target is over without a deal."""
        self._resolved(event.order_id)

    def _resolved(self, order_id: int) -> None:
        if self._waiting.rows:
            self._waiting.over(order_id)
        self._unresolved.pop(order_id, None)

    def _submit(self, event: ev.OrderSubmitted) -> None:
        if event.terms.entry_price:
            self._waiting.submitted(event)
        self._orders += event.terms.action is ev.OPEN

    def _deny(self, event: ev.OrderDenied) -> None:
        self._denied[event.reason] += 1

    def _opened(self, event: ev.PositionOpened) -> None:
        self._open.add(event.position)
        self._resolved(event.order_id)

    def _roll(self, _event: ev.DayRolled) -> None:
        self._days += 1

    def _close(self, event: ev.PositionClosed) -> None:
        self._resolved(event.order_id)
        net = self._parts.pop(event.position, 0) + event.net
        if event.remaining:
            self._parts[event.position] = net
        else:
            self._open.discard(event.position)
            self._trades += 1
            self._wins += net > 0

    def summary(self) -> dict[str, Any]:
        """The summary as it stands; figures that only the end knows are null until then.

        Raises ValueError before the session has started.
        """
        if self._started is None:
            raise ValueError("the journal has no start of a session")
        return {
            **self._results(self._started),
            **self._terms(self._started),
            **self._denials(),
            **self._ending(self._started),
            **self._attempts.summary(self._metadata.get("not_modelled", ())),
            **self._daily.summary(),
        }

    @property
    def paid_in(self) -> Cents:
        """The equity of the beginning and what was paid in since; what is more is the result.

        Raises ValueError before the session has started.
        """
        if self._started is None:
            raise ValueError("the journal has no start of a session")
        return self._started.account.equity + self._attempts.deposits

    def _results(self, started: ev.SessionStarted) -> dict[str, Any]:
        ended = self._ended
        initial = started.account.equity
        final = ended.account.equity if ended else None
        paid_in = self.paid_in
        figures = ended.figures if ended else None
        units = units_in(started.currency)
        return {
            "dry_run": bool(self._metadata.get("dry_run", True)),
            "initial_equity": units(initial),
            "final_equity": units(final),
            "total_pnl": None if final is None else units(final - paid_in),
            "number_of_trades": self._trades,
            "win_rate": self._wins / self._trades if self._trades else 0.0,
            "max_drawdown_fraction": figures and figures.max_drawdown_fraction,
            "max_daily_loss_fraction": figures and figures.max_daily_loss_fraction,
            "daily_realized_loss": figures and units(figures.daily_realized_loss),
        }

    def _terms(self, started: ev.SessionStarted) -> dict[str, Any]:
        limits = started.limits
        return {
            "max_open_positions": limits["max_positions"],
            "per_trade_risk_fraction": limits["per_trade_risk_fraction"],
            "daily_loss_fraction": limits["daily_loss_fraction"],
            "max_loss_fraction": limits.get("max_loss_fraction"),
        }

    def _denials(self) -> dict[str, Any]:
        return {
            "filtered_max_positions": self._denied[ev.DenyReason.MAX_POSITIONS],
            "filtered_daily_loss": self._denied[ev.DenyReason.DAILY_LOSS],
            "filtered_invalid_stops": self._denied[ev.DenyReason.INVALID_STOPS],
            "filtered": {str(reason): self._denied[reason] for reason in ev.DenyReason},
            "signals": self._signals,
            "orders": self._orders,
        }

    def _ending(self, started: ev.SessionStarted) -> dict[str, Any]:
        state, ended = self._state, self._ended
        return {
            "open_positions": len(self._open),
            "pending_orders_placed": self._pending["placed"],
            "pending_orders_ended_unfilled": self._pending["ended_unfilled"],
            "unresolved_orders": [
                {"order_id": order_id, "message": message}
                for order_id, message in self._unresolved.items()
            ],
            "external": [msgspec.to_builtins(item) for item in self._external],
            "peak_open_positions": ended and ended.figures.peak_positions,
            "days": self._days,
            "final_balance": ended and units_in(started.currency)(ended.account.balance),
            "trading_state": str(state.state) if state else "active",
            "halt_reason": str(Trading(state.causes).reason) if state and state.causes else None,
            "outcome": ended and str(ended.outcome),
            "session_id": self._metadata.get("session_id"),
            "preset": started.preset,
            "currency": started.currency,
            "mode": started.mode,
            "played_from": iso(self._played[0]),
            "played_to": ended and iso(self._played[-1]),
            "account_profile": self._metadata.get("account_profile"),
            "data": [_data(ref, self._metadata) for ref in started.data],
            "started_at": self._metadata.get("started_at"),
            "ended_at": self._metadata.get("ended_at"),
            "version": self._metadata.get("version"),
            **({"failure": ended.detail} if ended and ended.detail else {}),
        }


def _data(ref: ev.DataRef, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": ref.symbol,
        "file": metadata.get("files", {}).get(ref.symbol),
        "sha256": ref.sha256,
        "rows": ref.rows,
        "period_seconds": ref.period,
        "first": iso(ref.first),
        "last": iso(ref.last),
        "clock": ref.clock,
        "holes": metadata.get("holes", {}).get(ref.symbol),
    }
