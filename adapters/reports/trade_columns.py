"""The columns of the table of trades: what each holds, as text of a CSV file or as Arrow values.

A column's values are the engine's own (points, cents, volume units, milliseconds) and are turned
into text or decimals here, column by column: a value that stands in many rows is formatted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np

from adapters.reports.objective_projection import units_in
from adapters.reports.projection import cash_in, iso, never_computed
from engine.result import RunResult, TradeRecord
from engine.result.costs import planned_cost, slippage_cost
from engine.result.curve import Ints
from engine.types import UNITS_PER_LOT, USD, Cents, Millis, Points, SymbolSpec, Units, lots

_DAY: Final = 86_400


class _Spelling(dict[Any, str]):
    """The text of each value that was asked for; nothing for None."""

    def __init__(self, text: Callable[[Any], str]) -> None:
        super().__init__({None: ""})
        self._text = text

    def __missing__(self, value: Any) -> str:
        text = self[value] = self._text(value)
        return text


@dataclass(frozen=True)
class TradeRows:
    """A run's trades and what the run knows that they do not."""

    trades: Sequence[TradeRecord]
    session_id: str
    specs: Mapping[str, SymbolSpec]
    currency: str = USD
    _planned: dict[tuple[str, Units], Cents] = field(default_factory=dict)
    _spelled: dict[Any, _Spelling] = field(default_factory=dict)

    @classmethod
    def of(cls, result: RunResult) -> TradeRows:
        return cls(
            result.trades, result.terms.session_id, result.terms.symbols, result.terms.currency
        )

    @cached_property
    def digits(self) -> list[int]:
        """The decimals of each trade's prices."""
        known = {name: spec.digits for name, spec in self.specs.items()}
        return [known.get(trade.symbol, 0) for trade in self.trades]

    def texts(self, kind: str | int, text: Callable[[Any], str]) -> _Spelling:
        """The texts of a kind of values: in whatever column one stands, it is spelled once."""
        known = self._spelled.get(kind)
        if known is None:
            known = self._spelled[kind] = _Spelling(text)
        return known

    def slippages(self) -> list[Cents | None]:
        """What fills worse than asked for cost."""
        found = []
        for trade in self.trades:
            spec = self.specs.get(trade.symbol)
            found.append(None if spec is None else slippage_cost(trade, spec))
        return found

    def planned(self) -> list[Cents | None]:
        """The commission that risk counted; the same for a symbol's trades of one volume."""
        return [self._planned_of(trade) for trade in self.trades]

    def _planned_of(self, trade: TradeRecord) -> Cents | None:
        key = trade.symbol, trade.volume
        known = self._planned.get(key)
        if known is None and (spec := self.specs.get(trade.symbol)) is not None:
            known = self._planned[key] = planned_cost(trade, spec)
        return known


class Column(NamedTuple):
    """A column: its name, the kind of its values, and these."""

    name: str
    kind: str
    values: Callable[[TradeRows], Sequence[Any]]


def _each(value: Callable[[TradeRecord], Any]) -> Callable[[TradeRows], Sequence[Any]]:
    return lambda rows: list(map(value, rows.trades))


def _own(name: str) -> Callable[[TradeRows], Sequence[Any]]:
    return _each(attrgetter(name))


def _close_price(trade: TradeRecord) -> Points | float | None:
    """Of most trades that of their only closing deal."""
    return trade.parts[0].price if len(trade.parts) == 1 else trade.close_price


def _open_for(trade: TradeRecord) -> Millis | None:
    return None if trade.closed is None else trade.closed - trade.opened


