"""`butler status | pause | resume | flatten | stop` against a session in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
import pytest

from adapters.journal import StoredJournal
from adapters.services.control_client import ask
from adapters.services.control_wire import FILE_NAME, ControlRequest, write_access
from adapters.services.heartbeat import Beat
from engine import events as ev
from scripts.app.sessions.services import ServiceOptions
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import Said, butler
from tests.process.cli import ROOT, SECONDS, environment
from tests.process.shadow_main import Shadow, build


@contextmanager
def shadow(results: Path, session_id: str = "s-1") -> Iterator[subprocess.Popen[str]]:
    """A session that holds a position and can be told what to do; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.process.shadow_main", str(results), session_id],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def told(results: Path, *arguments: object) -> Said:
    return butler(*arguments, "--results-dir", results)


def status(results: Path, *session: str) -> dict[str, Any]:
    said = told(results, "status", *session, "--json")
    assert said.code == ExitCode.DONE
    found: dict[str, Any] = json.loads(said.out[0])["status"]
    return found


def once_flat(results: Path) -> dict[str, Any]:
    """The status as soon as no position is left: each close takes its way to the venue first."""
    deadline = time.monotonic() + SECONDS
    while (found := status(results))["positions"]:
        assert time.monotonic() < deadline, "the positions were never closed"
    return found


