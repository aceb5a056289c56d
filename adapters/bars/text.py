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

from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError, shown
from adapters.bars.layouts import Layout, not_a_time, split, wrong_count
from adapters.bars.lines import blocks
from adapters.bars.time_text import seconds_of
from adapters.bars.values import bad_value, range_fault

_WHOLE = ("spread",)

# The numbers that the parser takes; Python's own int() and float() also take 1_000.
_WHOLE_NUMBER = re.compile(r"\s*-?\d{1,18}\s*")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+[.]?\d*|[.]\d+)(?:[eE][+-]?\d+)?\s*")


def read_text(path: Path, layout: Layout, encoding: str) -> Iterator[RateColumns]:
    """The bars of the text file `path`, a block of about a megabyte of text at a time.

    Raises BarFileError at the first line that is not a bar of `layout`.
    """
    row = 0
    skip = layout.header
    for line, whole in blocks(path, encoding):
        block, first = whole, line
        if skip:
            skip = False
            block, first = whole[whole.index(b"\n") + 1 :], line + 1
        if not block:
            continue
        columns = _parse(path, layout, block, first, row)
        row += len(columns)
        yield columns


def _parse(path: Path, layout: Layout, block: bytes, line: int, row: int) -> RateColumns:
    import pyarrow as pa

    try:
        table = _arrow_table(layout, block)
    except pa.ArrowInvalid as error:
        _explain(path, layout, block, line, str(error))
    if table.num_rows != block.count(b"\n"):
        _explain(path, layout, block, line, "a stray line end")
    columns = _columns(path, layout, table, block, line, row)
    fault = range_fault(columns)
    if fault is not None:
        index, name, value = fault
        label = _label(layout, name)
        raise BarFileError(path, f"{label}: {bad_value(name, value)}", line + index)
    return columns


def _arrow_table(layout: Layout, block: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc

    types = {name: pa.float64() for name in layout.columns}
    types |= {name: pa.int64() for name in (*_WHOLE, "time") if name in layout.columns}
    types |= {name: pa.binary(len(shape)) for name, shape in layout.templates.items()}
    return pc.read_csv(
        pa.BufferReader(block),
        read_options=pc.ReadOptions(
            column_names=list(layout.columns), use_threads=False, block_size=len(block) + 1
        ),
        parse_options=pc.ParseOptions(delimiter=layout.delimiter),
        convert_options=pc.ConvertOptions(
            column_types=types, null_values=[], strings_can_be_null=False
        ),
    )


def _columns(
    path: Path, layout: Layout, table: Any, block: bytes, line: int, row: int
) -> RateColumns:
    time = np.zeros(table.num_rows, dtype=np.int64)
    for name in ("time", "date", "clock"):
        if name not in layout.columns:
            continue
        if name not in layout.templates:
            time += table[name].to_numpy()
            continue
        seconds, good = seconds_of(layout.templates[name], _raw(table[name]))
        if not good.all():
            _explain(path, layout, block, line, "a date or time that does not exist")
        time += seconds
    volume = _optional(table, "tick_volume")
    if not np.isfinite(volume).all() or not np.isfinite(_optional(table, "real_volume")).all():
        _explain(path, layout, block, line, "a volume that is no number")
    return RateColumns(
        time=time,
        open=table["open"].to_numpy(),
        high=table["high"].to_numpy(),
        low=table["low"].to_numpy(),
        close=table["close"].to_numpy(),
        tick_volume=np.rint(volume).astype(np.int64),
        spread=_optional(table, "spread").astype(np.int64),
        first_row=row,
    )


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
        message = _fault_of(layout, raw.removesuffix(b"\r"))
        if message is not None:
            raise BarFileError(path, message, number)
    last = line + block.count(b"\n") - 1
    raise BarFileError(path, f"lines up to {last} cannot be read ({reason}): export again", line)


def _fault_of(layout: Layout, raw: bytes) -> str | None:
    """What is wrong with one line, or None."""
    if not raw.strip():
        return "is blank: remove it or export the file again"
    if b"\r" in raw:
        return "has a carriage return inside: end lines with CRLF or LF and export again"
    fields = split(raw.decode(), layout.delimiter)
    if len(fields) != len(layout.columns):
        return wrong_count(len(fields), len(layout.columns), layout.delimiter)
    for name, label, value in zip(layout.columns, layout.labels, fields, strict=True):
        message = _field_fault(layout, name, label, value)
        if message is not None:
            return message
    return None


def _field_fault(layout: Layout, name: str, label: str, value: str) -> str | None:
    if value.strip().lower() == name:
        return f"{label}: {shown(value)} begins a second table: give one table per file"
    template = layout.templates.get(name)
    if template is not None:
        matrix = np.frombuffer(value.encode(), dtype=np.uint8).reshape(1, -1)
        if matrix.shape[1] == len(template) and seconds_of(template, matrix)[1].all():
            return None
        return not_a_time(label, value, template)
    if name == "time" or name in _WHOLE:
        if _WHOLE_NUMBER.fullmatch(value):
            return None
        unit = "points" if name == "spread" else "epoch seconds"
        return f"{label}: {shown(value)} is not a whole number of {unit}: correct the line"
    if _NUMBER.fullmatch(value):
        return None
    remedy = "export decimals with a point, not a comma" if "," in value else "correct the line"
    return f"{label}: {shown(value)} is not a number: {remedy}"
