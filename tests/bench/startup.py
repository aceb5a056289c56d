"""From the start of a command to its exit: the help text, and the replay of the shipped sample."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.machine import machine

ROOT = Path(__file__).resolve().parents[2]
RUNS = 7


class Took(NamedTuple):
    """Seconds of one run: by the clock, and of the processor (0 where the system tells none)."""

    wall: float
    processor: float


def main() -> None:
    print(machine())
    kept = "not kept" if sys.flags.dont_write_bytecode else "kept"
    print(f"medians of {RUNS} runs after one to warm up (least to most); byte code is {kept}")
    with tempfile.TemporaryDirectory() as results:
        for command in (["--help"], ["replay", "--quiet", "--results-dir", results]):
            print(f"  butler {command[0]:<8} {_told([run(command) for _ in range(RUNS + 1)][1:])}")


def run(command: list[str]) -> Took:
    """Run `butler COMMAND` in a new process to its end."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "scripts.cli.main", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system
    return Took(wall, used - before.children_user - before.children_system)


def _told(runs: list[Took]) -> str:
    return ", ".join(
        f"{name} {statistics.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})"
        for name, taken in zip(("clock", "processor"), zip(*runs, strict=True), strict=True)
    )


if __name__ == "__main__":
    main()
