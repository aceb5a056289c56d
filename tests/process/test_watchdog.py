"""A session that hangs says so, is ended, and a strategy that hung twice stays out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.services.heartbeat import Beat, read_beat
from adapters.services.last_cause import ended_by_watchdog
from adapters.services.watchdog import HANGS, NOTHING_RAN, hangs_within
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import butler
from tests.process import hanging_main
from tests.process.cli import ROOT, SECONDS, environment

LIMIT = 1.5


def hung(results: Path, how: str, limit: float = LIMIT) -> int:
    """Run a session that hangs, and is ended after `limit` seconds of that; its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.process.hanging_main", str(results), "s-1", how, str(limit)],
        cwd=ROOT, env=environment(), timeout=2 * SECONDS, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout == "ready\n", done
    return done.returncode


def folder(results: Path) -> Path:
    return results / "sessions" / "s-1"


@pytest.mark.parametrize("how", ["loop", "sleep", "request"])
def test_a_session_that_hangs_is_told_and_ended(tmp_path: Path, how: str) -> None:
    """Where it stands is in the log and in the folder; the heartbeat does not claim to live."""
    assert hung(tmp_path, how) == ExitCode.HUNG
    lines = [json.loads(line) for line in (folder(tmp_path) / "log.jsonl").read_text().splitlines()]
    (told,) = [line for line in lines if line["event"] == "the session hangs"]
    assert f"{how} (" in told["why"]
    read = read_beat(folder(tmp_path) / "heartbeat.json")
    assert read is not None
    assert not read[0].alive
    assert hangs_within(folder(tmp_path), hanging_main.__file__) == 1
    assert hangs_within(folder(tmp_path), "/another.py") == 0


def test_one_call_that_holds_the_interpreter_is_ended_too(tmp_path: Path) -> None:
    """No thread of Python's runs then, so the exit code is that of faulthandler."""
    assert hung(tmp_path, "regex") == ExitCode.INTERNAL
    assert hangs_within(folder(tmp_path), hanging_main.__file__) == 1


def paused(results: Path, seconds: float) -> int:
    """A session whose process is stopped for so long; its exit code."""
    command = ("-m", "tests.process.hanging_main", str(results), "s-1", "paused", "0.6")
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)  # which is what happens to it
        process.send_signal(signal.SIGCONT)
        return process.wait(SECONDS)


@pytest.mark.deep
@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped by a signal")
def test_a_long_pause_ends_a_session_and_the_user_is_told_why(tmp_path: Path) -> None:
    """What ends it cannot tell a pause from a call that holds the interpreter.

    It reads the stacks of threads that run again, which may end the process by a signal.
    """
    code = paused(tmp_path, 4.0)
    assert code in (ExitCode.INTERNAL, -signal.SIGSEGV)
    why = ended_by_watchdog(folder(tmp_path) / "log.jsonl")
    assert NOTHING_RAN in why
    assert str(folder(tmp_path) / HANGS) in why
    said = butler("status", "s-1", "--results-dir", tmp_path)
    assert f"{why}; --resume s-1 goes on with it" in said.out[0] + "".join(said.err), said


def test_a_session_that_goes_on_says_so_and_leaves_no_file(tmp_path: Path) -> None:
    assert hung(tmp_path, "short", limit=SECONDS) == 0  # however late its turn comes
    lines = [json.loads(line) for line in (folder(tmp_path) / "log.jsonl").read_text().splitlines()]
    said = [line["event"] for line in lines if line["event"].startswith("the session")]
    assert said[:2] == ["the session hangs", "the session goes on"]
    assert not (folder(tmp_path) / HANGS).exists()


def test_hangs_are_counted_by_process_and_code(tmp_path: Path) -> None:
    """Two that were ended in either way within the file, and one elsewhere."""
    inside, outside = '  File "/s.py", line 3 in on_bar', '  File "/other.py", line 1 in f'
    (tmp_path / HANGS).write_text(
        f"the loop did not turn for 30 s\n{inside}\n{inside}\n"
        f"Timeout (0:00:32)!\n{outside}\n{inside}\n"
        f"the loop did not turn for 31 s\n{outside}\n"
    )
    assert hangs_within(tmp_path, "/s.py") == 2


@pytest.mark.parametrize(("age", "fresh"), [(0.0, True), (15.0, True), (15.1, False)])
def test_a_heartbeat_is_judged_by_its_age(age: float, fresh: bool) -> None:
    beat = Beat(session="s-1", pid=1, time=1_000_000, seq=1, state="active", every=5.0)
    assert beat.fresh(age) is fresh
    assert not Beat(session="s", pid=1, time=0, seq=1, state="", alive=False).fresh(0)
