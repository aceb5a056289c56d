"""A session that sends orders while strangers come in masses, and how long a pause takes then."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from adapters.services.control_client import SessionClient, live_access
from tests.process.cli import ROOT, SECONDS, environment

HELD, TALKING = 2_000, 8
"""Connections that are kept, each opened again when it is dropped, and strangers that talk."""

_BETWEEN = 0.05  # seconds


class Latency(NamedTuple):
    """Seconds from a pause or resume to its answer; `largest` of so many `times`."""

    times: int
    median: float
    p99: float
    largest: float

    @classmethod
    def of(cls, took: Sequence[float]) -> Latency:
        ordered = sorted(took)
        p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
        return cls(len(ordered), ordered[len(ordered) // 2], p99, ordered[-1])

    def __str__(self) -> str:
        return (
            f"median {self.median * 1e3:,.1f} ms, p99 {self.p99 * 1e3:,.1f} ms, "
            f"largest {self.largest * 1e3:,.1f} ms of {self.times}"
        )


@dataclass(frozen=True)
class Sender:
    """A session in a process of its own that sends one order after another."""

    process: subprocess.Popen[str]
    folder: Path

    def pauses(self, seconds: float, least: int = 20) -> Latency:
        """Pause and resume by turns for so long, and at least so often; each must be done."""
        client = SessionClient(self.folder, seconds=SECONDS)
        took: list[float] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(took) < least:
            begun = time.perf_counter()
            order = client.resume if len(took) % 2 else client.pause
            reply = order("strangers")
            took.append(time.perf_counter() - begun)
            if not reply.done:
                raise RuntimeError(reply.text)
            time.sleep(_BETWEEN)
        return Latency.of(took)

    def stopped(self) -> tuple[int, int]:
        """End it in order: its exit code, and how many orders were filled."""
        SessionClient(self.folder, seconds=SECONDS).stop()
        out, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, int(out)


@contextmanager
def sending(results: Path) -> Iterator[Sender]:
    """Such a session; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.process.sending_main", str(results), "s-1"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the session did not begin")
            yield Sender(process, results / "sessions" / "s-1")
        finally:
            process.kill()


@contextmanager
def strangers(
    folder: Path, *, seed: int = 1, held: int = HELD, talking: int = TALKING
) -> Iterator[None]:
    """Strangers at the port of the session of `folder` until this is left."""
    port = live_access(folder).port
    with subprocess.Popen(
        [sys.executable, "-m", "tests.process.strangers_main",
         *map(str, (port, seed, held, talking))],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            if process.stdout is None or process.stdout.readline() != "here\n":
                raise RuntimeError("the strangers did not come")
            yield
        finally:
            process.kill()
