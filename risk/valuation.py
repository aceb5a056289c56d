"""What money on a symbol is worth: the formula against the venue's own figures. Pure.

Where the account's currency is the symbol's quote or base, `engine.money` knows the formula: the
venue's figure must agree with it, and the larger loss counts. Elsewhere the venue's is all there
is. Margins need not agree (a venue has its own leverage for some symbols): the larger one counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

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


class JudgedValuation(NamedTuple):
    """What the venue's figures of `time` come to, the same for every order up to `fresh_until`."""

    valuation: Valuation
    time: Millis
    fresh_until: Millis


def judged(spec: SymbolSpec, valuation: SymbolValuation) -> JudgedValuation:
    """The venue's figures held against the formula."""
    found = Valuation(rate_of(spec, valuation), _margin(spec, valuation), _doubt(spec, valuation))
    return JudgedValuation(found, valuation.time, fresh_until(spec, valuation))


def current_valuation(
    spec: SymbolSpec, last: JudgedValuation | None, now: Millis, *, broker_valued: bool
) -> Valuation:
    """By the last figures of the venue; `broker_valued`: it tells them, so that there must be
    some."""
    if last is None:
        plain = not broker_valued and spec.conversion is not FROM_BROKER
        return PLAIN if plain else _unknown(spec)
    if now <= last.fresh_until:
        return last.valuation
    minutes = (now - last.time) // _MINUTE
    detail = f"the terminal's last valuation of {spec.name} is {minutes} minutes old"
    return Valuation(last.valuation.rate, last.valuation.margin, (DenyReason.NO_VALUATION, detail))


def valuation_of(
    spec: SymbolSpec, valuation: SymbolValuation | None, now: Millis, *, broker_valued: bool
) -> Valuation:
    """`current_valuation` of figures that were not judged before."""
    last = None if valuation is None else judged(spec, valuation)
    return current_valuation(spec, last, now, broker_valued=broker_valued)


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


def _unknown(spec: SymbolSpec) -> Valuation:
    detail = f"the terminal has supplied no valuation of {spec.name}"
    return Valuation(objection=(DenyReason.NO_VALUATION, detail))


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
        f"{told / 100:.2f}, the formula {formula / 100:.2f} of the account's currency",
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
