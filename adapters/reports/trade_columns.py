"""The columns of the table of trades: what each holds, as text of a CSV file or as Arrow values.

A column's values are the engine's own (points, cents, volume units, milliseconds) and are turned
into text or decimals here, column by column: a value that stands in many rows is formatted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from adapters.reports.projection import cash, iso, never_computed
from engine.result import RunResult, TradeRecord
from engine.result.costs import planned_cost, slippage_cost
from engine.result.curve import Ints
from engine.types import UNITS_PER_LOT, Cents, Millis, Points, SymbolSpec, Units, lots


@dataclass(frozen=True)
class TradeRows:
    """A run's trades and what the run knows that they do not."""

    trades: Sequence[TradeRecord]
    session_id: str
    specs: Mapping[str, SymbolSpec]
    _planned: dict[tuple[str, Units], Cents] = field(default_factory=dict)

    @classmethod
    def of(cls, result: RunResult) -> TradeRows:
        return cls(result.trades, result.terms.session_id, result.terms.symbols)

    @property
    def digits(self) -> list[int]:
        """The decimals of each trade's prices."""
        known = {name: spec.digits for name, spec in self.specs.items()}
        return [known.get(trade.symbol, 0) for trade in self.trades]

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


class _Column(NamedTuple):
    """A column: its name, the kind of its values, and these."""

    name: str
    kind: str
    values: Callable[[TradeRows], Sequence[Any]]


def _each(value: Callable[[TradeRecord], Any]) -> Callable[[TradeRows], Sequence[Any]]:
    return lambda rows: list(map(value, rows.trades))


def _close_price(trade: TradeRecord) -> Points | float | None:
    """Of most trades that of their only closing deal."""
    return trade.parts[0].price if len(trade.parts) == 1 else trade.close_price


def _open_for(trade: TradeRecord) -> Millis | None:
    return None if trade.closed is None else trade.closed - trade.opened


COLUMNS: Final[tuple[_Column, ...]] = (
    _Column("position", "whole", _each(lambda trade: trade.position)),
    _Column("symbol", "text", _each(lambda trade: trade.symbol)),
    _Column("direction", "text", _each(lambda trade: trade.side.word)),
    _Column("volume", "lots", _each(lambda trade: trade.volume)),
    _Column("opened", "time", _each(lambda trade: trade.opened)),
    _Column("open_price", "price", _each(lambda trade: trade.open_price)),
    _Column("closed", "time", _each(lambda trade: trade.closed)),
    _Column("close_price", "price", _each(_close_price)),
    _Column("close_reason", "text", _each(lambda trade: trade.close_reason)),
    _Column("stop_loss", "price", _each(lambda trade: trade.stop_loss)),
    _Column("take_profit", "price", _each(lambda trade: trade.take_profit)),
    _Column("gross", "money", _each(lambda trade: trade.gross)),
    _Column("commission", "money", _each(lambda trade: trade.net - trade.gross - trade.swap)),
    _Column("swap", "money", _each(lambda trade: trade.swap)),
    _Column("net", "money", _each(lambda trade: trade.net)),
    _Column("r", "ratio", _each(lambda trade: trade.r)),
    _Column("mae_r", "ratio", _each(lambda trade: trade.mae_r)),
    _Column("mfe_r", "ratio", _each(lambda trade: trade.mfe_r)),
    _Column("seconds", "seconds", _each(_open_for)),
    _Column("strategy_id", "text", _each(lambda trade: trade.strategy_id)),
    _Column("signal_id", "text", _each(lambda trade: trade.signal_id)),
    _Column("variant", "text", _each(lambda trade: trade.variant)),
    _Column("session_id", "text", lambda rows: [rows.session_id] * len(rows.trades)),
    _Column("attempt", "whole", _each(lambda trade: trade.attempt or None)),
    _Column("remaining", "lots", _each(lambda trade: trade.remaining)),
    _Column("final_stop_loss", "price", _each(lambda trade: trade.levels[-1].stop_loss)),
    _Column("final_take_profit", "price", _each(lambda trade: trade.levels[-1].take_profit)),
    _Column("planned_risk", "money", _each(lambda trade: trade.planned_risk or None)),
    _Column("initial_risk", "money", _each(lambda trade: trade.initial_risk)),
    _Column("costs_paid", "money", _each(lambda trade: trade.gross - trade.net)),
    _Column("costs_planned", "money", TradeRows.planned),
    _Column("spread_points", "whole", _each(lambda trade: trade.spread)),
    _Column("open_slippage_points", "whole", _each(lambda trade: trade.open_slippage)),
    _Column("close_slippage_points", "whole", _each(lambda trade: trade.close_slippage)),
    _Column("slippage", "money", TradeRows.slippages),
)


