"""What money on a symbol is worth: the formula against the venue's own figures. Pure.

Where the account's currency is the symbol's quote or base, `engine.money` knows the formula: the
venue's figure must agree with it, and the larger loss counts. Elsewhere the venue's is all there
is. Margins need not agree (a venue has its own leverage for some symbols): the larger one counts.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine import money
from engine.events import DenyReason, SymbolValued
from engine.types import LONG, TOLD, Cents, Millis, Points, Rate, SymbolSpec, Units
from engine.valuation import BAND, WHOLE, cautious, margin_volume, rate_told, too_old

TOLERANCE = 100
"""Part (1/10,000) by which the venue's figure may differ from the formula's, beside a cent."""

_MINUTE: Millis = 60_000


class Worth(msgspec.Struct, frozen=True):
    """How a symbol's money is reckoned now, and what speaks against opening anything on that.

    Profits are multiplied with `rate`. `margin` is what a formula's margin is multiplied with, or
    what a volume unit binds (cents) where there is none.
    """

    rate: Rate | None = None
    margin: tuple[int, int] = (1, 1)
    objection: tuple[DenyReason, str] | None = None


PLAIN: Final = Worth()
"""By the formula, with nothing against it."""


def worth_of(spec: SymbolSpec, valued: SymbolValued | None, now: Millis, *, told: bool) -> Worth:
    """By the last figures of the venue; `told`: it tells them, so that there must be some."""
    if valued is None:
        return _by_formula_alone(spec, told=told)
    objection = _too_old(spec, valued, now) or _doubt(spec, valued)
    return Worth(rate_of(spec, valued), _margin(spec, valued), objection)


def rate_of(spec: SymbolSpec, valued: SymbolValued | None) -> Rate | None:
    """What profits are multiplied with, never in the account's favour.

    None where the formula's are the worse, or where nothing was told.
    """
    if valued is None:
        return None
    if spec.conversion is TOLD:
        return cautious(rate_told(spec, valued), min(valued.gain, valued.loss))
    formula = _formula_loss(spec, valued)
    if valued.loss <= formula + 1:
        return None
    return Rate(gain=(1, 1), loss=(valued.loss, formula))


def margin_of(spec: SymbolSpec, worth: Worth, volume: Units, price: Points) -> Cents:
    """What a position binds, in cents: the larger of the formula's and the venue's figure."""
    number, per = worth.margin
    formula = volume if spec.conversion is TOLD else money.margin(spec, volume, price)
    return -(-formula * number // per)


def _by_formula_alone(spec: SymbolSpec, *, told: bool) -> Worth:
    if not told and spec.conversion is not TOLD:
        return PLAIN
    detail = f"the terminal has not told what a move of {spec.name} is worth"
    return Worth(objection=(DenyReason.NO_VALUE, detail))


def _too_old(spec: SymbolSpec, valued: SymbolValued, now: Millis) -> tuple[DenyReason, str] | None:
    if not too_old(spec, valued, now):
        return None
    minutes = (now - valued.time) // _MINUTE
    return (
        DenyReason.NO_VALUE,
        f"the terminal told what {spec.name} is worth {minutes} minutes ago, and no more since",
    )


def _doubt(spec: SymbolSpec, valued: SymbolValued) -> tuple[DenyReason, str] | None:
    """Both figures of one loss must be right; one of them alone cannot be checked."""
    if spec.conversion is TOLD:
        return None
    formula, told = _formula_loss(spec, valued), valued.loss
    if abs(told - formula) * WHOLE <= TOLERANCE * max(told, formula) + WHOLE:
        return None
    return (
        DenyReason.FIGURES_DISAGREE,
        f"the terminal says that {valued.move} points of {spec.name} are worth "
        f"{told / 100:.2f}, the formula {formula / 100:.2f}",
    )


def _formula_loss(spec: SymbolSpec, valued: SymbolValued) -> Cents:
    """What the formula has for the told move: at least a cent, since it is divided by."""
    close = valued.price - valued.move
    profit = money.profit_at(spec, LONG, valued.volume, valued.price, close, 0)
    return max(1, -profit)


def _margin(spec: SymbolSpec, valued: SymbolValued) -> tuple[int, int]:
    volume = margin_volume(valued.volume)
    if spec.conversion is TOLD:
        return (2 * valued.margin + 1) * (WHOLE + BAND), 2 * volume * WHOLE
    formula = money.margin(spec, volume, valued.price)
    return (valued.margin, formula) if valued.margin > formula + 1 and formula else (1, 1)
