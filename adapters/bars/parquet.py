"""Bars from Parquet, a batch at a time, with the columns and types of `copy_rates_*`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.bars.column_names import NEEDED, PRICES, SYMBOL, ColumnChoice, columns_of
from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError, import_command
from adapters.bars.layouts import per_second
from adapters.bars.packed import whole
from adapters.bars.values import Symbol, as_written, bad_value, counted, range_fault
from engine.types import ClockName

MAGIC = b"PAR1"

_UTC = (None, "UTC", "Etc/UTC", "GMT", "+00:00")
"""The zones that a column of timestamps may have: None is that of the feed's server."""

# Read through a buffer of this many bytes instead of a whole row group at once, so that the
# memory stays small however the file was written.
_BUFFER_BYTES = 1 << 16


def parquet_clock(
    path: Path, choice: ColumnChoice | None = None
) -> tuple[ClockName | None, tuple[str, ...], str | None]:
    """Checks the columns of the Parquet file `path`; returns the clock that its types state.

    With it come the names of the columns that are ignored, and the symbol that the file names.

    Raises BarFileError when the file is damaged, empty, or not one of bars.
    """
    with _reading(path) as file:
        schema = file.schema_arrow
        names = _checked_names(path, schema.names, choice)
        for name, ours in names.items():
            _check_type(path, name, ours, schema.field(name).type)
        if file.metadata.num_rows == 0:
            raise BarFileError(path, "has no rows: export it again with a period that has bars")
        stamp = schema.field(next(name for name, ours in names.items() if ours == "time"))
        found = columns_of(path, schema.names, choice)
        utc = found.utc or getattr(stamp.type, "tz", None)
        pairs = zip(schema.names, found.names, strict=True)
        unread = tuple(f"column {name!r}" for name, ours in pairs if ours is None)
        return ("utc" if utc else None), unread, _first_symbol(file, names)


def _first_symbol(file: Any, names: dict[str, str]) -> str | None:
    column = next((name for name, ours in names.items() if ours == SYMBOL), None)
    if column is None:
        return None
    batch = next(file.iter_batches(1, columns=[column], use_threads=False))
    return str(batch.column(0)[0].as_py())


def read_parquet(
    path: Path, rows: int, choice: ColumnChoice | None = None
) -> Iterator[RateColumns]:
    """The bars of the Parquet file `path`, at most `rows` at a time."""
    with _reading(path) as file:
        names = _checked_names(path, file.schema_arrow.names, choice)
        first, symbol = 0, Symbol(path, "row")
        for batch in file.iter_batches(rows, columns=list(names), use_threads=False):
            arrays = {names[n]: batch.column(n) for n in names}
            if SYMBOL in arrays:
                symbol.check(arrays.pop(SYMBOL), first + 1)
            columns = _columns(path, arrays, first, {ours: name for name, ours in names.items()})
            first += len(columns)
            yield columns


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """The open file; whatever Arrow raises for damaged bytes becomes a BarFileError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(
            whole(path),
            buffer_size=_BUFFER_BYTES,
            page_checksum_verification=True,
            pre_buffer=False,
        ) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BarFileError(
            path, f"is damaged or cut off ({reason}): copy or export it again"
        ) from error


def _checked_names(path: Path, names: list[str], choice: ColumnChoice | None) -> dict[str, str]:
    """The file's columns that are read, with our names for them."""
    try:
        found = columns_of(path, names, choice)
    except BarFileError as error:
        raise BarFileError(path, str(error).split(" line 1: ", 1)[-1]) from None
    ours = {name: our for name, our in zip(names, found.names, strict=True) if our is not None}
    if "clock" in ours.values():
        raise BarFileError(path, "has date and time in two columns: save them as one")
    ours = {name: "time" if our == "date" else our for name, our in ours.items()}
    return {name: our for name, our in ours.items() if our != "real_volume"}


