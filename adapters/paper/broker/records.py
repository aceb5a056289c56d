"""What a paper account keeps: positions, deals and orders, in integer units.

Times are milliseconds of the server's clock, an order's expiration is seconds of it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from adapters.mt5.api import contract as mt5
from engine import money
from engine.types import (
    LONG,
    Cents,
    Millis,
    Points,
    Rate,
    Side,
    SymbolSpec,
    Units,
)

LIMIT_KINDS: Final = frozenset({mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_SELL_LIMIT})
STOP_KINDS: Final = frozenset({mt5.ORDER_TYPE_BUY_STOP, mt5.ORDER_TYPE_SELL_STOP})
PENDING_KINDS: Final = LIMIT_KINDS | STOP_KINDS

SIDES: Final = {
    mt5.ORDER_TYPE_BUY: Side.LONG,
    mt5.ORDER_TYPE_BUY_LIMIT: Side.LONG,
    mt5.ORDER_TYPE_BUY_STOP: Side.LONG,
    mt5.ORDER_TYPE_SELL: Side.SHORT,
    mt5.ORDER_TYPE_SELL_LIMIT: Side.SHORT,
    mt5.ORDER_TYPE_SELL_STOP: Side.SHORT,
}
"""The side of the deal that an order of each kind leads to; other kinds are not offered."""


class PaperPosition(msgspec.Struct, gc=False):
    """An open position.

    `identifier` stays the same for the position's life and is what deals and orders name; `ticket`
    changes only when a netting position is reversed. `cents_per_point` is what a point of it is
    worth where that is a whole number, else 0: whoever makes a position sets it.
    """

    ticket: int
    spec: SymbolSpec
    side: Side
    volume: Units
    entry: Points
    stop: Points
    target: Points
    margin: Cents
    opened: Millis
    updated: Millis
    magic: int
    comment: str
    swap: Cents = 0
    identifier: int = 0
    reason: int = mt5.POSITION_REASON_EXPERT
    cents_per_point: int = 0

    def profit(self, bid: Points, ask: Points, rate: Rate | None = None) -> Cents:
        """Floating profit at the tick; `rate` converts it where the symbol needs one."""
        return self.profit_at(bid if self.side is LONG else ask, bid, ask, rate)

    def profit_at(self, price: Points, bid: Points, ask: Points, rate: Rate | None = None) -> Cents:
        """Profit of closing all of it at `price` while the tick is `bid` and `ask`."""
        if self.cents_per_point:
            return (price - self.entry) * self.side * self.cents_per_point
        return money.profit(self.spec, self.side, self.volume, self.entry, price, bid, ask, rate)

    def resize(self, volume: Units, entry: Points, now: Millis, rate: Rate | None = None) -> None:
        """Another volume at another average price; the margin follows both."""
        self.volume, self.entry, self.updated = volume, entry, now
        self.margin = money.margin(self.spec, volume, entry, rate)
        self.cents_per_point = money.cents_per_point(self.spec, volume)


class PaperDeal(msgspec.Struct, frozen=True, gc=False):
    """A deal; `profit`, `commission` and `swap` carry the sign of the account statement."""

    ticket: int
    order: int
    position: int
    time: Millis
    kind: int
    entry: int
    reason: int
    symbol: str = ""
    volume: Units = 0
    price: Points = 0
    profit: Cents = 0
    commission: Cents = 0
    swap: Cents = 0
    magic: int = 0
    comment: str = ""


class PaperOrder(msgspec.Struct, gc=False):
    """An order: waiting for its price, in flight, or over and part of the history.

    `kind`, `state`, `reason`, `filling` and `time_type` are the package's constants. `position` is
    the identifier of the position that the order opened, or that it is to close; 0 when there is
    none yet. `refusal` is the return code that ended an order at its activation.
    """

    ticket: int
    spec: SymbolSpec
    kind: int
    volume: Units
    price: Points
    stop: Points
    target: Points
    magic: int
    comment: str
    setup: Millis
    reason: int = mt5.ORDER_REASON_EXPERT
    filling: int = mt5.ORDER_FILLING_FOK
    time_type: int = mt5.ORDER_TIME_GTC
    expiration: int = 0
    position: int = 0
    state: int = mt5.ORDER_STATE_PLACED
    filled: Units = 0
    done: Millis = 0
    refusal: int = 0

    @property
    def side(self) -> Side:
        return SIDES[self.kind]

    @property
    def limit(self) -> bool:
        """Whether it waits for a better price than the market's, not for a worse one."""
        return self.kind in LIMIT_KINDS

    def expired(self, now: Millis) -> bool:
        """Whether its time is over."""
        return self.time_type == mt5.ORDER_TIME_SPECIFIED and self.expiration * 1000 <= now
