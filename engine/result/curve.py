"""The account's course: one point for each bar of the grid. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.types import Cents, Millis

Ints = npt.NDArray[np.int64]

GRID: Final[Millis] = 900_000
"""The finest grid of equity points: one M15 bar."""

NO_FLOOR: Final[Cents] = 0
"""Stands in a column of floors or targets where there is none."""


def columns_of(rows: Sequence[tuple[int, ...]]) -> Ints:
    """Rows of whole numbers, all as long as the first, as columns."""
    table = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=len(rows) * len(rows[0]))
    return table.reshape(len(rows), -1).T.copy()


@dataclass(frozen=True, eq=False)
class EquityCurve:
    """Points in columns, money in cents. `time` is the opening of the bar that the point is for.

    `balance` and `equity` are those at its close, `worst` and `best` the lowest and highest equity
    at any test inside it, the bar's range at its worst for what is open included. Floors are those
    in force: the firm's where objectives are followed, else the session's own.
    """

    time: Ints
    balance: Ints
    equity: Ints
    worst: Ints
    best: Ints
    day_floor: Ints
    overall_floor: Ints
    target: Ints
    open_positions: Ints
    period: Millis = GRID

    def __len__(self) -> int:
        return len(self.time)

    def peaks(self, start: Cents, restarts: Ints | None = None) -> Ints:
        """The highest equity so far at each point, from `start` on.

        At the points `restarts` a fresh balance begins, and the peak with it.
        """
        peaks = np.empty(len(self), dtype=np.int64)
        edges = [0, *(() if restarts is None else restarts.tolist()), len(self)]
        for one, other in pairwise(edges):
            if other > one:
                first = start if not one else int(self.balance[one])
                peaks[one:other] = np.maximum(np.maximum.accumulate(self.best[one:other]), first)
        return peaks

    def drawdown(self, start: Cents, restarts: Ints | None = None) -> npt.NDArray[np.float64]:
        """(peak - worst) / peak of each point."""
        peaks = self.peaks(start, restarts)
        depth: npt.NDArray[np.float64] = np.maximum(peaks - self.worst, 0) / np.maximum(peaks, 1)
        return depth
