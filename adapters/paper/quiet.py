"""Which bars cannot matter: a cheap test that errs only on the side of playing a bar.

A bar is quiet for a position when it touches neither stop nor target and keeps equity inside a band
in which no equity test changes anything. What a bar that is not quiet leads to is decided by the
ordinary rules when it is played; this only finds it.
"""

from __future__ import annotations

from typing import NamedTuple

from adapters.paper.account import PaperPosition
from engine.bars import PreparedBars
from engine.types import Cents, Millis, Points, Side

FAR: Points = 1 << 60


class Band(NamedTuple):
    """Equity above `low` and up to `high` is sure to change nothing when tested, in cents."""

    low: Cents
    high: Cents


class Bounds(NamedTuple):
    """Prices that a position's closing side must stay strictly between."""

    below: Points
    above: Points


def bounds(position: PaperPosition, balance: Cents, band: Band) -> Bounds | None:
    """The quiet prices of the account's only position; None when its profit needs rounding."""
    worth = position.cents_per_point
    if not worth:
        return None
    base = balance + position.swap
    worst = (band.low - base) // worth  # points of profit that equity must exceed
    best = (band.high - base) // worth  # points of profit that equity may reach
    if position.side is Side.LONG:
        return Bounds(
            max(position.entry + worst, position.stop or -FAR),
            min(position.entry + best + 1, position.target or FAR),
        )
    return Bounds(
        max(position.entry - best - 1, position.target or -FAR),
        min(position.entry - worst, position.stop or FAR),
    )


def next_loud(bars: PreparedBars, row: int, side: Side, limits: Bounds, horizon: Millis) -> int:
    """The first row from `row` on that is not quiet, closes a bar, or sets the tick at `horizon`.

    The row in force at `horizon` is the last that opens before it: its tick is what others find
    then. At the latest the chunk's last row.
    """
    below, above = limits
    highs, lows, times, closed = bars.high, bars.low, bars.time, bars.closed
    last = len(bars) - 1
    if side is Side.LONG:
        while row < last and row not in closed and below < lows[row] and highs[row] < above:
            if times[row + 1] >= horizon:
                return row
            row += 1
        return row
    spreads = bars.spread
    while (
        row < last
        and row not in closed
        and below < lows[row] + spreads[row]
        and highs[row] + spreads[row] < above
    ):
        if times[row + 1] >= horizon:
            return row
        row += 1
    return row
