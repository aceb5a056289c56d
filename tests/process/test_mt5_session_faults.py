"""What a session that sends orders does when the terminal, its host or the venue misbehaves.

Each case runs over a real host process with a paper terminal behind it. `check` holds what must be
true whatever happens; the tests say what happens beyond that. All faults at all functions are in
`tests/deep`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.host.client import AsyncTerminal
from engine import events as ev
from engine.trading import HaltCause
from tests.deep.cases import Case, sample
from tests.deep.faulty_sessions import PASSWORD, Outcome, check, fault, run
from tests.deep.steps import Kind
from tests.simulation.faults import FaultKind

ENTER, CLOSE = 1, 2
"""The first plan's calls of `order_send`."""

SAMPLE_SEED = 2025
SAMPLE = sample(SAMPLE_SEED, Kind.SCRIPT, 3)


def causes(outcome: Outcome) -> list[HaltCause]:
    return [item.cause for item in outcome.of(ev.TradingStateChanged) if item.cause]


def sent(outcome: Outcome) -> list[ev.Action]:
    return [order.terms.action for order in outcome.of(ev.OrderSubmitted)]


def test_without_a_fault_each_plan_is_opened_and_closed(tmp_path: Path) -> None:
    outcome = run(tmp_path, [])
    check(outcome)
    assert outcome.problem is None
    assert outcome.left is None
    assert sent(outcome) == [ev.Action.OPEN, ev.Action.CLOSE] * 2
    assert len(outcome.ours(mt5.DEAL_ENTRY_IN)) == len(outcome.ours(mt5.DEAL_ENTRY_OUT)) == 2


EXECUTED = (FaultKind.LOST_REPLY, FaultKind.HANG_AFTER, FaultKind.DIE_AFTER)
NOT_EXECUTED = (FaultKind.HANG_BEFORE, FaultKind.DIE_BEFORE)


def later(*kinds: FaultKind) -> list[Any]:
    """The first kind in every run, the others only in a deep one."""
    return [kinds[0], *(pytest.param(kind, marks=pytest.mark.deep) for kind in kinds[1:])]


@pytest.mark.parametrize("kind", later(*EXECUTED))
def test_an_entry_whose_answer_is_lost_is_found_and_closed(tmp_path: Path, kind: FaultKind) -> None:
    """Never sent again: trading stops, and the venue's records tell that it was executed."""
    outcome = run(tmp_path, [fault("order_send", kind, ENTER)])
    check(outcome)
    assert causes(outcome)[0] is HaltCause.UNKNOWN_OUTCOME
    assert sent(outcome) == [ev.Action.OPEN, ev.Action.CLOSE]
    assert (len(outcome.of(ev.OrderUnknown)), outcome.end.open_positions) == (1, ())
    assert outcome.positions == ()


@pytest.mark.parametrize("kind", later(*NOT_EXECUTED))
def test_an_entry_that_left_no_trace_stays_unknown(tmp_path: Path, kind: FaultKind) -> None:
    """No trace proves nothing: nothing is sent again, and the user is told to look."""
    outcome = run(tmp_path, [fault("order_send", kind, ENTER)])
    check(outcome)
    assert sent(outcome) == [ev.Action.OPEN]
    assert outcome.left is not None
    assert outcome.ours(mt5.DEAL_ENTRY_IN) == []


@pytest.mark.parametrize("kind", later(FaultKind.DIE_AFTER, FaultKind.LOST_REPLY))
def test_a_close_whose_answer_is_lost_is_found(tmp_path: Path, kind: FaultKind) -> None:
    outcome = run(tmp_path, [fault("order_send", kind, CLOSE)])
    check(outcome)
    assert sent(outcome) == [ev.Action.OPEN, ev.Action.CLOSE]
    assert len(outcome.of(ev.PositionClosed)) == 1
    assert outcome.positions == ()


@pytest.mark.parametrize(
    "kind", later(FaultKind.AUTOTRADING_OFF, FaultKind.REJECT, FaultKind.REQUOTE)
)
def test_a_refused_entry_stops_the_session(tmp_path: Path, kind: FaultKind) -> None:
    outcome = run(tmp_path, [fault("order_send", kind, ENTER)])
    check(outcome)
    assert causes(outcome) == [HaltCause.REJECTION]
    assert sent(outcome) == [ev.Action.OPEN]
    assert outcome.deals[1:] == ()


def test_a_refused_close_is_tried_once_more(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("order_send", FaultKind.REQUOTE, CLOSE)])
    check(outcome)
    assert sent(outcome) == [ev.Action.OPEN, ev.Action.CLOSE, ev.Action.CLOSE]
    assert outcome.positions == ()


