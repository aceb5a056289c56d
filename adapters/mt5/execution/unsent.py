"""Closes that certainly never reached the venue: they stay wanted until they are sent or needless.

The host's guard refuses to send while the terminal does not say which account is logged in, and a
host that is gone takes nothing. That is no answer of the venue: whoever wanted the position closed
(a limit, the firm's floor, the weekend, the user, a strategy) still does.
"""

from __future__ import annotations

import msgspec

from adapters.mt5.execution.snapshot import Snapshot
from engine import events as ev
from engine.bus import Bus
from engine.exit_signal import close_signal
from engine.portfolio import Portfolio


class Unsent:
    """Asks again for a close that was never sent, when a look has proved link and account.

    `wanted` are those closes by position. Each comes again as an order of its own: no order is ever
    submitted twice.
    """

    def __init__(self, bus: Bus, portfolio: Portfolio) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._closes: dict[int, ev.OrderIntent] = {}  # under way, by order id
        self.wanted: dict[int, ev.OrderIntent] = {}

    def routes(self) -> ev.Routes:
        """Attach it behind the watch, which tells first what a look shows to be closed."""
        return {**self.replay_routes(), ev.AccountReconciled: self.on_compared}

    def replay_routes(self) -> ev.Routes:
        """The recorded events from which it rebuilds its state."""
        return {
            ev.OrderIntent: self.on_intent,
            ev.OrderDenied: lambda e: self._over(e.order.order_id),
            ev.OrderRejected: lambda e: self._over(e.order_id),
            ev.OrderCancelled: self.on_cancelled,
            ev.OrderFilled: self.on_filled,
            ev.PositionClosed: self.on_closed,
        }

    def on_intent(self, order: ev.OrderIntent) -> None:
        if order.terms.action is ev.CLOSE:
            self._closes[order.order_id] = order
            self.wanted.pop(order.terms.position, None)

    def on_cancelled(self, cancelled: ev.OrderCancelled) -> None:
        order = self._closes.pop(cancelled.order_id, None)
        if order is not None and cancelled.unsent:
            self.wanted[order.terms.position] = order

    def on_filled(self, fill: ev.OrderFilled) -> None:
        if fill.complete:
            self._over(fill.order_id)

    def on_closed(self, closed: ev.PositionClosed) -> None:
        if not closed.remaining:
            self.wanted.pop(closed.position, None)

    def _over(self, order_id: int) -> None:
        self._closes.pop(order_id, None)

    def on_compared(self, venue: ev.AccountReconciled) -> None:
        """Link and account are proved: close what was to be closed and still stands.

        What the same look shows to be closed is on its way to the books already.
        """
        snapshot: Snapshot = venue.what
        standing = {position.ticket for position in snapshot.positions}
        for ticket, order in self.wanted.items():
            position = self._portfolio.positions.get(ticket)
            if position is None or ticket not in standing:
                continue
            tick = self._portfolio.ticks.get(position.symbol)
            again = close_signal(position, tick, order.terms.reason).terms
            terms = msgspec.structs.replace(again, signal_id=order.terms.signal_id)
            self._bus.publish(ev.SignalRaised(terms=terms))
