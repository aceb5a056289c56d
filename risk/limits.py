"""Vetting: may this order leave?

`vet` is a pure function of the order and a `RiskContext`, the immutable view of everything that the
checks need. The checks run in the order of `engine.events.DenyReason`; the first that fails is the
reason. What a limit is stands in `engine.limit_table`, what it checks is bound to it here. Only new
exposure is vetted: closing a position or moving its stop passes in every trading state (`manage`),
because managing what is open never adds risk that was not accepted before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from engine.events import (
    MODIFY,
    OPEN,
    Account,
    DenyReason,
    OrderApproved,
    OrderDenied,
    OrderIntent,
)
from engine.limit_table import LIMIT_TABLE, OFF_VALUES
from engine.types import LONG, Cents, Limits, Points, lots
from risk.context import RiskContext, SizedOrder
from risk.restrictions import MINUTE, Objection
from risk.sizing import size

TOLERANCE = 1e-6
"""Cents by which a float threshold may miss an integer amount."""

RISK_TOLERANCE = 5
"""Cents by which an order may exceed its risk limit: what rounding of its volume can cost."""

T = TypeVar("T")
P = TypeVar("P")


class ContextMissing(Exception):
    """Raised when a limit is checked without the part of the context that its row says it needs."""


def day_floor(limits: Limits, day_start: Cents) -> float:
    """Equity at or below which the day is over."""
    return day_start * (1 - limits.daily_loss_fraction)


def max_loss_floor(limits: Limits, starting_balance: Cents) -> float | None:
    """Equity at or below which trading is over, or None where no such limit is set."""
    if limits.max_loss_fraction is None:
        return None
    return starting_balance * (1 - limits.max_loss_fraction)


def firm_reserve(limits: Limits, initial: Cents) -> Cents | None:
    """How far above the firm's floors our own limits act, in cents; None: not at all."""
    if limits.firm_reserve_fraction is None:
        return None
    return int(limits.firm_reserve_fraction * initial)


def vet(
    order: OrderIntent, context: RiskContext, checks: ChecksInForce | None = None
) -> OrderApproved | OrderDenied:
    """Approve an opening order with its volume and risk, or deny it with the first reason found.

    `checks` are those of the context's limits, for who vets many orders with the same ones.
    """
    if checks is None:
        checks = checks_in_force(context.limits)
    objection = _before_sizing(order, context, checks)
    if objection is not None:
        return denied(order, objection, context.account.figures)
    sized = size(order, context)
    objection = _first_hit(checks.at_volume, sized, context) or context.firm_objection
    if objection is not None:
        return denied(order, objection, context.account.figures)
    return OrderApproved(
        order=order,
        volume=sized.volume,
        risk=sized.risk,
        margin=sized.margin,
        worst=0 if sized.worst == sized.risk else sized.worst,
    )


def _dated(order: OrderIntent) -> str:
    """The time of a user's signal, which is part of its id; it may lie years from the record's."""
    moment = order.terms.signal_id.rsplit(":", 2)[-2:-1]
    if not moment or not moment[0].isdecimal():
        return ""
    return f", {datetime.fromtimestamp(int(moment[0]), UTC):%Y-%m-%d %H:%M:%S} UTC,"


def deny_known(order: OrderIntent, problem: DenyReason, account: Account) -> OrderDenied:
    """Deny an order for what was known against it before any check could run."""
    details = {
        DenyReason.UNKNOWN_SYMBOL: f"{order.terms.symbol} is not among this session's symbols",
        DenyReason.OUTSIDE_DATA: f"the signal's time{_dated(order)} lies outside the bars",
        DenyReason.EXPIRED: (
            "the signal was over before it could be acted on: its time by more than one bar, or "
            "the time at which it was to end"
        ),
    }
    return denied(order, (problem, details.get(problem, str(problem))), account)


def manage(
    order: OrderIntent, limits: Limits | None = None, stop_loss: Points = 0
) -> OrderApproved | Objection:
    """Approve an order that closes or protects an open position.

    `stop_loss` is the position's stop in force; moving it away is objected to where `limits` keep
    stops. Raises ValueError for an order that opens a position.
    """
    if order.terms.action is OPEN:
        raise ValueError(f"order {order.order_id} opens a position: it must be vetted")
    if order.terms.action is MODIFY and limits is not None:
        objection = _first_hit(tuple(_in_force(ON_A_STOP, limits)), order, stop_loss)
        if objection is not None:
            return objection
    return OrderApproved(order=order, volume=order.terms.volume)


def denied(order: OrderIntent, objection: Objection, account: Account) -> OrderDenied:
    """The denial of an order for what was found against it."""
    reason, detail = objection
    return OrderDenied(order=order, reason=reason, detail=detail, account=account)


