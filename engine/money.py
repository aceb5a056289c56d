"""Integer money: profit, commission and margin in cents, from integer points and volume units.

The formulas are those of the replay's execution model (ARCHITECTURE.md, "Money"). Each takes one
exact integer fraction and rounds it once, so no order of evaluation can change a cent.
"""

from __future__ import annotations

from math import floor

import numpy as np
import numpy.typing as npt

from engine.types import (
    FROM_BROKER,
    LONG,
    UNCONVERTED,
    UNITS_PER_LOT,
    Cents,
    Conversion,
    Points,
    Rate,
    Side,
    SymbolSpec,
    Units,
)

Ints = npt.NDArray[np.int64]

_CENTS_PER_MAJOR = 100
_EXACT = 1 << 53
_SLACK = 0.5 + 1e-5
_STEP_SLACK = 1e-9


class RateMissing(Exception):
    """Raised when money of a symbol is asked for that only a `Rate` can tell, without one."""

    def __init__(self, spec: SymbolSpec) -> None:
        super().__init__(spec)
        self.spec = spec

    def __str__(self) -> str:
        spec = self.spec
        return f"{spec.name}: nobody has supplied what a unit of {spec.quote} is worth"


def half(value: float) -> int:
    """Round half away from zero; a slack of 1e-5 lifts values that floats put just below a half."""
    return floor(value + _SLACK) if value >= 0 else -floor(_SLACK - value)


def ratio(numerator: int, denominator: int) -> int:
    """`half` of an integer fraction with a positive denominator; exact when it divides."""
    whole, rest = divmod(numerator, denominator)
    return half(numerator / denominator) if rest else whole


def profit(
    spec: SymbolSpec,
    side: Side,
    volume: Units,
    entry: Points,
    close: Points,
    bid: Points,
    ask: Points,
    rate: Rate | None = None,
) -> Cents:
    """Profit in cents of closing `volume` at `close`.

    `bid` and `ask` convert the profit when the account currency is the symbol's base currency: a
    gain is divided by the ask and a loss by the bid, as a dealer would. The result is multiplied
    with `rate`, where there is one; raises RateMissing for a symbol that cannot do without.
    """
    moved, conversion = (close - entry) * side * volume * spec.contract, spec.conversion
    if rate is not None or conversion is FROM_BROKER:
        return _rated(spec, moved, bid, ask, rate)
    if conversion is UNCONVERTED:
        return ratio(moved * _CENTS_PER_MAJOR, UNITS_PER_LOT * 10**spec.digits)
    return ratio(moved * _CENTS_PER_MAJOR, UNITS_PER_LOT * (ask if moved > 0 else bid))


def _rated(spec: SymbolSpec, moved: int, bid: Points, ask: Points, rate: Rate | None) -> Cents:
    if rate is None:
        raise RateMissing(spec)
    number, per = rate.gain if moved > 0 else rate.loss
    divisor = 10**spec.digits
    if spec.conversion is Conversion.DIVIDE:
        divisor = ask if moved > 0 else bid
    return ratio(moved * _CENTS_PER_MAJOR * number, UNITS_PER_LOT * divisor * per)


def profit_at(
    spec: SymbolSpec,
    side: Side,
    volume: Units,
    entry: Points,
    price: Points,
    spread: Points,
    rate: Rate | None = None,
) -> Cents:
    """Profit of a close at `price` when that price itself is the tick of its side.

    A long closes on the bid (the ask lies one spread above), a short on the ask.
    """
    if side is LONG:
        return profit(spec, side, volume, entry, price, price, price + spread, rate)
    return profit(spec, side, volume, entry, price, price - spread, price, rate)


def commission(spec: SymbolSpec, volume: Units) -> Cents:
    """Commission of one deal, as a positive number of cents."""
    return half(volume * spec.commission / UNITS_PER_LOT)


def margin(spec: SymbolSpec, volume: Units, price: Points, rate: Rate | None = None) -> Cents:
    """Margin that a position of `volume` opened at `price` binds, in cents.

    `rate` converts the nominal value of a symbol for which neither currency is the account's;
    raises RateMissing where it is needed and not given.
    """
    nominal = volume * spec.contract * _CENTS_PER_MAJOR
    if spec.conversion is UNCONVERTED:
        return ratio(nominal * price, UNITS_PER_LOT * 10**spec.digits * spec.leverage)
    if spec.conversion is Conversion.DIVIDE:
        return ratio(nominal, UNITS_PER_LOT * spec.leverage)
    if rate is None:
        raise RateMissing(spec)
    number, per = rate.loss
    bound = UNITS_PER_LOT * 10**spec.digits * spec.leverage * per
    return ratio(nominal * price * number, bound)


