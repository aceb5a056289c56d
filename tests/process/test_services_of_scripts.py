"""A sending replay and a smoke test are controlled like any session, and no service ends them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from adapters.journal import StoredJournal
from adapters.services.heartbeat import read_beat
from engine import events as ev
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import butler
from tests.process.cli import COMMAND, ROOT, SECONDS, environment
from tests.process.test_control_commands import events, status, told
from tests.process.test_services_end_nothing import FAULTS, OUTSIDE

SENDING = (
    "replay", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", "0", "--session-id",
    "s-1",
)  # fmt: skip
SMOKE = ("smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--session-id", "s-1")
SERVICES = ("event log (CSV)", "summary (JSON)", "log", "control", "heartbeat", "status")
"""Those that every session on a terminal has."""


@contextmanager
def running(results: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until it can be asked how it stands; killed at the end."""
    with subprocess.Popen(
        [*COMMAND, *arguments, "--results-dir", str(results)],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            until(process, lambda: told(results, "status").code == ExitCode.DONE)
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def filled(results: Path) -> int:
    return sum(isinstance(event, ev.OrderFilled) for event in events(results))


def test_a_replay_that_sends_waits_while_it_is_paused_and_stops_when_it_is_told(
    tmp_path: Path,
) -> None:
    """No order leaves between pause and resume; `butler stop` ends it in order, with exit code 0.

    Its journal, run again, decides the same.
    """
    with running(tmp_path, *SENDING, "--pace", "0.05") as process:
        until(process, lambda: filled(tmp_path) > 0)
        assert told(tmp_path, "pause", "--reason", "news").code == ExitCode.DONE
        until(process, lambda: not status(tmp_path)["positions"])
        assert status(tmp_path)["causes"] == ["paused"]
        before = filled(tmp_path)
        assert told(tmp_path, "resume", "--reason", "over").code == ExitCode.DONE
        until(process, lambda: filled(tmp_path) > before)
        assert told(tmp_path, "stop").code == ExitCode.DONE
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == ExitCode.DONE, said
    assert "left open" not in said
    told_events = events(tmp_path)
    assert isinstance(told_events[-1], ev.SessionEnded)
    assert told_events[-1].open_positions == ()
    _no_entry_while_paused(told_events)
    again = butler("journal", "replay", tmp_path / "sessions" / "s-1")
    assert again.out[0].endswith("all the same"), again


def _no_entry_while_paused(told_events: list[ev.Event | ev.Input]) -> None:
    pause, resume, _stop = (
        number for number, event in enumerate(told_events) if isinstance(event, ev.UserCommanded)
    )
    between = told_events[pause:resume]
    entered = [
        event
        for event in between
        if isinstance(event, ev.OrderSubmitted) and event.terms.action is ev.OPEN
    ]
    assert entered == []


def test_a_smoke_test_that_is_told_to_stop_closes_its_position(tmp_path: Path) -> None:
    with running(tmp_path, *SMOKE, "--hold-seconds", "600") as process:
        until(process, lambda: len(status(tmp_path)["positions"]) == 1)
        assert told(tmp_path, "stop").code == ExitCode.DONE
        process.communicate(timeout=SECONDS)
    assert process.returncode == ExitCode.DONE
    summary = json.loads((tmp_path / "mt5_demo_smoketest_summary.json").read_text())
    assert summary["order_closed"]
    read = read_beat(tmp_path / "sessions" / "s-1" / "heartbeat.json")
    assert read is not None
    assert not read[0].alive


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("hangs", "slow")])
@pytest.mark.parametrize("command", [SENDING, SMOKE], ids=["replay", "smoke-test"])
def test_no_service_ends_a_session_of_a_script(
    tmp_path: Path, command: tuple[str, ...], fault: str
) -> None:
    """All of them fail, each time they are tried, and every order is filled."""
    more = ("--limit-trades", 2, "--pace", 0) if command is SENDING else ("--hold-seconds", 0)
    with ExitStack() as patches:
        for service in SERVICES:
            patches.enter_context(patch(OUTSIDE[service], FAULTS[fault]))
        said = butler(*command, *more, "--results-dir", tmp_path)
    assert said.code == ExitCode.DONE, said
    with StoredJournal(tmp_path / "sessions" / "s-1" / "journal.sqlite") as stored:
        assert stored.sealed_hash() is not None
        kinds = [type(record.event) for record in stored.records()]
    assert kinds.count(ev.PositionClosed) == (2 if command is SENDING else 1)
