"""An order's life, in one table.

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
from typing import TYPE_CHECKING

from engine import events as ev

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
_INTENT = _O.INTENT
"""What every order passes; before Python 3.12 a member costs ten times what its own name does."""

OVER = frozenset(state for state, exits in TRANSITIONS.items() if not exits)


class IllegalTransition(Exception):
    """Raised when an event does not fit the state of its order; the order stays as it was."""


def after(state: OrderState, step: Step) -> OrderState:
    """The state that `step` leads to; raises IllegalTransition where the table has none."""
    try:
        return TRANSITIONS[state][step]
    except KeyError:
        raise IllegalTransition(f"an order that is {state} cannot {step}") from None


class OrderManager:
    """The actor that knows every order that is not over, and numbers new ones.

    It turns signals into order intents and follows each order through the table. Orders that are
    over are forgotten, so its size is the number of orders alive.
    """

    def __init__(self, bus: Bus, *, limit_trades: int | None = None) -> None:
        self._bus = bus
        self._states: dict[int, OrderState] = {}
        self._next_id = 1
        self._last_intent = 0
        self._entries_left = limit_trades
        self._waiting: dict[int, ev.OrderIntent] = {}  # before their verdict
        self._unanswered: list[ev.SignalRaised] = []  # while a journal is read back

    def routes(self) -> ev.Routes:
        return {
            ev.SignalRaised: self.on_signal,
            ev.OrderIntent: self.on_intent,
            ev.OrderApproved: self.on_approved,
            ev.OrderDenied: self.on_denied,
            ev.OrderSubmitted: lambda e: self._step(e.order_id, _SUBMIT),
            ev.OrderAccepted: lambda e: self._step(e.order_id, Step.ACCEPT),
            ev.OrderFilled: self.on_filled,
            ev.OrderRejected: lambda e: self._step(e.order_id, Step.REJECT),
            ev.OrderUnknown: lambda e: self._step(e.order_id, Step.MARK_UNKNOWN),
            ev.OrderCancelled: lambda e: self._step(e.order_id, Step.CANCEL),
            ev.StopModified: self.on_modified,
            ev.PositionOpened: self.on_position_opened,
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
            self._bus.publish(
                ev.SignalDropped(
                    signal_id=signal.terms.signal_id, symbol=signal.terms.symbol, reason="abandoned"
                )
            )
        self._unanswered.clear()
        for intent in list(self._waiting.values()):
            self._bus.publish(
                ev.OrderDenied(
                    order=intent,
                    reason=ev.DenyReason.ABANDONED,
                    detail="the session ended before it was vetted",
                    account=account,
                )
            )

    @property
    def alive(self) -> dict[int, OrderState]:
        """The orders that are not over, by order id."""
        return dict(self._states)

    @property
    def entries_exhausted(self) -> bool:
        """Whether the session's limit of entries is used up."""
        return self._entries_left == 0

    def on_signal(self, signal: ev.SignalRaised) -> None:
        if self._entries_left == 0 and signal.terms.action is ev.OPEN:
            self._bus.publish(
                ev.SignalDropped(
                    signal_id=signal.terms.signal_id,
                    symbol=signal.terms.symbol,
                    reason="limit_trades",
                )
            )
            return
        order_id = self._next_id
        self._next_id += 1
        self._bus.publish(
            ev.OrderIntent(order_id=order_id, terms=signal.terms, problem=signal.problem)
        )

    def on_intent(self, intent: ev.OrderIntent) -> None:
        if intent.order_id in self._states:
            raise IllegalTransition(f"order {intent.order_id} exists already")
        if intent.order_id <= self._last_intent:
            raise IllegalTransition(f"order {intent.order_id} is over")
        self._last_intent = intent.order_id
        self._next_id = intent.order_id + 1
        self._states[intent.order_id] = _INTENT
        self._waiting[intent.order_id] = intent

    def on_approved(self, approved: ev.OrderApproved) -> None:
        self._waiting.pop(approved.order.order_id, None)
        self._step(approved.order.order_id, _APPROVE)

    def on_denied(self, denied: ev.OrderDenied) -> None:
        self._waiting.pop(denied.order.order_id, None)
        self._step(denied.order.order_id, Step.DENY)

    def on_filled(self, fill: ev.OrderFilled) -> None:
        self._step(fill.order_id, _FILL if fill.complete else Step.FILL_PART)

    def on_modified(self, modified: ev.StopModified) -> None:
        if modified.order_id:  # else somebody moved the levels by hand
            self._step(modified.order_id, Step.MODIFY)

    def on_position_opened(self, opened: ev.PositionOpened) -> None:
        if self._entries_left and opened.order_id:
            self._entries_left -= 1

    def _step(self, order_id: int, step: Step) -> None:
        state = self._states.get(order_id)
        if state is None:
            raise IllegalTransition(f"order {order_id} is unknown or over: it cannot {step}")
        state = after(state, step)
        if state in OVER:
            del self._states[order_id]
        else:
            self._states[order_id] = state
