"""A run's trades and equity points as CSV; these and its days as Arrow tables and as Parquet.

One row a position, one a bar, one a day. CSV has prices with their symbol's digits, volumes with
two decimals, money with those of the account's currency, and nothing where there is no value;
Arrow has numbers, times in
milliseconds UTC and null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adapters.reports.projection import cash_in
from adapters.reports.trade_columns import COLUMNS, Column, TradeRows, cells, decimals, iso_texts
from adapters.system.atomic_files import replace_file
from engine.result import RunResult
from engine.result.curve import NO_FLOOR, Ints
from engine.types import Cents
from engine.types import decimals as decimals_of

if TYPE_CHECKING:
    import pyarrow as pa


TRADE_COLUMNS: Final = tuple(column.name for column in COLUMNS)
"""Columns of the trades table; further ones may be added at the end."""

EQUITY_COLUMNS: Final = (
    "time", "balance", "equity", "worst_equity", "day_floor", "overall_floor", "open_positions",
    "best_equity", "target",
)  # fmt: skip
"""Columns of the equity table; further ones may be added at the end."""

# --- CSV ---


def trades_csv(result: RunResult) -> bytes:
    """One row a position, in the order of their openings."""
    rows = TradeRows.of(result)
    lines = [
        ",".join(TRADE_COLUMNS),
        *map(",".join, zip(*(_in_row(column, rows) for column in COLUMNS), strict=True)),
    ]
    return ("\n".join(lines) + "\n").encode()


_TO_BE_QUOTED: Final = re.compile(r'[",\r\n]').search


def _in_row(column: Column, rows: TradeRows) -> list[str]:
    """A column's cells as they stand in a row: texts in quotes where they need them."""
    found = cells(column, rows)
    if column.kind != "text" or not _TO_BE_QUOTED("".join(found)):
        return found
    return ['"' + cell.replace('"', '""') + '"' if _TO_BE_QUOTED(cell) else cell for cell in found]


def equity_csv(result: RunResult) -> bytes:
    """One row a bar; a floor or target that does not exist is blank."""
    curve = result.curve
    figures = np.stack(
        [
            curve.balance, curve.equity, curve.worst, curve.day_floor, curve.overall_floor,
            curve.open_positions, curve.best, curve.target,
        ]
    )  # fmt: skip
    # While nothing is open each row repeats the one before: what differs is formatted.
    differs = np.any(np.diff(figures, axis=1) != 0, axis=0)
    new = np.append(np.ones(min(len(curve), 1), dtype=bool), differs)
    ends = np.array(_figure_cells(figures[:, new], cash_in(result.terms.currency)), dtype=object)[
        np.cumsum(new) - 1
    ]
    lines = [
        ",".join(EQUITY_COLUMNS),
        *map(",".join, zip(iso_texts(curve.time), ends, strict=True)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _figure_cells(figures: Ints, cash: Callable[[Cents], str]) -> list[str]:
    """What stands behind the time in each row."""
    balance, equity, worst, day_floor, overall_floor, count, best, target = figures
    amounts = _Amounts(cash, balance, equity, worst, best)
    columns = (
        *amounts.columns[:3],
        _floor_cells(day_floor, cash),
        _floor_cells(overall_floor, cash),
        map(str, count.tolist()),
        amounts.columns[3],
        _floor_cells(target, cash),
    )
    return list(map(",".join, zip(*columns, strict=True)))


class _Amounts:
    """Columns of money as text; the same amount, in whatever column, is formatted once."""

    def __init__(self, cash: Callable[[Cents], str], *columns: Ints) -> None:
        amounts, places = np.unique(np.concatenate(columns), return_inverse=True)
        cells = np.array([cash(amount) for amount in amounts.tolist()], dtype=object)
        self.columns = [part.tolist() for part in np.split(cells[places], len(columns))]


def _floor_cells(amounts: Ints, cash: Callable[[Cents], str]) -> list[str]:
    """Money that hardly changes from row to row, blank where there is none."""
    levels, places = np.unique(amounts, return_inverse=True)
    known = ["" if level == NO_FLOOR else cash(level) for level in levels.tolist()]
    return np.array(known, dtype=object)[places].tolist() if known else []


# --- Arrow ---


def trades_table(result: RunResult) -> pa.Table:
    """The trades as an Arrow table."""
    import pyarrow as pa

    types = {
        "whole": pa.int64(),
        "text": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    rows = TradeRows.of(result)
    columns = {
        column.name: pa.array(decimals(column, rows), type=types.get(column.kind, pa.float64()))
        for column in COLUMNS
    }
    return pa.table(columns)


def equity_table(result: RunResult) -> pa.Table:
    """The equity points as an Arrow table."""
    import pyarrow as pa

    curve, currency = result.curve, result.terms.currency

    def money(column: Ints) -> Any:
        return column / 100 if decimals_of(currency) else whole_units(column)

    def floors(column: Ints) -> pa.Array:
        return pa.array(money(column), mask=np.asarray(column == NO_FLOOR))

    return pa.table(
        {
            "time": pa.array(curve.time, type=pa.timestamp("ms", tz="UTC")),
            "balance": money(curve.balance),
            "equity": money(curve.equity),
            "worst_equity": money(curve.worst),
            "day_floor": floors(curve.day_floor),
            "overall_floor": floors(curve.overall_floor),
            "open_positions": curve.open_positions,
            "best_equity": money(curve.best),
            "target": floors(curve.target),
        }
    )


def whole_units(cents: Ints) -> Any:
    """Amounts in units of a currency without decimals, half away from zero as the account books."""
    return np.sign(cents) * ((np.abs(cents) + 50) // 100).astype(np.float64)


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
            "worst_equity": pa.array(
                [None if day.worst is None else day.worst / 100 for day in days], type=floats
            ),
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
