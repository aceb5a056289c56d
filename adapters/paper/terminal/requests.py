"""A trade request as the package takes it: types checked, then read into integer units."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.records import SIDES, PaperOrder, PaperPosition
from engine.types import Points, Side, SymbolSpec, Units, units

WRONG: Final = -1
"""Stands for a volume or price that is negative or not finite: no check lets it pass."""

_LARGEST: Final = float(1 << 53)  # beyond it, prices in points would no longer be exact

ON_ORDER: Final = (mt5.TRADE_ACTION_MODIFY, mt5.TRADE_ACTION_REMOVE)
_ON_POSITION: Final = (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_SLTP)


class ParsedRequest(msgspec.Struct, frozen=True, gc=False):
    """A well-typed request in integer units; `expiration` is seconds of the server's clock.

    `spec`, `position` and `order` are what the request's names and tickets stand for, None when
    there is no such thing; `side` is None for an order type that does not exist here. `volume`,
    `price`, `stop` and `target` may be WRONG.
    """

    action: int
    symbol: str
    spec: SymbolSpec | None
    kind: int
    side: Side | None
    volume: Units
    price: Points
    stop: Points
    target: Points
    filling: int
    time_type: int
    expiration: int
    deviation: Points
    ticket: int
    position: PaperPosition | None
    order: PaperOrder | None
    magic: int
    comment: str


def read(request: dict[str, Any], account: PaperAccount) -> ParsedRequest:
    """What the request asks of `account`."""
    get = request.get
    action, symbol, ticket = get("action", 0), get("symbol", ""), get("position", 0)
    position = order = None
    if action in _ON_POSITION:
        position = account.positions.get(ticket)
        if not ticket and account.netting and action == mt5.TRADE_ACTION_SLTP:
            position = account.position_on(symbol)
    elif action in ON_ORDER:
        order = account.orders.get(get("order", 0))
    subject = position or order
    # A request that names no symbol means that of its position or order.
    spec = account.specs.get(symbol) if symbol or not subject else subject.spec
    kind = get("type", mt5.ORDER_TYPE_BUY)
    price, stop, target = _points(spec, get("price", 0.0), get("sl", 0.0), get("tp", 0.0))
    volume = get("volume", 0.0)
    return ParsedRequest(
        action, symbol or (spec.name if spec else ""), spec, kind, SIDES.get(kind),
        units(volume) if 0 <= volume < _LARGEST else WRONG, price, stop, target,
        get("type_filling", mt5.ORDER_FILLING_FOK), get("type_time", mt5.ORDER_TIME_GTC),
        get("expiration", 0), get("deviation", 0), ticket, position, order,
        get("magic", 0), get("comment", ""),
    )  # fmt: skip


def _points(spec: SymbolSpec | None, *prices: float) -> list[Points]:
    """Prices in points; 0 stays 0, whatever the symbol."""
    return [
        0 if price == 0 else spec.points(price) if spec and 0 < price < _LARGEST else WRONG
        for price in prices
    ]
