"""A terminal's structs and answers, read into the engine's units. Pure.

This is the edge: behind it nobody knows how the platform spells money, volumes and prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple, Protocol

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import Deals, fitting
from adapters.mt5.execution.snapshot import BUYING, Snapshot
from engine import events as ev
from engine.fields import Deal, ExecutionResult, VenueOutcome
from engine.types import Cents, Side, SymbolSpec, units

_BY_REQUEST = {
    mt5.RequestOutcome.REJECTED: VenueOutcome.REJECTED,
    mt5.RequestOutcome.UNKNOWN: VenueOutcome.UNKNOWN,
}
_OUTCOMES = {
    code: _BY_REQUEST.get(known.outcome, VenueOutcome.EXECUTED)
    for code, known in mt5.RETURN_CODES.items()
}

_ENDS = {
    mt5.ORDER_STATE_EXPIRED: "expired",
    mt5.ORDER_STATE_REJECTED: "refused when triggered",
    mt5.ORDER_STATE_CANCELED: "cancelled at the venue",
}
"""How an order ends without a fill, in the words of its cancellation."""


class Names(Protocol):
    """What tells the session's own from what is not (`requests.Requests`)."""

    @property
    def magic(self) -> int:
        """The engine's mark."""

    def symbol_of(self, name: str, /) -> SymbolSpec | None:
        """The symbol that has this name at the venue; None when the session does not trade it."""


def cents(amount: float) -> Cents:
    """A terminal's amount of money as cents."""
    return round(amount * 100)


def figures(info: mt5.AccountInfo) -> ev.Account:
    """A terminal's account figures in cents."""
    return ev.Account(
        balance=cents(info.balance), equity=cents(info.equity), margin=cents(info.margin)
    )


# --- a snapshot ---


def snapshot_of(seen: Snapshot, names: Names) -> ev.AccountSnapshot:
    """What a terminal holds; `names` tell what of it is the session's."""
    return ev.AccountSnapshot(
        account=figures(seen.account),
        positions=tuple(_position(item, seen.risks, names) for item in seen.positions),
        orders=tuple(_order(item, seen.risks, names) for item in seen.orders),
        deals=_deals(chain.from_iterable(seen.deals.values()), names),
        ended=tuple(
            ev.EndedOrder(ticket=ticket, how=_ENDS[order.state])
            for ticket, order in seen.ended.items()
            if order.state in _ENDS
        ),
        recent=_deals(seen.recent, names),
    )


def _position(item: mt5.TradePosition, risks: dict[int, float], names: Names) -> ev.VenuePosition:
    spec = names.symbol_of(item.symbol)
    entry, stop, target = (0, 0, 0)
    if spec is not None:
        entry, stop, target = map(spec.points, (item.price_open, item.sl, item.tp))
    return ev.VenuePosition(
        ticket=item.ticket,
        symbol=item.symbol,
        traded="" if spec is None else spec.name,
        side=Side.LONG if item.type in BUYING else Side.SHORT,
        volume=units(item.volume),
        ours=item.magic == names.magic,
        comment=item.comment,
        entry=entry,
        stop_loss=stop,
        take_profit=target,
        swap=cents(item.swap),
        risk=_risk(item.ticket, risks),
    )


def _order(item: mt5.TradeOrder, risks: dict[int, float], names: Names) -> ev.VenueOrder:
    return ev.VenueOrder(
        ticket=item.ticket,
        symbol=item.symbol,
        side=Side.LONG if item.type in BUYING else Side.SHORT,
        volume=units(item.volume_current),
        ours=item.magic == names.magic,
        comment=item.comment,
        state=item.state,
        position=item.position_id,
        risk=_risk(item.ticket, risks),
    )


def _risk(ticket: int, risks: dict[int, float]) -> Cents:
    return max(0, cents(risks.get(ticket, 0.0)))


def _deals(deals: Iterable[mt5.TradeDeal], names: Names) -> tuple[Deal, ...]:
    """Those on symbols that the session trades: no other can be an order's of the session."""
    known = ((deal, names.symbol_of(deal.symbol)) for deal in deals if _is_trade(deal))
    magic = names.magic
    return tuple([_deal(deal, spec, ours=deal.magic == magic) for deal, spec in known if spec])


def _is_trade(deal: mt5.TradeDeal) -> bool:
    """Whether a deal opened or closed a position: it bought or sold volume.

    All others (deposits, credits, corrections, fees) move the account's balance only.
    """
    traded = deal.type in (mt5.DEAL_TYPE_BUY, mt5.DEAL_TYPE_SELL) and deal.volume > 0
    return traded and deal.position_id != 0


def _deal(deal: mt5.TradeDeal, spec: SymbolSpec, *, ours: bool) -> Deal:
    profit, commission, swap = cents(deal.profit), cents(deal.commission), cents(deal.swap)
    return Deal(
        deal.ticket, deal.order, deal.position_id, deal.entry, deal.reason, units(deal.volume),
        spec.points(deal.price), profit, commission, swap, deal.comment, ours,
    )  # fmt: skip


# --- the answer to a request ---


class TradeReply(NamedTuple):
    """The answer to a trade request with `last_error` of the same moment.

    `deals` are those of the position concerned and `account` the figures after it, as far as the
    terminal knew them already: its history may lag behind. In a dry run nothing is sent: `checked`
    is what `order_check` says instead. `connected` is what the terminal says of its server where
    the answer was that there is no connection (None: it was not asked).
    """

    result: mt5.OrderSendResult | None
    error: tuple[int, str]
    deals: tuple[mt5.TradeDeal, ...] = ()
    account: mt5.AccountInfo | None = None
    checked: mt5.OrderCheckResult | None = None
    connected: bool | None = None


def result_of(
    order: ev.OrderIntent, reply: TradeReply, spec: SymbolSpec, magic: int
) -> ExecutionResult:
    """What the reply to the request of an order says.

    Deals count only where they are those of such an order, and only with the account after them: a
    terminal that shows one without the other may be logged in elsewhere.
    """
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
    account: ev.Account | None = None
    deals: Deals = ()
    if reply.account is not None:
        account = figures(reply.account)
        told = [
            _deal(deal, spec, ours=deal.magic == magic) for deal in reply.deals if _is_trade(deal)
        ]
        deals = fitting(tuple(told), order.terms.action)
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
