"""Runs: many records of one commit in one row.

A replay commits thousands of records at a time, and a row for each would cost more than the record
itself. So a long run of records becomes one row: its number is that of the last record, its payload
theirs in order, one a line, its kind `SEVERAL`. Records that have `metadata` or come in masses keep
rows of their own, and so do the few that a session on a terminal commits at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.journal.chain import Row
from adapters.journal.kinds import SEVERAL
from engine.events import Record
from engine.journal import (
    FREQUENT,
    PAGE,
    TAGS,
    JournalDamaged,
    JournalFailed,
    decode,
    encode,
    encode_lines,
    kind_of,
    row_of,
)

StoredRow = tuple[int, bytes, bytes | None, str | None]
"""A row as it is read; what stands in a run has no kind of its own."""

_ALONE: Final = frozenset(kind for kind, tag in TAGS.items() if tag in FREQUENT)

SHORTEST: Final = 64
"""Fewer records than this are not worth reading through all of them to find one."""

LONGEST: Final = 4_096
"""Records in one row, at most: what is in memory at once when one of them is read.

Readers rely on it, so it is a part of the file's format: another number is another version.
"""


class RecordBuffer:
    """Encodes records and keeps them for the next commit, with one row for each long run."""

    def __init__(self, name: str, last_seq: int, *, together: bool = False) -> None:
        """`name` stands in errors; the first record to come has the number `last_seq` + 1.

        Each record is encoded as it comes: what cannot be is refused before anybody acts on it.
        With `together` a run is encoded in one go when it ends, at half the cost; that is enough
        where the venue is simulated, and one that cannot be encoded then ends the store.
        """
        self._name = name
        self.last_seq = last_seq
        self.failure: JournalFailed | None = None
        """What ended the store: from then on nothing is taken."""
        self._rows: list[Row] = []
        self._records: list[Record] = []  # the run that grows, and its lines unless `together`
        self._lines: list[bytes] | None = None if together else []
        self._before = 0

    def __len__(self) -> int:
        return self._before + len(self._records)

    def append(self, record: Record) -> None:
        """Take the next record; raises JournalFailed for another, or once the store has failed.

        Whatever encoding it raises leaves the others as they are.
        """
        if self.failure is not None:
            raise JournalFailed(str(self.failure)) from self.failure.__cause__
        seq = record.seq
        if seq != self.last_seq + 1:
            raise JournalFailed(f"{self._name}: record {seq} after {self.last_seq}")
        if record.metadata is not None or type(record.event) in _ALONE:
            self._append_alone(record)
            return
        if self._lines is not None:
            self._lines.append(encode(record))
        self._records.append(record)
        self.last_seq = seq
        if not seq % PAGE or len(self._records) == LONGEST:
            self._end_run()

    def _append_alone(self, record: Record) -> None:
        row = row_of(record)
        self._end_run()
        self._rows.append(row)
        self._before += 1
        self.last_seq = record.seq

    def take(self) -> list[Row]:
        """The rows of what was added since the last time.

        Raises JournalFailed when one of them cannot be encoded, see `together`.
        """
        self._end_run()
        rows, self._rows, self._before = self._rows, [], 0
        return rows

    def _end_run(self) -> None:
        """The run that grew is one row, or few rows."""
        records = self._records
        if not records:
            return
        text = self._encoded()
        if len(records) >= SHORTEST:
            self._rows.append((records[-1].seq, text, None, SEVERAL))
        else:
            # No line's end stands within a line: JSON spells it as two other characters.
            self._rows += [
                (record.seq, line, None, TAGS[type(record.event)])
                for record, line in zip(records, text.split(b"\n"), strict=True)
            ]
        self._before += len(records)
        self._records, self._lines = [], None if self._lines is None else []

    def _encoded(self) -> bytes:
        """The lines of the run that grew."""
        if self._lines is not None:
            return b"\n".join(self._lines)
        try:
            return encode_lines(self._records)[:-1]
        except Exception as error:
            self.failure = JournalFailed(f"{self._name}: {self._not_encoded()}: {error}")
            self.failure.__cause__ = error
            self._records = []
            raise self.failure from error

    def _not_encoded(self) -> str:
        """Which record of the run it was that could not be encoded."""
        for record in self._records:
            try:
                encode(record)
            except Exception:
                return f"record {record.seq} ({kind_of(record.event)}) cannot be encoded"
        return "a run of records cannot be encoded"


def first_of(row: Row) -> int:
    """The number of the first record in a row."""
    seq, payload, _, kind = row
    return seq - payload.count(b"\n") if kind == SEVERAL and isinstance(payload, bytes) else seq


def unpacked(row: StoredRow, first: int = 1, last: int | None = None) -> Sequence[StoredRow]:
    """A row for each record in a row, or those numbered `first` to `last` only.

    Their kind is None where they were in a run.
    """
    seq, payload, metadata, kind = row
    if kind != SEVERAL or not isinstance(payload, bytes):
        return (row,) if seq >= first and (last is None or seq <= last) else ()
    lines = payload.split(b"\n")
    begun = seq - len(lines) + 1
    first = max(first, begun)
    chosen = lines[first - begun : None if last is None else max(0, last - begun + 1)]
    return [(number, line, metadata, None) for number, line in enumerate(chosen, start=first)]


def record_of(row: StoredRow) -> Record:
    """The record that a row of its own holds; raises JournalDamaged when its columns disagree."""
    seq, payload, metadata, kind = row
    try:
        record = decode(payload, metadata)
        if record.seq != seq:
            raise JournalDamaged(f"its payload is that of record {record.seq}")
        if kind not in (None, kind_of(record.event)):
            raise JournalDamaged(f"it is listed as {kind!r}")
    except JournalDamaged as error:
        raise JournalDamaged(f"record {seq}: {error}") from error
    return record
