"""How many lots an order may have."""

from __future__ import annotations

from engine import money
from engine.types import UNITS_PER_LOT, Cents, Conversion, Points, Side, SymbolSpec, Units

_STEP_SLACK = 1e-9


def budget(fraction: float, scale: float, equity: Cents, anchor: Cents) -> float:
    """Cents that one order may lose.

    The fraction of equity, scaled by the signal's grade, but never more than the fraction of the
    day's anchor.
    """
    return min(fraction * scale * equity, fraction * anchor)


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


class FiguresDisagree(Exception):
    """Raised when the terminal's figure and ours of the same amount cannot both be right."""


def formula_applies(spec: SymbolSpec, currency: str) -> bool:
    """Whether `engine.money` knows how the symbol's profit becomes account currency.

    It does where the account's currency is the symbol's quote, or its base; with a third currency
    (EURGBP on a USD account) only the terminal can tell.
    """
    if spec.conversion is Conversion.NONE:
        return spec.quote == currency
    return spec.base == currency


def loss_of_one_lot(
    spec: SymbolSpec,
    side: Side,
    entry: Points,
    stop: Points,
    spread: Points,
    *,
    currency: str,
    told: Cents | None,
    tolerance: float = 0.01,
) -> Cents:
    """What one lot loses from `entry` to `stop`, with both commissions, in cents.

    `told` is the terminal's `order_calc_profit` of that move (negative, in cents), None when it
    cannot tell. Where the formula applies both must agree within `tolerance` (a fraction, and a
    cent), and the larger loss counts; elsewhere the terminal's figure is the only one. Raises
    FiguresDisagree when they do not agree, when there is none, or when it is no loss.
    """
    formula = None
    if formula_applies(spec, currency):
        formula = -money.profit_at(spec, side, UNITS_PER_LOT, entry, stop, spread)
    what = f"loss of one lot of {spec.name} from {entry} to {stop}"
    lost = agreed(what, formula, None if told is None else -told, tolerance)
    return lost + 2 * money.commission(spec, UNITS_PER_LOT)


def margin_of(
    spec: SymbolSpec,
    volume: Units,
    price: Points,
    *,
    currency: str,
    told: Cents | None,
    tolerance: float = 0.01,
) -> Cents:
    """What a position binds, in cents; `told` is the terminal's `order_calc_margin`.

    As `loss_of_one_lot`: both must agree where the formula applies, and the larger one counts.
    """
    formula = money.margin(spec, volume, price) if formula_applies(spec, currency) else None
    return agreed(f"margin of {spec.name} at {price}", formula, told, tolerance)


def agreed(what: str, formula: Cents | None, told: Cents | None, tolerance: float) -> Cents:
    """The larger of two figures of the same amount, or the only one.

    Raises FiguresDisagree when they lie farther apart than `tolerance` of the larger and a cent,
    or when what is left is not above zero.
    """
    figures = [figure for figure in (formula, told) if figure is not None]
    if not figures:
        raise FiguresDisagree(f"{what}: no formula applies and the terminal does not tell it")
    larger, smaller = max(figures), min(figures)
    if smaller <= 0:
        raise FiguresDisagree(f"{what}: {smaller / 100:.2f} is not above zero")
    if larger - smaller > tolerance * larger + 1:
        raise FiguresDisagree(
            f"{what}: the terminal says {(told or 0) / 100:.2f}, "
            f"the formula {(formula or 0) / 100:.2f}"
        )
    return larger