# --- text ---


class _Texts(dict[Any, str]):
    """The text of each value that was asked for; nothing for None."""

    def __init__(self, text: Callable[[Any], str]) -> None:
        super().__init__({None: ""})
        self._text = text

    def __missing__(self, value: Any) -> str:
        text = self[value] = self._text(value)
        return text


def texts(values: Iterable[Any], text: Callable[[Any], str]) -> list[str]:
    """Each value as `text` spells it; the same value, wherever it stands, is spelled once."""
    return list(map(_Texts(text).__getitem__, values))


def iso_texts(times: Ints) -> list[str]:
    """As `iso`, for a column of whole seconds; others are formatted one by one."""
    if np.any(times % 1000):
        return [iso(moment) for moment in times.tolist()]
    stamps = np.datetime_as_string((times // 1000).astype("datetime64[s]"))
    return np.char.add(stamps, "+00:00").tolist() if len(times) else []


def _times(values: Sequence[Millis | None]) -> list[str]:
    if None in values:
        return texts(values, iso)
    return iso_texts(np.array(values, dtype=np.int64))


def _prices(values: Sequence[float | None], rows: TradeRows) -> list[str]:
    """Points with the decimals of their symbol; nothing for none and for 0."""
    digits = rows.digits
    known = {number: _Texts(_decimal(number)) for number in set(digits)}
    return [
        known[number][value] if value else "" for number, value in zip(digits, values, strict=True)
    ]


def _decimal(digits: int) -> Callable[[float], str]:
    scale, text = float(10**digits), f"{{:.{digits}f}}".format
    return lambda points: text(points / scale)


def _seconds(value: Millis) -> str:
    return f"{value / 1000:.3f}".rstrip("0").rstrip(".")


_SPELLED: Final[dict[str, Callable[[Any], str]]] = {
    "lots": lambda value: f"{value / UNITS_PER_LOT:.2f}",
    "money": cash,
    "ratio": "{:.4f}".format,
    "seconds": _seconds,
    "text": lambda value: never_computed(str(value)),
    "whole": str,
}


def cells(column: _Column, rows: TradeRows) -> list[str]:
    """A column's cells: each value as text, and nothing where there is none."""
    values = column.values(rows)
    if column.kind == "price":
        return _prices(values, rows)
    if column.kind == "time":
        return _times(values)
    return texts(values, _SPELLED[column.kind])


# --- decimals ---

_DECIMALS: Final[dict[str, Callable[[Any], float]]] = {
    "lots": lots,
    "money": lambda value: value / 100,
    "seconds": lambda value: value / 1000,
}


def decimals(column: _Column, rows: TradeRows) -> list[Any]:
    """A column's values as a reader expects them: prices, money, lots and seconds as decimals."""
    values = column.values(rows)
    if column.kind == "price":
        return [
            value / float(10**digits) if value else None
            for digits, value in zip(rows.digits, values, strict=True)
        ]
    decimal = _DECIMALS.get(column.kind)
    if decimal is None:
        return list(values)
    return [None if value is None else decimal(value) for value in values]
