"""What money on a symbol is worth: the formula against the venue's own figures. Pure.

Where the account's currency is the symbol's quote or base, `engine.money` knows the formula: the
venue's figure must agree with it, and the larger loss counts. Elsewhere the venue's is all there
is. Margins need not agree (a venue has its own leverage for some symbols): the larger one counts.
"""

from __future__ import annotations

import functools
from typing import Final

import msgspec

from engine import money
from engine.events import DenyReason, SymbolValuation
from engine.types import FROM_BROKER, LONG, Cents, Millis, Rate, SymbolSpec
from engine.valuation import BAND, WHOLE, broker_rate, cautious, fresh_until, margin_volume

TOLERANCE = 100
"""Part (1/10,000) by which the venue's figure may differ from the formula's, beside a cent."""

_MINUTE: Millis = 60_000


class Valuation(msgspec.Struct, frozen=True):
    """How a symbol is valued now, and what speaks against opening anything on that.

    Profits are multiplied with `rate`. `margin` is what a formula's margin is multiplied with, or
    what a volume unit binds (cents) where there is none.
    """

    rate: Rate | None = None
    margin: tuple[int, int] = (1, 1)
    objection: tuple[DenyReason, str] | None = None


PLAIN: Final = Valuation()
"""By the formula, with nothing against it."""


def valuation_of(
    spec: SymbolSpec, valuation: SymbolValuation | None, now: Millis, *, broker_valued: bool
) -> Valuation:
    """By the last figures of the venue; `broker_valued`: it tells them, so that there must be
    some."""
    if valuation is None:
        return _by_formula_alone(spec, broker_valued=broker_valued)
    found, fresh_until = _judged(spec, valuation)
    if now <= fresh_until:
        return found
    return Valuation(found.rate, found.margin, _too_old(spec, valuation, now))


@functools.lru_cache(maxsize=256)
def _judged(spec: SymbolSpec, valuation: SymbolValuation) -> tuple[Valuation, Millis]:
    """What the venue's figures come to, and until when; the same for every order until the next."""
    found = Valuation(rate_of(spec, valuation), _margin(spec, valuation), _doubt(spec, valuation))
    return found, fresh_until(spec, valuation)


def rate_of(spec: SymbolSpec, valuation: SymbolValuation | None) -> Rate | None:
    """What profits are multiplied with, never in the account's favour.

    None where the formula's are the worse, or where the broker supplied nothing.
    """
    if valuation is None:
        return None
    if spec.conversion is FROM_BROKER:
        return cautious(broker_rate(spec, valuation), min(valuation.gain, valuation.loss))
    formula = _formula_loss(spec, valuation)
    if valuation.loss <= formula + 1:
        return None
    return Rate(gain=(1, 1), loss=(valuation.loss, formula))


def _by_formula_alone(spec: SymbolSpec, *, broker_valued: bool) -> Valuation:
    if not broker_valued and spec.conversion is not FROM_BROKER:
        return PLAIN
    detail = f"the terminal has supplied no valuation of {spec.name}"
    return Valuation(objection=(DenyReason.NO_VALUATION, detail))


def _too_old(spec: SymbolSpec, valuation: SymbolValuation, now: Millis) -> tuple[DenyReason, str]:
    minutes = (now - valuation.time) // _MINUTE
    return (
        DenyReason.NO_VALUATION,
        f"the terminal's last valuation of {spec.name} is {minutes} minutes old",
    )


def _doubt(spec: SymbolSpec, valuation: SymbolValuation) -> tuple[DenyReason, str] | None:
    """Both figures of one loss must be right; one of them alone cannot be checked."""
    if spec.conversion is FROM_BROKER:
        return None
    formula, told = _formula_loss(spec, valuation), valuation.loss
    if abs(told - formula) * WHOLE <= TOLERANCE * max(told, formula) + WHOLE:
        return None
    return (
        DenyReason.VALUATION_MISMATCH,
        f"the terminal says that {valuation.move} points of {spec.name} are worth "
        f"{told / 100:.2f}, the formula {formula / 100:.2f}",
    )


def _formula_loss(spec: SymbolSpec, valuation: SymbolValuation) -> Cents:
    """What the formula has for the broker's move: at least a cent, since it is divided by."""
    close = valuation.price - valuation.move
    profit = money.profit_at(spec, LONG, valuation.volume, valuation.price, close, 0)
    return max(1, -profit)


def _margin(spec: SymbolSpec, valuation: SymbolValuation) -> tuple[int, int]:
    volume = margin_volume(valuation.volume)
    if spec.conversion is FROM_BROKER:
        return (2 * valuation.margin + 1) * (WHOLE + BAND), 2 * volume * WHOLE
    formula = money.margin(spec, volume, valuation.price)
    return (valuation.margin, formula) if valuation.margin > formula + 1 and formula else (1, 1)
