"""Closes every position when the user orders it."""

from __future__ import annotations

from engine import events as ev
from engine.bus import Bus
from engine.leaving import leaving
from engine.market import Market

MANUAL_REASON = "MANUAL"
"""Why a position was closed that the user ordered to be closed."""


class Flatten:
    """Raises one signal to leave for each position, none for one that is being closed already.

    An order whose outcome is unknown counts as under way: it is never sent a second time. After a
    rejection the user may order it again.
    """

    def __init__(self, bus: Bus, market: Market) -> None:
        self._bus = bus
        self._market = market
        self._closing: dict[int, int] = {}  # position by the order that closes it

    def routes(self) -> ev.Routes:
        return {ev.UserCommanded: self.on_user, **self.restoring()}

    def restoring(self) -> ev.Routes:
        """What brings it back from recorded events: the orders under way that close a position."""
        return {
            ev.OrderIntent: self.on_intent,
            ev.OrderDenied: lambda e: self._over(e.order.order_id),
            ev.OrderRejected: lambda e: self._over(e.order_id),
            ev.OrderCancelled: lambda e: self._over(e.order_id),
            ev.OrderFilled: self.on_filled,
        }

    def on_user(self, command: ev.UserCommanded) -> None:
        if command.action is not ev.UserAction.FLATTEN:
            return
        under_way = set(self._closing.values())
        for position in self._market.positions.values():
            if position.ticket not in under_way:
                tick = self._market.ticks.get(position.symbol)
                self._bus.publish(leaving(position, tick, MANUAL_REASON))

    def on_intent(self, order: ev.OrderIntent) -> None:
        if order.action is ev.CLOSE:
            self._closing[order.order_id] = order.position

    def on_filled(self, fill: ev.OrderFilled) -> None:
        if fill.complete:
            self._closing.pop(fill.order_id, None)

    def _over(self, order_id: int) -> None:
        self._closing.pop(order_id, None)
