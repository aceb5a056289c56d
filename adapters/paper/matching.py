"""What a bar does to an open position: pure rules of the execution model.

A long is judged on the bid, a short on the ask (bid + spread). A stop that the bar's opening has
already passed is filled at the opening; a target is filled at its price; when a bar touches both,
the stop is taken.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from engine.types import Points, Side


class Bar(NamedTuple):
    """One feed bar in points; `spread` is the one in force during it."""

    open: Points
    high: Points
    low: Points
    close: Points
    spread: Points


class ExitReason(enum.StrEnum):
    STOP = "SL"
    TARGET = "TP"


class Exit(NamedTuple):
    """A stop or target that the bar hit, and the price before slippage."""

    price: Points
    reason: ExitReason


def exit_in(side: Side, stop: Points, target: Points, bar: Bar) -> Exit | None:
    """The exit that `bar` causes, if any; a `stop` or `target` of 0 does not exist."""
    if side is Side.LONG:
        if stop and bar.low <= stop:
            return Exit(min(stop, bar.open), ExitReason.STOP)
        if target and bar.high >= target:
            return Exit(target, ExitReason.TARGET)
        return None
    if stop and bar.high + bar.spread >= stop:
        return Exit(max(stop, bar.open + bar.spread), ExitReason.STOP)
    if target and bar.low + bar.spread <= target:
        return Exit(target, ExitReason.TARGET)
    return None


def worst_price(side: Side, stop: Points, bar: Bar) -> Points:
    """The worst closing price of a position during `bar`: its stop's fill when hit, else the
    bar's extreme on the side that hurts."""
    hit = exit_in(side, stop, 0, bar)
    if hit is not None:
        return hit.price
    return bar.low if side is Side.LONG else bar.high + bar.spread
