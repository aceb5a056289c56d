"""A run's trades, equity points and days as CSV, as Arrow tables and as Parquet.

One row a position, one a bar, one a day. CSV has prices with their symbol's digits, volumes and
money with two decimals, and nothing where there is no value; Arrow has numbers, times in
milliseconds UTC and null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from adapters.reports.projection import cash, iso, never_computed
from adapters.system.atomic_files import replace_file
from engine.result import RunResult, TradeRecord
from engine.result.costs import planned_cost, slippage_cost
from engine.result.curve import NO_FLOOR, Ints
from engine.types import Cents, SymbolSpec, lots

if TYPE_CHECKING:
    import pyarrow as pa


class _Row(NamedTuple):
    """A trade and what the run knows that it does not."""

    trade: TradeRecord
    session_id: str
    spec: SymbolSpec | None
    digits: int

    def price(self, points: float | None) -> float | None:
        """Points as a decimal price; None for none."""
        return points / float(10**self.digits) if points else None

    @property
    def slippage(self) -> Cents | None:
        return None if self.spec is None else slippage_cost(self.trade, self.spec)

    @property
    def planned(self) -> Cents | None:
        return None if self.spec is None else planned_cost(self.trade, self.spec)


def _rows(result: RunResult) -> list[_Row]:
    specs, session_id = result.terms.symbols, result.terms.session_id
    digits = {name: spec.digits for name, spec in specs.items()}
    return [
        _Row(trade, session_id, specs.get(trade.symbol), digits.get(trade.symbol, 0))
        for trade in result.trades
    ]


class _Column(NamedTuple):
    """A column: its name, how its CSV cells look, and its value."""

    name: str
    kind: str
    value: Callable[[_Row], Any]


def _usd(amount: Cents | None) -> float | None:
    return None if amount is None else amount / 100


_TRADES: Final[tuple[_Column, ...]] = (
    _Column("position", "whole", lambda row: row.trade.position),
    _Column("symbol", "text", lambda row: row.trade.symbol),
    _Column("direction", "text", lambda row: row.trade.side.word),
    _Column("volume", "money", lambda row: lots(row.trade.volume)),
    _Column("opened", "time", lambda row: row.trade.opened),
    _Column("open_price", "price", lambda row: row.price(row.trade.open_price)),
    _Column("closed", "time", lambda row: row.trade.closed),
    _Column("close_price", "price", lambda row: row.price(row.trade.close_price)),
    _Column("close_reason", "text", lambda row: row.trade.close_reason),
    _Column("stop_loss", "price", lambda row: row.price(row.trade.stop_loss)),
    _Column("take_profit", "price", lambda row: row.price(row.trade.take_profit)),
    _Column("gross", "money", lambda row: _usd(row.trade.gross)),
    _Column("commission", "money", lambda row: _usd(row.trade.commission)),
    _Column("swap", "money", lambda row: _usd(row.trade.swap)),
    _Column("net", "money", lambda row: _usd(row.trade.net)),
    _Column("r", "ratio", lambda row: row.trade.r),
    _Column("mae_r", "ratio", lambda row: row.trade.mae_r),
    _Column("mfe_r", "ratio", lambda row: row.trade.mfe_r),
    _Column("seconds", "seconds", lambda row: row.trade.seconds),
    _Column("strategy_id", "text", lambda row: row.trade.strategy_id),
    _Column("signal_id", "text", lambda row: row.trade.signal_id),
    _Column("variant", "text", lambda row: row.trade.variant),
    _Column("session_id", "text", lambda row: row.session_id),
    _Column("attempt", "whole", lambda row: row.trade.attempt or None),
    _Column("remaining", "money", lambda row: lots(row.trade.remaining)),
    _Column("final_stop_loss", "price", lambda row: row.price(row.trade.levels[-1].stop_loss)),
    _Column("final_take_profit", "price", lambda row: row.price(row.trade.levels[-1].take_profit)),
    _Column("planned_risk", "money", lambda row: _usd(row.trade.planned_risk or None)),
    _Column("initial_risk", "money", lambda row: _usd(row.trade.initial_risk)),
    _Column("costs_paid", "money", lambda row: _usd(row.trade.costs)),
    _Column("costs_planned", "money", lambda row: _usd(row.planned)),
    _Column("spread_points", "whole", lambda row: row.trade.spread),
    _Column("open_slippage_points", "whole", lambda row: row.trade.open_slippage),
    _Column("close_slippage_points", "whole", lambda row: row.trade.close_slippage),
    _Column("slippage", "money", lambda row: _usd(row.slippage)),
)

TRADE_COLUMNS: Final = tuple(column.name for column in _TRADES)
"""Columns of the trades table; further ones may be added at the end."""

EQUITY_COLUMNS: Final = (
    "time", "balance", "equity", "worst_equity", "day_floor", "overall_floor", "open_positions",
    "best_equity", "target",
)  # fmt: skip
"""Columns of the equity table; further ones may be added at the end."""

DAY_COLUMNS: Final = (
    "date", "day_start", "realised", "worst_equity", "opened", "trades", "denials",
)  # fmt: skip
"""Columns of the table of days."""


# --- CSV ---


def trades_csv(result: RunResult) -> bytes:
    """One row a position, in the order of their openings."""
    rows = _rows(result)
    return _csv(TRADE_COLUMNS, zip(*(_cells(column, rows) for column in _TRADES), strict=True))


def _cells(column: _Column, rows: Sequence[_Row]) -> list[str]:
    """A column's cells: each value as text, and nothing where there is none."""
    values = map(column.value, rows)
    if column.kind == "price":
        return [
            "" if value is None else f"{value:.{row.digits}f}"
            for value, row in zip(values, rows, strict=True)
        ]
    text = _TEXTS[column.kind]
    return ["" if value is None else text(value) for value in values]


