"""Vetting: may this order leave?

`vet` is a pure function of the order and a `RiskContext`, the immutable view of everything that the
checks need. The checks run in the order of `engine.events.DenyReason`; the first that fails is the
reason. Only new exposure is vetted: closing a position or moving its stop passes in every trading
state (`manage`), because managing what is open never adds risk that was not accepted before.
"""

from __future__ import annotations

import msgspec

from engine import money
from engine.events import (
    MODIFY,
    OPEN,
    Account,
    DenyReason,
    OrderApproved,
    OrderDenied,
    OrderIntent,
    Tick,
)
from engine.types import LONG, UNITS_PER_LOT, Cents, Limits, Points, SymbolSpec, Units, lots
from risk import exposure, sizing
from risk import firm_limits as guard
from risk.valuation import Valuation, margin_of

TOLERANCE = 1e-6
"""Cents by which a float threshold may miss an integer amount."""

RISK_TOLERANCE = 5
"""Cents by which an order may exceed its risk limit: what rounding of its volume can cost."""


class RiskContext(msgspec.Struct, frozen=True, kw_only=True):
    """What risk knows at the moment of a decision.

    Money is cents. `stops_worst` is the sum over open positions of what each would still lose at
    its stop (never a gain); `*_in_flight` is what approved orders will add once they are filled.
    `valuation` is how the symbol's money is valued.
    """

    limits: Limits
    spec: SymbolSpec
    tick: Tick
    account: Account
    day_start: Cents
    starting_balance: Cents
    trading_active: bool
    known_signal: bool
    positions: int
    positions_on_symbol: int
    stops_worst: Cents
    risk_in_flight: Cents
    margin_in_flight: Cents
    valuation: Valuation = Valuation()
    limit_context: guard.LimitContext = guard.NO_LIMIT_CONTEXT


def day_floor(limits: Limits, day_start: Cents) -> float:
    """Equity at or below which the day is over."""
    return day_start * (1 - limits.daily_loss_fraction)


def max_loss_floor(limits: Limits, starting_balance: Cents) -> float | None:
    """Equity at or below which trading is over, or None where no such limit is set."""
    if limits.max_loss_fraction is None:
        return None
    return starting_balance * (1 - limits.max_loss_fraction)


def vet(order: OrderIntent, context: RiskContext) -> OrderApproved | OrderDenied:
    """Approve an opening order with its volume and risk, or deny it with the first reason found."""
    denial = _denied_before_sizing(order, context)
    if denial is not None:
        return _deny(order, context, *denial)
    terms = order.terms
    entry = terms.entry_price or (context.tick.ask if terms.side is LONG else context.tick.bid)
    spread = context.tick.ask - context.tick.bid
    volume = _fixed(order, context) or _sized(order, context, entry, spread)
    rate = context.valuation.rate
    risk = money.loss_at_stop(
        context.spec, terms.side, volume, entry, terms.stop_loss, spread, rate
    )
    worst = risk
    if not exposure.exact(context.limits, terms.stop_loss):
        worst = exposure.worst_of_order(
            context.limits, context.spec, terms.side, volume, entry, terms.stop_loss, spread,
            pending=terms.entry_price > 0, rate=rate,
        )  # fmt: skip
    margin = margin_of(context.spec, context.valuation, volume, entry)
    denial = _denied_at_volume(context, volume, risk, worst, margin) or _guarded(
        order, context, worst
    )
    if denial is not None:
        return _deny(order, context, *denial)
    return OrderApproved(
        order=order, volume=volume, risk=risk, margin=margin, worst=0 if worst == risk else worst
    )


def deny_known(order: OrderIntent, problem: DenyReason, account: Account) -> OrderDenied:
    """Deny an order for what was known against it before any check could run."""
    details = {
        DenyReason.UNKNOWN_SYMBOL: f"{order.terms.symbol} is not among this session's symbols",
        DenyReason.OUTSIDE_DATA: "the signal's time lies outside the bars",
        DenyReason.EXPIRED: "no price came within one bar of the signal's time",
    }
    return denied(order, problem, details.get(problem, str(problem)), account)


