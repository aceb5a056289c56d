"""The page beside a session: what viewers and strangers cost it, and what the server itself needs.

``python -m tests.bench serve [--pairs N] [--seconds N] [--memory-seconds N]``. A session of its own
process has 50 events a second, each durable. In paired windows it is alone (the server idle), then
looked at by 20 viewers while 2,000 strangers connect; its p99 stall must not change by more than
the windows alone differ among themselves. Then the server's memory is watched.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from adapters.journal import StoredJournal
from scripts.app.session_folder import JOURNAL
from tests.bench.machine import machine
from tests.process.cli import ROOT, environment
from tests.serving import Served, Stream, serving

VIEWERS = 20
STRANGERS = 2_000
RATE = 50
_PAUSE_SECONDS = 1.0
_DEAD_SECONDS = 15.0
_LEAST = 0.9
"""This part of the records that the rate promises must have come."""

ALLOWED_GROWTH = 1.0
"""MB in an hour; less is noise of the allocator."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench serve", description=__doc__)
    parser.add_argument("--pairs", type=int, default=10, help="paired windows; 0 for none")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument(
        "--memory-seconds", type=float, default=120.0, help="how long memory is watched; 3600"
    )
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        results = Path(made)
        session = stack.enter_context(_session(results))
        served = stack.enter_context(serving(results, controls=True))
        served.enter()
        held = _stall(session, served, options.pairs, options.seconds)
        held &= _pause_shown(served)
        flat = _memory(served, options.memory_seconds, lambda: progress_of(session, results))
        if session.poll() is None:  # else its end was shown already
            held &= _end_shown(session, served)
    if not (held and flat):
        raise SystemExit(1)


class Progress(NamedTuple):
    """Whether the session runs, the number of its last record, and the time of the look (s)."""

    running: bool
    seq: int
    at: float

    def lack(self, later: Progress) -> str:
        """Why what was measured until `later` says nothing; empty when it does.

        Both looks are of a session that runs, and so many records as its rate promises lie between.
        """
        if not (self.running and later.running):
            return f"the session has ended after record {later.seq:,}"
        found, due = later.seq - self.seq, RATE * (later.at - self.at)
        if found < _LEAST * due:
            return f"{found:,} records came, of {due:,.0f} that {RATE} a second make"
        return ""


def progress_of(session: subprocess.Popen[str], results: Path) -> Progress:
    """How far it has come."""
    (journal,) = results.glob(f"sessions/*/{JOURNAL}")
    with StoredJournal(journal) as stored:
        return Progress(session.poll() is None, stored.last_seq, time.monotonic())