def _before_sizing(
    order: OrderIntent, context: RiskContext, checks: ChecksInForce
) -> Objection | None:
    if not context.trading_active:
        return DenyReason.HALTED, "trading is halted"
    if context.known_signal:
        return DenyReason.DUPLICATE_INTENT, f"signal {order.terms.signal_id} already has an order"
    return (
        _first_hit(checks.before_sizing, order, context)
        or _unbounded(context)
        or _invalid_stops(order, context)
        or context.valuation.objection
        or _invalid_volume(order, context)
    )


def _unbounded(context: RiskContext) -> Objection | None:
    """An own position without a stop may lose everything: no figure of a limit says so as well."""
    if not context.without_stop:
        return None
    return (
        DenyReason.NO_STOP,
        f"position {context.without_stop} has no stop: nothing is opened beside it until it has "
        "one or is closed",
    )


def _invalid_stops(order: OrderIntent, context: RiskContext) -> Objection | None:
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


def _invalid_volume(order: OrderIntent, context: RiskContext) -> Objection | None:
    """A volume that the signal fixed and that the venue cannot take even in whole steps."""
    asked, spec = order.terms.volume, context.spec
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


def _too_small(sized: SizedOrder, context: RiskContext) -> str | None:
    least = context.spec.volume_min
    if sized.volume >= least:
        return None
    return f"{lots(sized.volume)} lots is below the minimum of {lots(least)}"


def _margin(sized: SizedOrder, context: RiskContext) -> str | None:
    free = context.account.equity - context.account.margin - context.margin_in_flight
    if sized.margin <= free:
        return None
    return f"margin of {context.amount(sized.margin)}, free {context.figure(free)}"


def _worst_case(context: RiskContext, lost: Cents) -> Cents:
    """The balance once all that is open, in flight and this order have lost what they may lose."""
    return context.account.balance - lost - context.risk_in_flight + context.stops_worst


# --- what each limit checks: None, or how it is hit ---


def _positions(_: OrderIntent, context: RiskContext) -> str | None:
    limit = context.limits.max_positions
    if context.positions < limit:
        return None
    return f"{context.positions} open or in flight, limit {limit}"


def _positions_on_symbol(order: OrderIntent, context: RiskContext) -> str | None:
    limit = context.limits.max_positions_per_symbol
    if context.positions_on_symbol < limit:
        return None
    return f"{context.positions_on_symbol} on {order.terms.symbol}, limit {limit}"


def _per_trade_risk(sized: SizedOrder, context: RiskContext) -> str | None:
    allowed = context.limits.per_trade_risk_fraction * context.day_start
    if sized.risk <= allowed + RISK_TOLERANCE + TOLERANCE:
        return None
    return f"risk of {context.amount(sized.risk)}, limit {context.figure(allowed)}"


def _daily_loss(sized: SizedOrder, context: RiskContext) -> str | None:
    return _below(day_floor(context.limits, context.day_start), sized, context)


def _max_loss(sized: SizedOrder, context: RiskContext) -> str | None:
    floor = max_loss_floor(context.limits, context.starting_balance)
    return None if floor is None else _below(floor, sized, context)


def _below(floor: float, sized: SizedOrder, context: RiskContext) -> str | None:
    worst = _worst_case(context, sized.worst)
    if worst >= floor - TOLERANCE:
        return None
    return f"worst case of {context.amount(worst)} is below the floor of {context.figure(floor)}"


def _cool_down(_: SizedOrder, context: RiskContext) -> str | None:
    counts = _needed(context.counts)
    if counts.last_loss is None:
        return None
    left = counts.last_loss + context.limits.cool_down_minutes * MINUTE - counts.now
    return f"a loss was closed; {-(-left // MINUTE)} minutes to wait" if left > 0 else None


def _orders_per_hour(_: SizedOrder, context: RiskContext) -> str | None:
    return _reached(_needed(context.counts).orders_hour, context.limits.max_orders_per_hour)


def _orders_per_day(_: SizedOrder, context: RiskContext) -> str | None:
    count = sum(_needed(context.counts).day.values())
    return _reached(count, context.limits.max_orders_per_day)


def _trades_per_symbol_per_day(sized: SizedOrder, context: RiskContext) -> str | None:
    count = _needed(context.counts).day.get(sized.order.terms.symbol, 0)
    return _reached(count, context.limits.max_trades_per_symbol_per_day)


def _reached(count: int, limit: int | None) -> str | None:
    return None if limit is None or count < limit else f"{count} so far, limit {limit}"


def _symbol_risk(sized: SizedOrder, context: RiskContext) -> str | None:
    fraction = context.limits.max_symbol_risk_fraction
    at_risk = _needed(context.concentration).on_symbol + sized.worst
    if fraction is None or at_risk <= (limit := fraction * context.day_start):
        return None
    return (
        f"{context.amount(at_risk)} at risk on {context.spec.name}, limit {context.figure(limit)}"
    )


