"""A terminal's answer to a trade request, read into the engine's units. Pure."""

from __future__ import annotations

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import figures, fitting, in_units
from adapters.mt5.execution.snapshot import TradeReply
from engine.events import OrderIntent
from engine.execution import ExecutionResult, Outcome
from engine.types import SymbolSpec

_OUTCOMES = {
    mt5.RequestOutcome.REJECTED: Outcome.REJECTED,
    mt5.RequestOutcome.UNKNOWN: Outcome.UNKNOWN,
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
        return ExecutionResult(Outcome.UNSENT, result.retcode, said)
    outcome = outcome_of(result.retcode)
    said = result.comment
    if outcome is not Outcome.EXECUTED:
        said = mt5.explained(result.retcode, result.comment)
    if outcome is Outcome.UNKNOWN:
        said = f"{result.retcode} {said}"
    known = () if account is None else fitting(reply.deals, order.terms.action)
    deals = in_units(known, spec)
    return ExecutionResult(outcome, result.retcode, said, result.order, deals, account)


def outcome_of(retcode: int) -> Outcome:
    """What a return code lets us conclude."""
    return _OUTCOMES.get(mt5.outcome_of(retcode), Outcome.EXECUTED)


def cancellation_of(reply: TradeReply) -> ExecutionResult:
    """What the reply to the request that cancels a pending order says."""
    result = reply.result
    if result is None:
        return _without_result(reply)
    done = result.retcode == mt5.TRADE_RETCODE_DONE
    outcome = Outcome.EXECUTED if done else Outcome.REJECTED
    return ExecutionResult(outcome, result.retcode, result.comment, result.order)


def _checked(checked: mt5.OrderCheckResult) -> ExecutionResult:
    """In a dry run nothing was sent."""
    passed = checked.retcode == mt5.ORDER_CHECK_PASSED
    outcome = Outcome.CHECKED if passed else Outcome.REJECTED
    said = f"dry run, order_check says: {checked.comment}"
    return ExecutionResult(
        outcome,
        checked.retcode,
        said if passed else f"order_check: {mt5.explained(checked.retcode, checked.comment)}",
    )


def _without_result(reply: TradeReply) -> ExecutionResult:
    code, text = reply.error
    outcome = Outcome.UNKNOWN
    if code == mt5.RES_E_INTERNAL_FAIL_CONNECT:
        outcome = Outcome.UNSENT
    elif mt5.delivery_of(code) is mt5.Delivery.NEVER_SENT:
        outcome = Outcome.REJECTED
    said = f"no result, error {code} {text}" if outcome is Outcome.UNKNOWN else text
    return ExecutionResult(outcome, code, said)
