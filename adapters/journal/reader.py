"""A journal on disk, read back: while it grows, after its session ended, or after a crash."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from adapters.journal import schema
from adapters.journal.checking import Whole, check, check_to_go_on
from adapters.journal.kinds import of_kinds
from adapters.journal.runs import LONGEST, StoredRow, record_of, unpacked
from engine.events import Record
from engine.journal import JournalDamaged, JournalHash, kind_of

_NO_END = 2**63 - 1


class StoredJournal:
    """A journal opened to be read; writes nothing."""

    def __init__(self, path: Path) -> None:
        """Raises JournalDamaged when `path` is no journal of a known version."""
        if not path.is_file():
            raise JournalDamaged(f"{path}: there is no journal here")
        self.path = path
        with self._named("not a readable journal"):
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        try:
            with self._named("not a readable journal"):
                self.version = schema.version_of(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _named(self, doing: str) -> Iterator[None]:
        """Let every error name the file."""
        try:
            yield
        except JournalDamaged as error:
            raise JournalDamaged(f"{self.path}: {error}") from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK":
                doing = "its session was killed in the middle of a write, which --resume undoes"
            raise JournalDamaged(f"{self.path}: {doing} ({error})") from error
        except (TypeError, ValueError) as error:
            # What SQLite says of a damaged table quotes it, and may be no text.
            raise JournalDamaged(f"{self.path}: {doing} (damaged: {error})") from error

    def beside(self) -> str | None:
        """What a reader must know of a write-ahead log beside the file, or None.

        A sealed journal is one plain file. What stands beside one holds its end, or is a
        stranger's: if it were damaged, nobody could tell from the file alone what it held.
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        try:
            size = log.stat().st_size
        except FileNotFoundError:
            return None
        if not size:
            return None
        if self.sealed_hash() is None:
            return f"{log.name} holds what was not merged yet ({size} bytes): keep it with the file"
        return (
            f"{log.name} ({size} bytes) is still beside the sealed journal: keep both together; "
            "it is merged when the session is gone on with"
        )

    @property
    def last_seq(self) -> int:
        """The number of the last record, 0 when there is none."""
        with self._named("its last record"):
            row = self._connection.execute("SELECT max(seq) FROM records").fetchone()
        return int(row[0] or 0)

    def records(
        self, first: int = 1, last: int | None = None, *, kinds: Collection[str] | None = None
    ) -> Iterator[Record]:
        """The records `first` to `last` in order; of `kinds` only, when given.

        Kinds are names of `engine.journal.KINDS`. Raises JournalDamaged at an unreadable record
        and, when no kinds are chosen, at a gap; ValueError for a kind that there is not.
        """
        wanted = None if kinds is None else of_kinds(kinds)
        elsewhere = self._elsewhere(kinds)
        expected = first
        with closing(self._rows(first, last, wanted)) as rows:
            for row in rows:
                seq = row[0]
                if elsewhere(row):
                    continue
                if kinds is None and seq != expected:
                    raise JournalDamaged(f"{self.path}: record {expected} is missing")
                record = self._record(row)
                if kinds is None or kind_of(record.event) in kinds:
                    yield record
                expected = seq + 1

    def _elsewhere(self, kinds: Collection[str] | None) -> Callable[[StoredRow], object]:
        """Whether a record of a run cannot be of `kinds`, seen without reading it."""
        if kinds is None:
            return lambda _: False
        named = re.compile(b'"event":"(?:%b)"' % "|".join(kinds).encode())
        return lambda row: row[3] is None and not named.search(row[1])

    def read(self, seq: int, payload: bytes) -> Record:
        """The record that `payloads` gave, without its `metadata`; raises JournalDamaged."""
        return self._record((seq, payload, None, None))

    def _record(self, row: StoredRow) -> Record:
        try:
            return record_of(row)
        except JournalDamaged as error:
            raise JournalDamaged(f"{self.path}: {error}") from error

    def payloads(self) -> Iterator[tuple[int, bytes]]:
        """Number and hashed bytes of every record, in order and unread.

        Raises JournalDamaged for one that is no bytes.
        """
        for seq, payload, _ in self._payloads():
            yield seq, payload

    def _payloads(self) -> Iterator[tuple[int, bytes, str | None]]:
        for seq, payload, _, kind in self._rows(1, None, None):
            if not isinstance(payload, bytes):
                raise JournalDamaged(f"{self.path}: record {seq}: not a journal record")
            yield seq, payload, kind

    def _rows(
        self, first: int, last: int | None, condition: str | None
    ) -> Generator[StoredRow, None, None]:
        """A row for each of the records `first` to `last`, of those that meet the condition."""
        end = _NO_END if last is None else last
        with closing(self._stored(first, end, condition)) as stored:
            for row in stored:
                yield from unpacked(row, first, end)
                if row[0] >= end:
                    return

    def _stored(
        self, first: int, end: int, condition: str | None
    ) -> Generator[StoredRow, None, None]:
        """The rows that hold these records, and maybe others before and behind them."""
        # Our own words and names of kinds; numbers are bound.
        query = (
            "SELECT seq, payload, about, kind FROM records "  # noqa: S608
            f"WHERE seq BETWEEN ? AND ? AND {condition or 'TRUE'} ORDER BY seq"
        )
        seq = first - 1
        try:
            # A run has the number of its last record.
            for row in self._connection.execute(
                query, (first, min(end, _NO_END - LONGEST) + LONGEST)
            ):
                seq = row[0]
                yield row
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise JournalDamaged(f"{self.path}: after record {seq}: {error}") from error

    def hexdigest(self) -> str:
        """The journal hash, computed from the records."""
        digest = JournalHash()
        # What stands in a run has no kind of its own, and is of none that comes in masses.
        digest.update((payload, kind or "") for _, payload, kind in self._payloads())
        return digest.hexdigest()

    def sealed_hash(self) -> str | None:
        """The hash that the session sealed the journal with, None when it ended abruptly."""
        with self._named("its seal"):
            row = self._connection.execute("SELECT value FROM info WHERE key = 'hash'").fetchone()
        return None if row is None else str(row[0])

    def check(self, *, decoding: bool = True) -> Whole:
        """Read everything against chain and seal; raises JournalDamaged at what does not fit.

        Without `decoding` only bytes are compared: enough when nobody is to read the records.
        """
        with self._named("its content"):
            return check(self._connection, decoding=decoding)

    def check_to_go_on(self) -> Whole:
        """Check what a session builds on that goes on; raises JournalDamaged."""
        with self._named("its content"):
            return check_to_go_on(self._connection)

    def close(self) -> None:
        self._connection.close()
