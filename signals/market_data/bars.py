"""Bar arithmetic over columns: points, spreads in force, aggregation into higher timeframes.

Everything is incremental: chunks of any size give the same result as one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bars import ClosedBars, PreparedBars
from engine.events import BarClosed
from engine.types import Points, SymbolSpec

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
ToUtc = Callable[[Ints], Ints]

TIMEFRAME_SECONDS = {
    "M1": 60,
    "M5": 300,
    "M15": 900,
    "M30": 1800,
    "H1": 3600,
    "H4": 14_400,
    "D1": 86_400,
}
_SECONDS_PER_DAY = 86_400
_SECONDS_PER_HOUR = 3_600


def to_points(prices: Floats, digits: int) -> Ints:
    """Decimal prices as integer points, rounded half up."""
    points: Ints = np.floor(prices * 10**digits + 0.5).astype(np.int64)
    return points


class SpreadInForce:
    """The spread of a bar: the one recorded in the bar before it, never below the symbol's floor.

    A bar's own recorded spread is its minimum, known only at its end.
    """

    def __init__(self, spec: SymbolSpec) -> None:
        self._spec = spec
        self._last_recorded: Points = 0

    def push(self, server: Ints, recorded: Ints) -> Ints:
        """Spreads in points for bars that open at the server times `server` (seconds)."""
        if not len(recorded):
            return recorded
        previous = np.concatenate((np.array([self._last_recorded], dtype=np.int64), recorded[:-1]))
        self._last_recorded = int(recorded[-1])
        rollover = server % _SECONDS_PER_DAY < _SECONDS_PER_HOUR
        floors = np.where(rollover, self._spec.spread_floor_rollover, self._spec.spread_floor)
        return np.maximum(previous, floors).astype(np.int64)


class Aggregator:
    """Bars of a higher timeframe, each given out when the first bar of a later slot opens.

    Slots are those of the feed's own clock.
    """

    def __init__(self, symbol: str, timeframe: str, to_utc: ToUtc) -> None:
        self._symbol = symbol
        self._timeframe = timeframe
        self._seconds = TIMEFRAME_SECONDS[timeframe]
        self._to_utc = to_utc
        # The bar that is still open, in columns of one; of none before the first bar.
        self._open = _Slots.none()

    def push(self, server: Ints, opens: Ints, highs: Ints, lows: Ints, closes: Ints) -> ClosedBars:
        """Take a chunk; returns the bars that the openings of its rows show to be closed."""
        slots = server // self._seconds
        starts = np.flatnonzero(np.diff(slots, prepend=slots[:1] - 1))
        made = _Slots.none()
        if len(starts):
            ends = np.append(starts[1:], len(slots)) - 1
            made = _Slots(
                slots[starts],
                opens[starts],
                np.maximum.reduceat(highs, starts),
                np.minimum.reduceat(lows, starts),
                closes[ends],
            )
        if len(starts) and len(self._open.slot) and not made.continues(self._open):
            made, starts = made.after(self._open), np.insert(starts, 0, -1)
        if len(starts):
            self._open = made.part(slice(-1, None))
        slot, o, h, low, c = made.part(slice(0, max(len(starts) - 1, 0)))
        times = self._to_utc(slot * self._seconds) * 1000
        columns = map(_fixed, (starts[1:], times, o, h, low, c))
        return ClosedBars(self._symbol, self._timeframe, *columns)

    def closed_by(self, server: int) -> BarClosed | None:
        """The bar that is closed because another one opened at `server` (seconds); published once.

        For a live feed, which knows that a bar has opened before it knows its prices.
        """
        if not len(self._open.slot) or server // self._seconds == self._open.slot[0]:
            return None
        slot, o, h, low, c = self._open
        times = self._to_utc(slot * self._seconds) * 1000
        self._open = _Slots.none()
        return ClosedBars(self._symbol, self._timeframe, slot, times, o, h, low, c).bar(0)


class _Slots(NamedTuple):
    """Bars of a higher timeframe, the last of which may grow."""

    slot: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints

    @classmethod
    def none(cls) -> _Slots:
        return cls(*(np.zeros(0, dtype=np.int64) for _ in range(5)))

    def part(self, cut: slice) -> _Slots:
        return _Slots(*(column[cut] for column in self))

    def after(self, earlier: _Slots) -> _Slots:
        """These behind the earlier ones."""
        return _Slots(*map(np.concatenate, zip(earlier, self, strict=True)))

    def continues(self, earlier: _Slots) -> bool:
        """Whether the first of these goes on with the bar `earlier`; then it takes that in."""
        if earlier.slot[0] != self.slot[0]:
            return False
        self.open[0] = earlier.open[0]
        self.high[0] = max(earlier.high[0], self.high[0])
        self.low[0] = min(earlier.low[0], self.low[0])
        return True


class BarPreparer:
    """Turns raw columns of one symbol into bars ready to be played."""

    def __init__(
        self,
        spec: SymbolSpec,
        to_utc: ToUtc,
        *,
        timeframes: Iterable[str] = ("M15", "H1"),
        first: int | None = None,
        end: int | None = None,
    ) -> None:
        """`timeframes` are the bars to aggregate, keys of TIMEFRAME_SECONDS.

        `first` (included) and `end` (excluded) bound the bars' openings, in seconds UTC.
        """
        self._spec = spec
        self._to_utc = to_utc
        self._first = first
        self._end = end
        self._spreads = SpreadInForce(spec)
        # Higher timeframes first: a decision on M15 must know the H1 bar that closed with it.
        longest_first = sorted(timeframes, key=TIMEFRAME_SECONDS.__getitem__, reverse=True)
        self._aggregators = [Aggregator(spec.name, name, to_utc) for name in longest_first]

    def prepare(
        self,
        server: Ints,
        opens: Floats,
        highs: Floats,
        lows: Floats,
        closes: Floats,
        recorded_spreads: Ints,
    ) -> PreparedBars:
        """Prices become points, server time becomes UTC; bars outside the bounds are left out."""
        moments = self._to_utc(server)
        columns = [opens, highs, lows, closes]
        if self._first is not None or self._end is not None:
            keep = within(moments, self._first, self._end)
            server, moments, recorded_spreads = server[keep], moments[keep], recorded_spreads[keep]
            columns = [column[keep] for column in columns]
        o, h, low, c = (to_points(column, self._spec.digits) for column in columns)
        spreads = self._spreads.push(server, recorded_spreads.astype(np.int64))
        closings = tuple(item.push(server, o, h, low, c) for item in self._aggregators)
        return PreparedBars(
            _fixed(moments * 1000),
            _fixed(server),
            _fixed(o),
            _fixed(h),
            _fixed(low),
            _fixed(c),
            _fixed(spreads),
            closings,
        )

    def closed_by(self, server: int) -> list[BarClosed]:
        """The bars that the opening of a bar at `server` (seconds) shows to be closed."""
        bars = (aggregator.closed_by(server) for aggregator in self._aggregators)
        return [bar for bar in bars if bar is not None]


def _fixed(column: Ints) -> Ints:
    """The column, for a strategy that cannot write to it: all play, and others test, its prices."""
    fixed = column.view()
    fixed.setflags(write=False)
    return fixed


def within(moments: Ints, first: int | None, end: int | None) -> npt.NDArray[np.bool_]:
    """Which moments lie from `first` on (None: always) and before `end` (None: never)."""
    keep = np.ones(len(moments), dtype=np.bool_)
    if first is not None:
        keep &= moments >= first
    if end is not None:
        keep &= moments < end
    return keep
