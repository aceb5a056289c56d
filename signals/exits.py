"""Closes every position when the user orders it."""

from __future__ import annotations

from engine import events as ev
from engine.bus import Bus
from engine.exit_signal import close_signal
from engine.portfolio import Portfolio

MANUAL_REASON = "MANUAL"
"""Why a position was closed that the user ordered to be closed."""

ADOPTED_REASON = "ADOPTED"
"""Why a position is in the books that none of the session's orders explains: it carries its mark.
"""


class Flatten:
    """Raises one signal to leave for each position, none for one that is being closed already.

    What stands at the venue under the session's mark is taken into the books first, whatever these
    say of its order: closing everything means everything that the session may have opened.
    An order whose outcome is unknown counts as under way: it is never sent a second time. After a
    rejection the user may order it again.
    """

    def __init__(self, bus: Bus, portfolio: Portfolio) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._closing: dict[int, int] = {}  # position by the order that closes it

    def routes(self) -> ev.Routes:
        return {ev.UserCommanded: self.on_user, **self.replay_routes()}

    def replay_routes(self) -> ev.Routes:
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
        self._adopt()
        under_way = set(self._closing.values())
        for position in (*self._portfolio.positions.values(), *self._portfolio.marked.values()):
            if position.ticket not in under_way:
                tick = self._portfolio.ticks.get(position.symbol)
                self._bus.publish(close_signal(position, tick, MANUAL_REASON))

    def _adopt(self) -> None:
        for position in self._portfolio.marked.values():
            self._bus.publish(
                ev.PositionOpened(
                    position=position.ticket,
                    order_id=0,
                    signal_id=position.signal_id,
                    strategy_id=position.strategy_id,
                    symbol=position.symbol,
                    side=position.side,
                    volume=position.volume,
                    price=position.entry,
                    reason=ADOPTED_REASON,
                    account=self._portfolio.account.figures,
                    stop_loss=position.stop_loss,
                    take_profit=position.take_profit,
                )
            )

    def on_intent(self, order: ev.OrderIntent) -> None:
        if order.terms.action is ev.CLOSE:
            self._closing[order.order_id] = order.terms.position

    def on_filled(self, fill: ev.OrderFilled) -> None:
        if fill.complete:
            self._closing.pop(fill.order_id, None)

    def _over(self, order_id: int) -> None:
        self._closing.pop(order_id, None)
