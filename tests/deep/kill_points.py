"""The moments of a session at which engine or host are killed, and what each must lead to."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from engine import events as ev
from tests.deep.kill_checks import check, open_orders, trades
from tests.deep.kill_sessions import Story, ours, tell
from tests.process.kill_feed import PLANS
from tests.process.kill_main import Point, Step
from tests.simulation.faults import Fault, FaultKind, ScriptedFault


@cache
def undisturbed() -> Story:
    """The session when nobody kills anything; every plan makes its trade."""
    folder = Path(mkdtemp(prefix="kill-none-"))
    story = tell(folder)
    check(story, story)
    assert list(trades(story)) == [plan.mark for plan in PLANS]
    assert (story.lives, story.kills, story.note.err) == (1, 0, "")
    shutil.rmtree(folder)
    return story


@cache
def engine_points() -> list[Point]:
    """Before the first record and after each, around each commit, request, and the seal."""
    counts = undisturbed().note.counts
    appends = [Point(Step.APPEND, True, number) for number in range(1, counts["append"] + 1)]
    around = [
        Point(step, after, number)
        for step in (Step.COMMIT, Step.SEND, Step.SEAL)
        for number in range(1, counts[step] + 1)
        for after in (False, True)
    ]
    return [Point(Step.APPEND, False, 1), *appends, *around]


def sample(seed: int, size: int) -> list[Point]:
    """Some of them, the same for the same seed: half of them around requests."""
    rng = Random(seed)  # noqa: S311 - a seed, not a secret
    sends = [point for point in engine_points() if point.step is Step.SEND]
    others = [point for point in engine_points() if point.step is not Step.SEND]
    return [*rng.sample(sends, size // 2), *rng.sample(others, size - size // 2)]


def judge_kill(folder: Path, point: Point) -> None:
    """Kill the engine at `point`, go on, and demand everything that must hold."""
    story = tell(folder, point)
    # How records gather in commits depends on the machine: only the last ones may not be there.
    assert story.kills == 1 or point.step is Step.COMMIT, "it was not killed"
    check(story, undisturbed())
    if point.step is Step.SEND:
        _judge_lost_reply(story, point)


def _judge_lost_reply(story: Story, point: Point) -> None:
    """The order is told as unknown; the venue's records tell its end if it was executed."""
    lost = story.of(ev.OrderUnknown)
    assert len(lost) == 1, lost
    order_id = lost[0].order_id
    done = {mark.comment.rpartition("-")[2] for mark in ours(story.venue.old_orders)}
    if point.after:
        assert not open_orders(story), "the venue's records tell what became of it"
    order = next(item for item in story.of(ev.OrderIntent) if item.order_id == order_id)
    if order.terms.action is ev.Action.OPEN and not point.after:
        assert open_orders(story) == {order_id}
        assert str(order_id) not in done


# --- the terminal's host -------------------------------------------------------------------------


def host_points() -> list[ScriptedFault]:
    """The host's end before and after each call of each function that the session makes."""
    return [
        ScriptedFault(function=function, call=call, fault=Fault(kind=kind))
        for function, count in sorted(undisturbed().venue.calls.items())
        for call in range(1, count + 1)
        for kind in (FaultKind.DIE_BEFORE, FaultKind.DIE_AFTER)
    ]


def judge_host(folder: Path, fault: ScriptedFault) -> None:
    """The host ends in a call; the engine goes on, or is started again."""
    check(tell(folder, faults=[fault]), undisturbed())


def judge_both(folder: Path, fault: ScriptedFault) -> None:
    """The host ends in a call, and the engine's process as soon as it hears of it."""
    story = tell(folder, Point(Step.CALL, True, 1), faults=[fault])
    assert story.kills == 1 or story.lives > 1, "it was not killed"
    check(story, undisturbed())
