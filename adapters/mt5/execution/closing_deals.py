"""Converts closing deals into PositionClosed events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine import money
from engine.fields import Deal
from engine.portfolio import Position
from engine.types import Units

Deals = tuple[Deal, ...]

CLOSING_ENTRIES = (mt5.DEAL_ENTRY_OUT, mt5.DEAL_ENTRY_OUT_BY, mt5.DEAL_ENTRY_INOUT)
"""Entries of deals that close."""

_REASONS = {
    mt5.DEAL_REASON_SL: "SL",
    mt5.DEAL_REASON_TP: "TP",
    mt5.DEAL_REASON_SO: "STOP_OUT",
}


def fitting(deals: Deals, action: ev.Action) -> Deals:
    """The deals after an order to open or to close; none where there is no entry, or no exit."""
    entries = (mt5.DEAL_ENTRY_IN,) if action is ev.OPEN else CLOSING_ENTRIES
    return deals if any(deal.entry in entries for deal in deals) else ()


def closing_deals(deals: Sequence[Deal], known: Units) -> Sequence[Deal]:
    """What took from a position of which `known` units were left: the deals not reported yet.

    Where the deals do not show which those are: the last that make up all of it, or the last.
    """
    return _unreported(deals, known) or _last_closing(deals, known) or deals[-1:]


def reducing_deals(deals: Sequence[Deal], known: Units, gone: Units) -> Sequence[Deal]:
    """The deals that took `gone` of the `known` units left; none if they do not add up."""
    untold = _unreported(deals, known)
    if untold is None:
        return _last_closing(deals, gone)
    return untold if sum(deal.volume for deal in untold) == gone else ()


def _unreported(deals: Sequence[Deal], known: Units) -> Sequence[Deal] | None:
    """The deals out of a position that come after those reported before.

    Deals come in order, so the first ones took what entered less `known`. None where that cannot be
    seen: a reply may show no more than the deals of its own order.
    """
    told = sum(deal.volume for deal in deals if deal.entry not in CLOSING_ENTRIES) - known
    if told < 0:
        return None
    leaving = [deal for deal in deals if deal.entry in CLOSING_ENTRIES]
    while told > 0 and leaving:
        told -= leaving.pop(0).volume
    return None if told else leaving


def _last_closing(deals: Sequence[Deal], volume: Units) -> Sequence[Deal]:
    """The latest deals out of a position that make up `volume`; none if they do not add up."""
    last = deals[-1:]
    if last and last[0].volume == volume and last[0].entry in CLOSING_ENTRIES:
        return last  # nearly always: closed whole, by one deal
    chosen: list[Deal] = []
    for deal in reversed(deals):
        if volume <= 0:
            break
        if deal.entry in CLOSING_ENTRIES:
            chosen.append(deal)
            volume -= deal.volume
    return tuple(reversed(chosen)) if volume == 0 else ()


def fully_closed(deals: Sequence[Deal]) -> bool:
    """Whether the deals of a position have closed all of it.

    That it is not among the open ones does not tell so: another account's may have been shown.
    """
    left = 0
    for deal in deals:
        left += -deal.volume if deal.entry in CLOSING_ENTRIES else deal.volume
    return bool(deals) and not left


def closings(
    position: Position,
    leaving: Sequence[Deal],
    account: ev.Account,
    order: ev.OrderIntent | None,
) -> Iterator[ev.PositionClosed]:
    """One event a deal; each carries its share of the opening commission.

    `order` is ours that closed it; without one the deal tells whether a stop, a target, the
    stop-out or a hand did.
    """
    volume_left, commission_left = position.volume, position.commission
    for deal in leaving:
        volume = deal.volume
        paid = money.ratio(commission_left * volume, volume_left)
        volume_left -= volume
        commission_left -= paid
        yield ev.PositionClosed(
            position=position.ticket,
            symbol=position.symbol,
            side=position.side,
            volume=volume,
            price=deal.price,
            reason=order.terms.reason if order else _REASONS.get(deal.reason, ev.BY_HAND),
            profit=deal.profit,
            net=deal.profit + deal.commission + deal.swap + paid,
            account=account,
            strategy_id=position.strategy_id,
            signal_id=position.signal_id,
            order_id=order.order_id if order else 0,
            commission=deal.commission,
            swap=deal.swap,
            remaining=volume_left,
        )
