"""How many lots an order may have, and what it then puts at risk. Pure."""

from __future__ import annotations

from engine import money
from engine.events import OrderIntent
from engine.types import LONG, UNITS_PER_LOT, Cents, Units
from risk import exposure
from risk.context import RiskContext, SizedOrder


def size(order: OrderIntent, context: RiskContext) -> SizedOrder:
    """Give an entry its volume: the signal's own, or what its stop may cost.

    The volume may be below the symbol's minimum: the caller decides what that means.
    """
    limits, spec, tick, rate = context.limits, context.spec, context.tick, context.valuation.rate
    terms, spread = order.terms, tick.ask - tick.bid
    side, stop = terms.side, terms.stop_loss
    entry = terms.entry_price or (tick.ask if side is LONG else tick.bid)
    largest = largest_volume(context)
    # Nothing may be filled worse than asked: then what an order may lose at worst is its risk.
    exact = not limits.allow_slippage_points and not limits.allow_gap_fraction and stop >= 1
    if terms.volume:
        # Fixed by the signal: in whole steps, up to the largest. Less than a step counts as one
        # step less than the minimum, so that it is denied as too small.
        step = spec.volume_step
        volume = min(terms.volume - terms.volume % step, largest) or -step
    else:
        cents = budget(
            limits.per_trade_risk_fraction, terms.scale, context.account.equity, context.day_start
        )
        volume = money.volume_at_stop(spec, cents, largest, side, entry, stop, spread, rate)
    worst = risk = money.loss_at_stop(spec, side, volume, entry, stop, spread, rate)
    margin = money.scaled_margin(spec, context.valuation.margin, volume, entry)
    if not exact:
        worst = exposure.worst_of_order(
            limits, spec, side, volume, entry, stop, spread,
            pending=terms.entry_price > 0, rate=rate,
        )  # fmt: skip
    return SizedOrder(order, volume, risk, worst, margin)


def budget(fraction: float, scale: float, equity: Cents, day_start: Cents) -> float:
    """Cents that one order may lose.

    The fraction of equity, scaled by the signal's grade, but never more than the fraction of the
    day-start balance.
    """
    return min(fraction * scale * equity, fraction * day_start)


def largest_volume(context: RiskContext) -> Units:
    """The most that one order may have, in whole steps: the venue's maximum or our own."""
    own = context.limits.max_order_lots
    if own is None:
        return context.spec.volume_max
    steps = int(own * UNITS_PER_LOT / context.spec.volume_step + 1e-9)
    return min(steps * context.spec.volume_step, context.spec.volume_max)
