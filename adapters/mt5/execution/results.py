"""A terminal's answer to a trade request, read into the engine's units. Pure."""

from __future__ import annotations

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import figures, fitting, in_units
from adapters.mt5.execution.snapshot import TradeReply
from engine.events import OrderIntent
from engine.fields import ExecutionResult, VenueOutcome
from engine.types import SymbolSpec

_BY_REQUEST = {
    mt5.RequestOutcome.REJECTED: VenueOutcome.REJECTED,
    mt5.RequestOutcome.UNKNOWN: VenueOutcome.UNKNOWN,
}
_OUTCOMES = {
    code: _BY_REQUEST.get(known.outcome, VenueOutcome.EXECUTED)
    for code, known in mt5.RETURN_CODES.items()
}


def result_of(order: OrderIntent, reply: TradeReply, spec: SymbolSpec) -> ExecutionResult:
    """What the reply to the request of an order says.

    Deals count only where they are those of such an order, and only with the account after them: a
    terminal that shows one without the other may be logged in elsewhere.
    """
    account = None if reply.account is None else figures(reply.account)
    if reply.checked is not None:
        return _checked(reply.checked)
    result = reply.result
    if result is None:
        return _without_result(reply)
    if reply.connected is False:
        # The terminal had no connection with its server: nothing can have reached it.
        said = mt5.explained(result.retcode, result.comment)
        return ExecutionResult(VenueOutcome.UNSENT, result.retcode, said)
    outcome = _OUTCOMES.get(result.retcode, VenueOutcome.UNKNOWN)
    said = result.comment
    if outcome is not VenueOutcome.EXECUTED:
        said = mt5.explained(result.retcode, result.comment)
    if outcome is VenueOutcome.UNKNOWN:
        said = f"{result.retcode} {said}"
    known = () if account is None else fitting(reply.deals, order.terms.action)
    deals = in_units(known, spec)
    return ExecutionResult(outcome, result.retcode, said, result.order, deals, account)


def outcome_of(retcode: int) -> VenueOutcome:
    """What a return code lets us conclude; one that nobody documented is UNKNOWN."""
    return _OUTCOMES.get(retcode, VenueOutcome.UNKNOWN)


def cancellation_of(reply: TradeReply) -> ExecutionResult:
    """What the reply to the request that cancels a pending order says."""
    result = reply.result
    if result is None:
        return _without_result(reply)
    done = result.retcode == mt5.TRADE_RETCODE_DONE
    outcome = VenueOutcome.EXECUTED if done else VenueOutcome.REJECTED
    return ExecutionResult(outcome, result.retcode, result.comment, result.order)


def _checked(checked: mt5.OrderCheckResult) -> ExecutionResult:
    """In a dry run nothing was sent."""
    passed = checked.retcode == mt5.ORDER_CHECK_PASSED
    outcome = VenueOutcome.CHECKED if passed else VenueOutcome.REJECTED
    said = f"dry run, order_check says: {checked.comment}"
    return ExecutionResult(
        outcome,
        checked.retcode,
        said if passed else f"order_check: {mt5.explained(checked.retcode, checked.comment)}",
    )


def _without_result(reply: TradeReply) -> ExecutionResult:
    code, text = reply.error
    outcome = VenueOutcome.UNKNOWN
    if code == mt5.RES_E_INTERNAL_FAIL_CONNECT:
        outcome = VenueOutcome.UNSENT
    elif mt5.delivery_of(code) is mt5.Delivery.NEVER_SENT:
        outcome = VenueOutcome.REJECTED
    said = f"no result, error {code} {text}" if outcome is VenueOutcome.UNKNOWN else text
    return ExecutionResult(outcome, code, said)
