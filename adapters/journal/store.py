"""The file of a journal, open for writing: what is committed when, and what reaches the disk.

Everything here waits for the disk; `writer` calls it from a thread.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Self

from adapters.journal import schema
from adapters.journal.chain import Chain, Row, add_block
from adapters.journal.lock import JournalLock
from adapters.journal.reader import StoredJournal
from engine.journal import JournalDamaged, JournalFailed

BUSY_SECONDS = 5.0
"""How long a commit waits for another program that holds the file."""

_REMEDIES = {
    sqlite3.SQLITE_FULL: "make room on that disk",
    sqlite3.SQLITE_IOERR: "make sure that the disk is in order and not full",
    sqlite3.SQLITE_BUSY: "close the program that keeps the file",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "make sure that the folder exists and is writable",
}
_ROWS_AT_ONCE: Final = tuple(1 << power for power in range(12, -1, -1))
"""So many rows a statement inserts: SQLite keeps one prepared statement of each."""
_LARGE_PAGES = 16_384
_FOLDERS_TO_SYNC = 3
"""The session's folder and the two above it: all of them may be as new as the journal."""


class Store:
    """One journal file and the right to write to it; used by one thread at a time."""

    def __init__(self, path: Path, lock: JournalLock, connection: sqlite3.Connection) -> None:
        """Takes over lock and connection; `create` and `reopen` make them."""
        self._path = path
        self._lock = lock
        self._connection = connection
        self._chain = Chain()
        self._sealed = False

    @classmethod
    def create(cls, path: Path, *, power_safe: bool, busy_seconds: float = BUSY_SECONDS) -> Self:
        """A new journal; raises sqlite3.Error or OSError when it cannot be made."""
        with contextlib.ExitStack() as undo:
            lock = JournalLock(path)
            undo.callback(lock.release)
            connection = _connect(path, power_safe, busy_seconds)
            undo.callback(connection.close)
            schema.create(connection)
            if power_safe:
                _sync_folders(path)
            undo.pop_all()
        return cls(path, lock, connection)

    @classmethod
    def reopen(cls, path: Path, *, power_safe: bool, busy_seconds: float = BUSY_SECONDS) -> Self:
        """An existing journal, to be continued after its last record.

        What the session builds on is checked first, see `check_to_go_on`. Raises JournalDamaged
        when it is not in order (nothing is changed then), JournalFailed when another process writes
        to it, sqlite3.Error or OSError when it cannot be written to.
        """
        if not path.is_file():
            raise JournalDamaged(f"{path}: there is no journal here")
        with contextlib.ExitStack() as undo:
            lock = JournalLock(path)
            undo.callback(lock.release)
            _finish_rollback(path)
            with StoredJournal(path) as stored:
                whole = stored.check_to_go_on()
            connection = _connect(path, power_safe, busy_seconds)
            undo.callback(connection.close)
            undo.pop_all()
        store = cls(path, lock, connection)
        store._chain = whole.chain
        store._sealed = whole.sealed
        return store

    @property
    def last_seq(self) -> int:
        """The number of the last committed record, 0 when there is none."""
        return self._chain.last_seq

    @property
    def hexdigest(self) -> str:
        """The journal hash of what was committed."""
        return self._chain.hexdigest

    def write(self, rows: Sequence[Row]) -> None:
        """Commit what follows the last record; a seal is gone from then on."""
        with schema.transaction(self._connection):
            for insert, values in _inserts(rows):
                self._connection.execute(insert, values)
            for part in self._chain.parts(rows):
                add_block(self._connection, self._chain, part)
            if self._sealed:
                self._connection.execute("DELETE FROM info")
        self._sealed = False

    def seal(self) -> None:
        """Note that the journal ends here, and merge the write-ahead log.

        A sealed journal is one plain file, which can be read without writing beside it. While
        somebody reads it now, what they let be merged is, seal included where they began after it;
        the rest is left to whoever opens it next.
        """
        with schema.transaction(self._connection):
            schema.write_seal(self._connection, self._chain)
        try:
            self._connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Let go of the file; without a seal it stays one whose session did not end."""
        try:
            self._connection.close()
        finally:
            self._lock.release()


def settle(path: Path) -> None:
    """Undo what a process left half written that was killed: readers may not, and would fail.

    Raises JournalFailed when another process writes to the journal, sqlite3.Error or OSError.
    """
    lock = JournalLock(path)
    try:
        _finish_rollback(path)
    finally:
        lock.release()


def failure(path: Path, error: Exception) -> JournalFailed:
    """What `error` means for the journal at `path`: one line that says what to do."""
    if isinstance(error, JournalFailed):
        return error
    if isinstance(error, sqlite3.Error):
        what, remedy = str(error), _REMEDIES.get(_primary_code(error))
    elif isinstance(error, OSError):
        what, remedy = error.strerror or str(error), _REMEDIES[sqlite3.SQLITE_CANTOPEN]
    else:
        what, remedy = repr(error), None
    return JournalFailed(f"{path}: {what}" + (f"; {remedy}" if remedy else ""))


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's own code of the error without its details; 0 when it is Python's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _connect(path: Path, power_safe: bool, busy_seconds: float) -> sqlite3.Connection:
    # Made in one thread and used in another, never in two at a time.
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    try:
        # Only a new file takes it: a replay's commits fill many pages, a live session's hardly one.
        if not power_safe:
            connection.execute(f"PRAGMA page_size={_LARGE_PAGES}")
        connection.execute("PRAGMA journal_mode=WAL")
        if power_safe:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA fullfsync=ON")  # macOS: through the disk's own cache
        else:
            connection.execute("PRAGMA synchronous=NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _inserts(rows: Sequence[Row]) -> Iterator[tuple[str, list[int | str | bytes | None]]]:
    """Statements that store `rows`, with their values: as few as may be.

    Between two statements a thread waits for the interpreter's lock, 5 ms beside a loop that works
    without a pause; within one it needs none.
    """
    begun = 0
    for size in _ROWS_AT_ONCE:
        while begun + size <= len(rows):
            values = list(itertools.chain.from_iterable(rows[begun : begun + size]))
            yield _insert(size), values
            begun += size


@cache
def _insert(size: int) -> str:
    """The statement that stores so many rows; the longest is 57 KB, so each is made once."""
    return f"INSERT INTO records VALUES {', '.join(['(?, ?, ?, ?)'] * size)}"  # noqa: S608 - our own words


def _finish_rollback(path: Path) -> None:
    """Undo what a process left that was killed while it made the file or merged its log.

    SQLite does it for whoever may write and reads first.
    """
    if path.with_name(f"{path.name}-journal").exists():
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _sync_folders(path: Path) -> None:
    """Make the names of the new file and of its folders outlast a power cut, too.

    Windows keeps names itself and opens no folder.
    """
    if sys.platform == "win32":
        return
    for folder in path.resolve().parents[:_FOLDERS_TO_SYNC]:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
