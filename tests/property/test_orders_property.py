"""Orders over any sequence of events, through a real bus."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.bus import Bus, HandlerFailed
from engine.orders import OVER, TRANSITIONS, IllegalTransition, OrderState, Step
from tests.builders import intent
from tests.order_steps import happening, lone_book


class Orders(RuleBasedStateMachine):
    """A book that is told anything at all keeps exactly to the table.

    `known` is what every order's state must be, those that are over included.
    """

    def __init__(self) -> None:
        super().__init__()
        parts = lone_book()
        self.journal, self.bus, self.order_manager = parts.journal, parts.bus, parts.order_manager
        self.known: dict[int, OrderState] = {}

    def _refused(self, order_id: int, step: Step) -> None:
        """The event stops the bus; a new one goes on with the same book."""
        with pytest.raises(HandlerFailed) as caught:
            self.bus.publish(happening(step, order_id))
        assert isinstance(caught.value.__cause__, IllegalTransition)
        self.bus = Bus(self.journal)
        self.bus.attach(self.order_manager.routes())

    @rule()
    def a_new_order(self) -> None:
        order_id = len(self.known) + 1
        self.bus.publish(intent(order_id))
        self.known[order_id] = OrderState.INTENT

    @precondition(lambda self: self.known)
    @rule(data=st.data(), step=st.sampled_from(list(Step)))
    def anything_happens(self, data: st.DataObject, step: Step) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.known)))
        end = TRANSITIONS[self.known[order_id]].get(step)
        if end is None:
            self._refused(order_id, step)
        else:
            self.bus.publish(happening(step, order_id))
            self.known[order_id] = end

    @precondition(lambda self: any(TRANSITIONS[state] for state in self.known.values()))
    @rule(data=st.data())
    def something_legal_happens(self, data: st.DataObject) -> None:
        alive = sorted(item for item, state in self.known.items() if TRANSITIONS[state])
        order_id = data.draw(st.sampled_from(alive))
        step, end = data.draw(st.sampled_from(sorted(TRANSITIONS[self.known[order_id]].items())))
        self.bus.publish(happening(step, order_id))
        self.known[order_id] = end

    @rule(step=st.sampled_from(list(Step)), order_id=st.integers(1_000, 1_010))
    def something_happens_to_an_order_that_nobody_knows(self, step: Step, order_id: int) -> None:
        self._refused(order_id, step)

    @invariant()
    def the_book_knows_exactly_the_orders_that_are_not_over(self) -> None:
        assert self.order_manager.alive == {
            order_id: state for order_id, state in self.known.items() if state not in OVER
        }


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
