"""Whether code holds prices that have not come yet: in its memory, or in a file that it opened."""

from __future__ import annotations

import gc
import re
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

RUN = 8
"""Closes in a row, to the point, that nobody has by chance."""

_DISTINCT = 5
_MOST_OBJECTS = 200_000
_MOST_BYTES = 64 << 20
_FRAMES = ("pyarrow", "pandas", "polars")
_SPLIT = re.compile(r"[,;\t ]+")


class LaterCloses:
    """Closes that are still to come, in points; `digits` are those of a price as it is written."""

    def __init__(self, closes: NDArray[np.int64], digits: int) -> None:
        self._closes, self._point = closes, 10**digits
        self._places: dict[int, int] = {}
        for place, mark in enumerate(_marks(closes).tolist()):
            if len(set(closes[place : place + RUN].tolist())) >= _DISTINCT:
                self._places.setdefault(mark, place)
        self._known = np.array(sorted(self._places), np.int64)

    def found_in(self, columns: Iterable[Column]) -> int | None:
        """The index, in its closes, of the first run that stands in one of the columns."""
        for column in columns:
            for scale in (1, self._point):
                points = _points(column, scale)
                if points is not None and (place := self._first(points)) is not None:
                    return place
        return None

    def _first(self, points: NDArray[np.int64]) -> int | None:
        marks = _marks(points)
        places = []
        for at in np.flatnonzero(np.isin(marks, self._known)).tolist():
            place = self._places[int(marks[at])]
            if np.array_equal(self._closes[place : place + RUN], points[at : at + RUN]):
                places.append(place)
        return min(places, default=None)


def _marks(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each run of closes; equal runs have equal ones."""
    count = len(points) - RUN + 1
    if count < 1:
        return np.zeros(0, np.int64)
    found = np.zeros(count, np.int64)
    for k in range(RUN):
        found = found * 1_000_003 + points[k : k + count]  # wraps round, the same way everywhere
    return found


def _points(column: Column, scale: int) -> NDArray[np.int64] | None:
    scaled = column * scale
    with np.errstate(invalid="ignore"):
        whole = np.abs(scaled - np.rint(scaled)) < 1e-4
    if whole.sum() < RUN:
        return None
    return np.where(whole & (np.abs(scaled) < 2**53), np.rint(np.nan_to_num(scaled)), -1).astype(
        np.int64
    )


# --- where numbers stand --------------------------------------------------------------------------


def in_memory(strategy: object) -> Iterator[Column]:
    """Numbers in a row that a strategy, its class or its module holds."""
    module = type(strategy).__module__
    todo: list[object] = [strategy, vars(sys.modules[module])]
    seen: set[int] = set()
    while todo and len(seen) < _MOST_OBJECTS:
        one = todo.pop()
        if id(one) in seen or _elsewhere(one, module):
            continue
        seen.add(id(one))
        yield from _columns(one)
        if not isinstance(one, np.ndarray):
            todo += gc.get_referents(one)


def _elsewhere(one: object, module: str) -> bool:
    """Code that is not the strategy's own; what it holds was not put there by the strategy."""
    if isinstance(one, type | FunctionType):
        return one.__module__ != module
    return isinstance(one, ModuleType | str | bytes | int | float)


def _columns(one: object) -> Iterator[Column]:
    if isinstance(one, np.ndarray):
        yield from _of_array(one)
    elif type(one).__module__.partition(".")[0] in _FRAMES:
        yield from _of_frame(one)
    elif isinstance(one, Mapping):
        yield from _of_rows(list(one))
        yield from _of_rows(list(one.values()))
    elif isinstance(one, list | tuple):
        yield from _of_rows(one)


def _of_rows(rows: Sequence[Any]) -> Iterator[Column]:
    if len(rows) < RUN:
        return
    if isinstance(rows[0], Mapping):
        rows = [list(row.values()) if isinstance(row, Mapping) else row for row in rows]
    try:
        yield from _of_array(np.array(rows, np.float64))
    except (TypeError, ValueError, OverflowError):
        return  # no numbers, not one beside the other, or longer than any price


def _of_array(found: NDArray[Any]) -> Iterator[Column]:
    if found.dtype.names:
        for name in found.dtype.names:
            yield from _of_array(found[name])
    elif found.dtype.kind in "iuf" and found.ndim in (1, 2):
        for column in np.atleast_2d(found.T):
            yield column.astype(np.float64)


def _of_frame(one: Any) -> Iterator[Column]:
    """The columns of a table of a data package, told by what such tables offer."""
    if hasattr(one, "get_columns"):
        parts = one.get_columns()
    elif isinstance(getattr(one, "columns", None), list):
        parts = one.columns
    elif hasattr(one, "columns"):
        parts = [one[name] for name in one.columns]
    else:
        parts = [one]
    for part in parts:
        if hasattr(part, "to_numpy"):
            yield from _of_array(np.asarray(part))


def in_file(file: Path) -> Iterator[Column]:
    """The columns of a file: of a table of text, Parquet, or NumPy's own."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            return
        content = file.read_bytes()
    except OSError:
        return  # it was there for the strategy's run: what is gone cannot be looked into
    if content.startswith((b"PAR1", b"\x93NUMPY")):
        yield from _columns(_table_in(file, parquet=content.startswith(b"PAR1")))
    else:
        yield from _of_text(content.decode("utf-8", "replace"))


def _table_in(file: Path, *, parquet: bool) -> object:
    try:
        if not parquet:
            return np.load(file, allow_pickle=False)
        import pyarrow.parquet as pq

        return pq.read_table(file)
    except (OSError, ValueError, NotImplementedError):
        return None  # cut off, or of objects: what the strategy makes of it stands in its memory


def _of_text(text: str) -> Iterator[Column]:
    """Fields by their place in the line; a line without as many has none there."""
    rows = [_SPLIT.split(line.strip()) for line in text.splitlines()]
    if len(rows) < RUN:  # all in one line, as JSON may be
        rows = [[field] for field in re.findall(r"-?\d+(?:\.\d+)?", text)]
    columns: dict[int, array[float]] = defaultdict(lambda: array("d"))
    for row in rows:
        for place, field in enumerate(row):
            columns[place].append(_number(field))
    yield from map(np.array, columns.values())


def _number(field: str) -> float:
    try:
        return float(field.strip("\"'[]{}"))
    except ValueError:
        return float("nan")