def denied(order: OrderIntent, reason: DenyReason, detail: str, account: Account) -> OrderDenied:
    """Deny an order for what the venue or the account says of it, whatever the limits."""
    return OrderDenied(order=order, reason=reason, detail=detail, account=account)


def manage(
    order: OrderIntent, limits: Limits | None = None, stop_loss: Points = 0
) -> OrderApproved | tuple[DenyReason, str]:
    """Approve an order that closes or protects an open position.

    `stop_loss` is the position's stop in force; moving it away is objected to where `limits` keep
    stops. Raises ValueError for an order that opens a position.
    """
    if order.terms.action is OPEN:
        raise ValueError(f"order {order.order_id} opens a position: it must be vetted")
    if order.terms.action is MODIFY and limits is not None:
        objection = guard.wider_stop(limits, order, stop_loss)
        if objection is not None:
            return objection
    return OrderApproved(order=order, volume=order.terms.volume)


def _deny(order: OrderIntent, context: RiskContext, reason: DenyReason, detail: str) -> OrderDenied:
    return OrderDenied(order=order, reason=reason, detail=detail, account=context.account)


def _denied_before_sizing(
    order: OrderIntent, context: RiskContext
) -> tuple[DenyReason, str] | None:
    if not context.trading_active:
        return DenyReason.HALTED, "trading is halted"
    if context.known_signal:
        return DenyReason.DUPLICATE_INTENT, f"signal {order.terms.signal_id} already has an order"
    if context.positions >= context.limits.max_positions:
        return (
            DenyReason.MAX_POSITIONS,
            f"{context.positions} open or in flight, limit {context.limits.max_positions}",
        )
    if context.positions_on_symbol >= context.limits.max_positions_per_symbol:
        return (
            DenyReason.MAX_POSITIONS_PER_SYMBOL,
            f"{context.positions_on_symbol} on {order.terms.symbol}, "
            f"limit {context.limits.max_positions_per_symbol}",
        )
    return (
        _invalid_stops(order, context)
        or context.valuation.objection
        or _invalid_volume(order, context.spec)
    )


def _invalid_stops(order: OrderIntent, context: RiskContext) -> tuple[DenyReason, str] | None:
    """A stop (and a target, where there is one) must lie on its side of the closing price.

    For a pending order that is the price at which it enters. Distances of 0 points are refused too,
    whatever the symbol's stops level.
    """
    terms = order.terms
    long = terms.side is LONG
    price: Points = terms.entry_price or (context.tick.bid if long else context.tick.ask)
    nearest = max(context.spec.stops_level, 1)
    side = 1 if long else -1
    market = context.tick.ask if long else context.tick.bid
    if terms.entry_price and abs(terms.entry_price - market) < nearest:
        return (
            DenyReason.INVALID_STOPS,
            f"entry price {terms.entry_price} must lie {nearest} points or more from {market}",
        )
    if not terms.stop_loss or (price - terms.stop_loss) * side < nearest:
        return (
            DenyReason.INVALID_STOPS,
            f"stop loss {terms.stop_loss} must lie {nearest} points or more "
            f"{'below' if long else 'above'} {price}",
        )
    if terms.take_profit and (terms.take_profit - price) * side < nearest:
        return (
            DenyReason.INVALID_STOPS,
            f"take profit {terms.take_profit} must lie {nearest} points or more "
            f"{'above' if long else 'below'} {price}",
        )
    return None


def _invalid_volume(order: OrderIntent, spec: SymbolSpec) -> tuple[DenyReason, str] | None:
    """A volume that the signal fixed and that the venue cannot take even in whole steps."""
    asked = order.terms.volume
    if not asked:
        return None
    if asked < spec.volume_min:
        return (
            DenyReason.BELOW_MIN_VOLUME,
            f"{lots(asked):g} lots is below the minimum of {lots(spec.volume_min):g}",
        )
    if asked > spec.volume_max:
        return (
            DenyReason.INVALID_VOLUME,
            f"{lots(asked):g} lots is more than {spec.name} takes at once, "
            f"{lots(spec.volume_max):g}",
        )
    return None


