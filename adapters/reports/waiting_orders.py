"""Orders whose end is not a trade's: pending ones, and those of unknown outcome.

A fold beside the event log's: without their rows a user sees an order vanish, or stay unknown for
ever.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine import events as ev
from engine.types import Points, Side, Units

PLACED, CANCELLED = "PLACED", "CANCELLED"


class OrderRow(NamedTuple):
    """What a row says of an order; `event` is its kind, `ticket` 0 where the venue gave none."""

    event: str
    symbol: str
    side: Side
    volume: Units = 0
    price: Points = 0
    stop_loss: Points = 0
    take_profit: Points = 0
    strategy_id: str = ""
    signal_id: str = ""
    ticket: int = 0
    reason: str = ""


class WaitingOrders:
    """Remembers the orders that may end without a trade, by order id."""

    KINDS: frozenset[type] = frozenset({ev.OrderSubmitted, ev.OrderAccepted, ev.OrderCancelled})

    def __init__(self) -> None:
        self.rows: dict[int, OrderRow] = {}
        """Those that wait now; most sessions have none, and need not ask further."""

    def take(self, event: Any) -> OrderRow | None:
        """The row that one of the KINDS adds, or None."""
        match event:
            case ev.OrderAccepted():
                return self.accepted(event)
            case ev.OrderCancelled():
                return self.cancelled(event)
            case _:
                self.submitted(event)
                return None

    def not_filled(self, order: ev.OrderRejected | ev.OrderUnknown) -> None:
        """The venue refused, or nobody can say."""
        if isinstance(order, ev.OrderUnknown):
            self.unknown(order)
        else:
            self.over(order.order_id)

    def submitted(self, order: ev.OrderSubmitted) -> None:
        """A pending order leaves; what is dealt at once has rows of its own."""
        terms = order.terms
        if terms.entry_price:
            self.rows[order.order_id] = OrderRow(
                PLACED, terms.symbol, terms.side, order.volume, terms.entry_price,
                terms.stop_loss, terms.take_profit, terms.strategy_id, terms.signal_id,
            )  # fmt: skip

    def unknown(self, order: ev.OrderUnknown) -> None:
        if order.order_id not in self.rows:
            self.rows[order.order_id] = OrderRow(PLACED, order.symbol, order.side)

    def over(self, order_id: int) -> None:
        """It became a trade, or was refused: that has its row."""
        self.rows.pop(order_id, None)

    def accepted(self, order: ev.OrderAccepted) -> OrderRow | None:
        """The row of a pending order that the venue has, or of an unknown one that was found."""
        known = self.rows.get(order.order_id)
        if known is None:
            return None
        placed = known._replace(ticket=order.ticket, reason="placed")
        self.rows[order.order_id] = placed
        return placed

    def cancelled(self, order: ev.OrderCancelled) -> OrderRow | None:
        """The row of an order that is over without a trade; None for one that nobody waited for."""
        known = self.rows.pop(order.order_id, None)
        if known is None:
            return None
        return known._replace(event=CANCELLED, reason=order.reason)
