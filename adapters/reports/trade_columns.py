"""The columns of the table of trades: what each holds, as text of a CSV file or as Arrow values.

A column's values are the engine's own (points, cents, volume units, milliseconds) and are turned
into text or decimals here, column by column: a value that stands in many rows is formatted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np

from adapters.reports.objective_projection import units_in
from adapters.reports.projection import FORMULA, cash_in, iso, never_computed
from engine.result import RunResult, TradeRecord
from engine.result.costs import planned_cost, slippage_cost_of
from engine.result.curve import Ints
from engine.result.parts import LevelChange
from engine.types import UNITS_PER_LOT, USD, Cents, Millis, Points, SymbolSpec, Units, lots

_DAY: Final = 86_400


class _Spelling:
    """The text of each value that was asked for; nothing for None."""

    def __init__(self, spell: Callable[[list[Any]], Iterable[str]]) -> None:
        """`spell` gives the texts of many values: one by one each would cost a call."""
        self._known: dict[Any, str] = {None: ""}
        self._spell = spell

    def texts(self, values: Sequence[Any]) -> list[str]:
        new = list(set(values).difference(self._known))
        self._known.update(zip(new, self._spell(new), strict=True))
        return list(map(self._known.__getitem__, values))


@dataclass(frozen=True)
class TradeRows:
    """A run's trades and what the run knows that they do not."""

    trades: Sequence[TradeRecord]
    session_id: str
    specs: Mapping[str, SymbolSpec]
    currency: str = USD
    _planned: dict[tuple[str, Units], Cents] = field(default_factory=dict)
    _spelled: dict[str | int, _Spelling] = field(default_factory=dict)

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

    def spelling(self, kind: str | int) -> _Spelling:
        """The texts of a kind of values, or of prices with so many decimals.

        In whatever column a value stands, it is spelled once.
        """
        known = self._spelled.get(kind)
        if known is None:
            known = self._spelled[kind] = _Spelling(self._speller(kind))
        return known

    def _speller(self, kind: str | int) -> Callable[[list[Any]], Iterable[str]]:
        if isinstance(kind, int):
            return partial(_decimals, kind, float(10**kind))
        if kind == "money":
            return partial(map, cash_in(self.currency))
        return _SPELLED[kind]

    @cached_property
    def closings(self) -> list[Millis | None]:
        """When the last of each was closed."""
        return [trade.closed for trade in self.trades]

    @cached_property
    def last_levels(self) -> list[LevelChange]:
        """The stop loss and take profit that each ended with."""
        return [trade.levels[-1] for trade in self.trades]

    @cached_property
    def open_slippages(self) -> list[Points | None]:
        return [trade.open_slippage for trade in self.trades]

    @cached_property
    def close_slippages(self) -> list[Points | None]:
        return [trade.close_slippage for trade in self.trades]

    def slippages(self) -> list[Cents | None]:
        """What fills worse than asked for cost."""
        known = self.specs
        fills = zip(self.trades, self.open_slippages, self.close_slippages, strict=True)
        return [
            None
            if trade.symbol not in known
            else slippage_cost_of(trade, known[trade.symbol], *points)
            for trade, *points in fills
        ]

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


def _open_for(rows: TradeRows) -> Sequence[Millis | None]:
    pairs = zip(rows.trades, rows.closings, strict=True)
    return [None if closed is None else closed - trade.opened for trade, closed in pairs]


COLUMNS: Final[tuple[Column, ...]] = (
    Column("position", "whole", _own("position")),
    Column("symbol", "text", _own("symbol")),
    Column("direction", "text", _own("side.word")),
    Column("volume", "lots", _own("volume")),
    Column("opened", "time", _own("opened")),
    Column("open_price", "price", _own("open_price")),
    Column("closed", "time", attrgetter("closings")),
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
    Column("seconds", "seconds", _open_for),
    Column("strategy_id", "text", _own("strategy_id")),
    Column("signal_id", "text", _own("signal_id")),
    Column("variant", "text", _own("variant")),
    Column("session_id", "text", lambda rows: [rows.session_id] * len(rows.trades)),
    Column("attempt", "whole", _each(lambda trade: trade.attempt or None)),
    Column("remaining", "lots", _own("remaining")),
    Column("final_stop_loss", "price", lambda rows: [it.stop_loss for it in rows.last_levels]),
    Column("final_take_profit", "price", lambda rows: [it.take_profit for it in rows.last_levels]),
    Column("planned_risk", "money", _each(lambda trade: trade.planned_risk or None)),
    Column("initial_risk", "money", _own("initial_risk")),
    Column("costs_paid", "money", _each(lambda trade: trade.gross - trade.net)),
    Column("costs_planned", "money", TradeRows.planned),
    Column("spread_points", "whole", _own("spread")),
    Column("open_slippage_points", "whole", attrgetter("open_slippages")),
    Column("close_slippage_points", "whole", attrgetter("close_slippages")),
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


def _decimals(digits: int, scale: float, values: list[float]) -> list[str]:
    """Each value by `scale` with so many decimals, all of them in one formatting."""
    if not values:
        return []
    forms = "\n".join([f"%.{digits}f"] * len(values))
    return (forms % tuple([value / scale for value in values])).split("\n")


def _prices(values: Sequence[float | None], rows: TradeRows) -> list[str]:
    """Points with the decimals of their symbol; nothing for none and for 0."""
    prices, digits = [value or None for value in values], rows.digits
    known = set(digits)
    if len(known) == 1:
        return rows.spelling(known.pop()).texts(prices)
    pairs = list(zip(prices, digits, strict=True))
    texts = {
        number: iter(rows.spelling(number).texts([value for value, own in pairs if own == number]))
        for number in known
    }
    return [next(texts[number]) for number in digits]


def _never_computed(values: list[str]) -> list[str]:
    """Texts that no spreadsheet program computes."""
    texts = list(map(str, values))
    begun = {text[:1] for text in texts}
    return texts if begun.isdisjoint(FORMULA) else list(map(never_computed, texts))


def _seconds(value: Millis) -> str:
    return f"{value / 1000:.3f}".rstrip("0").rstrip(".")


_SPELLED: Final[dict[str, Callable[[list[Any]], Iterable[str]]]] = {
    "lots": partial(_decimals, 2, UNITS_PER_LOT),
    "ratio": partial(_decimals, 4, 1),
    "seconds": partial(map, _seconds),
    "text": _never_computed,
    "whole": partial(map, str),
}


def cells(column: Column, rows: TradeRows) -> list[str]:
    """A column's cells: each value as text, and nothing where there is none."""
    values = column.values(rows)
    if column.kind == "price":
        return _prices(values, rows)
    if column.kind == "time":
        return _times(values)
    return rows.spelling(column.kind).texts(values)


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
