"""Runs: many records of one commit in one row.

A replay commits thousands of records at a time, and a row for each would cost more than the record
itself. So a long run of records becomes one row: its number is that of the last record, its payload
theirs in order, one a line, its kind `SEVERAL`. Records that have an `about` or come in masses keep
rows of their own, and so does all that a session on a terminal commits, which are a few at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from adapters.journal_sqlite.chain import Row
from adapters.journal_sqlite.kinds import FREQUENT, SEVERAL
from engine.events import Record
from engine.journal import JournalDamaged, decode, kind_of

StoredRow = tuple[int, bytes, bytes | None, str | None]
"""A row as it is read; version 1 named no kinds."""

SHORTEST: Final = 64
"""Fewer records than this are not worth reading through all of them to find one."""

LONGEST: Final = 4_096
"""Records in one row, at most: what is in memory at once when one of them is read."""


def packed(records: Sequence[Row]) -> Sequence[Row]:
    """The rows that store `records`, which follow each other and are committed together."""
    if len(records) < SHORTEST:
        return records
    _, _, abouts, kinds = zip(*records, strict=True)
    if abouts.count(None) == len(abouts) and not any(kind in kinds for kind in FREQUENT):
        return _rows(records)  # nearly always, so it is seen at once
    rows: list[Row] = []
    for runs, items in groupby(records, _may_run):
        run = list(items)
        if runs and len(run) >= SHORTEST:
            rows += _rows(run)
        else:
            rows += run
    return rows


def _may_run(record: Row) -> bool:
    _, _, about, kind = record
    return about is None and kind not in FREQUENT


def _rows(run: Sequence[Row]) -> list[Row]:
    parts = [run[begun : begun + LONGEST] for begun in range(0, len(run), LONGEST)]
    return [
        (part[-1][0], b"\n".join([payload for _, payload, _, _ in part]), None, SEVERAL)
        for part in parts
    ]


def first_of(row: Row) -> int:
    """The number of the first record in a row."""
    seq, payload, _, kind = row
    return seq - payload.count(b"\n") if kind == SEVERAL and isinstance(payload, bytes) else seq


def unpacked(row: StoredRow) -> Sequence[StoredRow]:
    """A row for each record in a row; their kind is None where they were in a run."""
    seq, payload, about, kind = row
    if kind != SEVERAL or not isinstance(payload, bytes):
        return (row,)
    lines = payload.split(b"\n")
    first = seq - len(lines) + 1
    return [(number, line, about, None) for number, line in enumerate(lines, start=first)]


def record_of(row: StoredRow) -> Record:
    """The record that a row of its own holds; raises JournalDamaged when its columns disagree."""
    seq, payload, about, kind = row
    try:
        record = decode(payload, about)
        if record.seq != seq:
            raise JournalDamaged(f"its payload is that of record {record.seq}")
        if kind not in (None, kind_of(record.event)):
            raise JournalDamaged(f"it is listed as {kind!r}")
    except JournalDamaged as error:
        raise JournalDamaged(f"record {seq}: {error}") from error
    return record
