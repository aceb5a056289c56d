"""How a strategy skips the bars of a history at which it cannot decide anything.

A strategy that defines `scan_columns` is given a history's closed bars in columns, chunk after
chunk, instead of one by one. It proposes the bars at which it may decide; at those, and at others
that are played for another reason, it is asked as usual. A live session gives it bar after bar.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from engine.bars import ClosedBars, Ints, PreparedBars
from engine.events import BarClosed
from engine.portfolio import Position
from signals.failure import FROM_OUTSIDE
from signals.strategy import Decision, View

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_NOWHERE: Final = 1 << 62
_NEAR: Final = 32
"""Rows that are compared sooner one by one than as arrays."""
_FIRST_SPAN: Final = 64


class ColumnScan(Protocol):
    """What a strategy makes of a chunk's closed bars of its shortest timeframe, by their index."""

    def next(self, index: int, position: Position | None) -> int:
        """The first bar from `index` on at which it may decide while `position` (or none) is open.

        The number of bars when there is none. Too early is allowed, too late is not.
        """

    def decide(self, index: int, view: View) -> Decision | None:
        """Exactly what `on_bar` answers when it is given this bar after all those before it."""


ColumnScanner = Callable[[PreparedBars], ColumnScan]
"""A strategy's `scan_columns`: takes the next chunk, with closings of all its timeframes."""


def scan_of(strategy: Any) -> ColumnScanner | None:
    """The strategy's `scan_columns` if its own class defines one.

    An inherited one is not trusted: a subclass may decide otherwise.
    """
    if "scan_columns" not in vars(type(strategy)):
        return None
    scan: ColumnScanner = strategy.scan_columns
    return scan


def closings_of(bars: PreparedBars, timeframe: str) -> ClosedBars:
    """The closed bars of one timeframe; raises LookupError when the chunk was made without."""
    for closings in bars.closings:
        if closings.timeframe == timeframe:
            return closings
    raise LookupError(f"the chunk has no bars of {timeframe}")


def deciding(bars: PreparedBars, timeframes: tuple[str, ...]) -> ClosedBars:
    """The closed bars of the shortest of a strategy's timeframes, on which it decides."""
    return [item for item in bars.closings if item.timeframe in timeframes][-1]


class ChunkScan:
    """A strategy's scan of a chunk, by the rows of the feed (implements `engine.bars.Scan`)."""

    def __init__(
        self,
        columns: ColumnScan,
        bars: ClosedBars,
        position: Callable[[], Position | None],
        entered: Callable[[ChunkScan], None],
        failed: Callable[[BaseException], Exception],
    ) -> None:
        """`position` is the open one, `entered` hears that the chunk begins, `failed` makes the
        session's failure of what the strategy's code raises.
        """
        self._columns = columns
        self._timeframe = bars.timeframe
        self._rows = bars.rows
        self._times = bars.time.data
        self._proposed = 0
        self._position = position
        self._entered = entered
        self._failed = failed

    def enter(self) -> None:
        self._entered(self)

    def next_row(self, row: int) -> int:
        try:
            rows = self._rows
            index = self._columns.next(bisect_left(rows, row), self._position())
            if index >= len(rows):
                return _NOWHERE
            self._proposed = index
            return rows[index]
        except FROM_OUTSIDE as error:
            raise self._failed(error) from error

    def decide(self, bar: BarClosed, view: View) -> Decision | None:
        """The decision at a closed bar of the chunk; longer timeframes lead to none."""
        if bar.timeframe != self._timeframe:
            return None
        index = self._proposed
        if self._times[index] != bar.time:  # a bar that is played for another reason
            index = bisect_left(self._times, bar.time)
        return self._columns.decide(index, view)


class RowIndex:
    """The indices at which a column holds."""

    __slots__ = ("_count", "_found")

    def __init__(self, column: Bools) -> None:
        self._found: list[int] = np.flatnonzero(column).tolist()
        self._count = len(column)

    def next(self, index: int) -> int:
        """The first of them from `index` on, else the column's length."""
        place = bisect_left(self._found, index)
        return self._found[place] if place < len(self._found) else self._count


class Levels:
    """Two columns: where has the first reached one level while the second is above another?"""

    __slots__ = ("_above", "_above_cells", "_reached", "_reached_cells")

    def __init__(self, reached: Ints, above: Floats) -> None:
        self._reached, self._above = reached, above
        self._reached_cells, self._above_cells = reached.data, above.data

    def next(self, index: int, end: int, least: float, above: float) -> int:
        """The first of the rows `index` to `end` with `least` or more, and more than `above`.

        `end` when there is none. What is looked for is often near.
        """
        stop = min(index + _NEAR, end)
        near = zip(self._reached_cells[index:stop], self._above_cells[index:stop], strict=True)
        for one, other in near:
            if one >= least and other > above:
                return index
            index += 1
        return first_true_of(
            lambda start, to: (self._reached[start:to] >= least) & (self._above[start:to] > above),
            index,
            end,
        )


def first_true_of(test: Callable[[int, int], Bools], start: int, end: int) -> int:
    """The first index of `start` to `end` where `test` holds, else `end`.

    `test` is asked for stretches (from, to): short ones first, as what is looked for is often near.
    """
    length = _FIRST_SPAN
    while start < end:
        stop = min(start + length, end)
        found = test(start, stop)
        place = int(found.argmax())
        if found[place]:
            return start + place
        start, length = stop, length * 4
    return end