def test_a_close_that_never_left_is_no_refusal_and_is_sent_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("order_send", FaultKind.NO_IPC, CLOSE)])
    check(outcome)
    assert (outcome.problem, outcome.left, causes(outcome)) == (None, None, [])
    close = ev.Action.CLOSE
    assert sent(outcome) == [ev.Action.OPEN, close, close, ev.Action.OPEN, close]
    assert outcome.positions == ()


def test_half_of_an_entry_is_held_and_closed_as_half(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("order_send", FaultKind.PARTIAL, ENTER)])
    check(outcome)
    assert [item.volume for item in outcome.of(ev.PositionOpened)] == [500, 2_000]
    assert outcome.positions == ()


@pytest.mark.parametrize("call", [ENTER, CLOSE], ids=["entry", "close"])
def test_an_order_that_is_only_placed_is_waited_for(tmp_path: Path, call: int) -> None:
    outcome = run(tmp_path, [fault("order_send", FaultKind.PLACED, call, span=9)])
    check(outcome)
    assert outcome.of(ev.OrderAccepted)
    assert len(outcome.of(ev.PositionClosed)) == 2
    assert outcome.positions == ()


def test_a_history_that_lags_is_not_taken_for_the_deal(tmp_path: Path) -> None:
    """Right after a close it shows only the position's opening: nothing is concluded from that.

    The terminal's clock stands at midnight, when the spread is 24 points.
    """
    outcome = run(tmp_path, [fault("order_send", FaultKind.STALE, CLOSE, span=4)])
    check(outcome)
    closed = outcome.of(ev.PositionClosed)
    assert [item.price for item in closed] == [110_000, 110_024]


def test_books_that_lag_behind_lose_nothing(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("order_send", FaultKind.STALE, ENTER, span=7)])
    check(outcome)
    assert len(outcome.of(ev.PositionClosed)) == 2


@pytest.mark.parametrize(
    ("kind", "reason"), [(FaultKind.SERVER_CLOSE, "SL"), (FaultKind.MANUAL_CLOSE, "MANUAL")]
)
def test_a_position_that_others_close_is_told(tmp_path: Path, kind: FaultKind, reason: str) -> None:
    outcome = run(tmp_path, [fault("symbol_info_tick", kind, 2)])
    check(outcome)
    assert next(item.reason for item in outcome.of(ev.PositionClosed)) == reason
    assert outcome.positions == ()


def test_nothing_is_sent_to_another_account(tmp_path: Path) -> None:
    """Someone logs in elsewhere after the last look: the host asks again with the order itself."""
    outcome = run(tmp_path, [fault("account_info", FaultKind.OTHER_ACCOUNT, 5)])
    check(outcome)
    (refused,) = outcome.of(ev.OrderRejected)
    assert "is logged in, not" in refused.message
    assert outcome.deals[1:] == ()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the process list of Linux")
def test_the_password_is_in_no_output_file_or_process_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Looked at while the host works, and in everything that is left when it has ended."""
    seen: list[bytes] = []
    ask = AsyncTerminal.call

    def look_around() -> None:
        note = json.loads(next(tmp_path.rglob("terminal-host.json")).read_bytes())
        for pid in (note["pid"], os.getpid()):
            seen.extend(Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ"))

    async def call(self: AsyncTerminal, function: str, *args: Any, **more: Any) -> Any:
        look_around()
        return await ask(self, function, *args, **more)

    monkeypatch.setattr(AsyncTerminal, "call", call)
    check(run(tmp_path, [fault("order_send", FaultKind.REJECT, ENTER)]))
    seen += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    seen += [text.encode() for text in capfd.readouterr()]
    assert len(seen) > 20
    assert not [content for content in seen if PASSWORD.encode() in content]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_sample_of_the_matrix_breaks_no_promise(tmp_path: Path, case: Case) -> None:
    print(case)
    check(run(tmp_path, case.faults()))


def test_the_figures_of_another_account_are_not_taken_for_ours(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("symbol_info_tick", FaultKind.OTHER_ACCOUNT, 2, span=2)])
    check(outcome)
    assert HaltCause.DAILY_LOSS not in causes(outcome)
    assert outcome.positions == ()


def test_a_tick_that_fails_while_a_position_is_open_is_asked_for_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, [fault("symbol_info_tick", FaultKind.FAIL, 2)])
    check(outcome)
    assert outcome.problem is None
    assert outcome.positions == ()