def _check_type(path: Path, name: str, ours: str, kind: Any) -> None:
    """Refuses a column type whose values would have to be guessed or rounded."""
    import pyarrow.types as pt

    if ours == SYMBOL:
        return
    if ours in PRICES:
        good, due = pt.is_float64(kind) or pt.is_float32(kind), "64-bit floats"
    elif ours == "time":
        good = pt.is_integer(kind) or (pt.is_timestamp(kind) and kind.tz in _UTC)
        due = "whole epoch seconds, or timestamps without a zone or in UTC"
    else:
        good, due = pt.is_integer(kind) or pt.is_floating(kind), "integers"
    if not good:
        raise BarFileError(path, f"column {name!r} is of type {kind}: save it as {due}")


def _columns(path: Path, arrays: dict[str, Any], first: int, labels: dict[str, str]) -> RateColumns:
    """The bars of a batch whose first row is `first`; `labels` are the file's names by ours."""
    for name, array in arrays.items():
        if array.null_count:
            row = first + int(np.argmax(array.is_null().to_numpy(zero_copy_only=False))) + 1
            remedy = f"export again{_without(path, name, labels)}"
            raise BarFileError(path, f"column {labels[name]!r} has no value: {remedy}", row, "row")
    counts, rounded = _counts(path, arrays, "tick_volume", first, labels)
    columns = RateColumns(
        time=_seconds(path, arrays["time"], first),
        open=_prices(arrays["open"]),
        high=_prices(arrays["high"]),
        low=_prices(arrays["low"]),
        close=_prices(arrays["close"]),
        tick_volume=counts,
        spread=_counts(path, arrays, "spread", first, labels)[0],
        first_row=first,
        rounded=rounded,
    )
    fault = range_fault(columns)
    if fault is not None:
        index, name, value = fault
        message = f"column {labels[name]!r}: {bad_value(name, value)}"
        raise BarFileError(path, message, first + index + 1, "row")
    return columns


def _without(path: Path, name: str, labels: dict[str, str]) -> str:
    """The other remedy for a column that bars do not need."""
    if name in NEEDED:
        return ""
    return f", or leave it out with {import_command(path, '--drop', labels[name])}"


def _prices(array: Any) -> NDArray[np.float64]:
    return as_written(array.to_numpy().astype(np.float64))


def _counts(
    path: Path, arrays: dict[str, Any], name: str, first: int, labels: dict[str, str]
) -> tuple[NDArray[np.int64], bool]:
    """A column of counts, and whether any had parts, as volumes of some exports have."""
    if name not in arrays:
        return np.zeros(len(arrays["time"]), dtype=np.int64), False
    values = arrays[name].to_numpy()
    whole_ones = np.rint(values)
    bad = ~np.isfinite(whole_ones) | (np.abs(whole_ones) >= 2.0**63)
    if name == "spread":
        bad |= whole_ones != values
    if bad.any():
        place = int(np.argmax(bad))
        raise BarFileError(
            path,
            f"column {labels[name]!r}: {values[place]} is not a whole number: save it as integers"
            f"{_without(path, name, labels)}",
            first + place + 1,
            "row",
        )
    if name == "spread":
        return whole_ones.astype(np.int64), False
    return counted(values) if values.dtype.kind == "f" else (values.astype(np.int64), False)


def _seconds(path: Path, array: Any, first: int) -> NDArray[np.int64]:
    """The time column in epoch seconds; a timestamp with a part of a second is refused."""
    import pyarrow.types as pt

    if not pt.is_timestamp(array.type):
        ticks = array.to_numpy().astype(np.int64)
        parts = per_second(str(ticks[0])) if len(ticks) else 1
    else:
        ticks = array.view("int64").to_numpy()
        parts = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    seconds, rest = np.divmod(ticks, parts)
    if rest.any():
        row = first + int(np.argmax(rest != 0)) + 1
        raise BarFileError(
            path, "column 'time' has parts of a second: save whole seconds", row, "row"
        )
    result: NDArray[np.int64] = seconds.astype(np.int64)
    return result