@contextmanager
def _session(results: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench.serve_session", str(results), "s-1", str(RATE)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


# --- stall ---


def _window(session: subprocess.Popen[str]) -> dict[str, float]:
    """The gaps of the session's loop since the last question."""
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write("\n")
    session.stdin.flush()
    found: dict[str, float] = json.loads(session.stdout.readline())
    return found


def _stall(session: subprocess.Popen[str], served: Served, pairs: int, seconds: float) -> bool:
    """Paired windows; whether the difference stays within the spread of those alone."""
    if not pairs:
        return True
    alone, beside = [], []
    print(f"\nstall of the session's loop, {pairs} pairs of {seconds:g} s, {RATE} events/s")
    for _ in range(pairs):
        _window(session)
        time.sleep(seconds)
        alone.append(_window(session)["p99"])
        told = asyncio.run(_crowd(session, served, seconds))
        beside.append(told["p99"])
        print(f"  p99 alone {alone[-1]:6.2f} ms, beside {told['streams']:.0f} viewers and "
              f"{told['strangers']:,.0f} strangers {beside[-1]:6.2f} ms")  # fmt: skip
        time.sleep(1.0)
    change = statistics.median(b - a for a, b in zip(alone, beside, strict=True))
    spread = max(alone) - min(alone)
    held = change < spread
    print(
        f"  median change {change:+.2f} ms, spread of the windows alone {spread:.2f} ms: "
        f"{'within' if held else 'NOT within'} it"
    )
    return held


async def _crowd(
    session: subprocess.Popen[str], served: Served, seconds: float
) -> dict[str, float]:
    """Viewers who read, and strangers who connect one after another and say little."""
    counts = {"strangers": 0, "streams": 0}
    viewers = [asyncio.create_task(_viewer(served, counts)) for _ in range(VIEWERS)]
    await asyncio.sleep(1.0)
    await asyncio.to_thread(_window, session)
    flood = asyncio.create_task(_flood(served, counts, seconds))
    await asyncio.sleep(seconds)
    found = await asyncio.to_thread(_window, session)
    for task in (*viewers, flood):
        task.cancel()
    await asyncio.gather(*viewers, flood, return_exceptions=True)
    return {**found, **counts}


async def _viewer(served: Served, counts: dict[str, int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        f"GET /events/0/s-1 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        f"Cookie: {served.cookie}\r\n\r\n".encode()
    )
    assert b" 200 " in await reader.readline()
    counts["streams"] += 1
    try:
        while content := await reader.read(65_536):
            counts["bytes"] = counts.get("bytes", 0) + len(content)
    finally:
        writer.close()


async def _again(served: Served, counts: dict[str, int]) -> None:
    """A viewer as a browser is one: it comes again whenever its stream ends."""
    while True:
        with contextlib.suppress(OSError, AssertionError):
            await _viewer(served, counts)
        await asyncio.sleep(1.0)


async def _flood(served: Served, counts: dict[str, int], seconds: float) -> None:
    """All of them within the window, evenly; each stays as long as it is let."""
    began = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(STRANGERS):
            tasks.create_task(_stranger(served, counts, number))
            due = began + 0.9 * seconds * (number + 1) / STRANGERS
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


async def _stranger(served: Served, counts: dict[str, int], number: int) -> None:
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        counts["strangers"] += 1
        try:
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            await reader.read()
        finally:
            writer.close()


# --- what a person sees ---


def _pause_shown(served: Served) -> bool:
    """From the command to the viewer's message that says paused, and back; whether in time."""
    took: list[float] = []
    with Stream(served, "/events/0/s-1") as stream:
        cards = (event.json["card"] for event in stream.events() if event.kind == "card")
        for action in ("pause", "resume") * 5:
            began = time.monotonic()
            reply = served.post("/command/0/s-1", {"action": action, "reason": "bench"})
            assert reply.status == 200, reply.text
            while ("paused" in next(cards).get("causes", [])) != (action == "pause"):
                pass
            took.append(time.monotonic() - began)
    print(f"\na pause is shown after {statistics.median(took):.2f} s, {max(took):.2f} at most")
    return max(took) < _PAUSE_SECONDS


def _end_shown(session: subprocess.Popen[str], served: Served) -> bool:
    """From the end of the session's process to the viewer's message: dead; whether soon enough."""
    with Stream(served, "/events/0/s-1") as stream:
        cards = (event.json["card"] for event in stream.events() if event.kind == "card")
        next(cards)
        began = time.monotonic()
        session.kill()
        while next(cards)["health"] != "dead":
            pass
        took = time.monotonic() - began
    print(f"\na killed engine is shown dead after {took:.2f} s")
    return took < _DEAD_SECONDS


# --- memory ---


def _memory(served: Served, seconds: float, progress: Callable[[], Progress]) -> bool:
    """The server's memory under its viewers; whether it is flat while the session goes on."""
    before = progress()
    flat = asyncio.run(_watched_memory(served, seconds))
    lack = before.lack(after := progress())
    print(lack or f"{after.seq - before.seq:,} records came meanwhile")
    return flat and not lack


async def _watched_memory(served: Served, seconds: float) -> bool:
    process = psutil.Process(served.process.pid)
    counts = {"streams": 0, "bytes": 0}
    viewers = [asyncio.create_task(_again(served, counts)) for _ in range(VIEWERS)]
    await asyncio.sleep(min(20.0, seconds / 4))  # what is made once
    samples: list[tuple[float, float]] = []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        samples.append((time.monotonic() - began, process.memory_info().rss / 1e6))
        await asyncio.sleep(0.5)
    for task in viewers:
        task.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    half = [(at, size) for at, size in samples if at >= seconds / 2]
    slope = statistics.linear_regression(*zip(*half, strict=True)).slope * 3600
    print(
        f"\n{counts['streams']} streams were opened, {counts['bytes'] / 1e6:,.1f} MB were sent; in "
        f"the second half memory grew by {slope:+.2f} MB an hour",
        end="",
    )
    early = [size for at, size in samples if at < seconds / 4]
    late = [size for at, size in samples if at >= 3 * seconds / 4]
    quarters = [
        statistics.median(size for at, size in samples if part <= 4 * at / seconds < part + 1)
        for part in range(4)
    ]
    print("\nmemory by quarters: " + ", ".join(f"{size:.1f} MB" for size in quarters), end="")
    growth = statistics.median(late) - statistics.median(early)
    allowed = ALLOWED_GROWTH * max(1.0, 0.75 * seconds / 3600)
    cpu = process.cpu_times()
    print(
        f"\nmemory of the server in {seconds:g} s with {VIEWERS} viewers: "
        f"{statistics.median(early):.1f} MB, then {statistics.median(late):.1f} MB "
        f"({growth:+.2f}); processor {cpu.user + cpu.system:.0f} s in all"
    )
    return growth < allowed


if __name__ == "__main__":
    main()