COLUMNS: Final[tuple[Column, ...]] = (
    Column("position", "whole", _own("position")),
    Column("symbol", "text", _own("symbol")),
    Column("direction", "text", _own("side.word")),
    Column("volume", "lots", _own("volume")),
    Column("opened", "time", _own("opened")),
    Column("open_price", "price", _own("open_price")),
    Column("closed", "time", _own("closed")),
    Column("close_price", "price", _each(_close_price)),
    Column("close_reason", "text", _own("close_reason")),
    Column("stop_loss", "price", _own("stop_loss")),
    Column("take_profit", "price", _own("take_profit")),
    Column("gross", "money", _own("gross")),
    Column("commission", "money", _each(lambda trade: trade.net - trade.gross - trade.swap)),
    Column("swap", "money", _own("swap")),
    Column("net", "money", _own("net")),
    Column("r", "ratio", _own("r")),
    Column("mae_r", "ratio", _own("mae_r")),
    Column("mfe_r", "ratio", _own("mfe_r")),
    Column("seconds", "seconds", _each(_open_for)),
    Column("strategy_id", "text", _own("strategy_id")),
    Column("signal_id", "text", _own("signal_id")),
    Column("variant", "text", _own("variant")),
    Column("session_id", "text", lambda rows: [rows.session_id] * len(rows.trades)),
    Column("attempt", "whole", _each(lambda trade: trade.attempt or None)),
    Column("remaining", "lots", _own("remaining")),
    Column("final_stop_loss", "price", _each(lambda trade: trade.levels[-1].stop_loss)),
    Column("final_take_profit", "price", _each(lambda trade: trade.levels[-1].take_profit)),
    Column("planned_risk", "money", _each(lambda trade: trade.planned_risk or None)),
    Column("initial_risk", "money", _own("initial_risk")),
    Column("costs_paid", "money", _each(lambda trade: trade.gross - trade.net)),
    Column("costs_planned", "money", TradeRows.planned),
    Column("spread_points", "whole", _own("spread")),
    Column("open_slippage_points", "whole", _own("open_slippage")),
    Column("close_slippage_points", "whole", _own("close_slippage")),
    Column("slippage", "money", TradeRows.slippages),
)


# --- text ---


def iso_texts(times: Ints) -> list[str]:
    """As `iso`, for a column of whole seconds; others are formatted one by one."""
    if np.any(times % 1000):
        return [iso(moment) for moment in times.tolist()]
    days, seconds = (part.tolist() for part in np.divmod(times // 1000, _DAY))
    dates = {day: iso(day * _DAY * 1000)[:11] for day in set(days)}
    clock = {second: iso(second * 1000)[11:] for second in set(seconds)}
    return [dates[day] + clock[second] for day, second in zip(days, seconds, strict=True)]


def _times(values: Sequence[Millis | None]) -> list[str]:
    if None in values:
        return [iso(value) if value is not None else "" for value in values]
    return iso_texts(np.array(values, dtype=np.int64))


def _prices(values: Sequence[float | None], rows: TradeRows) -> list[str]:
    """Points with the decimals of their symbol; nothing for none and for 0."""
    prices = [value or None for value in values]
    digits = rows.digits
    known = {number: rows.texts(number, _decimal(number)) for number in set(digits)}
    if len(known) == 1:
        return list(map(known[digits[0]].__getitem__, prices))
    return [known[number][value] for number, value in zip(digits, prices, strict=True)]


def _decimal(digits: int) -> Callable[[float], str]:
    scale, text = float(10**digits), f"{{:.{digits}f}}".format
    return lambda points: text(points / scale)


def _seconds(value: Millis) -> str:
    return f"{value / 1000:.3f}".rstrip("0").rstrip(".")


_SPELLED: Final[dict[str, Callable[[Any], str]]] = {
    "lots": lambda value: f"{value / UNITS_PER_LOT:.2f}",
    "ratio": "{:.4f}".format,
    "seconds": _seconds,
    "text": lambda value: never_computed(str(value)),
    "whole": str,
}


def cells(column: Column, rows: TradeRows) -> list[str]:
    """A column's cells: each value as text, and nothing where there is none."""
    values = column.values(rows)
    if column.kind == "price":
        return _prices(values, rows)
    if column.kind == "time":
        return _times(values)
    spelled = cash_in(rows.currency) if column.kind == "money" else _SPELLED[column.kind]
    return list(map(rows.texts(column.kind, spelled).__getitem__, values))


# --- decimals ---

_DECIMALS: Final[dict[str, Callable[[Any], float]]] = {
    "lots": lots,
    "seconds": lambda value: value / 1000,
}


def decimals(column: Column, rows: TradeRows) -> list[Any]:
    """A column's values as a reader expects them: prices, money, lots and seconds as decimals."""
    values = column.values(rows)
    if column.kind == "price":
        return [
            value / float(10**digits) if value else None
            for digits, value in zip(rows.digits, values, strict=True)
        ]
    if column.kind == "money":
        return list(map(units_in(rows.currency), values))
    decimal = _DECIMALS.get(column.kind)
    if decimal is None:
        return list(values)
    return [None if value is None else decimal(value) for value in values]
