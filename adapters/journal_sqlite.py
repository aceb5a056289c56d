"""The journal in one SQLite file, written by a thread of its own.

`append` only encodes and queues; the writer thread commits whole batches in write-ahead mode, so
the loop never waits on the disk. `durable` waits for the commit that holds a record, `room` holds
the feed back while too many batches are unwritten.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread

from engine.events import Record
from engine.journal import (
    JournalDamaged,
    JournalFailed,
    JournalHash,
    decode,
    encode,
    encode_about,
)

SCHEMA_VERSION = 1

_BATCH = 512
_MAX_WAITING = 64
_SCHEMA = """
CREATE TABLE records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB);
CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_Row = tuple[int, bytes, bytes | None]


class SqliteJournal:
    """Implements `engine.ports.Journal` in a new file; raises JournalFailed if it exists already.

    Must be created inside a running event loop.
    """

    def __init__(self, path: Path, *, power_safe: bool) -> None:
        """`power_safe` synchronises every commit with the disk: needed where the venue outlives us.

        Without it a power cut may cost the last commits, never the file's integrity: enough where
        the venue is simulated in this process and dies with it.
        """
        if path.exists():
            raise JournalFailed(f"{path}: a journal exists here already; nothing is overwritten")
        self._path = path
        self._power_safe = power_safe
        self._pending: list[_Row] = []
        self._batches: queue.SimpleQueue[list[_Row] | None] = queue.SimpleQueue()
        self._handed_over = 0
        self._written_batches = 0
        self._written_seq = 0
        self._failure: Exception | None = None
        self._progress = anyio.Event()
        self._loop = asyncio.get_running_loop()
        self._hash = JournalHash()
        self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._writer.start()

    # --- the loop's side ---

    def append(self, record: Record) -> None:
        self._check()
        self._pending.append((record.seq, encode(record), encode_about(record)))
        if len(self._pending) >= _BATCH:
            self._hand_over()

    async def room(self) -> None:
        self._check()
        self._hand_over()
        while self._handed_over - self._written_batches > _MAX_WAITING:
            await self._next_progress()

    async def durable(self, seq: int) -> None:
        self._hand_over()
        while self._written_seq < seq:
            await self._next_progress()

    async def close(self) -> None:
        """Write the rest, seal the file with the journal hash and merge the write-ahead log."""
        self._hand_over()
        self._batches.put(None)
        await anyio.to_thread.run_sync(self._writer.join)
        self._check()

    def _hand_over(self) -> None:
        if self._pending:
            batch, self._pending = self._pending, []
            self._handed_over += 1
            self._batches.put(batch)

    def _check(self) -> None:
        if self._failure is not None:
            raise JournalFailed(f"{self._path}: {self._failure}") from self._failure

    async def _next_progress(self) -> None:
        self._check()
        await self._progress.wait()

    def _wake(self) -> None:
        self._progress.set()
        self._progress = anyio.Event()

    # --- the writer's side ---

    def _write_all(self) -> None:
        try:
            connection = sqlite3.connect(self._path)
            try:
                self._prepare(connection)
                self._write_batches(connection)
            finally:
                connection.close()
        except Exception as error:
            # Whatever it is, the loop must hear of it: nobody else would.
            self._failure = error
        self._tell_loop()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        if self._power_safe:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA fullfsync=ON")
        else:
            connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(f"{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};")

    def _write_batches(self, connection: sqlite3.Connection) -> None:
        while (batch := self._batches.get()) is not None:
            count = 1
            # What came meanwhile joins the same commit: one synchronisation serves them all.
            while not self._batches.empty():
                more = self._batches.get()
                if more is None:
                    self._batches.put(None)
                    break
                batch.extend(more)
                count += 1
            with connection:
                connection.executemany("INSERT INTO records VALUES (?, ?, ?)", batch)
            self._hash.update(payload for _, payload, _ in batch)
            self._written_batches += count
            self._written_seq = batch[-1][0]
            self._tell_loop()
        with connection:
            connection.execute("INSERT INTO info VALUES ('hash', ?)", (self._hash.hexdigest(),))
        # A sealed journal is one plain file, which can be read without writing beside it.
        connection.execute("PRAGMA journal_mode=DELETE")

    def _tell_loop(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop is gone: nobody waits any more.
            return

    @property
    def hexdigest(self) -> str:
        """The journal hash of everything written so far."""
        return self._hash.hexdigest()


class StoredJournal:
    """A journal on disk, opened to be read."""

    def __init__(self, path: Path) -> None:
        """Raises JournalDamaged when `path` is no journal of a known version."""
        if not path.is_file():
            raise JournalDamaged(f"{path}: there is no journal here")
        self._path = path
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise JournalDamaged(f"{path}: not a readable journal ({error})") from error
        try:
            self._check_version()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_version(self) -> None:
        try:
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise JournalDamaged(f"{self._path}: not a readable journal ({error})") from error
        if version != SCHEMA_VERSION:
            raise JournalDamaged(
                f"{self._path}: schema version {version}, this program reads {SCHEMA_VERSION}"
            )

    def records(self) -> Iterator[Record]:
        """All records in order; raises JournalDamaged at a gap or an unreadable one."""
        expected = 1
        try:
            rows = self._connection.execute("SELECT seq, payload, about FROM records ORDER BY seq")
            for seq, payload, about in rows:
                if seq != expected:
                    raise JournalDamaged(f"{self._path}: record {expected} is missing")
                record = decode(payload, about)
                if record.seq != seq:
                    raise JournalDamaged(f"its payload is that of record {record.seq}")
                yield record
                expected += 1
        except (sqlite3.Error, JournalDamaged) as error:
            if str(error).startswith(str(self._path)):
                raise
            raise JournalDamaged(f"{self._path}: record {expected}: {error}") from error

    def hexdigest(self) -> str:
        """The journal hash, computed from the records."""
        digest = JournalHash()
        digest.update(encode(record) for record in self.records())
        return digest.hexdigest()

    def sealed_hash(self) -> str | None:
        """The hash that the session sealed the journal with, None when it ended abruptly."""
        try:
            row = self._connection.execute("SELECT value FROM info WHERE key = 'hash'").fetchone()
        except sqlite3.Error as error:
            raise JournalDamaged(f"{self._path}: {error}") from error
        return None if row is None else str(row[0])

    def close(self) -> None:
        self._connection.close()
