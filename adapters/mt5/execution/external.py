"""External orders and positions: what the session did not place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import cents
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import BUYING, Snapshot
from engine import events as ev
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.types import Side, units


class ExternalItem(NamedTuple):
    """An external position or order; `why` it cannot be explained, or "".

    `marked` is a position that carries the session's mark on a symbol that it trades.
    """

    exposure: ev.ExternalExposure
    why: str = ""
    marked: ev.MarkedPosition | None = None


def external_items(
    snapshot: Snapshot, portfolio: Portfolio, orders: OrderManager, requests: Requests
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
    snapshot: Snapshot, portfolio: Portfolio, orders: OrderManager, requests: Requests
) -> Iterator[ExternalItem]:
    coming = {requests.comment(order.order_id) for order in orders.at_venue()}
    for item in snapshot.positions:
        if item.ticket in portfolio.positions or item.ticket in orders.closed_positions:
            continue
        ours = item.magic == requests.magic
        if ours and (item.comment in coming or item.ticket in orders.working):
            continue
        side = Side.LONG if item.type in BUYING else Side.SHORT
        exposure = _exposure(snapshot, item.ticket, item.symbol, side, item.volume, ours=ours)
        mine = ours and requests.is_mine(item.comment)
        if mine:
            yield ExternalItem(exposure, _mismatch("position", item), _marked(item, side, requests))
        else:
            yield ExternalItem(exposure, _another("position", item) if ours else "")


def _orders(snapshot: Snapshot, orders: OrderManager, requests: Requests) -> Iterator[ExternalItem]:
    coming = {requests.comment(order.order_id) for order in orders.at_venue()}
    for item in snapshot.orders:
        if item.ticket in orders.working or item.ticket in orders.tickets or item.position_id:
            continue
        ours = item.magic == requests.magic
        if ours and item.comment in coming:
            continue
        side = Side.LONG if item.type in BUYING else Side.SHORT
        volume = item.volume_current
        exposure = _exposure(snapshot, item.ticket, item.symbol, side, volume, ours=ours)
        mine = ours and requests.is_mine(item.comment)
        why = _mismatch("order", item) if mine else _another("order", item) if ours else ""
        yield ExternalItem(exposure, why)


def _exposure(
    snapshot: Snapshot, ticket: int, symbol: str, side: Side, volume: float, *, ours: bool
) -> ev.ExternalExposure:
    return ev.ExternalExposure(
        ticket=ticket,
        symbol=symbol,
        side=side,
        volume=units(volume),
        risk=max(0, cents(snapshot.risks.get(ticket, 0.0))),
        ours=ours,
    )


def _marked(item: mt5.TradePosition, side: Side, requests: Requests) -> ev.MarkedPosition | None:
    spec = requests.symbol_of(item.symbol)
    if spec is None:
        return None
    return ev.MarkedPosition(
        ticket=item.ticket,
        symbol=spec.name,
        side=side,
        volume=units(item.volume),
        entry=spec.points(item.price_open),
        stop_loss=spec.points(item.sl),
        take_profit=spec.points(item.tp),
        comment=item.comment,
    )


def _mismatch(what: str, item: mt5.TradePosition | mt5.TradeOrder) -> str:
    return (
        f"{what} {item.ticket} on {item.symbol} carries this session's mark {item.comment!r}, "
        "but its order is over"
    )


def _another(what: str, item: mt5.TradePosition | mt5.TradeOrder) -> str:
    """Nothing of an earlier session is left alone when one that sends begins, so somebody else is
    at work on the account right now, who counts by himself."""
    return (
        f"{what} {item.ticket} on {item.symbol} carries the mark {item.comment!r} of a session "
        "that is not known here: another Butler works on this account; stop it first"
    )
