"""An order's life: its states in one table, and all that is known of orders in one place.

The rules that this file enforces:

1. Every order starts as an intent and is either approved or denied; a denied one is over.
2. Only an approved order is submitted; only a submitted one can be accepted, filled, rejected or
   become unknown.
3. An order of unknown outcome is never submitted again: what the venue's own records say ends it.
4. Nothing happens to an order that is over.

An event that the table does not know raises `IllegalTransition` and changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from engine import events as ev
from engine.standing import StandingCloses, stands
from engine.types import Millis

if TYPE_CHECKING:
    from engine.bus import Bus


class OrderState(enum.StrEnum):
    INTENT = "intent"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly_filled"
    UNKNOWN = "unknown"
    DENIED = "denied"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    FILLED = "filled"
    MODIFIED = "modified"


class Step(enum.StrEnum):
    """What can happen to an order."""

    APPROVE = "approve"
    DENY = "deny"
    SUBMIT = "submit"
    ACCEPT = "accept"
    FILL_PART = "fill_part"
    FILL = "fill"
    MODIFY = "modify"
    REJECT = "reject"
    MARK_UNKNOWN = "mark_unknown"
    CANCEL = "cancel"


_S, _O = Step, OrderState

TRANSITIONS: dict[OrderState, dict[Step, OrderState]] = {
    _O.INTENT: {_S.APPROVE: _O.APPROVED, _S.DENY: _O.DENIED},
    _O.APPROVED: {_S.SUBMIT: _O.SUBMITTED, _S.CANCEL: _O.CANCELLED},
    _O.SUBMITTED: {
        _S.ACCEPT: _O.ACCEPTED,
        _S.FILL_PART: _O.PARTLY_FILLED,
        _S.FILL: _O.FILLED,
        _S.MODIFY: _O.MODIFIED,
        _S.REJECT: _O.REJECTED,
        _S.MARK_UNKNOWN: _O.UNKNOWN,
        _S.CANCEL: _O.CANCELLED,
    },
    _O.ACCEPTED: {
        _S.FILL_PART: _O.PARTLY_FILLED,
        _S.FILL: _O.FILLED,
        _S.REJECT: _O.REJECTED,
        _S.MARK_UNKNOWN: _O.UNKNOWN,
        _S.CANCEL: _O.CANCELLED,
    },
    _O.PARTLY_FILLED: {
        _S.FILL_PART: _O.PARTLY_FILLED,
        _S.FILL: _O.FILLED,
        _S.MARK_UNKNOWN: _O.UNKNOWN,
        _S.CANCEL: _O.CANCELLED,
    },
    _O.UNKNOWN: {
        _S.ACCEPT: _O.ACCEPTED,
        _S.FILL_PART: _O.PARTLY_FILLED,
        _S.FILL: _O.FILLED,
        _S.MODIFY: _O.MODIFIED,
        _S.REJECT: _O.REJECTED,
        _S.CANCEL: _O.CANCELLED,
    },
    _O.DENIED: {},
    _O.CANCELLED: {},
    _O.REJECTED: {},
    _O.FILLED: {},
    _O.MODIFIED: {},
}

_APPROVE, _SUBMIT, _FILL = _S.APPROVE, _S.SUBMIT, _S.FILL
_INTENT, _APPROVED, _SUBMITTED = _O.INTENT, _O.APPROVED, _O.SUBMITTED
"""What every order passes; before Python 3.12 a member costs ten times what its own name does."""

OVER = frozenset(state for state, exits in TRANSITIONS.items() if not exits)


class IllegalTransition(Exception):
    """Raised when an event does not fit the state of its order; the order stays as it was."""


class LiveOrder(msgspec.Struct):
    """An order that is not over.

    `approved` is risk's verdict, None before it; `submitted` is when it left for the venue (ms UTC)
    and `ticket` its number there once it was accepted. `cancelling`: a request to cancel it is on
    its way.
    """

    order: ev.OrderIntent
    state: OrderState = _INTENT
    approved: ev.OrderApproved | None = None
    submitted: Millis = 0
    ticket: int = 0
    cancelling: bool = False


class OrderManager:
    """The actor that knows every order that is not over, and numbers new ones.

    It turns signals into order intents and follows each order through the table. What anybody wants
    to know of an order is kept here, once, and follows from recorded events alone; the others only
    read:

    - `live`: the orders that are not over, by order id; `working` those of them that the venue has
      accepted, by its ticket; `unknown` those of unknown outcome, by order id.
    - `in_flight`: approved entries that are no position yet, by order id. They count as open from
      their approval on; one of unknown outcome stays.
    - `closing`: the order that closes a position, by the position's ticket. One of unknown outcome
      counts: it is never sent a second time.
    - `unsent`: closes that certainly never reached the venue, by position: they are still wanted.
    - `refused`: the order that was rejected last, as it was then.
    - `standing`: what must be closed whatever the venue answers.
    - `closed_positions`, and `tickets` of orders that the venue ever accepted: a late snapshot may
      still show them.
    """

    def __init__(self, bus: Bus, *, limit_trades: int | None = None) -> None:
        self._bus = bus
        self._next_id = 1
        self._last_intent = 0
        self._entries_left = limit_trades
        self._unanswered: list[ev.SignalRaised] = []  # while a journal is read back
        self.live: dict[int, LiveOrder] = {}
        self.working: dict[int, LiveOrder] = {}
        self.unknown: dict[int, LiveOrder] = {}
        self.in_flight: dict[int, ev.OrderApproved] = {}
        self.closing: dict[int, int] = {}
        self.unsent: dict[int, ev.OrderIntent] = {}
        self.refused: LiveOrder | None = None
        self.standing = StandingCloses()
        self.closed_positions: set[int] = set()
        self.tickets: set[int] = set()

    def routes(self) -> ev.Routes:
        return {
            ev.SignalRaised: self.on_signal,
            ev.OrderIntent: self.on_intent,
            ev.OrderApproved: self.on_approved,
            ev.OrderDenied: self.on_denied,
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderAccepted: self.on_accepted,
            ev.OrderFilled: self.on_filled,
            ev.OrderRejected: self.on_rejected,
            ev.OrderUnknown: self.on_unknown,
            ev.OrderCancelled: self.on_cancelled,
            ev.StopModified: self.on_modified,
            ev.PositionOpened: self.on_position_opened,
            ev.PositionClosed: self.on_position_closed,
            ev.UserCommanded: self.on_user,
        }

    def replay_routes(self) -> ev.Routes:
        """The events from which the orders are rebuilt."""
        return {
            **self.routes(),
            # A signal's answer is recorded right after it, in the order of the signals.
            ev.SignalRaised: self._unanswered.append,
            ev.SignalDropped: self._apply_dropped,
            ev.OrderIntent: self._apply_intent,
        }

    def _apply_dropped(self, _dropped: ev.SignalDropped) -> None:
        self._unanswered.pop(0)

    def _apply_intent(self, intent: ev.OrderIntent) -> None:
        self._unanswered.pop(0)
        self.on_intent(intent)

    def abandoned(self, account: ev.Account) -> None:
        """End what the session left behind before risk had seen it."""
        for signal in self._unanswered:
            self._bus.publish(_dropped(signal, "abandoned"))
        self._unanswered.clear()
        for live in list(self.live.values()):
            if live.state is _INTENT:
                self._bus.publish(
                    ev.OrderDenied(
                        order=live.order,
                        reason=ev.DenyReason.ABANDONED,
                        detail="the session ended before it was vetted",
                        account=account,
                    )
                )

    # --- what others read ---

    @property
    def alive(self) -> dict[int, OrderState]:
        """The states of the orders that are not over, by order id."""
        return {order_id: live.state for order_id, live in self.live.items()}

    @property
    def entries_exhausted(self) -> bool:
        """Whether the session's limit of entries is used up."""
        return self._entries_left == 0

    def at_venue(self) -> Iterator[ev.OrderIntent]:
        """Every order that has left, so that the venue may still act on it."""
        return (live.order for live in self.live.values() if live.state not in (_INTENT, _APPROVED))

    def in_state(self, state: OrderState) -> list[ev.OrderIntent]:
        """The orders in one state, oldest first."""
        return [live.order for live in self.live.values() if live.state is state]

    # --- signals and verdicts ---

    def on_signal(self, signal: ev.SignalRaised) -> None:
        if self._entries_left == 0 and signal.terms.action is ev.OPEN:
            self._bus.publish(_dropped(signal, "limit_trades"))
            return
        order_id = self._next_id
        self._next_id += 1
        self._bus.publish(
            ev.OrderIntent(order_id=order_id, terms=signal.terms, problem=signal.problem)
        )

    def on_intent(self, intent: ev.OrderIntent) -> None:
        order_id, terms = intent.order_id, intent.terms
        if order_id in self.live:
            raise IllegalTransition(f"order {order_id} exists already")
        if order_id <= self._last_intent:
            raise IllegalTransition(f"order {order_id} is over")
        self._last_intent = order_id
        self._next_id = order_id + 1
        self.live[order_id] = LiveOrder(intent)
        if terms.action is ev.CLOSE:
            self.closing.setdefault(terms.position, order_id)
            self.unsent.pop(terms.position, None)
            if stands(terms):
                self.standing.asked(terms)

    def approve(self, approved: ev.OrderApproved) -> None:
        """Take risk's verdict: an entry counts as open before anybody else hears of it."""
        if approved.order.terms.action is ev.OPEN:
            self.in_flight[approved.order.order_id] = approved
        self._bus.publish(approved)

    def on_approved(self, approved: ev.OrderApproved) -> None:
        order_id = approved.order.order_id
        live = self._step(order_id, _APPROVE)
        live.approved, live.order = approved, approved.order
        if approved.order.terms.action is ev.OPEN:
            self.in_flight[order_id] = approved

    def on_denied(self, denied: ev.OrderDenied) -> None:
        self._step(denied.order.order_id, Step.DENY)

    # --- at the venue ---

    def on_submitted(self, submitted: ev.OrderSubmitted) -> None:
        self._step(submitted.order_id, _SUBMIT).submitted = self._bus.time

    def on_accepted(self, accepted: ev.OrderAccepted) -> None:
        live = self._step(accepted.order_id, Step.ACCEPT)
        self.unknown.pop(accepted.order_id, None)
        live.ticket = accepted.ticket
        self.working[accepted.ticket] = live
        self.tickets.add(accepted.ticket)

    def on_unknown(self, unknown: ev.OrderUnknown) -> None:
        live = self._step(unknown.order_id, Step.MARK_UNKNOWN)
        self._stops_working(live)
        self.unknown[unknown.order_id] = live

    def on_filled(self, fill: ev.OrderFilled) -> None:
        self.tickets.add(fill.ticket)
        self._step(fill.order_id, _FILL if fill.complete else Step.FILL_PART)

    def on_rejected(self, rejected: ev.OrderRejected) -> None:
        self.refused = self._step(rejected.order_id, Step.REJECT)
        self.in_flight.pop(rejected.order_id, None)

    def on_cancelled(self, cancelled: ev.OrderCancelled) -> None:
        order = self._step(cancelled.order_id, Step.CANCEL).order
        self.in_flight.pop(cancelled.order_id, None)
        if cancelled.unsent and order.terms.action is ev.CLOSE:
            self.unsent[order.terms.position] = order

    def on_modified(self, modified: ev.StopModified) -> None:
        if modified.order_id:  # else somebody moved the levels by hand
            self._step(modified.order_id, Step.MODIFY)

    # --- positions ---

    def on_position_opened(self, opened: ev.PositionOpened) -> None:
        self.in_flight.pop(opened.order_id, None)
        if self._entries_left and opened.order_id:
            self._entries_left -= 1

    def on_position_closed(self, closed: ev.PositionClosed) -> None:
        if not closed.remaining:
            self.closed_positions.add(closed.position)
            self.unsent.pop(closed.position, None)
            self.standing.closed(closed.position)

    def on_user(self, command: ev.UserCommanded) -> None:
        """Everything must be closed from a flatten on, what comes later too, until a resume."""
        if command.action is ev.UserAction.FLATTEN:
            self.standing.everything = True
        elif command.action is ev.UserAction.RESUME:
            self.standing.everything = False

    # --- the table ---

    def _step(self, order_id: int, step: Step) -> LiveOrder:
        live = self.live.get(order_id)
        if live is None:
            raise IllegalTransition(f"order {order_id} is unknown or over: it cannot {step}")
        end = TRANSITIONS[live.state].get(step)
        if end is None:
            raise IllegalTransition(f"an order that is {live.state} cannot {step}")
        live.state = end
        if end in OVER:
            self._end(order_id, live)
        return live

    def _end(self, order_id: int, live: LiveOrder) -> None:
        terms = live.order.terms
        del self.live[order_id]
        self.unknown.pop(order_id, None)
        if self.working:
            self._stops_working(live)
        if terms.action is ev.CLOSE and self.closing.get(terms.position) == order_id:
            del self.closing[terms.position]
            self.standing.ended(terms.position, self._bus.time)

    def _stops_working(self, live: LiveOrder) -> None:
        if self.working.get(live.ticket) is live:
            del self.working[live.ticket]


def _dropped(signal: ev.SignalRaised, reason: str) -> ev.SignalDropped:
    terms = signal.terms
    return ev.SignalDropped(signal_id=terms.signal_id, symbol=terms.symbol, reason=reason)
