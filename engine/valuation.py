"""What a venue's valuation of a symbol means, when it is new and when too old. Pure."""

from __future__ import annotations

from typing import Final

from engine.inputs import SymbolValuation
from engine.types import UNITS_PER_LOT, Conversion, Millis, Points, Rate, SymbolSpec, Units

BAND: Final = 5
"""Change (1/10,000) up to which a value stands for the present one; who uses it adds so much."""

WHOLE: Final = 10_000
"""What `BAND` is a part of."""

_MINUTE: Millis = 60_000


def again_after(spec: SymbolSpec) -> Millis:
    """How long a valuation holds before it is published again, changed or not.

    Where there is a formula, that follows the price meanwhile, and the value only confirms it.
    """
    return 10 * _MINUTE if spec.conversion is Conversion.FROM_BROKER else 60 * _MINUTE


def fresh_until(spec: SymbolSpec, valuation: SymbolValuation) -> Millis:
    """The last moment of the valuation; later it is stale, and nothing is opened on it."""
    return valuation.time + 3 * again_after(spec)


def due(spec: SymbolSpec, last: SymbolValuation | None, now: Millis) -> bool:
    """Whether the venue is to be asked; at every look where there is no formula."""
    if spec.conversion is Conversion.FROM_BROKER or last is None:
        return True
    return now - last.time >= again_after(spec)


def is_news(spec: SymbolSpec, last: SymbolValuation | None, seen: SymbolValuation) -> bool:
    """Whether `seen` says what `last`, the last one that was published, does not."""
    if last is None or seen.time - last.time >= again_after(spec):
        return True
    before, now = last.move * last.volume, seen.move * seen.volume
    return (
        _moved(last.loss * now, seen.loss * before)
        or _moved(last.gain * now, seen.gain * before)
        or _moved(last.margin, seen.margin)
    )


def _moved(before: int, now: int) -> bool:
    return abs(now - before) * WHOLE > BAND * before


def broker_rate(spec: SymbolSpec, valuation: SymbolValuation) -> Rate:
    """The rate that the venue applied to a symbol of which only it can tell what it is worth."""
    per = valuation.move * valuation.volume * spec.contract * 100
    unit = UNITS_PER_LOT * 10**spec.digits
    return Rate(gain=(valuation.gain * unit, per), loss=(valuation.loss * unit, per))


def cautious(rate: Rate, cents: int) -> Rate:
    """`rate` against the account by all that it may be off.

    It may have moved by the band, and was given as an amount of `cents`, rounded to the nearest.
    """
    (gain, per_gain), (loss, per_loss) = rate
    whole = 2 * cents * WHOLE
    return Rate(
        gain=(gain * (2 * cents - 1) * (WHOLE - BAND), per_gain * whole),
        loss=(loss * (2 * cents + 1) * (WHOLE + BAND), per_loss * whole),
    )


def move_at(price: Points) -> Points:
    """How far the price is taken to move: a thousandth, so that what converts it hardly moves."""
    return max(1, price // 1000)


def margin_volume(volume: Units) -> Units:
    """The volume whose margin is asked for: one lot, or the largest order where that is less."""
    return min(UNITS_PER_LOT, volume)
