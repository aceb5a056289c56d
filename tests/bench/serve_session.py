"""A session with 50 events a second that measures how long its loop stands still.

``python -m tests.bench.serve_session RESULTS SESSION_ID EVENTS_A_SECOND``. Each line on standard
input ends a window: the gaps of the loop in it are told as one line of JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
import time
from pathlib import Path

import anyio

from engine import events as ev
from scripts.app.sessions.services import ServiceOptions
from tests.process.shadow_main import Shadow, build

TICK = 0.001
"""Seconds between two looks of the meter at its clock."""


class StallMeter:
    """How much later than asked the loop came back, again and again."""

    def __init__(self) -> None:
        self.gaps: list[float] = []

    async def run(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            self.gaps.append(now - last - TICK)
            last = now

    def window(self) -> dict[str, float]:
        """Percentiles of the window that ends now, in ms."""
        gaps, self.gaps = sorted(self.gaps), []
        return {
            "p50": 1e3 * gaps[len(gaps) // 2],
            "p99": 1e3 * gaps[int(0.99 * len(gaps))],
            "worst": 1e3 * gaps[-1],
        }


async def feed(shadow: Shadow, rate: float) -> None:
    """Prices and looks at the account in turn, at the time of the clock, each durable."""
    bus, began = shadow.bus, time.monotonic()
    for number in itertools.count():
        bus.time = round(time.time() * 1000)
        move = number % 200
        if number % 2:
            bus.feed(ev.Tick("EURUSD", 110_000 + move, 110_002 + move))
        else:
            equity = 10_000_000 + move * 10
            bus.feed(ev.AccountSeen(balance=10_000_000, equity=equity, margin=0))
        await bus.flush()
        await shadow.journal.durable(bus.seq)
        await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))


def windows(meter: StallMeter, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Answers each line; the end of the input ends the session."""
    for _ in sys.stdin:
        told = asyncio.run_coroutine_threadsafe(_window(meter), loop).result()
        print(json.dumps(told), flush=True)
    loop.call_soon_threadsafe(ended.set)


async def _window(meter: StallMeter) -> dict[str, float]:
    return meter.window()


async def main() -> None:
    shadow = build(Path(sys.argv[1]), sys.argv[2], ServiceOptions(), recording=True)
    meter, ended = StallMeter(), asyncio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await shadow.begun()
        working = asyncio.create_task(feed(shadow, float(sys.argv[3])))
        measuring = asyncio.create_task(meter.run())
        loop = asyncio.get_running_loop()
        threading.Thread(target=windows, args=(meter, loop, ended), daemon=True).start()
        print("ready", flush=True)
        await ended.wait()
        for task in (working, measuring):
            task.cancel()
        shadow.session.request_stop()
    shadow.log.close()


if __name__ == "__main__":
    asyncio.run(main())
