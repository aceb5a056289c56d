"""Bars from Parquet, a batch at a time, with the columns and types of `copy_rates_*`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError
from adapters.bars.layouts import KNOWN_COLUMNS, NEEDED, PRICES
from adapters.bars.values import bad_value, range_fault
from engine.types import ClockName

MAGIC = b"PAR1"

# Read through a buffer of this many bytes instead of a whole row group at once, so that the
# memory stays small however the file was written.
_BUFFER_BYTES = 1 << 16

_PANDAS_INDEX = "__index_level_0__"


def parquet_clock(path: Path) -> ClockName | None:
    """Checks the columns of the Parquet file `path`; returns the clock that its types state.

    Raises BarFileError when the file is damaged, empty, or not one of bars.
    """
    with _reading(path) as file:
        schema = file.schema_arrow
        names = _checked_names(path, schema.names)
        for name, ours in names.items():
            _check_type(path, name, ours, schema.field(name).type)
        if file.metadata.num_rows == 0:
            raise BarFileError(path, "has no rows: export it again with a period that has bars")
        stamp = schema.field(next(name for name, ours in names.items() if ours == "time"))
        return "utc" if stamp.name == "time_utc" or getattr(stamp.type, "tz", None) else None


def read_parquet(path: Path, rows: int) -> Iterator[RateColumns]:
    """The bars of the Parquet file `path`, at most `rows` at a time."""
    with _reading(path) as file:
        names = _checked_names(path, file.schema_arrow.names)
        first = 0
        for batch in file.iter_batches(rows, columns=list(names), use_threads=False):
            columns = _columns(path, {names[n]: batch.column(n) for n in names}, first)
            first += len(columns)
            yield columns


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """The open file; whatever Arrow raises for damaged bytes becomes a BarFileError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(
            path, buffer_size=_BUFFER_BYTES, page_checksum_verification=True, pre_buffer=False
        ) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BarFileError(
            path, f"is damaged or cut off ({reason}): copy or export it again"
        ) from error


def _checked_names(path: Path, names: list[str]) -> dict[str, str]:
    """The file's columns that are read, with our names for them."""
    ours = {name: "time" if name == "time_utc" else name for name in names}
    ours.pop(_PANDAS_INDEX, None)
    for name in ours:
        if ours[name] not in KNOWN_COLUMNS:
            raise BarFileError(
                path,
                f"column {name!r} is not one of a bar file's: keep only {', '.join(KNOWN_COLUMNS)}",
            )
    doubled = [n for n in names if names.count(n) > 1] or (
        ["time"] if list(ours.values()).count("time") > 1 else []
    )
    if doubled:
        raise BarFileError(path, f"column {doubled[0]!r} is there twice: keep one")
    missing = [name for name in NEEDED if name not in ours.values()]
    if missing:
        raise BarFileError(path, f"has no column {', '.join(missing)}: export it again with it")
    return {name: our for name, our in ours.items() if our != "real_volume"}


def _check_type(path: Path, name: str, ours: str, kind: Any) -> None:
    """Refuses a column type whose values would have to be guessed or rounded."""
    import pyarrow.types as pt

    if ours in PRICES:
        good, due = pt.is_float64(kind), "64-bit floats"
    elif ours == "time":
        good = pt.is_integer(kind) or (pt.is_timestamp(kind) and kind.tz in (None, "UTC"))
        due = "whole epoch seconds, or timestamps without a zone or in UTC"
    else:
        good, due = pt.is_integer(kind), "integers"
    if not good:
        raise BarFileError(path, f"column {name!r} is of type {kind}: save it as {due}")


def _columns(path: Path, arrays: dict[str, Any], first: int) -> RateColumns:
    for name, array in arrays.items():
        if array.null_count:
            row = first + int(np.argmax(array.is_null().to_numpy(zero_copy_only=False))) + 1
            raise BarFileError(path, f"column {name!r} has no value: export again", row, "row")
    zeros = np.zeros(len(arrays["time"]), dtype=np.int64)
    columns = RateColumns(
        time=_seconds(path, arrays["time"], first),
        open=arrays["open"].to_numpy(),
        high=arrays["high"].to_numpy(),
        low=arrays["low"].to_numpy(),
        close=arrays["close"].to_numpy(),
        tick_volume=_integers(arrays, "tick_volume", zeros),
        spread=_integers(arrays, "spread", zeros),
        first_row=first,
    )
    fault = range_fault(columns)
    if fault is not None:
        index, name, value = fault
        message = f"column {name!r}: {bad_value(name, value)}"
        raise BarFileError(path, message, first + index + 1, "row")
    return columns


def _integers(arrays: dict[str, Any], name: str, zeros: NDArray[np.int64]) -> NDArray[np.int64]:
    if name not in arrays:
        return zeros
    values: NDArray[np.int64] = arrays[name].to_numpy().astype(np.int64)
    return values


def _seconds(path: Path, array: Any, first: int) -> NDArray[np.int64]:
    """The time column in epoch seconds; a timestamp with a part of a second is refused."""
    import pyarrow.types as pt

    if not pt.is_timestamp(array.type):
        whole: NDArray[np.int64] = array.to_numpy().astype(np.int64)
        return whole
    ticks = array.view("int64").to_numpy()
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    seconds, rest = np.divmod(ticks, per_second)
    if rest.any():
        row = first + int(np.argmax(rest != 0)) + 1
        raise BarFileError(
            path, "column 'time' has parts of a second: save whole seconds", row, "row"
        )
    result: NDArray[np.int64] = seconds.astype(np.int64)
    return result