def _currency_exposure(sized: SizedOrder, context: RiskContext) -> str | None:
    """Net of all symbols; an order that makes the exposure less passes."""
    fraction = context.limits.max_currency_risk_fraction
    if fraction is None:
        return None
    limit, net = fraction * context.day_start, _needed(context.concentration).on_currency
    for currency, sign in ((context.spec.base, 1), (context.spec.quote, -1)):
        before = net.get(currency, 0)
        after = before + sign * sized.order.terms.side * sized.worst
        if currency and abs(after) > limit and abs(after) > abs(before):
            return (
                f"{context.amount(abs(after))} at risk on {currency}, limit {context.figure(limit)}"
            )
    return None


def _firm_loss_buffer(sized: SizedOrder, context: RiskContext) -> str | None:
    """The worst case against the firm's floor of today and of the day after the next reset.

    Reaching a floor counts as breaking it, whatever the firm says. Without a firm there is none.
    """
    floors = context.firm_floors
    kept = None if floors is None else firm_reserve(context.limits, floors.initial)
    if floors is None or kept is None:
        return None
    worst = _worst_case(context, sized.worst)
    for day, floor in (("today", floors.today), ("after the next reset", floors.next)):
        if worst <= floor + kept:
            return (
                f"worst case of {context.amount(worst)} is not above the firm's floor {day} of "
                f"{context.figure(floor)} and the reserve of {context.figure(kept)}"
            )
    return None


def _wider_stop(order: OrderIntent, stop_loss: Points) -> str | None:
    """A stop that moves away from the price, or is taken away; `stop_loss` is the one in force."""
    nearer = (order.terms.stop_loss - stop_loss) * order.terms.side >= 0
    if not stop_loss or (order.terms.stop_loss and nearer):
        return None
    return f"the stop {stop_loss} may not move to {order.terms.stop_loss}"


def _needed(part: T | None) -> T:
    if part is None:
        raise ContextMissing("the limit's row in engine.limit_table must name what it needs")
    return part


# --- the checks bound to their limits, in the order in which they run ---


class LimitCheck(NamedTuple, Generic[T, P]):
    """A limit by its name, what it is when it is off, why it denies, and its check."""

    limit: str
    off: Any
    reason: DenyReason
    hit: Callable[[T, P], str | None]


def _bound(limit: str, hit: Callable[[T, P], str | None]) -> LimitCheck[T, P]:
    reason = next(item.reason for item in LIMIT_TABLE[limit].hits if item.reason)
    return LimitCheck(limit, OFF_VALUES.get(limit, _NEVER_OFF), reason, hit)


Checks = tuple[tuple[DenyReason, Callable[[T, P], str | None]], ...]
"""What runs one after the other, each with the reason for which it denies."""


class ChecksInForce(NamedTuple):
    """The checks of an entry, but for those of limits that are off, in the order in which they run.

    Limits do not change within a session: which of them are set is sorted out once.
    """

    before_sizing: Checks[OrderIntent, RiskContext]
    at_volume: Checks[SizedOrder, RiskContext]


def checks_in_force(limits: Limits) -> ChecksInForce:
    """The checks that `limits` ask for, and those of volume and margin, which always run."""
    return ChecksInForce(
        tuple(_in_force(ON_POSITIONS, limits)),
        (
            (DenyReason.BELOW_MIN_VOLUME, _too_small),
            *_in_force(ON_RISK, limits),
            (DenyReason.MARGIN, _margin),
            *_in_force(ON_HISTORY_AND_EXPOSURE, limits),
        ),
    )


def _in_force(
    checks: Iterable[LimitCheck[T, P]], limits: Limits
) -> Iterator[tuple[DenyReason, Callable[[T, P], str | None]]]:
    for limit, off, reason, hit in checks:
        if getattr(limits, limit) != off:
            yield reason, hit


def _first_hit(checks: Checks[T, P], subject: T, context: P) -> Objection | None:
    """The first check that finds something, and what."""
    for reason, hit in checks:
        detail = hit(subject, context)
        if detail is not None:
            return reason, detail
    return None


_NEVER_OFF: Final = object()

ON_POSITIONS: Final = (
    _bound("max_positions", _positions),
    _bound("max_positions_per_symbol", _positions_on_symbol),
)
ON_RISK: Final = (
    _bound("per_trade_risk_fraction", _per_trade_risk),
    _bound("daily_loss_fraction", _daily_loss),
    _bound("max_loss_fraction", _max_loss),
)
ON_HISTORY_AND_EXPOSURE: Final = (
    _bound("cool_down_minutes", _cool_down),
    _bound("max_orders_per_hour", _orders_per_hour),
    _bound("max_orders_per_day", _orders_per_day),
    _bound("max_trades_per_symbol_per_day", _trades_per_symbol_per_day),
    _bound("max_symbol_risk_fraction", _symbol_risk),
    _bound("max_currency_risk_fraction", _currency_exposure),
    _bound("firm_reserve_fraction", _firm_loss_buffer),
)
ON_A_STOP: Final = (_bound("keep_stops", _wider_stop),)
