"""What the gateway must remember of each order between two events, derived from the events alone.

Because nothing but recorded events changes it, the same routes bring it back from a journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine import events as ev
from engine.bus import Bus
from engine.types import Millis


class UnknownOrder(NamedTuple):
    """An order of unknown outcome, and when it was on its way to the venue (ms UTC).

    It may be found to be lost much later, by a session that goes on after days.
    """

    order: ev.OrderIntent
    since: Millis


class WorkingOrders:
    """Orders between their approval and their end, by where they stand.

    `approved` are not sent yet, `sent` have no reply yet, `working` were accepted by the venue (by
    its ticket), `unknown` are of unknown outcome. `closed` are positions that are known to be gone
    and `tickets` orders that the venue ever accepted: a late snapshot may still show them.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.approved: dict[int, ev.OrderApproved] = {}
        self.sent: dict[int, ev.OrderIntent] = {}
        self.working: dict[int, ev.OrderIntent] = {}
        self.unknown: dict[int, UnknownOrder] = {}
        self.closed: set[int] = set()
        self.tickets: set[int] = set()
        self._submitted: dict[int, Millis] = {}

    def routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderAccepted: self.on_accepted,
            ev.OrderUnknown: self.on_unknown,
            ev.OrderFilled: self.on_filled,
            ev.OrderRejected: lambda e: self._over(e.order_id),
            ev.OrderCancelled: lambda e: self._over(e.order_id),
            ev.StopModified: lambda e: self._over(e.order_id),
            ev.PositionClosed: self.on_closed,
        }

    def order(self, order_id: int) -> ev.OrderIntent | None:
        """An order that left for the venue and is not over, wherever it stands."""
        if order_id in self.sent:
            return self.sent[order_id]
        if order_id in self.unknown:
            return self.unknown[order_id].order
        return next((o for o in self.working.values() if o.order_id == order_id), None)

    def under_way(self) -> Iterator[ev.OrderIntent]:
        """Every order that the venue may still act on."""
        yield from self.sent.values()
        yield from self.working.values()
        yield from (unknown.order for unknown in self.unknown.values())

    def on_approved(self, approved: ev.OrderApproved) -> None:
        self.approved[approved.order.order_id] = approved

    def on_submitted(self, submitted: ev.OrderSubmitted) -> None:
        self.sent[submitted.order_id] = self.approved.pop(submitted.order_id).order
        self._submitted[submitted.order_id] = self._bus.time

    def on_accepted(self, accepted: ev.OrderAccepted) -> None:
        order = self.order(accepted.order_id)
        if order is not None:
            self._over(accepted.order_id)
            self.working[accepted.ticket] = order
            self.tickets.add(accepted.ticket)

    def on_unknown(self, unknown: ev.OrderUnknown) -> None:
        order = self.order(unknown.order_id)
        if order is not None:
            since = self._submitted.get(unknown.order_id, self._bus.time)
            self._over(unknown.order_id)
            self.unknown[unknown.order_id] = UnknownOrder(order, since)

    def on_filled(self, filled: ev.OrderFilled) -> None:
        self.tickets.add(filled.ticket)
        if filled.complete:
            self._over(filled.order_id)

    def on_closed(self, closed: ev.PositionClosed) -> None:
        if not closed.remaining:
            self.closed.add(closed.position)

    def _over(self, order_id: int) -> None:
        self.approved.pop(order_id, None)
        self.sent.pop(order_id, None)
        self.unknown.pop(order_id, None)
        self._submitted.pop(order_id, None)
        if self.working:
            self.working = {
                ticket: order
                for ticket, order in self.working.items()
                if order.order_id != order_id
            }