def _fixed(order: OrderIntent, context: RiskContext) -> Units:
    """A volume that the signal fixed, in whole steps, at most our own largest; 0 when it did not.

    It is never exceeded; the position says that it was cut.
    """
    asked, step = order.terms.volume, context.spec.volume_step
    return min(asked - asked % step, _largest(context))


def _sized(order: OrderIntent, context: RiskContext, entry: Points, spread: Points) -> Units:
    terms, limits, spec = order.terms, context.limits, context.spec
    rate = context.valuation.rate
    money_to_lose = sizing.budget(
        limits.per_trade_risk_fraction, terms.scale, context.account.equity, context.day_start
    )

    def loss(volume: Units) -> Cents:
        return money.loss_at_stop(spec, terms.side, volume, entry, terms.stop_loss, spread, rate)

    volume = min(sizing.volume_within(spec, money_to_lose, loss(UNITS_PER_LOT)), _largest(context))
    if rate is not None:
        # The loss of one lot was rounded to a cent, which many lots multiply.
        while volume > 0 and loss(volume) > money_to_lose:
            volume -= spec.volume_step
    return volume


def _largest(context: RiskContext) -> Units:
    """The most that one order may have, in whole steps: the venue's maximum or our own."""
    own = context.limits.max_order_lots
    if own is None:
        return context.spec.volume_max
    steps = int(own * UNITS_PER_LOT / context.spec.volume_step + 1e-9)
    return min(steps * context.spec.volume_step, context.spec.volume_max)


def _denied_at_volume(
    context: RiskContext, volume: Units, risk: Cents, lost: Cents, margin: Cents
) -> tuple[DenyReason, str] | None:
    limits = context.limits
    if volume < context.spec.volume_min:
        return (
            DenyReason.BELOW_MIN_VOLUME,
            f"{lots(volume)} lots is below the minimum of {lots(context.spec.volume_min)}",
        )
    allowed = limits.per_trade_risk_fraction * context.day_start
    if risk > allowed + RISK_TOLERANCE + TOLERANCE:
        return DenyReason.PER_TRADE_RISK, f"risk of {_usd(risk)} USD, limit {_usd(allowed)}"
    worst = _worst_case(context, lost)
    floor = day_floor(limits, context.day_start)
    if worst < floor - TOLERANCE:
        return (
            DenyReason.DAILY_LOSS,
            f"worst case of {_usd(worst)} USD is below the floor of {_usd(floor)}",
        )
    overall = max_loss_floor(limits, context.starting_balance)
    if overall is not None and worst < overall - TOLERANCE:
        return (
            DenyReason.MAX_LOSS,
            f"worst case of {_usd(worst)} USD is below the floor of {_usd(overall)}",
        )
    free = context.account.equity - context.account.margin - context.margin_in_flight
    if margin > free:
        return DenyReason.MARGIN, f"margin of {_usd(margin)} USD, free {_usd(free)}"
    return None


def _worst_case(context: RiskContext, lost: Cents) -> Cents:
    """The balance once all that is open, in flight and this order have lost what they may lose."""
    return context.account.balance - lost - context.risk_in_flight + context.stops_worst


def _guarded(
    order: OrderIntent, context: RiskContext, worst: Cents
) -> tuple[DenyReason, str] | None:
    """The checks of `risk.firm_limits`, in their order."""
    limits, limit_context = context.limits, context.limit_context
    if limit_context is guard.NO_LIMIT_CONTEXT:
        return None
    return (
        guard.timing(limits, limit_context)
        or guard.exposure(limits, limit_context, order, context.spec, worst, context.day_start)
        or guard.firm_buffer(
            limit_context,
            _worst_case(context, worst),
            guard.reserve(limits, context.starting_balance),
        )
        or limit_context.objection
    )


def _usd(cents: float) -> str:
    return f"{cents / 100:.2f}"
