"""A session whose processes are killed for real and that goes on: some of all the points.

`tests/deep` kills at every one. The seed is printed with each point.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine import events as ev
from tests.deep.kill_checks import check, open_orders
from tests.deep.kill_points import judge_both, judge_kill, sample, undisturbed
from tests.deep.kill_sessions import each, ours, tell
from tests.process.kill_main import Point, Step
from tests.simulation.faults import Fault, FaultKind, ScriptedFault

SEED = 2026
SIZE = 8
STOPPED_OUT_MEANWHILE = Point(Step.SEND, True, 6)
"""An entry is executed, the engine killed, and the position stopped out before it goes on."""

NEEDS_POSIX = pytest.mark.skipif(
    os.name == "nt", reason="the host hangs through functions of the C library"
)


def test_a_killed_engine_goes_on_without_loss_or_double() -> None:
    points = [STOPPED_OUT_MEANWHILE, *sample(SEED, SIZE - 1)]
    print(f"seed {SEED}: {', '.join(map(str, points))}")
    assert each(points, judge_kill) == {}


def _fault(kind: FaultKind, call: int) -> ScriptedFault:
    return ScriptedFault(function="order_send", call=call, fault=Fault(kind=kind))


def test_host_and_engine_may_end_in_the_same_call(tmp_path: Path) -> None:
    """The first plan's close is executed, and nobody hears of it."""
    judge_both(tmp_path, _fault(FaultKind.DIE_AFTER, 3))


@NEEDS_POSIX
def test_a_host_that_hangs_when_its_engine_is_killed_is_ended_first(tmp_path: Path) -> None:
    """It cannot notice that its parent is gone; the session that goes on ends it and says so."""
    hangs = _fault(FaultKind.HANG_AFTER, 1)
    story = tell(tmp_path, Point(Step.HUNG, False, 1), faults=[hangs])
    check(story, undisturbed())
    lines = [json.loads(line) for line in story.log.splitlines()]
    assert "ended an earlier session's terminal host" in [line["event"] for line in lines]
    assert len(story.of(ev.OrderUnknown)) == 1
    assert not open_orders(story)
    assert len(ours(story.venue.deals)) == 2
