"""An order's life: the table, and the actor that follows it on a real bus."""

from __future__ import annotations

from collections import deque

import pytest

from engine import events as ev
from engine.bus import HandlerFailed
from engine.orders import OVER, TRANSITIONS, IllegalTransition, OrderState, Step
from engine.types import Side
from tests.builders import intent, of_kind, opened, signal, wired
from tests.order_steps import LoneBook, happening, lone_book

PAIRS = [(state, step) for state in OrderState for step in Step]
LEGAL = [(state, step, end) for state, exits in TRANSITIONS.items() for step, end in exits.items()]


class TestTable:
    def test_every_state_is_in_the_table_and_can_be_reached_from_an_intent(self) -> None:
        seen, waiting = {OrderState.INTENT}, deque([OrderState.INTENT])
        while waiting:
            for end in TRANSITIONS[waiting.popleft()].values():
                if end not in seen:
                    seen.add(end)
                    waiting.append(end)
        assert seen == set(OrderState) == set(TRANSITIONS)

    def test_every_step_is_possible_somewhere(self) -> None:
        assert {step for _, step, _ in LEGAL} == set(Step)

    def test_only_an_approved_order_is_submitted_and_it_is_never_submitted_again(self) -> None:
        assert [state for state, step, _ in LEGAL if step is Step.SUBMIT] == [OrderState.APPROVED]

    def test_an_order_of_unknown_outcome_can_still_end_in_every_way_of_a_submitted_one(
        self,
    ) -> None:
        ends = OVER & set(TRANSITIONS[OrderState.SUBMITTED].values())
        assert ends <= set(TRANSITIONS[OrderState.UNKNOWN].values())

    def test_nothing_leads_back_from_what_is_over(self) -> None:
        assert {*OVER} == {
            OrderState.DENIED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.FILLED,
            OrderState.MODIFIED,
        }  # fmt: skip


# --- the actor --------------------------------------------------------------------------------

# Each way to a state, as the steps that lead there from an intent.
WAY_TO: dict[OrderState, tuple[Step, ...]] = {
    OrderState.INTENT: (),
    OrderState.APPROVED: (Step.APPROVE,),
    OrderState.SUBMITTED: (Step.APPROVE, Step.SUBMIT),
    OrderState.ACCEPTED: (Step.APPROVE, Step.SUBMIT, Step.ACCEPT),
    OrderState.PARTLY_FILLED: (Step.APPROVE, Step.SUBMIT, Step.FILL_PART),
    OrderState.UNKNOWN: (Step.APPROVE, Step.SUBMIT, Step.MARK_UNKNOWN),
    OrderState.DENIED: (Step.DENY,),
    OrderState.CANCELLED: (Step.APPROVE, Step.CANCEL),
    OrderState.REJECTED: (Step.APPROVE, Step.SUBMIT, Step.REJECT),
    OrderState.FILLED: (Step.APPROVE, Step.SUBMIT, Step.FILL),
    OrderState.MODIFIED: (Step.APPROVE, Step.SUBMIT, Step.MODIFY),
}


def brought_to(state: OrderState) -> LoneBook:
    parts = lone_book()
    parts.bus.publish(intent(1))
    for step in WAY_TO[state]:
        parts.bus.publish(happening(step))
    return parts


