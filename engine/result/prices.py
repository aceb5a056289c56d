"""A symbol's bars as a result keeps them: for equity points, excursions and candles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bars import PreparedBars
from engine.types import Millis, Points

Ints = npt.NDArray[np.int64]
_COLUMNS = ("time", "open", "high", "low", "close", "spread")

BarRow = tuple[Millis, Points, Points, Points, Points]
"""Opening, open, high, low and close of a bar."""


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """The bars of one symbol in columns: bids in points, `time` their opening, `period` in ms.

    `spread` is the one in force during the bar. With `played` every price that the account met is
    in these bars; else they only illustrate (a live session meets ticks that no bar holds).
    `left_out` counts bars that were played, value nothing and are not in the columns: without them
    equity is the same, but no chart can be drawn.
    """

    symbol: str
    period: Millis
    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    spread: Ints
    played: bool = True
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of_chunks(cls, symbol: str, period: Millis, chunks: Iterable[PreparedBars]) -> PriceHistory:
        """The bars of a replay, in the chunks in which they are played."""
        # Of a chunk only these columns outlive it, and each only until it is a part of the whole:
        # a replay's bars are the most that it ever holds.
        columns: tuple[list[Ints], ...] = tuple([] for _ in _COLUMNS)
        for part in chunks:
            for name, column in zip(_COLUMNS, columns, strict=True):
                column.append(getattr(part, name))
        time, opens, highs, lows, closes, spreads = map(_whole, columns)
        return cls(symbol, period, time, opens, highs, lows, closes, spreads)

    @classmethod
    def joined(cls, parts: Sequence[PriceHistory]) -> PriceHistory:
        """Bars of one symbol in parts, at least one, that follow one another."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
        }
        return replace(parts[0], **columns)

    def within(self, first: Millis, last: Millis) -> PriceHistory:
        """The bars that opened from `first` to `last`, both included."""
        begin = int(np.searchsorted(self.time, first, side="left"))
        end = int(np.searchsorted(self.time, last, side="right"))
        if (begin, end) == (0, len(self)):
            return self
        return self.rows(slice(begin, end))

    def rows(self, chosen: slice | npt.NDArray[np.bool_]) -> PriceHistory:
        """Some of the bars."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _COLUMNS})

    @classmethod
    def of_rows(cls, symbol: str, period: Millis, rows: Iterable[BarRow]) -> PriceHistory:
        """Bars that a live session received, in any order; of two at one time the last."""
        known = {row[0]: row for row in rows}
        table = np.array([known[time] for time in sorted(known)], dtype=np.int64).reshape(-1, 5)
        time, opens, highs, lows, closes = table.T.copy()
        none = np.zeros(len(table), dtype=np.int64)
        return cls(symbol, period, time, opens, highs, lows, closes, none, played=False)


def _whole(parts: list[Ints]) -> Ints:
    """The parts as one column; they are let go."""
    whole = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    parts.clear()
    return whole
