"""What the journal says, in the shapes that users read: the event log and the summary.

Both are pure folds over records, so a file written while the session ran and one rebuilt from its
journal are the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from adapters.reports.objective_projection import AttemptsProjection, DaysProjection
from adapters.reports.objective_projection import iso as iso
from adapters.reports.waiting_orders import OrderRow, WaitingOrders
from engine import events as ev
from engine.trading import Trading
from engine.types import Cents, Points, Side, Units, lots

LOG_COLUMNS = (
    "timestamp", "event", "ticket", "symbol", "direction", "volume", "price", "reason", "equity",
    "strategy_id", "signal_id", "session_id", "stop_loss", "take_profit", "profit", "commission",
    "swap", "balance", "data_mode", "detail",
)  # fmt: skip
"""Columns of the event log; the first nine are fixed, further ones may be added at the end."""

Row = dict[str, str]


def cash(amount: Cents) -> str:
    """Cents as a decimal amount with two decimals."""
    return f"{amount / 100:.2f}"


class LogProjection:
    """Turns records into rows of the event log, one at a time and in order."""

    KINDS: frozenset[type] = (
        frozenset(
            {
                ev.SessionStarted,
                ev.PositionOpened,
                ev.PositionClosed,
                ev.StopModified,
                ev.OrderDenied,
                ev.OrderRejected,
                ev.OrderUnknown,
                ev.TradingStateChanged,
            }
        )
        | WaitingOrders.KINDS
    )

    def __init__(self) -> None:
        self._waiting = WaitingOrders()
        self._account = ev.Account(balance=0, equity=0)
        self._formats: dict[str, tuple[float, str]] = {}
        self._session_id = self._mode = ""

    def row(self, record: ev.Record) -> Row | None:
        """The row that `record` adds, or None."""
        event = record.event
        if type(event) in WaitingOrders.KINDS:
            return self._waited(record, self._waiting.take(event))
        match event:
            case ev.SessionStarted():
                self._begin(record, event)
                return None
            case ev.PositionOpened():
                self._waiting.over(event.order_id)
                return self._opened(record, event)
            case ev.PositionClosed():
                self._waiting.over(event.order_id)
                return self._closed(record, event)
            case ev.StopModified():
                return self._full(record, "MODIFY", event.account, self._modified(event))
            case ev.OrderDenied():
                if event.reason is ev.DenyReason.HALTED:
                    return None
                return self._full(record, "FILTER", event.account, self._denied(event))
            case ev.OrderRejected() | ev.OrderUnknown():
                self._waiting.not_filled(event)
                kind = "REJECT" if isinstance(event, ev.OrderRejected) else "UNKNOWN"
                return self._full(record, kind, event.account, self._not_filled(event))
            case ev.TradingStateChanged():
                return self._state(record, event)
            case _:
                return None

    def _waited(self, record: ev.Record, row: OrderRow | None) -> Row | None:
        """The row of an order that is not a trade, with the figures of the last one."""
        if row is None:
            return None
        cells = {
            **self._deal(row.symbol, row.side, row.volume, row.price, row.reason),
            "ticket": str(row.ticket or ""),
            "strategy_id": row.strategy_id,
            "signal_id": row.signal_id,
            "stop_loss": self._price(row.symbol, row.stop_loss),
            "take_profit": self._price(row.symbol, row.take_profit),
        }
        return self._full(record, row.event, self._account, cells)

    def _full(self, record: ev.Record, kind: str, account: ev.Account, cells: Row) -> Row:
        self._account = account
        cells["timestamp"] = iso(record.time)
        cells["event"] = kind
        cells["equity"] = cash(account.equity)
        cells["balance"] = cash(account.balance)
        cells["session_id"] = self._session_id
        cells["data_mode"] = self._mode
        return cells

    def _begin(self, record: ev.Record, event: ev.SessionStarted) -> None:
        self._session_id = str((record.metadata or {}).get("session_id", ""))
        self._mode = event.mode
        self._account = event.account
        self._formats = {
            spec.name: (float(10**spec.digits), f"%.{spec.digits}f") for spec in event.symbols
        }

    def _price(self, symbol: str, points: Points) -> str:
        found = self._formats.get(symbol)
        return found[1] % (points / found[0]) if points and found else ""

    def _deal(self, symbol: str, side: Side, volume: Units, price: Points, reason: str) -> Row:
        return {
            "symbol": symbol,
            "direction": side.word,
            "volume": f"{lots(volume):.2f}" if volume else "",
            "price": self._price(symbol, price),
            "reason": reason,
        }

    def _opened(self, record: ev.Record, event: ev.PositionOpened) -> Row:
        return self._traded(
            record, event, "OPEN",
            stop_loss=self._price(event.symbol, event.stop_loss),
            take_profit=self._price(event.symbol, event.take_profit),
            detail=_asked(event),
        )  # fmt: skip

    def _closed(self, record: ev.Record, event: ev.PositionClosed) -> Row:
        return self._traded(
            record, event, "CLOSE", profit=cash(event.profit), swap=cash(event.swap)
        )

    def _traded(
        self,
        record: ev.Record,
        event: ev.PositionOpened | ev.PositionClosed,
        kind: str,
        *,
        stop_loss: str = "",
        take_profit: str = "",
        profit: str = "",
        swap: str = "",
        detail: str = "",
    ) -> Row:
        """Complete, and made in one step: most of a long log are these rows."""
        symbol, account = event.symbol, event.account
        self._account = account
        return {
            "timestamp": iso(record.time),
            "event": kind,
            "ticket": str(event.position),
            "symbol": symbol,
            "direction": event.side.word,
            "volume": f"{lots(event.volume):.2f}" if event.volume else "",
            "price": self._price(symbol, event.price),
            "reason": event.reason,
            "equity": cash(account.equity),
            "strategy_id": event.strategy_id,
            "signal_id": event.signal_id,
            "session_id": self._session_id,
            "stop_loss": stop_loss,
            "take_profit": take_profit,
            "profit": profit,
            "commission": cash(event.commission),
            "swap": swap,
            "balance": cash(account.balance),
            "data_mode": self._mode,
            "detail": detail,
        }

    def _modified(self, event: ev.StopModified) -> Row:
        return {
            **self._deal(event.symbol, event.side, event.volume, event.stop_loss, event.reason),
            "ticket": str(event.position),
            "stop_loss": self._price(event.symbol, event.stop_loss),
            "take_profit": self._price(event.symbol, event.take_profit),
        }

    def _denied(self, event: ev.OrderDenied) -> Row:
        order = event.order
        return {
            **self._deal(
                order.terms.symbol,
                order.terms.side,
                order.terms.volume,
                order.terms.price,
                event.reason,
            ),
            "strategy_id": order.terms.strategy_id,
            "signal_id": order.terms.signal_id,
            "stop_loss": self._price(order.terms.symbol, order.terms.stop_loss),
            "take_profit": self._price(order.terms.symbol, order.terms.take_profit),
            "detail": event.detail,
        }

    def _not_filled(self, event: ev.OrderRejected | ev.OrderUnknown) -> Row:
        code = str(event.retcode) if isinstance(event, ev.OrderRejected) else "unknown_outcome"
        return {
            "symbol": event.symbol,
            "direction": event.side.word,
            "reason": code,
            "detail": event.message,
        }

    def _state(self, record: ev.Record, event: ev.TradingStateChanged) -> Row | None:
        if event.cause is not None:
            cells = {"reason": str(event.cause), "detail": event.detail}
            return self._full(record, "HALT", event.account, cells)
        if event.causes:
            return None
        return self._full(record, "RESUME", event.account, {"reason": event.detail})


def _asked(event: ev.PositionOpened) -> str:
    """What the signal asked for, where the position has another volume."""
    if isinstance(event.asked, msgspec.UnsetType):
        return ""
    return f"asked for {lots(event.asked):g} lots"


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
                ev.OrderUnknown,
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
            ev.OrderUnknown: self._unknown,
        }
        self._parts: dict[int, Cents] = {}  # results of positions of which a part is closed
        self._denied: Counter[ev.DenyReason] = Counter()
        self._state: ev.TradingStateChanged | None = None
        self._attempts = AttemptsProjection()
        self._daily = DaysProjection()

    def take(self, record: ev.Record) -> None:
        """Take the next record into account."""
        event = record.event
        kind = type(event)
        count = self._counting.get(kind)
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
                self._metadata |= record.metadata or {}
                self._attempts.begin(event)
                self._daily.begin(event, record.time)
            case ev.SessionEnded():
                self._ended = event
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

    def _resolved(self, order_id: int) -> None:
        self._waiting.over(order_id)
        self._unresolved.pop(order_id, None)

    def _submit(self, event: ev.OrderSubmitted) -> None:
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
            **self._attempts.summary(),
            **self._daily.summary(),
        }

    def _results(self, started: ev.SessionStarted) -> dict[str, Any]:
        ended = self._ended
        initial = started.account.equity
        final = ended.account.equity if ended else None
        paid_in = initial + self._attempts.deposits
        figures = ended.figures if ended else None
        return {
            "dry_run": bool(self._metadata.get("dry_run", True)),
            "initial_equity": initial / 100,
            "final_equity": None if final is None else final / 100,
            "total_pnl": None if final is None else round((final - paid_in) / 100, 2),
            "number_of_trades": self._trades,
            "win_rate": self._wins / self._trades if self._trades else 0.0,
            "max_drawdown_fraction": figures and figures.max_drawdown_fraction,
            "max_daily_loss_fraction": figures and figures.max_daily_loss_fraction,
            "daily_realized_loss": figures and figures.daily_realized_loss / 100,
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
            "peak_open_positions": ended and ended.figures.peak_positions,
            "days": self._days,
            "final_balance": ended and ended.account.balance / 100,
            "trading_state": str(state.state) if state else "active",
            "halt_reason": str(Trading(state.causes).reason) if state and state.causes else None,
            "outcome": ended and str(ended.outcome),
            "session_id": self._metadata.get("session_id"),
            "preset": started.preset,
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
