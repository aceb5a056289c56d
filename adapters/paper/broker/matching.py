"""What a bar does to open positions and waiting orders: pure rules of the execution model.

A long is judged on the bid, a short on the ask (bid + spread). A stop that the bar's opening has
already passed is filled at the opening; a target is filled at its price; when a bar touches both,
the stop is taken.

An order buys on the ask and sells on the bid; one that the opening has already passed is filled at
the opening, for better (limit) or worse (stop). A position that was filled inside a bar can be
stopped by the same bar, whose range is taken as a whole, but reaches no target in it: what came
first is unknown, and this is the reading that costs most.

A tick is a bar without extent.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec

from engine.types import LONG, Points, Side


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One feed bar in points; `spread` is the one in force during it."""

    open: Points
    high: Points
    low: Points
    close: Points
    spread: Points


class ExitReason(enum.StrEnum):
    STOP = "SL"
    TARGET = "TP"


class LevelHit(NamedTuple):
    """A stop or target that the bar hit, and the price before slippage."""

    price: Points
    reason: ExitReason


def level_hit(side: Side, stop: Points, target: Points, bar: Bar) -> LevelHit | None:
    """The exit that `bar` causes, if any; a `stop` or `target` of 0 does not exist."""
    if side is LONG:
        if stop and bar.low <= stop:
            return LevelHit(min(stop, bar.open), ExitReason.STOP)
        if target and bar.high >= target:
            return LevelHit(target, ExitReason.TARGET)
        return None
    if stop and bar.high + bar.spread >= stop:
        return LevelHit(max(stop, bar.open + bar.spread), ExitReason.STOP)
    if target and bar.low + bar.spread <= target:
        return LevelHit(target, ExitReason.TARGET)
    return None


def worst_price(side: Side, stop: Points, bar: Bar) -> Points:
    """The worst closing price of a position during `bar`: its stop's fill when hit, else the
    bar's extreme on the side that hurts."""
    hit = level_hit(side, stop, 0, bar)
    return furthest_price(side, bar) if hit is None else hit.price


def furthest_price(side: Side, bar: Bar) -> Points:
    """The closing price of the bar that hurts a position most, were it never stopped."""
    return bar.low if side is LONG else bar.high + bar.spread


def entry_in(side: Side, limit: bool, level: Points, bar: Bar) -> Points | None:
    """The price before slippage at which `bar` fills an order waiting at `level`, or None."""
    if side is LONG:
        if limit:
            return min(level, bar.open + bar.spread) if bar.low + bar.spread <= level else None
        return max(level, bar.open + bar.spread) if bar.high + bar.spread >= level else None
    if limit:
        return max(level, bar.open) if bar.high >= level else None
    return min(level, bar.open) if bar.low <= level else None


def since_entry(bar: Bar, bid: Points) -> Bar:
    """`bar` for a position that was filled in it when the bid stood at `bid`: it opens there."""
    return Bar(bid, bar.high, bar.low, bar.close, bar.spread)
