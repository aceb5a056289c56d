"""A session that enters a position and then hangs in the way that it is told to.

``python -m tests.process.hanging_main RESULTS SESSION_ID HOW [LIMIT]``
"""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel

from adapters.services.watchdog import WatchdogTerms
from scripts.app.sessions.services import ServiceOptions
from scripts.cli.shared.interrupts import leave_hung
from tests.process.cli import SECONDS
from tests.process.shadow_main import build

TOLD = 0.5


def loop() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(600)


def request() -> None:
    """A server that takes the connection and never answers, asked without a deadline."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.recv(1)


def regex() -> None:
    """One call that holds the interpreter for longer than anybody waits."""
    re.match(r"(a+)+$", "a" * 64 + "b")


WAYS: dict[str, Callable[[], None]] = {
    "loop": loop, "sleep": sleep, "request": request, "regex": regex,
}  # fmt: skip


async def main() -> None:
    results, session, how, limit = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    # A call that holds the interpreter lets no notice out: nobody waits for one.
    words = 0.5 if how in ("regex", "paused") else SECONDS
    terms = WatchdogTerms(leave=leave_hung, told_after=TOLD, ended_after=limit, last_words=words)
    shadow = build(results, session, ServiceOptions(beat_seconds=0.05, watchdog=terms))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await shadow.begun()
        await shadow.enter()
        print("ready", flush=True)
        if how == "paused":
            await anyio.sleep_forever()  # the loop turns
        elif how == "short":
            time.sleep(2 * TOLD)  # noqa: ASYNC251 - this is the hang
            log = results / "sessions" / session / "log.jsonl"
            while not log.exists() or "the session goes on" not in log.read_text():
                await anyio.lowlevel.checkpoint()
            shadow.session.request_stop()
        else:
            WAYS[how]()
    shadow.log.close()


if __name__ == "__main__":
    anyio.run(main)
