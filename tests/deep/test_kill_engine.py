"""The engine's process is killed at every step of a session, and the session goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deep.kill_checks import check
from tests.deep.kill_points import engine_points, judge_kill, undisturbed
from tests.deep.kill_sessions import each, tell
from tests.process.kill_main import Point, Step

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("step", [Step.APPEND, Step.COMMIT, Step.SEND, Step.SEAL])
def test_a_kill_at_any_step_loses_and_doubles_nothing(step: Step) -> None:
    points = [point for point in engine_points() if point.step is step]
    failed = each(points, judge_kill)
    print(f"{step}: {len(points)} points, {len(failed)} failed")
    assert failed == {}


def test_at_least_two_hundred_points_are_tried() -> None:
    assert len(engine_points()) >= 200


@pytest.mark.parametrize("first", [Point(Step.SEND, True, 1), Point(Step.SEND, False, 6)], ids=str)
def test_a_second_kill_while_the_session_recovers_changes_nothing(first: Point) -> None:
    """The next life is killed too, at each of its first records."""

    def judge(folder: Path, second: Point) -> None:
        story = tell(folder, first, second)
        assert story.kills == 2
        check(story, undisturbed())

    failed = each([Point(Step.APPEND, True, number) for number in range(1, 13)], judge)
    assert failed == {}
