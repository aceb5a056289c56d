"""An account's history as MetaTrader 5 tells it, and what our own sessions saw of it.

The terminal's adapter and the state's store make these; `risk.ledger` computes with them. Times of
deals, positions, orders and bars are the server's wall clock; moments of ours are ms UTC.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.types import Cents, Millis


class DealType(enum.IntEnum):
    """`ENUM_DEAL_TYPE` as MT5 numbers it, as far as the ledger tells one type from another."""

    BUY = 0
    SELL = 1
    BALANCE = 2
    CREDIT = 3
    CORRECTION = 5
    BONUS = 6


class DealEntry(enum.IntEnum):
    """`ENUM_DEAL_ENTRY`: whether a deal opens, closes, reverses, or closes by an opposite one."""

    IN = 0
    OUT = 1
    INOUT = 2
    OUT_BY = 3


SERVER_REASONS = frozenset({4, 5, 6, 7, 8, 9})
"""`ENUM_DEAL_REASON` of what the server did by itself: stop loss, take profit, stop out, rollover,
variation margin, split. Nobody sent a request for it."""


class HistoryDeal(msgspec.Struct, frozen=True, kw_only=True):
    """A deal as MT5 tells it: money in the account's currency, times the server's wall clock."""

    ticket: int
    time_msc: int
    type: int
    entry: int = 0
    order: int = 0
    magic: int = 0
    position_id: int = 0
    reason: int = 0
    volume: float = 0.0
    price: float = 0.0
    commission: float = 0.0
    swap: float = 0.0
    profit: float = 0.0
    fee: float = 0.0
    symbol: str = ""
    comment: str = ""
    external_id: str = ""

    @property
    def trade(self) -> bool:
        """Whether it bought or sold something."""
        return self.type in (0, 1)


class OpenPosition(msgspec.Struct, frozen=True, kw_only=True):
    """An open position as MT5 tells it; `identifier` is the position id that its deals carry."""

    identifier: int
    time_msc: int
    type: int
    magic: int = 0
    volume: float = 0.0
    price_open: float = 0.0
    swap: float = 0.0
    symbol: str = ""


class PastOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the terminal's history, filled or not; `time_msc` is when it was sent."""

    ticket: int
    time_msc: int
    magic: int = 0
    reason: int = 0


class AccountNow(msgspec.Struct, frozen=True, kw_only=True):
    """The account's figures as the terminal shows them; `equity` includes `credit`."""

    balance: Cents
    equity: Cents
    credit: Cents = 0
    currency: str = "USD"
    currency_digits: int = 2


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures that a session of ours saw and journaled."""

    at: Millis
    balance: Cents
    equity: Cents


class PriceBar(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of bid prices; `time` in seconds of the server's clock, `spread` its smallest."""

    time: int
    open: float
    high: float
    low: float
    close: float
    spread: int = 0


def deal_of(row: Mapping[str, Any]) -> HistoryDeal:
    """A deal from MT5's fields by name; fields the ledger does not use are left out."""
    return HistoryDeal(**{name: row[name] for name in HistoryDeal.__struct_fields__ if name in row})


def position_of(row: Mapping[str, Any]) -> OpenPosition:
    """An open position from MT5's fields by name."""
    return OpenPosition(**{n: row[n] for n in OpenPosition.__struct_fields__ if n in row})
