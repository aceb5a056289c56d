"""From an approved order to the dict that `order_send` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.types import Millis, Side, SymbolSpec, Units, lots


class Instrument(msgspec.Struct, frozen=True):
    """A symbol as the venue has it: its name there, and a filling mode that it allows."""

    spec: SymbolSpec
    name: str
    filling: int


def filling_of(mask: int) -> int:
    """The request's filling mode from a symbol's mask of allowed ones.

    The mask is not the mode: sending the one as the other is refused as 10030.
    """
    if mask & mt5.SymbolFilling.FOK:
        return mt5.ORDER_FILLING_FOK
    if mask & mt5.SymbolFilling.IOC:
        return mt5.ORDER_FILLING_IOC
    return mt5.ORDER_FILLING_RETURN


def pending_kind(terms: ev.OrderTerms) -> int:
    """The type of a pending order: a limit when it waits for a better price, else a stop."""
    better = (terms.entry_price - terms.price) * terms.side < 0
    if terms.side is Side.LONG:
        return mt5.ORDER_TYPE_BUY_LIMIT if better else mt5.ORDER_TYPE_BUY_STOP
    return mt5.ORDER_TYPE_SELL_LIMIT if better else mt5.ORDER_TYPE_SELL_STOP


class Requests:
    """Makes requests for one account; `to_server` turns ms UTC into the server's seconds."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        magic: int,
        tag: str,
        deviation: int,
        to_server: Callable[[Millis], int],
    ) -> None:
        """`tag` begins the comment of every order and tells this session's from another's."""
        self._instruments = instruments
        self.specs = {symbol: item.spec for symbol, item in instruments.items()}
        self.magic = magic
        self.mark = f"{tag}-"
        self.deviation = deviation
        self._to_server = to_server

    def of(self, order: ev.OrderIntent, volume: Units) -> dict[str, Any]:
        """The request that carries out an approved order with the volume that risk gave it."""
        terms = order.terms
        instrument = self._instruments[terms.symbol]
        price = instrument.spec.price
        request: dict[str, Any] = {"symbol": instrument.name, "magic": self.magic}
        if terms.action is not ev.CLOSE:
            request["sl"] = price(terms.stop_loss) if terms.stop_loss else 0.0
            request["tp"] = price(terms.take_profit) if terms.take_profit else 0.0
        if terms.action is not ev.OPEN:
            request["position"] = terms.position
        if terms.action is ev.MODIFY:
            return request | {"action": mt5.TRADE_ACTION_SLTP}
        buys = (terms.side is Side.LONG) == (terms.action is ev.OPEN)
        request |= {
            "action": mt5.TRADE_ACTION_DEAL,
            "volume": lots(volume),
            "type": mt5.ORDER_TYPE_BUY if buys else mt5.ORDER_TYPE_SELL,
            "price": price(terms.price),
            "deviation": self.deviation,
            "type_filling": instrument.filling,
            "comment": f"{self.mark}{order.order_id}",
        }
        return request | self._pending(order, instrument) if terms.entry_price else request

    def cancelling(self, ticket: int) -> dict[str, Any]:
        """The request that cancels a pending order."""
        return {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}

    def filling(self, symbol: str) -> int:
        """The filling mode of orders on one of our symbols."""
        return self._instruments[symbol].filling

    def comment(self, order_id: int) -> str:
        """The comment that an order carries at the venue: 4 to 12 characters, so that a broker that
        shortens comments leaves it whole."""
        return f"{self.mark}{order_id}"

    def symbol_of(self, name: str) -> SymbolSpec | None:
        """The symbol that has this name at the venue; None when the session does not trade it."""
        found = (item.spec for item in self._instruments.values() if item.name == name)
        return next(found, None)

    def is_mine(self, comment: str) -> bool:
        """Whether a comment is that of an order of this session."""
        return comment.startswith(self.mark)

    def server_time(self, moment: Millis) -> int:
        """A time as seconds of the server's clock."""
        return self._to_server(moment)

    def _pending(self, order: ev.OrderIntent, instrument: Instrument) -> dict[str, Any]:
        """What makes a request a pending one."""
        return {
            "action": mt5.TRADE_ACTION_PENDING,
            "type": pending_kind(order.terms),
            "price": instrument.spec.price(order.terms.entry_price),
            "type_filling": mt5.ORDER_FILLING_RETURN,
            "type_time": mt5.ORDER_TIME_SPECIFIED,
            "expiration": self._to_server(order.terms.expires),
        }
