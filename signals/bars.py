"""Bar arithmetic over columns: points, spreads in force, aggregation into higher timeframes.

Everything is incremental: chunks of any size give the same result as one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from engine.bars import PreparedBars
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
        self._slot: int | None = None
        self._bar: tuple[Points, Points, Points, Points] = (0, 0, 0, 0)

    def push(
        self, server: Ints, opens: Ints, highs: Ints, lows: Ints, closes: Ints
    ) -> list[tuple[int, BarClosed]]:
        """Take a chunk; returns (row, bar closed by the opening of that row)."""
        if not len(server):
            return []
        slots = server // self._seconds
        before = np.concatenate((slots[:1] if self._slot is None else [self._slot], slots[:-1]))
        starts = np.flatnonzero(slots != before)
        groups = np.unique(np.concatenate(([0], starts)))
        merged = zip(
            slots[groups].tolist(),
            opens[groups].tolist(),
            np.maximum.reduceat(highs, groups).tolist(),
            np.minimum.reduceat(lows, groups).tolist(),
            closes[np.append(groups[1:], len(closes)) - 1].tolist(),
            strict=True,
        )
        return self._close_slots(groups.tolist(), merged)

    def closed_by(self, server: int) -> BarClosed | None:
        """The bar that is closed because another one opened at `server` (seconds); told once.

        For a live feed, which knows that a bar has opened before it knows its prices.
        """
        if self._slot is None or server // self._seconds == self._slot:
            return None
        (moment,) = self._to_utc(np.array([self._slot * self._seconds], np.int64)).tolist()
        closed = BarClosed(self._symbol, self._timeframe, moment * 1000, *self._bar)
        self._slot = None
        return closed

    def _close_slots(
        self, rows: list[int], merged: Iterable[tuple[int, Points, Points, Points, Points]]
    ) -> list[tuple[int, BarClosed]]:
        closed: list[tuple[int, int, tuple[Points, Points, Points, Points]]] = []
        for row, (slot, first, high, low, close) in zip(rows, merged, strict=True):
            if slot == self._slot:
                opened, highest, lowest, _ = self._bar
                self._bar = (opened, max(highest, high), min(lowest, low), close)
                continue
            if self._slot is not None:
                closed.append((row, self._slot, self._bar))
            self._slot, self._bar = slot, (first, high, low, close)
        times = self._to_utc(np.array([slot * self._seconds for _, slot, _ in closed], np.int64))
        return [
            (row, BarClosed(self._symbol, self._timeframe, moment * 1000, *bar))
            for (row, _, bar), moment in zip(closed, times.tolist(), strict=True)
        ]


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
        keep = within(moments, self._first, self._end)
        server, moments = server[keep], moments[keep]
        digits = self._spec.digits
        o, h, lo, c = (to_points(column[keep], digits) for column in (opens, highs, lows, closes))
        spreads = self._spreads.push(server, recorded_spreads[keep].astype(np.int64))
        closed: dict[int, tuple[BarClosed, ...]] = {}
        for aggregator in self._aggregators:
            for row, bar in aggregator.push(server, o, h, lo, c):
                closed[row] = (*closed.get(row, ()), bar)
        return PreparedBars(
            (moments * 1000).tolist(),
            server.tolist(),
            o.tolist(),
            h.tolist(),
            lo.tolist(),
            c.tolist(),
            spreads.tolist(),
            dict(sorted(closed.items())),
        )

    def closed_by(self, server: int) -> list[BarClosed]:
        """The bars that the opening of a bar at `server` (seconds) shows to be closed."""
        bars = (aggregator.closed_by(server) for aggregator in self._aggregators)
        return [bar for bar in bars if bar is not None]


def within(moments: Ints, first: int | None, end: int | None) -> npt.NDArray[np.bool_]:
    """Which moments lie from `first` on (None: always) and before `end` (None: never)."""
    keep = np.ones(len(moments), dtype=np.bool_)
    if first is not None:
        keep &= moments >= first
    if end is not None:
        keep &= moments < end
    return keep
