"""Which bars cannot matter: a cheap test that errs only on the side of playing a bar.

A bar is uneventful for a position when it touches neither stop nor target and keeps equity inside a
band in which no equity test leads to anything. What an eventful bar leads to is decided by the
ordinary rules when it is played; this only finds it.
"""

from __future__ import annotations

import msgspec

from adapters.paper.broker.account import PaperPosition
from engine.bars import PreparedBars
from engine.types import LONG, Cents, Millis, Points, Side

FAR: Points = 1 << 60


class EquityBand(msgspec.Struct, frozen=True, gc=False):
    """Equity above `low` and up to `high`, in cents, leads to nothing when tested.

    It may be a deeper drawdown than any before: of the skipped bars, the worst is published.
    """

    low: Cents
    high: Cents


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """Prices that a position's closing side must stay strictly between."""

    below: Points
    above: Points


def bounds(position: PaperPosition, balance: Cents, band: EquityBand) -> Bounds | None:
    """The uneventful prices of the account's only position; None when its profit needs rounding."""
    worth = position.cents_per_point
    if not worth:
        return None
    base = balance + position.swap
    worst = (band.low - base) // worth  # points of profit that equity must exceed
    best = (band.high - base) // worth  # points of profit that equity may reach
    if position.side is LONG:
        return Bounds(
            max(position.entry + worst, position.stop or -FAR),
            min(position.entry + best + 1, position.target or FAR),
        )
    return Bounds(
        max(position.entry - best - 1, position.target or -FAR),
        min(position.entry - worst, position.stop or FAR),
    )


def next_touch(bars: PreparedBars, row: int, end: int, side: Side, limits: Bounds) -> int:
    """The first of the rows `row` to `end` whose range leaves `limits`, else `end`."""
    return bars.ranges(side).first_outside(row, end, limits.below, limits.above)


def opens_uneventfully(bars: PreparedBars, row: int, side: Side, limits: Bounds) -> bool:
    """Whether nothing happens at the row's opening, whatever its range does."""
    price = bars.open.item(row) + (0 if side is LONG else bars.spread.item(row))
    return limits.below < price < limits.above


def in_force(bars: PreparedBars, row: int, moment: Millis) -> int:
    """The last row from `row` on that opens before `moment`: whoever acts then finds its tick."""
    return max(row, bars.first_from(moment) - 1)


def worst_profit(bars: PreparedBars, row: int, end: int, position: PaperPosition) -> Cents:
    """The position's profit at its worst of the uneventful rows `row` to `end`."""
    side = position.side
    ranges = bars.ranges(side)
    price = ranges.lowest(row, end) if side is LONG else ranges.highest(row, end)
    return (price - position.entry) * side * position.cents_per_point
