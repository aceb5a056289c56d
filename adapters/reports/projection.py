"""What the journal says as rows of the event log.

A pure fold over records, as the summary is (`adapters.reports.summary`): a file written while the
session ran and one rebuilt from its journal are the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from adapters.reports.waiting_orders import OrderRow, WaitingOrders
from engine import events as ev
from engine.types import (
    UNITS_PER_LOT,
    USD,
    Cents,
    Millis,
    Points,
    Side,
    Units,
    booked,
    decimals,
    lots,
)

LOG_COLUMNS = (
    "timestamp", "event", "ticket", "symbol", "direction", "volume", "price", "reason", "equity",
    "strategy_id", "signal_id", "session_id", "stop_loss", "take_profit", "profit", "commission",
    "swap", "balance", "data_mode", "detail",
)  # fmt: skip
"""Columns of the event log; the first nine are fixed, further ones may be added at the end."""

Row = dict[str, str]

Deal = ev.PositionOpened | ev.PositionClosed

WORDS = {side: side.word for side in Side}


def row_text(row: Row | None) -> str:
    """A row of the event log in one line for people."""
    if row is None:
        return ""
    names = ("event", "symbol", "direction", "volume", "price", "reason", "profit", "detail")
    return " ".join(row[name] for name in names if row.get(name))


def iso(moment: Millis) -> str:
    """A UTC time as ISO-8601 with offset; milliseconds only where there are any."""
    seconds, millis = divmod(moment, 1_000)
    days, rest = divmod(seconds, 86_400)
    if not millis:
        return _date(days) + _clock(rest)
    return f"{_date(days)}{_clock(rest)[:8]}.{millis:03}+00:00"


@lru_cache(maxsize=4_096)
def _clock(seconds: int) -> str:
    """What follows the date, for a second of the day: bars begin and end at few of them."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}+00:00"


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """The date before a time of day: a log names each again and again."""
    return f"{dt.date.fromordinal(_EPOCH + days).isoformat()}T"


_EPOCH = dt.date(1970, 1, 1).toordinal()

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What the first character of a text must not be, where a spreadsheet program may open it."""


def never_computed(cell: str) -> str:
    """A cell that a spreadsheet program shows and never computes; numbers stay numbers."""
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def cash_in(currency: str) -> Callable[[Cents], str]:
    """What writes cents as a decimal amount, with the decimals of the account's currency."""
    if not decimals(currency):
        return lambda amount: str(booked(amount, currency) // 100)
    return lambda amount: f"{amount / 100:.2f}"


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
                ev.RuleViolated,
            }
        )
        | WaitingOrders.KINDS
    )

    def __init__(self) -> None:
        self._waiting = WaitingOrders()
        self._account = ev.Account(balance=0, equity=0)
        self._formats: dict[str, tuple[float, str]] = {}
        self._session_id = self._mode = ""
        self._cash = cash_in(USD)
        self._makers: dict[type, Callable[[ev.Record, Any], Row | None]] = {
            **dict.fromkeys(WaitingOrders.KINDS, self._order),
            ev.OrderSubmitted: self._submitted,
            ev.SessionStarted: self._begin,
            ev.PositionOpened: self._traded,
            ev.PositionClosed: self._traded,
            ev.StopModified: self._changed,
            ev.OrderDenied: self._filtered,
            ev.OrderRejected: self._failed,
            ev.OrderUnknown: self._failed,
            ev.TradingStateChanged: self._state,
            ev.RuleViolated: self._state,
        }

    def row(self, record: ev.Record) -> Row | None:
        """The row that `record` adds, or None."""
        make = self._makers.get(type(record.event))
        return None if make is None else make(record, record.event)

    def _order(self, record: ev.Record, event: Any) -> Row | None:
        return self._waited(record, self._waiting.take(event))

    def _submitted(self, _: ev.Record, event: ev.OrderSubmitted) -> None:
        if event.terms.entry_price:
            self._waiting.submitted(event)

    def _changed(self, record: ev.Record, event: ev.StopModified) -> Row:
        return self._full(record, "MODIFY", event.account, self._modified(event))

    def _filtered(self, record: ev.Record, event: ev.OrderDenied) -> Row | None:
        if event.reason is ev.DenyReason.HALTED:
            return None
        return self._full(record, "FILTER", event.account, self._denied(event))

    def _failed(self, record: ev.Record, event: ev.OrderRejected | ev.OrderUnknown) -> Row:
        self._waiting.not_filled(event)
        kind = "REJECT" if isinstance(event, ev.OrderRejected) else "UNKNOWN"
        return self._full(record, kind, event.account, self._not_filled(event))

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
        cells["equity"] = self._cash(account.equity)
        cells["balance"] = self._cash(account.balance)
        cells["session_id"] = self._session_id
        cells["data_mode"] = self._mode
        return cells

    def _begin(self, record: ev.Record, event: ev.SessionStarted) -> None:
        self._session_id = str((record.metadata or {}).get("session_id", ""))
        self._mode = event.mode
        self._account = event.account
        self._cash = cash_in(event.currency)
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

    def _traded(self, record: ev.Record, event: Deal) -> Row:
        self.take_deal(event)
        return self.deal(record)

    def take_deal(self, event: Deal) -> None:
        """An opening or closing happened; `deal` has its row."""
        if self._waiting.rows:
            self._waiting.over(event.order_id)
        self._account = event.account

    def deal(self, record: ev.Record) -> Row:
        """The row of an opening or closing, complete and in the order of the columns."""
        event: Any = record.event
        symbol, account = event.symbol, event.account
        opening: ev.PositionOpened | None = event if type(event) is ev.PositionOpened else None
        closing: ev.PositionClosed | None = event if type(event) is ev.PositionClosed else None
        return {
            "timestamp": iso(record.time),
            "event": "OPEN" if opening else "CLOSE",
            "ticket": str(event.position),
            "symbol": symbol,
            "direction": WORDS[event.side],
            "volume": f"{event.volume / UNITS_PER_LOT:.2f}" if event.volume else "",
            "price": self._price(symbol, event.price),
            "reason": event.reason,
            "equity": self._cash(account.equity),
            "strategy_id": event.strategy_id,
            "signal_id": event.signal_id,
            "session_id": self._session_id,
            "stop_loss": self._price(symbol, opening.stop_loss) if opening else "",
            "take_profit": self._price(symbol, opening.take_profit) if opening else "",
            "profit": self._cash(closing.profit) if closing else "",
            "commission": self._cash(event.commission),
            "swap": self._cash(closing.swap) if closing else "",
            "balance": self._cash(account.balance),
            "data_mode": self._mode,
            "detail": _asked(opening) if opening else "",
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

    def _state(
        self, record: ev.Record, event: ev.TradingStateChanged | ev.RuleViolated
    ) -> Row | None:
        if isinstance(event, ev.RuleViolated):
            return self._full(record, "VIOLATION", self._account, _violated(event))
        if event.cause is not None:
            cells = {"reason": str(event.cause), "detail": event.detail}
            return self._full(record, "HALT", event.account, cells)
        if event.causes:
            return None
        return self._full(record, "RESUME", event.account, {"reason": event.detail})


def _violated(event: ev.RuleViolated) -> Row:
    return {
        "ticket": str(event.position),
        "symbol": event.symbol,
        "reason": event.rule,
        "detail": event.detail,
    }


def _asked(event: ev.PositionOpened) -> str:
    """What the signal asked for, where the position has another volume."""
    if isinstance(event.asked, msgspec.UnsetType):
        return ""
    return f"asked for {lots(event.asked):g} lots"
