"""A process that writes a journal and says on standard output what the journal confirmed.

    python -m tests.process.journal_main PATH LAST [power-safe] [reopen] [then-wait]

It writes record after record up to number LAST, every third one confirmed before the next, in a new
journal or after the last record of an old one, and prints `durable N` for each confirmation,
`failed MESSAGE` when the journal fails, `sealed` at its end.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio

from adapters.journal import SqliteJournal
from engine import events as ev
from engine.journal import JournalFailed

EVERY = 3
WORDS = "long enough that a few hundred of them fill a small disk " * 10


def record(seq: int) -> ev.Record:
    """The record `seq` of every journal that this process writes."""
    return ev.Record(seq, seq, None, ev.OrderCancelled(order_id=seq, reason=f"{seq} {WORDS}"))


def say(line: str) -> None:
    """One line in one system call, so that it stands where it belongs among those of the disk."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


async def write(path: Path, last: int, words: list[str]) -> None:
    power_safe = "power-safe" in words
    try:
        if "reopen" in words:
            journal = await SqliteJournal.reopen(path, power_safe=power_safe)
        else:
            journal = SqliteJournal(path, power_safe=power_safe)
        for seq in range(journal.last_seq + 1, last + 1):
            journal.append(record(seq))
            if seq % EVERY == 0:
                await journal.durable(seq)
                say(f"durable {seq}")
        if "then-wait" in words:
            await anyio.sleep_forever()
        await journal.close()
        say("sealed")
    except JournalFailed as error:
        say(f"failed {error}")


if __name__ == "__main__":
    anyio.run(write, Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
