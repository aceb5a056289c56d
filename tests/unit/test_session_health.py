"""Whether a session runs, is mute, is dead or has ended, by what shows from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("starlette")

from adapters.services.control_wire import write_access
from adapters.services.heartbeat import Beat, write_beat
from scripts.app.web.health import Advice, Health, Signs, judge, signs_of

ADVICE = Advice("s-1", "FTMO", None)


def beat(*, alive: bool = True) -> Beat:
    return Beat(session="s-1", pid=77, time=1, seq=3, state="active", alive=alive)


@pytest.mark.parametrize(
    ("signs", "outcome", "health"),
    [
        (Signs(beat(), 1, 77), None, Health.RUNNING),
        (Signs(beat(), 14.9, 77), None, Health.RUNNING),
        (Signs(beat(), 15.1, 77), None, Health.MUTE),
        (Signs(beat(alive=False), 1, 77), None, Health.MUTE),  # its watchdog says that it hangs
        (Signs(beat(), 1, None), None, Health.DEAD),  # killed a moment ago
        (Signs(beat(), 900, None), None, Health.DEAD),
        (Signs(None, 0, None), None, Health.DEAD),
        (Signs(None, 0, 77), None, Health.STARTING),
        (Signs(beat(alive=False), 1, None), "done", Health.ENDED),
        (Signs(beat(alive=False), 1, 77), "interrupted", Health.ENDED),  # it is just closing
        (Signs(beat(), 1, 77), "interrupted", Health.RUNNING),  # it is just gone on with
    ],
)
def test_health_follows_from_process_heartbeat_and_journal(
    signs: Signs, outcome: str | None, health: Health
) -> None:
    judged = judge(signs, outcome, ADVICE)
    assert judged.health is health
    assert bool(judged.advice) == (health in (Health.MUTE, Health.DEAD))
    assert judged.text


def test_advice_is_a_line_that_can_be_typed(tmp_path: Path) -> None:
    """It names the account, and the folder of results where commands would look elsewhere."""
    assert ADVICE.mute()[1] == "butler flatten --account-profile FTMO --force"
    named = Advice("s 1", "A B", tmp_path / "my results")
    assert named.dead()[0] == f"butler status 's 1' --results-dir '{tmp_path}/my results'"
    assert "--account-profile 'A B'" in named.mute()[1]
    assert "--account-profile NAME" in Advice("s-1", "", None).mute()[1]


def test_a_process_is_proved_by_its_birth(tmp_path: Path) -> None:
    """A number that stands in an old file may be another process's by now."""
    assert signs_of(tmp_path) == Signs(None, 0.0, None)
    file = write_access(tmp_path, 1, "0" * 64)
    assert signs_of(tmp_path).process == os.getpid()
    own = file.read_text()
    file.write_text(own.replace('"birth":"', '"birth":"another '))
    assert signs_of(tmp_path).process is None
    file.write_text("{")
    assert signs_of(tmp_path).process is None


def test_without_an_access_file_only_a_fresh_beat_proves_a_process(tmp_path: Path) -> None:
    """Between the end of a control server and its next start; not after an orderly end."""
    living = Beat(session="s", pid=os.getpid(), time=1, seq=1, state="active")
    write_beat(tmp_path / "heartbeat.json", living)
    assert signs_of(tmp_path).process == os.getpid()
    os.utime(tmp_path / "heartbeat.json", (1, 1))
    assert signs_of(tmp_path).process is None
