"""Bars as the feed delivers them: prepared columns, one chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.events import BarClosed
from engine.types import Millis, Points


@dataclass(slots=True)
class PreparedBars:
    """A chunk of one symbol's feed bars in points, ready to be played.

    `time` is the opening in ms UTC, `server` the same on the feed's own clock in seconds; `spread`
    is the one in force from the bar's opening to its close. `closed` maps a row to the bars that
    the opening of that row shows to be closed, higher timeframes first; its rows are in order.
    """

    time: list[Millis]
    server: list[int]
    open: list[Points]
    high: list[Points]
    low: list[Points]
    close: list[Points]
    spread: list[Points]
    closed: dict[int, tuple[BarClosed, ...]] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> PreparedBars:
        return cls([], [], [], [], [], [], [])

    def next_closing(self, row: int) -> int:
        """The first row from `row` on whose opening closes a bar, else the chunk's last row."""
        last = len(self.time) - 1
        while row < last and row not in self.closed:
            row += 1
        return row

    def __len__(self) -> int:
        return len(self.time)
