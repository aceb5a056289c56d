"""The orders of a paper account: those that wait for their price, and those that are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.index import Index
from adapters.paper.broker.matching import Bar, entry_in
from adapters.paper.broker.records import PENDING_KINDS, PaperOrder
from engine.types import Millis, Points


class PendingOrders:
    """Waiting orders by ticket in `live`, orders that are over in `history`, oldest first."""

    def __init__(self) -> None:
        self.live: dict[int, PaperOrder] = {}
        self.history: list[PaperOrder] = []
        self._by_ticket = Index(self.history, attrgetter("ticket"))
        self._by_position = Index(self.history, attrgetter("position"))

    def place(self, order: PaperOrder) -> None:
        """Let the order wait."""
        self.live[order.ticket] = order

    def end(self, order: PaperOrder, state: int, now: Millis) -> None:
        """Move the order to the history in its last state."""
        self.live.pop(order.ticket, None)
        order.state, order.done = state, now
        self.history.append(order)

    def take_over(self, history: Iterable[PaperOrder]) -> None:
        """Have this history instead of the own one."""
        self.history.clear()
        self._by_ticket.begin_anew()
        self._by_position.begin_anew()
        self.history.extend(history)

    def ended(self, ticket: int) -> tuple[PaperOrder, ...]:
        """The order with this ticket if it is over."""
        return self._by_ticket.of(ticket)

    def ended_of(self, position: int) -> Sequence[PaperOrder]:
        """The orders that are over and concerned the position with this identifier.

        With 0 those that concerned none.
        """
        if not position:
            return [order for order in self.history if not order.position]
        return self._by_position.of(position)

    def fill(self, order: PaperOrder, position: int, now: Millis) -> None:
        """The order has become a deal of `position` (an identifier)."""
        order.filled, order.position = order.volume, position
        self.end(order, mt5.ORDER_STATE_FILLED, now)

    def due(
        self, symbol: str, bar: Bar, opened: Millis
    ) -> Iterator[tuple[PaperOrder, Points | None]]:
        """Orders that `bar` fills, with their price before slippage, or ends (None): expired.

        `opened` is the bar's opening: an order whose time ends inside the bar still takes part in
        it. In order of tickets.
        """
        for ticket in sorted(self.live):
            order = self.live[ticket]
            if order.spec.name != symbol or order.kind not in PENDING_KINDS:
                continue
            if order.expired(opened):
                yield order, None
                continue
            price = entry_in(order.side, order.limit, order.price, bar)
            if price is not None:
                yield order, price

    def closing(self, position: int) -> bool:
        """Whether an order in flight is to close the position with this identifier."""
        return bool(self.live) and any(o.position == position for o in self.live.values())
