"""Journals on disk for tests: written, read back, spoilt."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from adapters.journal_sqlite import SqliteJournal, StoredJournal
from adapters.journal_sqlite.store import Store
from engine import events as ev
from engine.journal import MemoryJournal, encode, encode_about, row_of
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

FIRST_SCHEMA = """
CREATE TABLE records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB);
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version=1;
"""
"""The tables of version 1, spelt out: files of it exist."""


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


def stored_by_version_1(path: Path, records: list[ev.Record], *, sealed: bool = True) -> Path:
    """A journal as version 1 of the file wrote it."""
    with connected(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(FIRST_SCHEMA)
        rows = [(item.seq, encode(item), encode_about(item)) for item in records]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
        if sealed:
            connection.execute("INSERT INTO info VALUES ('hash', ?)", (hash_of(records),))
            connection.execute("PRAGMA journal_mode=DELETE")
    return path


SECOND_SCHEMA = """
CREATE TABLE records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB,
    kind TEXT NOT NULL DEFAULT '');
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE blocks (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, sha256 BLOB NOT NULL);
CREATE INDEX by_kind ON records (kind) WHERE kind NOT IN ('tick');
PRAGMA user_version=2;
"""
"""The tables of version 2, spelt out: files of it exist."""


def stored_by_version_2(path: Path, records: list[ev.Record], *, sealed: bool = True) -> Path:
    """A journal as version 2 of the file wrote it, in blocks of four records."""
    with connected(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SECOND_SCHEMA)
        journal, head = hashlib.sha256(), bytes(32)
        for first in range(0, len(records), 4):
            rows = [row_of(item) for item in records[first : first + 4]]
            connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
            journal.update(b"".join(row[1] + b"\n" for row in rows))
            seqs, payloads, abouts, kinds = zip(*rows, strict=True)
            described = msgspec.msgpack.encode((seqs, [*map(len, payloads)], kinds, abouts))
            head = hashlib.sha256(head + journal.digest() + described).digest()
            connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", (seqs[-1], seqs[0], head))
        if sealed:
            seal = {"hash": journal.hexdigest(), "last": str(len(records)), "chain": head.hex()}
            connection.executemany("INSERT INTO info VALUES (?, ?)", seal.items())
            connection.execute("PRAGMA journal_mode=DELETE")
    return path


def stored_by_version_3(path: Path, records: list[ev.Record], *, sealed: bool = True) -> Path:
    """A journal as version 3 of the file wrote it: as today's, but for runs of records.

    It had a row for each record in whatever block, and so has today's where blocks are small.
    """
    store = Store.create(path, power_safe=False)
    for first in range(0, len(records), 4):
        store.write([row_of(item) for item in records[first : first + 4]])
    if sealed:
        store.seal()
    store.close()
    spoil(path, "PRAGMA user_version = 3")
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
