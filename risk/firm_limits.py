"""Own limits inside the firm's: the checks that run after the ordinary ones. Pure.

Each is off unless its limit is set. What a limit does when it is hit is declared with the limits
(`Limits.actions`), by default as in `DEFAULT_ACTIONS`: deny the order, halt until the reset, latch,
or latch and close everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.events import DenyReason, OrderIntent
from engine.rules import RuleSet
from engine.trading import HaltCause
from engine.types import Cents, LimitAction, Limits, Millis, SymbolSpec
from risk import objectives as obj
from risk.restrictions import MINUTE, Objection

HOUR: Millis = 60 * MINUTE

DEFAULT_ACTIONS: Mapping[str, LimitAction] = {
    "daily_loss": LimitAction.UNTIL_RESET,
    "max_loss": LimitAction.LATCH,
    "firm_floor": LimitAction.FLATTEN,
}
"""What limits do that do not merely deny, unless `actions` says otherwise."""


_NEED_CONTEXT = frozenset(
    {
        "max_symbol_risk_fraction",
        "max_currency_risk_fraction",
        "max_orders_per_hour",
        "max_orders_per_day",
        "cool_down_minutes",
    }
)


class FirmFloors(msgspec.Struct, frozen=True):
    """The firm's floor in force, and the one that the next reset would set on today's figures."""

    today: Cents
    next: Cents


class LimitContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits need to know at the moment of a decision; `last_loss` is when a loss was
    closed.

    `symbol_worst` is what may be lost on the order's symbol already, `currencies` the net money at
    risk by currency. `objection` comes from the firm's trading restrictions.
    """

    now: Millis = 0
    orders_hour: int = 0
    orders_day: int = 0
    last_loss: Millis | None = None
    symbol_worst: Cents = 0
    currencies: Mapping[str, Cents] = {}
    firm: FirmFloors | None = None
    objection: Objection | None = None


NO_LIMIT_CONTEXT: Final = LimitContext()
"""Stands for the view where no limit is set for which a decision needs one."""


def needs_context(limits: Limits) -> bool:
    """Whether a limit is set for which a decision needs a `LimitContext`."""
    return not _NEED_CONTEXT.isdisjoint(limits.terms())


def action_of(limits: Limits, limit: str) -> LimitAction:
    """The declared action of a limit, known by the name of its reason to deny (or `firm_floor`)."""
    return limits.actions.get(limit, DEFAULT_ACTIONS.get(limit, LimitAction.DENY))


def cause_of(limit: str, action: LimitAction) -> HaltCause:
    """The cause under which a limit halts trading: the loss limits have their own."""
    if action is LimitAction.UNTIL_RESET:
        return HaltCause.DAILY_LOSS if limit == "daily_loss" else HaltCause.DAY_LIMIT
    return HaltCause.MAX_LOSS if limit == "max_loss" else HaltCause.LIMIT


def floors(rules: RuleSet, state: obj.ChallengeState, balance: Cents, equity: Cents) -> FirmFloors:
    """Both floors that a worst case must stay above.

    The next one hangs on the figures at the reset: if every stop is hit after it, it is that of
    today's balance (or equity, where the firm starts the day from it), and of today's high.
    """
    turned = obj.next_day(rules, state, state.date, balance, equity)
    return FirmFloors(state.floor, turned.floor)


def reserve(limits: Limits, initial: Cents) -> Cents | None:
    """How far above the firm's floors our own limits act, in cents; None: not at all."""
    if limits.firm_reserve_fraction is None:
        return None
    return int(limits.firm_reserve_fraction * initial)


def timing(limits: Limits, limit_context: LimitContext) -> Objection | None:
    """Orders an hour and a day, and the pause after a loss."""
    if limit_context.last_loss is not None:
        left = limit_context.last_loss + limits.cool_down_minutes * MINUTE - limit_context.now
        if left > 0:
            return DenyReason.COOL_DOWN, f"a loss was closed; {-(-left // MINUTE)} minutes to wait"
    for reason, count, limit in (
        (DenyReason.ORDERS_PER_HOUR, limit_context.orders_hour, limits.max_orders_per_hour),
        (DenyReason.ORDERS_PER_DAY, limit_context.orders_day, limits.max_orders_per_day),
    ):
        if limit is not None and count >= limit:
            return reason, f"{count} so far, limit {limit}"
    return None


def exposure(
    limits: Limits,
    limit_context: LimitContext,
    order: OrderIntent,
    spec: SymbolSpec,
    worst: Cents,
    day_start: Cents,
) -> Objection | None:
    """What may be lost on one symbol and on one currency, with this order's `worst`."""
    if limits.max_symbol_risk_fraction is not None:
        at_risk, limit = (
            limit_context.symbol_worst + worst,
            limits.max_symbol_risk_fraction * day_start,
        )
        if at_risk > limit:
            return (
                DenyReason.SYMBOL_RISK,
                f"{_usd(at_risk)} USD at risk on {spec.name}, limit {_usd(limit)}",
            )
    if limits.max_currency_risk_fraction is not None:
        limit = limits.max_currency_risk_fraction * day_start
        for currency, sign in ((spec.base, 1), (spec.quote, -1)):
            before = limit_context.currencies.get(currency, 0)
            after = before + sign * order.terms.side * worst
            if currency and abs(after) > limit and abs(after) > abs(before):
                return (
                    DenyReason.CURRENCY_EXPOSURE,
                    f"{_usd(abs(after))} USD at risk on {currency}, limit {_usd(limit)}",
                )
    return None


def firm_buffer(
    limit_context: LimitContext, worst_case: Cents, kept: Cents | None
) -> Objection | None:
    """The worst case against the firm's floor of today and of the day after the next reset.

    Reaching a floor counts as breaking it, whatever the firm says.
    """
    if kept is None or limit_context.firm is None:
        return None
    for day, floor in (
        ("today", limit_context.firm.today),
        ("after the next reset", limit_context.firm.next),
    ):
        if worst_case <= floor + kept:
            return (
                DenyReason.FIRM_LOSS_BUFFER,
                f"worst case of {_usd(worst_case)} USD is not above the firm's floor {day} of "
                f"{_usd(floor)} and the reserve of {_usd(kept)}",
            )
    return None


def wider_stop(limits: Limits, order: OrderIntent, stop_loss: int) -> Objection | None:
    """A stop that moves away from the price, or is taken away; `stop_loss` is the one in force."""
    if not limits.keep_stops or not stop_loss:
        return None
    nearer = (order.terms.stop_loss - stop_loss) * order.terms.side >= 0
    if order.terms.stop_loss and nearer:
        return None
    return DenyReason.WIDER_STOP, f"the stop {stop_loss} may not move to {order.terms.stop_loss}"


def _usd(cents: float) -> str:
    return f"{cents / 100:.2f}"
