"""The most memory that a replay ever holds, in a process of its own.

``python -m tests.bench.memory SYMBOL=FILE ...`` replays the files and prints its peak in bytes and
the seconds that it took.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Cost(NamedTuple):
    """Bytes at most resident (0 where the system does not tell), and seconds from start to end."""

    peak: int
    seconds: float

    def __str__(self) -> str:
        shown = f"{self.peak / 2**20:7.1f} MiB" if self.peak else "(not told by this system)"
        return f"{shown}  {self.seconds:7.1f} s"


def cost_of(bars: Mapping[str, Path]) -> Cost:
    """What it costs a new process to replay the files of some symbols."""
    given = [f"{symbol}={path}" for symbol, path in bars.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", *given],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    held, seconds = done.stdout.split()
    return Cost(int(held), float(seconds))


def peak() -> int:
    """This process's own peak in bytes, 0 where the system does not tell."""
    if sys.platform == "linux":
        # Not `ru_maxrss`, which begins with what the process that started this one held.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def replay_given() -> None:
    from engine.events import SessionOutcome
    from scripts.app.operations.replay import run_replay
    from scripts.app.session_folder import SIMULATED, SessionFolder
    from scripts.app.terms.replay_terms import resolve_terms
    from scripts.app.terms.request import ReplayRequest
    from scripts.cli.shared.screen import Screen

    class Watched(Screen):
        """No summary, but on a terminal how far it is and how long it will take."""

        @property
        def shows_progress(self) -> bool:
            return sys.stderr.isatty()

    start = time.perf_counter()
    request = ReplayRequest(bars=sys.argv[1:], clock="new-york+7")
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "bench", SIMULATED)
        folder.create()
        outcome = run_replay(resolve_terms(request)[0], folder, Watched(quiet=True)).outcome
    if outcome is not SessionOutcome.DONE:
        raise SystemExit(f"the replay ended {outcome}")
    print(peak(), time.perf_counter() - start)


if __name__ == "__main__":
    replay_given()
