"""External orders and positions: what the session did not place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from adapters.mt5.execution.requests import Requests
from engine import events as ev
from engine.orders import OrderManager
from engine.portfolio import Portfolio


class ExternalItem(NamedTuple):
    """An external position or order; `why` it cannot be explained, or "".

    `marked` is a position that carries the session's mark on a symbol that it trades.
    """

    exposure: ev.ExternalExposure
    why: str = ""
    marked: ev.MarkedPosition | None = None


def external_items(
    snapshot: ev.AccountSnapshot, portfolio: Portfolio, orders: OrderManager, requests: Requests
) -> tuple[ExternalItem, ...]:
    """All of them, in order of tickets.

    What carries the mark of an order that is still under way is that order's and comes with its
    reply or a later snapshot.
    """
    found = [
        *_positions(snapshot, portfolio, orders, requests),
        *_orders(snapshot, orders, requests),
    ]
    return tuple(sorted(found, key=lambda item: item.exposure.ticket))


def _positions(
    snapshot: ev.AccountSnapshot, portfolio: Portfolio, orders: OrderManager, requests: Requests
) -> Iterator[ExternalItem]:
    coming = {requests.comment(order.order_id) for order in orders.at_venue()}
    for item in snapshot.positions:
        if item.ticket in portfolio.positions or item.ticket in orders.closed_positions:
            continue
        if item.ours and (item.comment in coming or item.ticket in orders.working):
            continue
        if item.ours and requests.is_mine(item.comment):
            yield ExternalItem(_exposure(item), _mismatch("position", item), _marked(item))
        else:
            yield ExternalItem(_exposure(item), _another("position", item) if item.ours else "")


def _orders(
    snapshot: ev.AccountSnapshot, orders: OrderManager, requests: Requests
) -> Iterator[ExternalItem]:
    coming = {requests.comment(order.order_id) for order in orders.at_venue()}
    for item in snapshot.orders:
        if item.ticket in orders.working or item.ticket in orders.tickets or item.position:
            continue
        if item.ours and item.comment in coming:
            continue
        mine = item.ours and requests.is_mine(item.comment)
        why = _mismatch("order", item) if mine else _another("order", item) if item.ours else ""
        yield ExternalItem(_exposure(item), why)


def _exposure(item: ev.VenuePosition | ev.VenueOrder) -> ev.ExternalExposure:
    return ev.ExternalExposure(
        ticket=item.ticket,
        symbol=item.symbol,
        side=item.side,
        volume=item.volume,
        risk=item.risk,
        ours=item.ours,
    )


def _marked(item: ev.VenuePosition) -> ev.MarkedPosition | None:
    if not item.traded:
        return None
    return ev.MarkedPosition(
        ticket=item.ticket,
        symbol=item.traded,
        side=item.side,
        volume=item.volume,
        entry=item.entry,
        stop_loss=item.stop_loss,
        take_profit=item.take_profit,
        comment=item.comment,
    )


def _mismatch(what: str, item: ev.VenuePosition | ev.VenueOrder) -> str:
    return (
        f"{what} {item.ticket} on {item.symbol} carries this session's mark {item.comment!r}, "
        "but its order is over"
    )


def _another(what: str, item: ev.VenuePosition | ev.VenueOrder) -> str:
    """Nothing of an earlier session is left alone when one that sends begins, so somebody else is
    at work on the account right now, who counts by himself."""
    return (
        f"{what} {item.ticket} on {item.symbol} carries the mark {item.comment!r} of a session "
        "that is not known here: another Butler works on this account; stop it first"
    )
