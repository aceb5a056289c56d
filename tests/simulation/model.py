"""The audit's own reading of a session's records, written apart from the actors that it checks."""

from __future__ import annotations

from typing import get_args

from engine import events as ev
from engine.trading import HaltCause, TradingState
from engine.types import Cents, Millis, Units

_INPUTS = get_args(ev.Input)


class Broken(Exception):
    """Raised when an invariant does not hold; says which and where."""


def demand(holds: bool, invariant: str, detail: object = "") -> None:
    """Raise Broken unless `holds`."""
    if not holds:
        raise Broken(f"{invariant}: {detail}")


class SessionModel:
    """What the records so far say: state of trading, day-start balance, orders and positions.

    `entries` are the approved orders to open that are not over, by order id: each must be reserved
    by risk. `known` are the submitted orders that were accepted or filled, or whose outcome was
    reported as unknown. `closing` are the positions that orders to close were made for, by order
    id. `paused` is set while the user wants no trading, `flattening` from an order to close
    everything until the next input. `approved` and `positions` have volumes.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.time: Millis = 0
        self.state = TradingState.ACTIVE
        self.day_start: Cents = 0
        self.starting_balance: Cents = 0
        self.dates: list[tuple[str, Millis]] = []
        self.alive: set[int] = set()
        self.entries: dict[int, ev.OrderApproved] = {}
        self.approved: dict[int, Units] = {}
        self.submitted: set[int] = set()
        self.known: set[int] = set()
        self.positions: dict[int, Units] = {}
        self.external = 0
        self.closing: dict[int, int] = {}
        self.paused = self.flattening = self._resuming = False
        self._changes: set[int] = set()
        self._lost: set[int] = set()

    def take(self, record: ev.Record) -> None:
        """Take the next record; raises Broken where it does not fit the earlier ones."""
        demand(record.seq == self.seq + 1, "the journal has no gap", (self.seq, record.seq))
        demand(record.time >= self.time, "time never steps back", (self.time, record))
        self.seq, self.time = record.seq, record.time
        if isinstance(record.event, _INPUTS):
            self.flattening = self._resuming = False
        self._take(record.event)

    def _take(self, event: ev.Event | ev.Input) -> None:
        match event:
            case ev.SessionStarted(account=account):
                self.day_start = self.starting_balance = account.balance
            case ev.DayRolled(date=date, day_start=day_start):
                self.day_start = day_start
                self.dates.append((date, self.time))
            case ev.LedgerUpdated(figures=figures, baseline=baseline):
                if figures.own is not None and figures.own.day_start is not None:
                    self.day_start = figures.own.day_start
                self.starting_balance = baseline or self.starting_balance
            case ev.UserCommanded(action=action) if action is not ev.UserAction.STOP:
                self._resuming = action is ev.UserAction.RESUME
                self.flattening = action is ev.UserAction.FLATTEN
                self.paused = not self._resuming
            case ev.TradingStateChanged(state=state):
                freed = self.state is TradingState.LATCHED and state is not TradingState.LATCHED
                rightly = self._levels_found(event) or self._resuming
                demand(rightly or not freed, "only the user clears a latch", event)
                self.state = state
            case ev.ReconciliationMismatch(external=external):
                self.external = sum(item.ours for item in external)
            case ev.PositionOpened():
                self.positions[event.position] = event.volume
                self.entries.pop(event.order_id, None)
            case ev.PositionClosed():
                self._closed(event)
            case _:
                self._take_order(event)

    def _levels_found(self, event: ev.TradingStateChanged) -> bool:
        """Whether changes of levels alone were of unknown outcome, and all of them are over."""
        found = bool(self._lost) and self._lost <= self._changes and not self._lost & self.alive
        if HaltCause.UNKNOWN_OUTCOME not in event.causes:
            self._lost.clear()
        return found

    def _closed(self, closed: ev.PositionClosed) -> None:
        left = self.positions.pop(closed.position, 0) - closed.volume
        demand(left == closed.remaining >= 0, "parts of a position add up", closed)
        if left:
            self.positions[closed.position] = left

    def _take_order(self, event: ev.Event | ev.Input) -> None:
        match event:
            case ev.OrderIntent():
                self._made(event)
            case ev.OrderApproved(order=order, volume=volume):
                demand(order.order_id not in self.approved, "an order is vetted once", event)
                self.approved[order.order_id] = volume
                if order.terms.action is ev.Action.OPEN:
                    self.entries[order.order_id] = event
            case ev.OrderSubmitted(order_id=order_id, volume=volume):
                demand(order_id not in self.submitted, "an order is submitted once", event)
                same = self.approved.get(order_id) == volume
                demand(same, "what is submitted is what risk approved", event)
                self.submitted.add(order_id)
            case ev.OrderDenied(order=order):
                self._over(order.order_id)
            case ev.OrderRejected(order_id=order_id) | ev.OrderCancelled(order_id=order_id):
                self._over(order_id)
            case ev.OrderAccepted() | ev.OrderUnknown() | ev.OrderFilled():
                self._take_answer(event)
            case ev.StopModified(order_id=order_id) if order_id:
                self._over(order_id)
            case _:
                pass

    def _made(self, intent: ev.OrderIntent) -> None:
        order_id = intent.order_id
        demand(order_id not in self.alive, "an order is made once", intent)
        self.alive.add(order_id)
        if intent.terms.action is ev.Action.MODIFY:
            self._changes.add(order_id)
        if intent.terms.action is ev.Action.CLOSE:
            self.closing[order_id] = intent.terms.position

    def _take_answer(self, event: ev.OrderAccepted | ev.OrderUnknown | ev.OrderFilled) -> None:
        order_id = event.order_id
        self.known.add(order_id)
        if isinstance(event, ev.OrderUnknown):
            self._lost.add(order_id)
        if isinstance(event, ev.OrderFilled):
            demand(order_id in self.submitted, "only what was submitted is filled", event)
            if event.complete:
                self.alive.discard(order_id)

    def _over(self, order_id: int) -> None:
        demand(order_id in self.alive, "nothing happens to an order that is over", order_id)
        self.alive.discard(order_id)
        self.entries.pop(order_id, None)