def cents_per_point(spec: SymbolSpec, volume: Units) -> int:
    """Cents that a point is worth when that is a whole number, else 0: then profits are rounded."""
    if spec.conversion is not UNCONVERTED:
        return 0
    worth, rest = divmod(volume * spec.contract * _CENTS_PER_MAJOR, UNITS_PER_LOT * 10**spec.digits)
    return 0 if rest else worth


def loss_at_stop(
    spec: SymbolSpec,
    side: Side,
    volume: Units,
    entry: Points,
    stop: Points,
    spread: Points,
    rate: Rate | None = None,
) -> Cents:
    """Money lost when `volume` opened at `entry` is stopped at `stop`; with both commissions."""
    return -profit_at(spec, side, volume, entry, stop, spread, rate) + 2 * commission(spec, volume)


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


def volume_at_stop(
    spec: SymbolSpec,
    money: float,
    largest: Units,
    side: Side,
    entry: Points,
    stop: Points,
    spread: Points,
    rate: Rate | None = None,
) -> Units:
    """The inverse of `loss_at_stop`: what loses at most `money` cents, up to `largest`."""
    lot = loss_at_stop(spec, side, UNITS_PER_LOT, entry, stop, spread, rate)
    volume = min(volume_within(spec, money, lot), largest)
    if rate is not None:
        # The loss of one lot was rounded to a cent, which many lots multiply.
        while volume > 0 and loss_at_stop(spec, side, volume, entry, stop, spread, rate) > money:
            volume -= spec.volume_step
    return volume


def scaled_margin(spec: SymbolSpec, scale: tuple[int, int], volume: Units, price: Points) -> Cents:
    """Margin by the formula times `scale`, or by what a volume unit binds where there is none.

    In cents, rounded up: `scale` comes from the broker's own figures.
    """
    number, per = scale
    formula = volume if spec.conversion is FROM_BROKER else margin(spec, volume, price)
    return -(-formula * number // per)


def profits(
    spec: SymbolSpec,
    side: Side | Ints,
    volume: Units | Ints,
    entry: Points | Ints,
    bids: Ints,
    spreads: Ints,
    ticks: Ints | None = None,
) -> Ints:
    """`profit` of closing at each of many ticks, given by bid and spread.

    `side`, `volume` and `entry` are those of one position, or of one for each tick; with `ticks`
    of many positions, each of which met so many of the ticks, one after the other. Raises
    OverflowError where doubles do not hold the fractions exactly, so that the rounding of `profit`
    could not be repeated.
    """
    asks = bids + spreads
    ways, volumes = np.asarray(side, dtype=np.int64), np.asarray(volume, dtype=np.int64)
    entries = np.asarray(entry, dtype=np.int64)
    if spec.conversion is FROM_BROKER:
        raise OverflowError(f"profits of {spec.name} are known to its venue alone")
    scale = 1 if spec.conversion is not UNCONVERTED else 10**spec.digits
    whole = UNITS_PER_LOT * scale
    worth = volumes * (spec.contract * _CENTS_PER_MAJOR)
    shared = np.gcd(worth, whole)
    divisors = whole // shared
    worth = worth // shared
    if ticks is not None:
        repeated = (ways, entries, worth, divisors)
        ways, entries, worth, divisors = (np.repeat(column, ticks) for column in repeated)
    moved = (np.where(ways > 0, bids, asks) - entries) * ways
    if spec.conversion is not UNCONVERTED:
        divisors = np.where(moved > 0, asks, bids) * divisors
    if float(np.abs(moved * np.float64(1) * worth).max(initial=0)) >= _EXACT:
        raise OverflowError(f"profits of {volume} units of {spec.name} are beyond exact doubles")
    values = moved * worth / divisors
    rounded = np.where(values >= 0, np.floor(values + _SLACK), -np.floor(_SLACK - values))
    found: Ints = rounded.astype(np.int64)
    return found
