"""Bars as the feed delivers them: prepared columns, one chunk at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.events import BarClosed
from engine.types import Millis

Ints = npt.NDArray[np.int64]


class Scan(Protocol):
    """Tells at which rows of a chunk the symbol's strategy may decide something."""

    def enter(self) -> None:
        """The chunk's rows are played from now on."""

    def next_row(self, row: int) -> int:
        """The first row from `row` on whose closed bars may lead to a decision, as things stand.

        Any number from the chunk's length on when there is none; too early does no harm.
        """


@dataclass(frozen=True, slots=True, eq=False)
class ClosedBars:
    """Bars of a higher timeframe in columns, each closed by the opening of the feed bar at `row`.

    `time` is the bar's own opening in ms UTC, prices are points; rows are in order. `rows` are the
    same as a list, which is searched faster.
    """

    symbol: str
    timeframe: str
    row: Ints
    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    rows: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", self.row.tolist())

    def __len__(self) -> int:
        return len(self.row)

    def bar(self, index: int) -> BarClosed:
        """One of the bars as the input that tells of it."""
        return BarClosed(
            self.symbol,
            self.timeframe,
            self.time.item(index),
            self.open.item(index),
            self.high.item(index),
            self.low.item(index),
            self.close.item(index),
        )


@dataclass(slots=True, eq=False)
class PreparedBars:
    """A chunk of one symbol's feed bars in points, ready to be played.

    `time` is the opening in ms UTC, `server` the same on the feed's own clock in seconds; `spread`
    is the one in force from the bar's opening to its close. `closings` are the higher timeframes,
    longer ones first. Without a `scan` the strategy must see every closed bar. Those of the `past`
    are not played: they only warm up what comes after them.
    """

    time: Ints
    server: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    spread: Ints
    closings: tuple[ClosedBars, ...] = ()
    scan: Scan | None = None
    past: bool = False
    _closed: Mapping[int, tuple[BarClosed, ...]] | None = field(default=None, repr=False)
    _ask_range: tuple[Ints, Ints] | None = field(default=None, repr=False)
    _times: memoryview | None = field(default=None, repr=False)

    @classmethod
    def empty(cls) -> PreparedBars:
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none, none, none, none, none)

    @property
    def closed(self) -> Mapping[int, tuple[BarClosed, ...]]:
        """By row, in order: the bars that its opening shows to be closed, longer ones first."""
        if self._closed is None:
            found: dict[int, tuple[BarClosed, ...]] = {}
            for bars in self.closings:
                for index, row in enumerate(bars.rows):
                    found[row] = (*found.get(row, ()), bars.bar(index))
            self._closed = dict(sorted(found.items()))
        return self._closed

    def closed_by(self, row: int) -> list[BarClosed]:
        """The bars that the opening of `row` shows to be closed, longer ones first."""
        found = []
        for bars in self.closings:
            rows = bars.rows
            index = bisect_left(rows, row)
            if index < len(rows) and rows[index] == row:
                found.append(bars.bar(index))
        return found

    def next_decision(self, row: int) -> int:
        """The first row from `row` on that the strategy must see, at the latest the last one."""
        last = len(self.time) - 1
        if self.scan is not None:
            return max(row, min(self.scan.next_row(row), last))
        for bars in self.closings:
            rows = bars.rows
            index = bisect_left(rows, row)
            if index < len(rows):
                last = min(last, rows[index])
        return max(row, last)

    def first_from(self, moment: Millis) -> int:
        """The first row that opens at `moment` or later, the chunk's length when there is none."""
        if self._times is None:
            self._times = self.time.data  # numpy's own search would let other threads in
        return bisect_left(self._times, moment)

    def columns(self) -> tuple[memoryview, ...]:
        """Times, server's times, opens, highs, lows, closes and spreads, to read row by row.

        Each item is a plain integer, several times faster than an array gives it.
        """
        arrays = (self.time, self.server, self.open, self.high, self.low, self.close, self.spread)
        return tuple(array.data for array in arrays)

    def ask_range(self) -> tuple[Ints, Ints]:
        """Lowest and highest ask of each bar."""
        if self._ask_range is None:
            self._ask_range = (self.low + self.spread, self.high + self.spread)
        return self._ask_range

    def __len__(self) -> int:
        return len(self.time)
