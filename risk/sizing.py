"""How many lots an order may have."""

from __future__ import annotations

from engine.types import UNITS_PER_LOT, Cents, SymbolSpec, Units

_STEP_SLACK = 1e-9


def budget(fraction: float, scale: float, equity: Cents, day_start: Cents) -> float:
    """Cents that one order may lose.

    The fraction of equity, scaled by the signal's grade, but never more than the fraction of the
    day-start balance.
    """
    return min(fraction * scale * equity, fraction * day_start)


def volume_within(spec: SymbolSpec, money: float, loss_of_one_lot: Cents) -> Units:
    """The largest volume, in whole steps up to the maximum, that loses at most `money` cents.

    It may be below the symbol's minimum: the caller decides what that means. A loss that is not
    positive (a stop that cannot lose) gives the maximum.
    """
    if loss_of_one_lot <= 0:
        return spec.volume_max
    step_lots = spec.volume_step / UNITS_PER_LOT
    steps = int(money / loss_of_one_lot / step_lots + _STEP_SLACK)
    return min(steps * spec.volume_step, spec.volume_max)
