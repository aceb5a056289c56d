"""Swap: what holding a position over the server's midnight costs or earns."""

from __future__ import annotations

from engine import money
from engine.types import UNITS_PER_LOT, Cents, Conversion, Points, Rate, Side, SymbolSpec, Units

_SUNDAY, _SATURDAY = 0, 6


def swap_of(
    spec: SymbolSpec,
    side: Side,
    volume: Units,
    nights: int,
    bid: Points,
    ask: Points,
    rate: Rate | None = None,
) -> Cents:
    """Swap in cents for `nights` nights, rounded once; negative when it costs.

    A symbol's swap is in points of its price per lot and night. Points become money as a profit
    does: an income is divided by the ask, a cost by the bid, where the base currency is the
    account's; `rate` is what profits are multiplied with where neither currency is.
    """
    points = spec.swap_long if side is Side.LONG else spec.swap_short
    worth = points * nights * volume * spec.contract * 100 / UNITS_PER_LOT
    if spec.conversion is Conversion.NONE:
        return money.half(worth / 10**spec.digits)
    if spec.conversion is Conversion.DIVIDE:
        return money.half(worth / (ask if worth > 0 else bid))
    if rate is None:
        raise money.RateMissing(spec)
    number, per = rate.gain if worth > 0 else rate.loss
    return money.half(worth * number / per / 10**spec.digits)


def nights_after(weekday: int, spec: SymbolSpec) -> int:
    """For how many nights the midnight after `weekday` (0 = Sunday) charges swap.

    The weekend's nights are charged on the symbol's triple day.
    """
    if weekday in (_SUNDAY, _SATURDAY) or not (spec.swap_long or spec.swap_short):
        return 0
    return 3 if weekday == spec.triple_swap_weekday else 1
