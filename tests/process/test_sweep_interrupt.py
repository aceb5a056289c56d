"""Ctrl+C while a sweep runs: what is under way is taken, and --resume goes on from there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from scripts.app.sweep.trial import TrialRow
from tests.process.cli import COMMAND, ROOT, SECONDS, butler_process, environment

OPTIONS = ("--preset", "sma_cross", "--set", "sma_fast=5:44:1", "--set", "sma_slow=50",
           "--to", "2023-03-01", "--jobs", "2")  # fmt: skip


def keys(folder: Path) -> list[str]:
    """Of the finished trials, in the order of their lines."""
    file = folder / "done.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.is_file() else []
    return [msgspec.json.decode(line, type=TrialRow).key for line in lines]


def interrupt(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)


@pytest.mark.deep
def test_an_interrupted_sweep_ends_in_order_and_goes_on(tmp_path: Path) -> None:
    """Exit code 130, no traceback, no trial lost and none repeated."""
    folder = tmp_path / "s"
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP  # or the interruption would reach us too
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*COMMAND, "sweep", *OPTIONS, "--out", str(folder), "--results-dir", str(tmp_path / "r")],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8", creationflags=flags,
    )  # fmt: skip
    signal.signal(signal.SIGINT, usual)
    try:
        deadline = time.monotonic() + SECONDS
        while len(keys(folder)) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        interrupt(process)
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    done = keys(folder)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert 2 <= len(done) < 40
    assert f"interrupted: butler sweep --resume {folder} goes on" in out
    said = butler_process("sweep", "--resume", folder, "--quiet")
    assert said.code == 0, said.err
    after = keys(folder)
    assert after[: len(done)] == done
    assert len(after) == len(set(after)) == 40