class TestBook:
    @pytest.mark.parametrize("state", list(OrderState))
    def test_an_order_is_known_until_it_is_over(self, state: OrderState) -> None:
        alive = brought_to(state).order_manager.alive
        assert alive == ({} if state in OVER else {1: state})

    @pytest.mark.parametrize(("state", "step", "end"), LEGAL)
    def test_events_move_an_order_along_the_table(
        self, state: OrderState, step: Step, end: OrderState
    ) -> None:
        parts = brought_to(state)
        parts.bus.publish(happening(step))
        assert parts.order_manager.alive == ({} if end in OVER else {1: end})

    @pytest.mark.parametrize(
        ("state", "step"), [pair for pair in PAIRS if pair[1] not in TRANSITIONS[pair[0]]]
    )
    def test_an_illegal_event_stops_the_bus_names_both_and_leaves_the_order_as_it_was(
        self, state: OrderState, step: Step
    ) -> None:
        parts = brought_to(state)
        before = parts.order_manager.alive
        with pytest.raises(HandlerFailed) as caught:
            parts.bus.publish(happening(step))
        told = "order 1 is unknown or over: it" if state in OVER else f"an order that is {state}"
        assert isinstance(caught.value.__cause__, IllegalTransition)
        assert str(caught.value.__cause__) == f"{told} cannot {step}"
        assert parts.order_manager.alive == before

    def test_an_order_that_is_alive_cannot_be_intended_again(self) -> None:
        parts = brought_to(OrderState.APPROVED)
        with pytest.raises(HandlerFailed) as caught:
            parts.bus.publish(intent(1))
        assert str(caught.value.__cause__) == "order 1 exists already"
        assert parts.order_manager.alive == {1: OrderState.APPROVED}

    @pytest.mark.parametrize("state", sorted(OVER))
    def test_an_order_that_is_over_cannot_be_intended_again(self, state: OrderState) -> None:
        parts = brought_to(state)
        with pytest.raises(HandlerFailed) as caught:
            parts.bus.publish(intent(1))
        assert isinstance(caught.value.__cause__, IllegalTransition)
        assert parts.order_manager.alive == {}

    def test_an_order_that_nobody_knows_cannot_move(self) -> None:
        parts = lone_book()
        with pytest.raises(HandlerFailed) as caught:
            parts.bus.publish(happening(Step.FILL, 9))
        assert str(caught.value.__cause__) == "order 9 is unknown or over: it cannot fill"

    def test_orders_do_not_touch_each_other(self) -> None:
        parts = brought_to(OrderState.SUBMITTED)
        parts.bus.publish(intent(2))
        parts.bus.publish(happening(Step.DENY, 2))
        assert parts.order_manager.alive == {1: OrderState.SUBMITTED}


class TestSignals:
    def test_a_signal_becomes_an_intent_with_the_next_number_and_all_that_it_asked_for(
        self,
    ) -> None:
        parts = lone_book()
        wish = signal("s:1", scale=0.5, volume=300, side=Side.SHORT, position=7, reason="why")
        parts.bus.publish(wish)
        parts.bus.publish(signal("s:2", action=ev.Action.CLOSE))
        first, second = of_kind(parts.journal, ev.OrderIntent)
        for field in first.__struct_fields__:
            if field != "order_id":
                assert getattr(first, field) == getattr(wish, field)
        assert (first.order_id, second.order_id, second.terms.signal_id) == (1, 2, "s:2")

    def test_after_the_limit_of_trades_entries_are_dropped_before_they_are_vetted(self) -> None:
        parts = wired(limit_trades=1)
        parts.bus.publish(signal("s:1"))
        assert not parts.order_manager.entries_exhausted
        parts.bus.publish(opened(7, order_id=1))
        assert parts.order_manager.entries_exhausted
        parts.bus.publish(signal("s:2", symbol="GBPUSD"))
        assert of_kind(parts.journal, ev.SignalDropped) == [
            ev.SignalDropped(signal_id="s:2", symbol="GBPUSD", reason="limit_trades")
        ]
        assert len(of_kind(parts.journal, ev.OrderIntent)) == 1

    def test_after_the_limit_positions_are_still_managed(self) -> None:
        parts = wired(limit_trades=1)
        parts.bus.publish(opened(7, order_id=1))
        parts.bus.publish(signal("s:2", action=ev.Action.CLOSE, position=7))
        assert [item.terms.action for item in of_kind(parts.journal, ev.OrderIntent)] == [
            ev.Action.CLOSE
        ]

    def test_more_fills_than_the_limit_do_not_lift_it(self) -> None:
        """Two entries may be in flight when the only one that is left fills."""
        parts = wired(limit_trades=1)
        parts.bus.publish(opened(7, order_id=1))
        parts.bus.publish(opened(8, order_id=2, symbol="GBPUSD"))
        assert parts.order_manager.entries_exhausted

    def test_a_position_that_no_order_of_ours_opened_uses_up_nothing(self) -> None:
        parts = wired(limit_trades=1)
        parts.bus.publish(opened(7, order_id=0))
        assert not parts.order_manager.entries_exhausted

    def test_without_a_limit_entries_are_never_exhausted(self) -> None:
        parts = wired()
        parts.bus.publish(opened(7))
        assert not parts.order_manager.entries_exhausted
