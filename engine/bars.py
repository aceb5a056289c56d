"""Bars as the feed delivers them: prepared columns, one chunk at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from engine.events import BarClosed
from engine.types import LONG, SHORT, Millis, Points, Side

Ints = npt.NDArray[np.int64]

BLOCK: Final = 16
"""Bars of which the furthest prices are known together: a power of two."""

_MANY: Final = 128
"""Blocks that are compared sooner as arrays than one by one."""


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
    same as a list, which is searched faster; `cells` are the columns as `bar` reads them.
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
    cells: tuple[memoryview, ...] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", self.row.tolist())

    def __len__(self) -> int:
        return len(self.row)

    def bar(self, index: int) -> BarClosed:
        """One of the bars as the input that tells of it."""
        time, opens, highs, lows, closes = self.cells or self.read()
        return BarClosed(
            self.symbol,
            self.timeframe,
            time[index],
            opens[index],
            highs[index],
            lows[index],
            closes[index],
        )

    def read(self) -> tuple[memoryview, ...]:
        """The columns, to read item by item: several times faster than from an array."""
        arrays = (self.time, self.open, self.high, self.low, self.close)
        cells = tuple(array.data for array in arrays)
        object.__setattr__(self, "cells", cells)
        return cells


class PriceRanges:
    """The lowest and highest prices of bars, and of blocks of them: where do they leave a range?"""

    __slots__ = ("_blocks", "_highs", "_lows", "_near")

    def __init__(self, lows: Ints, highs: Ints) -> None:
        self._lows, self._highs = lows.data, highs.data
        self._blocks = _by_block(lows, np.minimum), _by_block(highs, np.maximum)
        self._near = self._blocks[0].data, self._blocks[1].data

    def first_outside(self, row: int, end: int, below: Points, above: Points) -> int:
        """The first of the rows `row` to `end` that does not stay strictly between, else `end`."""
        lows, highs = self._lows, self._highs
        if row >= end or lows[row] <= below or highs[row] >= above:
            return row if row < end else end  # the first bar is often the last one asked for
        block, last = -(-row // BLOCK), end // BLOCK
        if block < last:
            stop = block * BLOCK
            found = _first(lows, highs, row, stop, below, above)
            if found < stop:
                return found
            row = self._first_block(block, last, below, above) * BLOCK
        return _first(lows, highs, row, end, below, above)

    def lowest(self, row: int, end: int) -> Points:
        """The lowest price of the rows `row` to `end`, at least one of them."""
        return _furthest(min, self._lows, self._near[0], row, end)

    def highest(self, row: int, end: int) -> Points:
        """The highest price of the rows `row` to `end`, at least one of them."""
        return _furthest(max, self._highs, self._near[1], row, end)

    def _first_block(self, block: int, end: int, below: Points, above: Points) -> int:
        near = min(block + _MANY, end)
        found = _first(*self._near, block, near, below, above)
        if found < near or near == end:
            return found
        lows, highs = self._blocks
        outside = (lows[near:end] <= below) | (highs[near:end] >= above)
        place = int(outside.argmax())
        return near + place if outside[place] else end


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
    _bid_ranges: PriceRanges | None = field(default=None, repr=False)
    _ask_ranges: PriceRanges | None = field(default=None, repr=False)
    _times: memoryview | None = field(default=None, repr=False)
    _showing: bytes | None = field(default=None, repr=False)

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

    def closed_by(self, row: int) -> Sequence[BarClosed]:
        """The bars that the opening of `row` shows to be closed, longer ones first."""
        if not (self._showing or self._marked())[row]:
            return ()
        found = []
        for bars in self.closings:
            rows = bars.rows
            index = bisect_left(rows, row)
            if index < len(rows) and rows[index] == row:
                found.append(bars.bar(index))
        return found

    def next_decision(self, row: int) -> int:
        """The first row from `row` on that the strategy must see, at the latest the last one."""
        if self.scan is not None:
            return max(row, min(self.scan.next_row(row), len(self.time) - 1))
        found = (self._showing or self._marked()).find(1, row)
        return found if found >= 0 else max(row, len(self.time) - 1)

    def _marked(self) -> bytes:
        """For each row whether its opening shows a bar to be closed: searched without a loop."""
        marks = np.zeros(len(self.time), dtype=np.uint8)
        for bars in self.closings:
            marks[bars.row] = 1
        self._showing = marks.tobytes()
        return self._showing

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
            low, high = self.low + self.spread, self.high + self.spread
            low.flags.writeable = high.flags.writeable = False  # copies of the bars may share them
            self._ask_range = low, high
        return self._ask_range

    def ranges(self, side: Side) -> PriceRanges:
        """The bars' ranges on the side that closes positions of `side`: a long's on the bid."""
        if side is LONG:
            if self._bid_ranges is None:
                self._bid_ranges = PriceRanges(self.low, self.high)
            return self._bid_ranges
        if self._ask_ranges is None:
            self._ask_ranges = PriceRanges(*self.ask_range())
        return self._ask_ranges

    def look_up(self) -> PreparedBars:
        """Make now what replays look up in the bars, so that copies of them share it."""
        self.first_from(0)
        self.ranges(LONG), self.ranges(SHORT)
        self._marked()
        for bars in self.closings:
            bars.read()
        return self

    def __len__(self) -> int:
        return len(self.time)


def _first(
    lows: memoryview, highs: memoryview, row: int, end: int, below: Points, above: Points
) -> int:
    for low, high in zip(lows[row:end], highs[row:end], strict=True):
        if low <= below or high >= above:
            return row
        row += 1
    return end


def _furthest(
    further: Callable[..., Points], prices: memoryview, blocks: memoryview, row: int, end: int
) -> Points:
    """The furthest price of the rows `row` to `end`, by the whole blocks among them.

    Not by numpy, which takes longer to be reached than a day's blocks to be looked through.
    """
    block, last = -(-row // BLOCK), end // BLOCK
    if block >= last:
        return further(prices[row:end])
    inner = further(blocks[block:last])
    return further((inner, *prices[row : block * BLOCK], *prices[last * BLOCK : end]))


def _by_block(prices: Ints, further: np.ufunc) -> Ints:
    """The furthest price of each whole block, halving what is compared again and again."""
    prices = prices[: len(prices) // BLOCK * BLOCK]
    for _ in range(BLOCK.bit_length() - 1):
        prices = further(prices[0::2], prices[1::2])
    return prices