_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "money": "{:.2f}".format,
    "ratio": "{:.4f}".format,
    "seconds": lambda value: f"{value:.3f}".rstrip("0").rstrip("."),
    "time": iso,
    "text": lambda value: never_computed(str(value)),
    "whole": str,
}


def equity_csv(result: RunResult) -> bytes:
    """One row a bar; a floor or target that does not exist is blank."""
    curve = result.curve
    amounts = _Amounts(curve.balance, curve.equity, curve.worst, curve.best)
    columns = (
        _iso_cells(curve.time),
        *amounts.columns[:3],
        _floor_cells(curve.day_floor),
        _floor_cells(curve.overall_floor),
        [str(count) for count in curve.open_positions.tolist()],
        amounts.columns[3],
        _floor_cells(curve.target),
    )
    lines = [",".join(EQUITY_COLUMNS), *map(",".join, zip(*columns, strict=True))]
    return ("\n".join(lines) + "\n").encode()


class _Amounts:
    """Columns of money as text; the same amount, in whatever column, is formatted once."""

    def __init__(self, *columns: Ints) -> None:
        amounts, places = np.unique(np.concatenate(columns), return_inverse=True)
        cells = np.array([cash(amount) for amount in amounts.tolist()], dtype=object)
        self.columns = [part.tolist() for part in np.split(cells[places], len(columns))]


def _iso_cells(times: Ints) -> list[str]:
    """As `iso`, for a column of whole seconds; others are formatted one by one."""
    if np.any(times % 1000):
        return [iso(moment) for moment in times.tolist()]
    stamps = np.datetime_as_string((times // 1000).astype("datetime64[s]"))
    return np.char.add(stamps, "+00:00").tolist() if len(times) else []


def _floor_cells(amounts: Ints) -> list[str]:
    """Money that hardly changes from row to row, blank where there is none."""
    levels, places = np.unique(amounts, return_inverse=True)
    known = ["" if level == NO_FLOOR else cash(level) for level in levels.tolist()]
    return np.array(known, dtype=object)[places].tolist() if known else []


def daily_csv(result: RunResult) -> bytes:
    """One row for each trading day on which something happened."""
    rows = (
        [
            day.date, cash(day.day_start), cash(day.realised),
            "" if day.worst is None else cash(day.worst),
            str(day.opened), str(day.trades), str(day.denials),
        ]
        for day in result.daily
    )  # fmt: skip
    return _csv(DAY_COLUMNS, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


# --- Arrow ---


def trades_table(result: RunResult) -> pa.Table:
    """The trades as an Arrow table."""
    import pyarrow as pa

    types = {
        "whole": pa.int64(),
        "text": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    rows = _rows(result)
    columns = {
        column.name: pa.array(
            [column.value(row) for row in rows], type=types.get(column.kind, pa.float64())
        )
        for column in _TRADES
    }
    return pa.table(columns)


def equity_table(result: RunResult) -> pa.Table:
    """The equity points as an Arrow table."""
    import pyarrow as pa

    curve = result.curve

    def floors(column: Any) -> pa.Array:
        return pa.array(column / 100, mask=np.asarray(column == NO_FLOOR))

    return pa.table(
        {
            "time": pa.array(curve.time, type=pa.timestamp("ms", tz="UTC")),
            "balance": curve.balance / 100,
            "equity": curve.equity / 100,
            "worst_equity": curve.worst / 100,
            "day_floor": floors(curve.day_floor),
            "overall_floor": floors(curve.overall_floor),
            "open_positions": curve.open_positions,
            "best_equity": curve.best / 100,
            "target": floors(curve.target),
        }
    )


def daily_table(result: RunResult) -> pa.Table:
    """The days as an Arrow table."""
    import pyarrow as pa

    days = result.daily
    floats = pa.float64()
    return pa.table(
        {
            "date": pa.array([day.date for day in days], type=pa.string()).cast(pa.date32()),
            "day_start": pa.array([day.day_start / 100 for day in days], type=floats),
            "realised": pa.array([day.realised / 100 for day in days], type=floats),
            "worst_equity": pa.array([_usd(day.worst) for day in days], type=floats),
            "opened": pa.array([day.opened for day in days], type=pa.int64()),
            "trades": pa.array([day.trades for day in days], type=pa.int64()),
            "denials": pa.array([day.denials for day in days], type=pa.int64()),
        }
    )


def as_parquet(table: pa.Table) -> bytes:
    """The table as the content of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table in one step; raises OSError and leaves the old file when it cannot."""
    replace_file(path, as_parquet(table))
