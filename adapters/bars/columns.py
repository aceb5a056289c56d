"""Bars as columns: what every reader hands on, whatever the file's format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RateColumns:
    """Consecutive bars of one file, a column each, in the order of the file.

    `time` is the bar's open in seconds since the epoch by the *file's own clock*, written as if
    that clock were UTC (the way `copy_rates_*` gives it). Prices are decimal bid prices. `spread`
    is integer points, 0 where the format carries none; `tick_volume` is 0 where there is none.
    `first_row` is the row number of the first bar, counted from 0 at the first bar of the file.
    `rounded`: volumes of the file had parts, which are not kept.
    """

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    tick_volume: Ints
    spread: Ints
    first_row: int = 0
    rounded: bool = False

    def __len__(self) -> int:
        return len(self.time)

    def part(self, start: int, stop: int) -> RateColumns:
        """Bars `start` up to, not including, `stop`, without copying."""
        cut = slice(start, stop)
        return RateColumns(
            self.time[cut],
            self.open[cut],
            self.high[cut],
            self.low[cut],
            self.close[cut],
            self.tick_volume[cut],
            self.spread[cut],
            self.first_row + start,
            self.rounded,
        )

    def take(self, rows: NDArray[np.intp]) -> RateColumns:
        """The bars at the positions `rows`, in that order, numbered anew from 0."""
        return RateColumns(
            self.time[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.tick_volume[rows],
            self.spread[rows],
            rounded=self.rounded,
        )


def concat(chunks: Iterable[RateColumns]) -> RateColumns:
    """All `chunks` in one: whole columns in memory. Raises ValueError when there are none."""
    parts = list(chunks)
    if not parts:
        raise ValueError("no bars to put together")
    return RateColumns(
        np.concatenate([p.time for p in parts]),
        np.concatenate([p.open for p in parts]),
        np.concatenate([p.high for p in parts]),
        np.concatenate([p.low for p in parts]),
        np.concatenate([p.close for p in parts]),
        np.concatenate([p.tick_volume for p in parts]),
        np.concatenate([p.spread for p in parts]),
        parts[0].first_row,
        any(p.rounded for p in parts),
    )
