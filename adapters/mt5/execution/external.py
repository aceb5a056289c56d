"""What stands at the venue that the session did not put there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import cents
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import BUYING, Look
from adapters.mt5.execution.working_orders import VenueBook
from engine import events as ev
from engine.portfolio import Market
from engine.types import Side, units


class Stranger(NamedTuple):
    """A position or order that is none of the session's; `why` it cannot be explained, or "".

    `marked` is a position that carries the session's mark on a symbol that it trades.
    """

    exposure: ev.ForeignExposure
    why: str = ""
    marked: ev.MarkedPosition | None = None


def strangers(
    seen: Look, market: Market, book: VenueBook, requests: Requests
) -> tuple[Stranger, ...]:
    """All of them, in order of tickets.

    What carries the mark of an order that is still under way is that order's and comes with its
    reply or a later look.
    """
    found = [*_positions(seen, market, book, requests), *_orders(seen, book, requests)]
    return tuple(sorted(found, key=lambda item: item.exposure.ticket))


def _positions(
    seen: Look, market: Market, book: VenueBook, requests: Requests
) -> Iterator[Stranger]:
    coming = {requests.comment(order.order_id) for order in book.under_way()}
    for item in seen.positions:
        if item.ticket in market.positions or item.ticket in book.closed:
            continue
        ours = item.magic == requests.magic
        if ours and (item.comment in coming or item.ticket in book.working):
            continue
        side = Side.LONG if item.type in BUYING else Side.SHORT
        exposure = _exposure(seen, item.ticket, item.symbol, side, item.volume, ours=ours)
        mine = ours and requests.is_mine(item.comment)
        if mine:
            yield Stranger(exposure, _unexplained("position", item), _marked(item, side, requests))
        else:
            yield Stranger(exposure)


def _orders(seen: Look, book: VenueBook, requests: Requests) -> Iterator[Stranger]:
    coming = {requests.comment(order.order_id) for order in book.under_way()}
    for item in seen.orders:
        if item.ticket in book.working or item.ticket in book.tickets or item.position_id:
            continue
        ours = item.magic == requests.magic
        if ours and item.comment in coming:
            continue
        side = Side.LONG if item.type in BUYING else Side.SHORT
        volume = item.volume_current
        exposure = _exposure(seen, item.ticket, item.symbol, side, volume, ours=ours)
        mine = ours and requests.is_mine(item.comment)
        yield Stranger(exposure, _unexplained("order", item) if mine else "")


def _exposure(
    seen: Look, ticket: int, symbol: str, side: Side, volume: float, *, ours: bool
) -> ev.ForeignExposure:
    return ev.ForeignExposure(
        ticket=ticket,
        symbol=symbol,
        side=side,
        volume=units(volume),
        risk=max(0, cents(seen.risks.get(ticket, 0.0))),
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


def _unexplained(what: str, item: mt5.TradePosition | mt5.TradeOrder) -> str:
    return (
        f"{what} {item.ticket} on {item.symbol} carries this session's mark {item.comment!r}, "
        "but its order is over"
    )
