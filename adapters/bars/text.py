"""Bars from text: blocks of lines through Arrow's CSV parser, checked, a line number for each row.

Each block is parsed on its own, fast and strictly typed. Only when something is wrong with one
is it read a second time, line by line, to say which line and field it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from adapters.bars.column_names import PRICES, SYMBOL
from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError, import_command, shown
from adapters.bars.layouts import BLANKS, Layout, not_a_time, wrong_count
from adapters.bars.lines import blocks, split
from adapters.bars.loose_times import in_fixed_shape
from adapters.bars.time_text import seconds_of
from adapters.bars.values import Symbol, as_written, bad_value, counted, range_fault

_WHOLE = ("spread",)

# The numbers that the parser takes; Python's own int() and float() also take 1_000.
_WHOLE_NUMBER = re.compile(r"\s*(-?\d{1,18})(?:[.]0*)?\s*")
_THOUSANDS = re.compile(
    r"\d{1,3}(?:([,.'\s])\d{3})(?:\1\d{3})*(?:[.,]\d+)|\d{1,3}(?:['\s]\d{3})+|\d{1,3}(?:,\d{3}){2,}"
)
_MAYBE_THOUSANDS = re.compile(r"\d{1,3},\d{3}")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+[.]?\d*|[.]\d+)(?:[eE][+-]?\d+)?\s*")


def read_text(
    path: Path, layout: Layout, encoding: str, *, wall: bool = False
) -> Iterator[RateColumns]:
    """The bars of the text file `path`, a block of about a megabyte of text at a time.

    Times that name their offset from UTC become UTC, with `wall` what the clock on the wall showed.
    Raises BarFileError at the first line that is not a bar of `layout`.
    """
    row, symbol = 0, Symbol(path)
    skip = layout.before
    for line, whole in blocks(path, encoding):
        block, first = whole, line
        while skip and block:
            skip -= 1
            block, first = block[block.index(b"\n") + 1 :], first + 1
        if not block:
            continue
        if layout.loose:
            block = in_fixed_shape(block, layout.delimiter, layout.loose)
        columns = _parse(path, layout, block, first, row, symbol, wall=wall)
        row += len(columns)
        yield columns


def _parse(
    path: Path, layout: Layout, block: bytes, line: int, row: int, symbol: Symbol, *, wall: bool
) -> RateColumns:
    import pyarrow as pa

    try:
        table = _arrow_table(layout, block)
    except pa.ArrowInvalid as error:
        _explain(path, layout, block, line, str(error))
    if table.num_rows != block.count(b"\n"):
        _explain(path, layout, block, line, "a stray line end")
    if SYMBOL in table.column_names:
        symbol.check(table[SYMBOL], line)
    columns = _columns(path, layout, table, block, line, row, wall=wall)
    fault = range_fault(columns)
    if fault is not None:
        index, name, value = fault
        label = _label(layout, name)
        raise BarFileError(path, f"{label}: {bad_value(name, value)}", line + index)
    return columns


def _arrow_table(layout: Layout, block: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc

    read = [name for name in layout.columns if not name.startswith("#")]
    types = {name: pa.float64() for name in read}
    types |= {name: pa.string() for name in read if name == SYMBOL}
    types |= {name: pa.binary(len(shape)) for name, shape in layout.templates.items()}
    return pc.read_csv(
        pa.BufferReader(block),
        read_options=pc.ReadOptions(
            column_names=list(layout.columns), use_threads=False, block_size=len(block) + 1
        ),
        parse_options=pc.ParseOptions(delimiter=layout.delimiter),
        convert_options=pc.ConvertOptions(
            column_types=types,
            include_columns=read,
            null_values=[],
            strings_can_be_null=False,
            decimal_point=layout.decimal,
        ),
    )


def _columns(
    path: Path, layout: Layout, table: Any, block: bytes, line: int, row: int, *, wall: bool
) -> RateColumns:
    time = np.zeros(table.num_rows, dtype=np.int64)
    for name in ("time", "date", "clock"):
        if name not in layout.columns:
            continue
        if name not in layout.templates:
            time += _epoch(path, layout, table[name].to_numpy(), block, line)
            continue
        seconds, good = seconds_of(layout.templates[name], _raw(table[name]), wall=wall)
        if not good.all():
            _explain(path, layout, block, line, "a date or time that does not exist")
        time += seconds
    volume = _optional(table, "tick_volume")
    if not np.isfinite(volume).all() or not np.isfinite(_optional(table, "real_volume")).all():
        _explain(path, layout, block, line, "a volume that is no number")
    spread = _optional(table, "spread")
    if not (np.isfinite(spread) & (spread == np.rint(spread)) & (abs(spread) < 2**53)).all():
        _explain(path, layout, block, line, "a spread that is not whole")
    counts, rounded = counted(volume)
    return RateColumns(
        time=time,
        open=as_written(table["open"].to_numpy()),
        high=as_written(table["high"].to_numpy()),
        low=as_written(table["low"].to_numpy()),
        close=as_written(table["close"].to_numpy()),
        tick_volume=counts,
        spread=spread.astype(np.int64),
        first_row=row,
        rounded=rounded,
    )


def _epoch(
    path: Path, layout: Layout, values: NDArray[Any], block: bytes, line: int
) -> NDArray[np.int64]:
    """Seconds of epoch times that are counted in parts of a second."""
    whole = np.isfinite(values) & (values >= -(2**62)) & (values < 2**62)
    if not whole.all() or (np.where(whole, values, 0) % layout.per_second).any():
        _explain(path, layout, block, line, "a time that is not in whole seconds")
    return (values // layout.per_second).astype(np.int64)


def _raw(column: Any) -> NDArray[np.uint8]:
    """A fixed-width column of bytes as a matrix, a row per value."""
    array = column.combine_chunks()
    width = array.type.byte_width
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    start = array.offset * width
    return data[start : start + len(array) * width].reshape(len(array), width)


def _optional(table: Any, name: str) -> NDArray[Any]:
    if name not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.int64)
    values: NDArray[Any] = table[name].to_numpy()
    return values


def _label(layout: Layout, name: str) -> str:
    if name == "time" and "time" not in layout.columns:
        name = "date"
    return layout.labels[layout.columns.index(name)]


def _explain(path: Path, layout: Layout, block: bytes, line: int, reason: str) -> NoReturn:
    """Raises the error of the first bad line of `block`, whose first line is number `line`."""
    for number, raw in enumerate(block.split(b"\n")[:-1], line):
        message = _fault_of(path, layout, raw.removesuffix(b"\r"))
        if message is not None:
            raise BarFileError(path, message, number)
    last = line + block.count(b"\n") - 1
    raise BarFileError(path, f"lines up to {last} cannot be read ({reason}): export again", line)


def _fault_of(path: Path, layout: Layout, raw: bytes) -> str | None:
    """What is wrong with one line, or None."""
    if not raw.strip(BLANKS.encode()):
        return "is blank: remove it or export the file again"
    if b"\r" in raw:
        return "has a carriage return inside: end lines with CRLF or LF and export again"
    fields = split(raw.decode(), layout.delimiter)
    if len(fields) != len(layout.columns):
        return wrong_count(fields, len(layout.columns), layout.delimiter)
    for name, label, value in zip(layout.columns, layout.labels, fields, strict=True):
        if name.startswith("#") or name == SYMBOL:
            continue
        message = _field_fault(layout, name, label, value)
        if message is not None:
            needless = name not in ("time", "date", "clock", *PRICES) and label.startswith("column")
            column = label.removeprefix("column ").strip("'\"")
            left_out = f", or leave it out with {import_command(path, '--drop', column)}"
            return message + (left_out if needless else "")
    return None


def _field_fault(layout: Layout, name: str, label: str, value: str) -> str | None:
    if value.strip().lower() == name:
        return f"{label}: {shown(value)} begins a second table: give one table per file"
    template = layout.templates.get(name)
    if template is not None:
        matrix = np.frombuffer(value.encode(), dtype=np.uint8).reshape(1, -1)
        if matrix.shape[1] == len(template) and seconds_of(template, matrix)[1].all():
            return None
        return not_a_time(label, value, layout.written(name))
    if name == "time" or name in _WHOLE:
        whole = _WHOLE_NUMBER.fullmatch(value)
        if whole and (name != "time" or int(whole[1]) % layout.per_second == 0):
            return None
        unit = "points" if name == "spread" else _EPOCHS[layout.per_second]
        return f"{label}: {shown(value)} is not a whole number of {unit}: correct the line"
    if _NUMBER.fullmatch(value.replace(",", ".") if layout.decimal == "," else value):
        return None
    return f"{label}: {shown(value)} is not a number: {_remedy(value)}"


_EPOCHS = {
    1: "epoch seconds",
    10**3: "epoch milliseconds as the first row's is, in whole seconds",
    10**6: "epoch microseconds as the first row's is, in whole seconds",
    10**9: "epoch nanoseconds as the first row's is, in whole seconds",
}


def _remedy(value: str) -> str:
    if _THOUSANDS.fullmatch(value.strip()):
        return "it has thousands separators; export numbers without them"
    if _MAYBE_THOUSANDS.fullmatch(value.strip()):
        return (
            "its comma may be one of thousands; export numbers without separators, and decimals "
            "with a point, not a comma"
        )
    return "export decimals with a point, not a comma" if "," in value else "correct the line"
