"""A terminal's bars for times at which no session watched, and what its prices are worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from engine.account.history import PriceBar

Ask = Callable[..., Any]
"""Calls a function of the MetaTrader5 package by its name; None where it failed."""

TIMEFRAMES: Final = {1: 1, 15: 15}
"""``TIMEFRAME_M1`` and ``TIMEFRAME_M15`` by minutes, as MetaTrader5 numbers them."""

_PIECE: Final = 30 * 86_400
_BUY: Final = 0
_STEP: Final = 0.01
"""Part of the price by which the value of a move is asked for."""


class SymbolWorth(msgspec.Struct, frozen=True, kw_only=True):
    """What a symbol's price moves are worth.

    `point` is the size of a point. `value` is what a move of 1.0 earns with one lot, in the
    account's currency; `by_price` tells that it is divided by the price at which it is closed, as
    where the account's currency is the symbol's base.
    """

    point: float
    value: float
    by_price: bool = False


class BarsRead(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of one length by symbol; those of which nothing is known are missing."""

    minutes: int
    by_symbol: dict[str, tuple[PriceBar, ...]]
    worth: dict[str, SymbolWorth]


def read_bars(
    ask: Ask, symbols: Sequence[str], low: int, high: int, minutes: int, currency: str
) -> BarsRead:
    """The bars of `symbols` from `low` to `high` (seconds of the server's clock)."""
    bars = {name: tuple(_bars(ask, name, low, high, minutes)) for name in symbols}
    worth = {name: known for name in symbols if (known := _worth(ask, name, currency)) is not None}
    return BarsRead(
        minutes=minutes, by_symbol={name: rows for name, rows in bars.items() if rows}, worth=worth
    )


def _bars(ask: Ask, symbol: str, low: int, high: int, minutes: int) -> Iterator[PriceBar]:
    last = -1
    for start in range(low, high + 1, _PIECE):
        end = min(start + _PIECE - 1, high)
        rows = ask("copy_rates_range", symbol, TIMEFRAMES[minutes], _date(start), _date(end))
        for row in () if rows is None else rows:
            if int(row["time"]) > last:
                last = int(row["time"])
                yield PriceBar(
                    time=last,
                    open=float(row["open"]),
                    high=float(row["high"]),
                    low=float(row["low"]),
                    close=float(row["close"]),
                    spread=int(row["spread"]),
                )


def _date(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _worth(ask: Ask, symbol: str, currency: str) -> SymbolWorth | None:
    info = ask("symbol_info", symbol)
    if info is None:
        return None
    if info.currency_profit != currency and info.currency_base == currency:
        return SymbolWorth(point=info.point, value=info.trade_contract_size, by_price=True)
    price = info.bid or info.ask
    if not price:
        return None
    move = max(price * _STEP, info.point)
    earned = ask("order_calc_profit", _BUY, symbol, 1.0, price, price + move)
    return None if earned is None else SymbolWorth(point=info.point, value=earned / move)
