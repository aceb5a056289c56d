"""Stops that are moved and entries that wait, when the terminal or its host misbehaves.

Each case runs over a real host process; `check` holds what must be true whatever happens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.trading import HaltCause
from tests.deep.cases import Case, sample
from tests.deep.faulty_sessions import Outcome, check, fault, run
from tests.deep.steps import Kind
from tests.simulation.faults import FaultKind

SAMPLE_SEED = 2026
SAMPLE = [case for kind in (Kind.MODIFY, Kind.WAIT) for case in sample(SAMPLE_SEED, kind, 2)]
FIRST_MOVE = 2
"""Its call of `order_send`: the entry is the first."""


def causes(outcome: Outcome) -> list[HaltCause]:
    return [item.cause for item in outcome.of(ev.TradingStateChanged) if item.cause]


def moves(outcome: Outcome) -> int:
    return sum(order.terms.action is ev.Action.MODIFY for order in outcome.of(ev.OrderSubmitted))


def later(*kinds: FaultKind) -> list[Any]:
    """The first kind in every run, the others only in a deep one."""
    return [kinds[0], *(pytest.param(kind, marks=pytest.mark.deep) for kind in kinds[1:])]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_sample_of_the_matrix_breaks_no_promise(tmp_path: Path, case: Case) -> None:
    print(case)
    check(run(tmp_path, case.faults(), kind=case.session))


class TestMoves:
    def test_without_a_fault_the_stop_is_moved_twice_and_the_position_closed(
        self, tmp_path: Path
    ) -> None:
        outcome = run(tmp_path, [], kind=Kind.MODIFY)
        check(outcome)
        (opened,) = outcome.of(ev.PositionOpened)
        stops = [moved.stop_loss - opened.stop_loss for moved in outcome.of(ev.StopModified)]
        assert stops == [50, 150]
        assert (outcome.problem, outcome.left, causes(outcome)) == (None, None, [])
        assert outcome.positions == ()

    @pytest.mark.parametrize(
        "kind", later(FaultKind.DIE_AFTER, FaultKind.LOST_REPLY, FaultKind.HANG_AFTER)
    )
    def test_a_move_whose_answer_is_lost_is_found_and_not_sent_again(
        self, tmp_path: Path, kind: FaultKind
    ) -> None:
        outcome = run(tmp_path, [fault("order_send", kind, FIRST_MOVE)], kind=Kind.MODIFY)
        check(outcome)
        assert causes(outcome)[0] is HaltCause.UNKNOWN_OUTCOME
        assert (moves(outcome), len(outcome.of(ev.StopModified))) == (2, 2)
        assert outcome.positions == ()

    @pytest.mark.parametrize("kind", later(FaultKind.DIE_BEFORE, FaultKind.HANG_BEFORE))
    def test_a_move_that_left_no_trace_stays_unknown_and_the_position_can_still_be_closed(
        self, tmp_path: Path, kind: FaultKind
    ) -> None:
        outcome = run(tmp_path, [fault("order_send", kind, FIRST_MOVE)], kind=Kind.MODIFY)
        check(outcome)
        assert causes(outcome)[0] is HaltCause.UNKNOWN_OUTCOME
        assert len(outcome.of(ev.PositionClosed)) == 1
        assert outcome.positions == ()

    def test_a_refused_move_stops_new_orders_and_keeps_the_old_stop(self, tmp_path: Path) -> None:
        faults = [fault("order_send", FaultKind.REJECT, call) for call in (2, 3)]
        outcome = run(tmp_path, faults, kind=Kind.MODIFY)
        check(outcome)
        assert causes(outcome) == [HaltCause.REJECTION]
        assert outcome.of(ev.StopModified) == []
        assert len(outcome.of(ev.PositionClosed)) == 1

    def test_nothing_is_moved_on_another_account(self, tmp_path: Path) -> None:
        """Someone logs in elsewhere after the last look: the host asks again with the request."""
        outcome = run(
            tmp_path, [fault("account_info", FaultKind.OTHER_ACCOUNT, 10)], kind=Kind.MODIFY
        )
        check(outcome)
        (refused,) = outcome.of(ev.OrderRejected)
        assert "is logged in, not" in refused.message
        assert len(outcome.of(ev.StopModified)) == 1
        assert outcome.positions == ()


class TestWaitingEntries:
    def test_without_a_fault_each_waits_is_filled_and_closed(self, tmp_path: Path) -> None:
        outcome = run(tmp_path, [], kind=Kind.WAIT)
        check(outcome)
        assert len(outcome.of(ev.OrderAccepted)) == len(outcome.of(ev.PositionOpened)) == 2
        assert len(outcome.of(ev.PositionClosed)) == 2
        assert (outcome.problem, outcome.left, causes(outcome)) == (None, None, [])

    @pytest.mark.parametrize(
        "kind", later(FaultKind.DIE_AFTER, FaultKind.LOST_REPLY, FaultKind.HANG_AFTER)
    )
    def test_one_whose_placing_is_in_doubt_is_found_and_taken_back(
        self, tmp_path: Path, kind: FaultKind
    ) -> None:
        """Trading is halted by the doubt: what is found waiting then must not open a position."""
        outcome = run(tmp_path, [fault("order_send", kind, 1)], kind=Kind.WAIT)
        check(outcome)
        assert causes(outcome)[0] is HaltCause.UNKNOWN_OUTCOME
        assert len(outcome.of(ev.OrderAccepted)) == 1
        assert (outcome.orders, outcome.positions) == ((), ())
        assert outcome.ours(mt5.DEAL_ENTRY_IN) == []

    def test_a_halt_while_it_waits_takes_it_back(self, tmp_path: Path) -> None:
        """A look fails after the placing, so new orders stop until the terminal answers again."""
        outcome = run(tmp_path, [fault("positions_get", FaultKind.FAIL, 1)], kind=Kind.WAIT)
        check(outcome)
        assert causes(outcome) == [HaltCause.LINK]
        assert [item.reason for item in outcome.of(ev.OrderCancelled)] == ["trading was halted"]
        assert len(outcome.of(ev.PositionOpened)) == 1

    @pytest.mark.parametrize(
        "kind", later(FaultKind.LOST_REPLY, FaultKind.REJECT, FaultKind.DIE_BEFORE)
    )
    def test_what_could_not_be_taken_back_is_taken_back_at_the_next_look(
        self, tmp_path: Path, kind: FaultKind
    ) -> None:
        """The placing is in doubt, which halts for good, and the first taking back goes wrong."""
        faults = [fault("order_send", FaultKind.LOST_REPLY, 1), fault("order_send", kind, 2)]
        outcome = run(tmp_path, faults, kind=Kind.WAIT)
        check(outcome)
        assert (outcome.orders, outcome.ours(mt5.DEAL_ENTRY_IN)) == ((), [])
        assert len(outcome.of(ev.OrderCancelled)) == 1

    def test_a_refused_one_leaves_nothing_at_the_venue(self, tmp_path: Path) -> None:
        outcome = run(tmp_path, [fault("order_send", FaultKind.REJECT, 1)], kind=Kind.WAIT)
        check(outcome)
        assert causes(outcome) == [HaltCause.REJECTION]
        assert outcome.old_orders == outcome.orders == ()