def events(results: Path, session_id: str = "s-1") -> list[ev.Event | ev.Input]:
    with StoredJournal(results / "sessions" / session_id / "journal.sqlite") as stored:
        return [record.event for record in stored.records()]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The results of one session that was given every order in turn, and what each said."""
    results = tmp_path_factory.mktemp("results")
    said: dict[str, Any] = {}
    with shadow(results) as process:
        said["status"] = told(results, "status")
        said["paused"] = told(results, "pause", "s-1", "--reason", "news at noon")
        said["while paused"] = status(results)
        said["no reason"] = told(results, "resume", "--reason", "")
        said["resumed"] = told(results, "resume", "--reason", "news is over")
        said["while resumed"] = status(results)
        said["flattened"] = told(results, "flatten")
        said["while flat"] = once_flat(results)
        said["stopped"] = told(results, "stop", "s-1")
        said["code"] = process.wait(SECONDS)
    return results, said


Done = tuple[Path, dict[str, Any]]


def test_the_status_is_told_in_lines(done: Done) -> None:
    said = done[1]["status"]
    assert said.code == ExitCode.DONE
    assert said.out[0] == "running"
    assert said.out[1].startswith("s-1: shadow, running for 00:00 (process ")
    assert any("EURUSD long" in line for line in said.out)


def test_a_pause_holds_until_the_user_resumes_with_a_reason(done: Done) -> None:
    said = done[1]
    assert said["paused"].out[0] == "no new order leaves until you resume"
    assert (said["while paused"]["state"], said["while paused"]["causes"]) == (
        "latched", ["paused"],
    )  # fmt: skip
    assert said["no reason"].code == ExitCode.TERMINAL
    assert "say why" in said["no reason"].line
    assert said["resumed"].code == ExitCode.DONE
    assert said["while resumed"]["state"] == "active"


def test_a_flatten_pauses_and_leaves_no_position(done: Done) -> None:
    said = done[1]
    assert len(said["while resumed"]["positions"]) == 1
    assert said["flattened"].code == ExitCode.DONE
    assert said["flattened"].out[0] == "paused; everything is closed"
    assert said["while flat"]["positions"] == []
    assert said["while flat"]["causes"] == ["paused"]


def test_every_order_is_in_the_journal_with_its_reason(done: Done) -> None:
    results, said = done
    commands = [item for item in events(results) if isinstance(item, ev.UserCommanded)]
    assert [(str(item.action), item.reason, item.origin) for item in commands] == [
        ("pause", "news at noon", "cli"), ("resume", "news is over", "cli"),
        ("flatten", "by hand", "cli"), ("stop", "by hand", "cli"),
    ]  # fmt: skip
    (closed,) = [item for item in events(results) if isinstance(item, ev.PositionClosed)]
    assert closed.reason == "MANUAL"
    assert said["stopped"].code == ExitCode.DONE


def test_the_stopped_session_ended_in_order_and_left_no_way_in(done: Done) -> None:
    results, said = done
    folder = results / "sessions" / "s-1"
    last = events(results)[-1]
    assert isinstance(last, ev.SessionEnded)
    assert (said["code"], last.outcome) == (0, ev.SessionOutcome.INTERRUPTED)
    assert not (folder / FILE_NAME).exists()
    beat = msgspec.json.decode((folder / "heartbeat.json").read_bytes(), type=Beat)
    assert (beat.session, beat.alive, beat.state) == ("s-1", False, "latched")


def test_an_order_to_a_session_that_ended_says_how_it_ended(done: Done) -> None:
    said = told(done[0], "pause", "s-1")
    assert said.code == ExitCode.TERMINAL
    assert said.line.startswith(
        "session s-1 is not running: it takes no orders; its journal says: "
    )
    assert "ended interrupted at " in said.line
    assert said.line.endswith("trading latched")


def test_the_status_of_a_session_that_ended_comes_from_its_journal(done: Done) -> None:
    said = told(done[0], "status", "s-1")
    assert said.code == ExitCode.DONE
    assert said.line.endswith("this is from its journal")
    assert "ended interrupted" in said.out[0]
    assert status(done[0], "s-1")["running"] is False


def test_when_none_runs_and_none_is_named_that_is_said(done: Done) -> None:
    said = told(done[0], "stop")
    assert said.code == ExitCode.TERMINAL
    assert said.line.startswith("no session runs in ")


def test_a_killed_session_is_told_from_its_stale_file(tmp_path: Path) -> None:
    with shadow(tmp_path) as process:
        process.kill()
        process.wait(SECONDS)
        assert (tmp_path / "sessions" / "s-1" / FILE_NAME).exists()
        for order in ("pause", "flatten", "stop"):
            said = told(tmp_path, order, "s-1")
            assert said.code == ExitCode.TERMINAL
            assert f"its process {process.pid} is gone; its journal says: cut off" in said.line
        assert "1 positions open" in said.line
        assert told(tmp_path, "status").code == ExitCode.TERMINAL
        found = status(tmp_path, "s-1")
    assert (found["running"], found["outcome"], len(found["positions"])) == (False, None, 1)


def test_a_session_that_was_killed_before_its_first_record_is_told_too(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "s-1"
    folder.mkdir(parents=True)
    (folder / "journal.sqlite").touch()
    said = told(tmp_path, "stop", "s-1")
    assert said.code == ExitCode.TERMINAL
    assert "it takes no orders; its journal says: nothing (" in said.line


def test_with_two_sessions_one_must_be_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "sessions" / name).mkdir(parents=True)
        write_access(tmp_path / "sessions" / name, 1, "0" * 64)  # of this very process
    said = told(tmp_path, "pause")
    assert said.code == ExitCode.USAGE
    assert said.line == "several sessions run: a, b; name one of them"


def test_a_session_that_never_was_is_bad_data(tmp_path: Path) -> None:
    said = told(tmp_path, "status", "nothing")
    assert said.code == ExitCode.DATA
    assert "no journal" in said.line


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines"])
def test_a_reason_that_is_no_line_is_a_wrong_option(tmp_path: Path, reason: str) -> None:
    said = told(tmp_path, "pause", "s-1", "--reason", reason)
    assert said.code == ExitCode.USAGE
    assert said.line.startswith("--reason: write one line")


@pytest.mark.asyncio
class TestCompany:
    """The same session in this process."""

    async def _run(self, shadow: Shadow, *orders: ControlRequest, results: Path) -> list[bool]:
        folder = results / "sessions" / "s-1"
        done = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shadow.session.run)
            await shadow.begun()
            for order in orders:
                reply = await anyio.to_thread.run_sync(ask, folder, order)
                done.append(reply.done)
            shadow.session.request_stop()
        shadow.log.close()
        return done

    async def test_a_status_counts_what_waits_in_every_actors_queue(self, tmp_path: Path) -> None:
        shadow = build(tmp_path, "s-1", ServiceOptions())
        assert await self._run(shadow, ControlRequest(action="status"), results=tmp_path) == [True]
        status = shadow.services.keeper.status()
        assert status is not None
        assert set(status.queues) >= {"event log (CSV)", "summary (JSON)", "log", "control"}
