"""Each step of an order's life as the event that makes it happen, and an order book to feed it to.

The book is alone with its bus here: nobody else judges the events.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.orders import OrderManager, Step
from engine.types import Side
from tests.builders import (
    LOT,
    account,
    approved,
    intent,
    submitted,
)


@dataclass
class LoneBook:
    """An order book and its bus."""

    journal: MemoryJournal
    bus: Bus
    order_manager: OrderManager


def lone_book(*, limit_trades: int | None = None) -> LoneBook:
    """A new order book on a new bus."""
    journal = MemoryJournal()
    bus = Bus(journal)
    order_manager = OrderManager(bus, limit_trades=limit_trades)
    bus.attach(order_manager.routes())
    return LoneBook(journal, bus, order_manager)


def happening(step: Step, order_id: int = 1) -> ev.Event:
    """The event that makes `step` happen to an order."""
    events: dict[Step, ev.Event] = {
        Step.APPROVE: approved(order_id),
        Step.DENY: ev.OrderDenied(
            order=intent(order_id), reason=ev.DenyReason.MARGIN, detail="", account=account()
        ),
        Step.SUBMIT: submitted(order_id),
        Step.ACCEPT: ev.OrderAccepted(order_id=order_id, ticket=7),
        Step.FILL_PART: fill(order_id, complete=False),
        Step.FILL: fill(order_id, complete=True),
        Step.MODIFY: ev.StopModified(
            order_id=order_id, position=7, symbol="EURUSD", side=Side.LONG, volume=LOT,
            stop_loss=1, take_profit=2, reason="TRAIL", account=account(),
        ),
        Step.REJECT: ev.OrderRejected(
            order_id=order_id, symbol="EURUSD", side=Side.LONG, retcode=10_006, message="no",
            account=account(),
        ),
        Step.MARK_UNKNOWN: ev.OrderUnknown(
            order_id=order_id, symbol="EURUSD", side=Side.LONG, message="?", account=account()
        ),
        Step.CANCEL: ev.OrderCancelled(order_id=order_id, reason="withdrawn"),
    }  # fmt: skip
    return events[step]


def fill(order_id: int, *, complete: bool) -> ev.OrderFilled:
    """A deal of an order, the last one or one of several."""
    return ev.OrderFilled(
        order_id=order_id, ticket=7, deal=2, volume=LOT, price=110_010, complete=complete
    )
