"""Journals on disk for tests: written, read back, spoilt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from adapters.journal import SqliteJournal, StoredJournal
from engine import events as ev
from engine.journal import MemoryJournal
from tests.builders import ONE_OF_EACH

RECORDS = [
    ev.Record(
        seq, seq * 1_000, ("EURUSD", seq), event, {"note": f"about {seq}"} if seq % 2 else None
    )
    for seq, event in enumerate((*ONE_OF_EACH[:18], ONE_OF_EACH[-1]), start=1)
]
"""Nineteen records from a session's start to its end, all of other kinds.

Every second one says something about itself. Tests know which is where.
"""


def record(seq: int) -> ev.Record:
    """A small record of any number."""
    return ev.Record(seq, seq, None, ev.OrderCancelled(order_id=seq, reason="withdrawn"))


def hash_of(records: Iterable[ev.Record]) -> str:
    """The journal hash of some records, by way of a journal in memory."""
    journal = MemoryJournal()
    for item in records:
        journal.append(item)
    return journal.hexdigest()


async def append(journal: SqliteJournal, records: Iterable[ev.Record], per_commit: int) -> None:
    """Append records, so many to a commit."""
    for count, item in enumerate(records, start=1):
        journal.append(item)
        if count % per_commit == 0:
            await journal.durable(item.seq)


async def stored(
    path: Path,
    records: Iterable[ev.Record] = RECORDS,
    *,
    per_commit: int = 512,
    power_safe: bool = False,
) -> Path:
    """A sealed journal of `records`, so many to a block."""
    journal = SqliteJournal(path, power_safe=power_safe)
    await append(journal, records, per_commit)
    await journal.close()
    return path


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as any program sees it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def spoil(path: Path, *statements: str) -> None:
    """Do to the journal what no session does."""
    with connected(path) as connection:
        for statement in statements:
            connection.execute(statement)


def unseal(path: Path) -> Path:
    """Make a sealed journal one whose session was killed."""
    spoil(path, "DELETE FROM info")
    return path


def read_back(path: Path) -> list[ev.Record]:
    """All records of the journal at `path`."""
    with StoredJournal(path) as journal:
        return list(journal.records())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in `folder` but the shared memory of SQLite, which is no content."""
    return {
        item.name: item.read_bytes() for item in folder.iterdir() if not item.name.endswith("-shm")
    }
