"""Nobody reads stderr any more, or there is none: that disturbs no session."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.streams import lasting
from tests.process.cli import COMMAND, ROOT, SECONDS, environment
from tests.process.shadows import PATIENCE, sample_bars
from tests.process.test_cli_interrupt import interrupt, minutes, replaying, wait_for_records

__all__ = ["minutes"]  # a fixture

NEEDS_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the descriptor")
FIRST, END = 1_672_704_000, 1_672_790_400
"""A day of the sample, in seconds of its server's clock."""


def without_stderr(command: list[str], *, closed: bool) -> subprocess.CompletedProcess[str]:
    """Run a command whose stderr is a pipe that nobody reads, or no descriptor at all."""
    if closed:
        command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stderr=writer,
            stdout=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)


def last_event(journal: Path) -> ev.Event | ev.Input:
    with StoredJournal(journal) as stored:
        assert stored.sealed_hash() == stored.hexdigest()
        return list(stored.records())[-1].event


@pytest.mark.parametrize(
    ("mode", "closed"),
    [
        ("replay", False),
        pytest.param("shadow", True, marks=NEEDS_POSIX),
        pytest.param("shadow", False, marks=pytest.mark.deep),
        pytest.param("replay", True, marks=[NEEDS_POSIX, pytest.mark.deep]),
    ],
)
def test_a_session_without_stderr_runs_to_its_end(tmp_path: Path, mode: str, closed: bool) -> None:
    """Its notes and warnings are lost, nothing else; none of them comes out elsewhere."""
    options = {"replay": [], "shadow": ["--account-profile", "PAPER", "--speed", "max"]}[mode]
    bars = sample_bars(tmp_path, FIRST, END)
    # A loss limit that is met at once: the halt is a warning on stderr.
    told = ["--results-dir", str(tmp_path), "--session-id", "s-1", "--daily-loss-fraction", "0.001"]
    done = without_stderr([*COMMAND, mode, *options, *map(str, bars), *told], closed=closed)
    ended = last_event(tmp_path / "sessions" / "s-1" / "journal.sqlite")
    assert isinstance(ended, ev.SessionEnded)
    assert (done.returncode, ended.outcome) == (0, ev.SessionOutcome.DONE)
    assert "butler:" not in done.stdout
    assert "ftmo_m15 done" in done.stdout


def test_ctrl_c_ends_a_session_in_order_when_nobody_reads_its_stderr(
    minutes: Path,
    tmp_path: Path,
) -> None:
    journal = tmp_path / "sessions" / "long" / "journal.sqlite"
    with replaying(minutes, tmp_path) as process:
        wait_for_records(process, journal, 300)
        assert process.stderr is not None
        process.stderr.close()
        interrupt(process)
        assert process.wait(SECONDS) == 130
    ended = last_event(journal)
    assert isinstance(ended, ev.SessionEnded)
    assert ended.outcome is ev.SessionOutcome.INTERRUPTED


@pytest.mark.parametrize("buffering", [0, -1])
def test_what_somebody_reads_arrives_and_the_rest_is_dropped(buffering: int) -> None:
    reader, writer = os.pipe()
    with io.TextIOWrapper(os.fdopen(writer, "wb", buffering), encoding="utf-8") as stream:
        out = lasting(stream)
        print("für heute", file=out)
        assert os.read(reader, 100).decode().splitlines() == ["für heute"]
        os.close(reader)
        for _ in range(3):
            print("nobody reads this", file=out, flush=True)
        assert (out.isatty(), out.fileno()) == (False, writer)


@NEEDS_POSIX
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_changes_no_exit_code(unbuffered: str) -> None:
    """A service would start a session again that had ended in order."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, "--version"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=writer,
            env=environment() | {"PYTHONUNBUFFERED": unbuffered}, stderr=subprocess.PIPE,
            encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_output_that_finds_no_room_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--version"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=full,
            env=environment(), stderr=subprocess.PIPE, encoding="utf-8", timeout=SECONDS,
            check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.USAGE
    (line,) = done.stderr.splitlines()
    assert line.startswith("butler: output: No space left on device; make room")


@NEEDS_POSIX
@pytest.mark.parametrize("arguments", [(), ("--help",)], ids=["nothing", "help"])
def test_help_that_nobody_reads_to_its_end_is_no_error(arguments: tuple[str, ...]) -> None:
    """`butler | head -1`: whoever reads it has had enough."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
            stdout=writer, stderr=subprocess.PIPE, encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.stderr == ""
