"""An account's store made anew from the journals of its sessions, where it was lost or damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from adapters.journal import StoredJournal
from adapters.state.errors import StateFailed
from adapters.state.store import AccountStore, SessionRow
from engine import events as ev
from engine.decoding import converted
from engine.journal import FREQUENT, KINDS, JournalDamaged
from engine.types import Limits
from scripts.app.account.notes import SessionNotes
from scripts.app.session_folder import JOURNAL, tag_number

TERMS: Final = "terms"
"""Under this name a session's first record tells the terms by which another one is the same."""

_UNREADABLE = (JournalDamaged, sqlite3.Error, msgspec.MsgspecError, OSError, ValueError)


def journals_of(results: Path, folders: Iterable[str] = ()) -> list[Path]:
    """The journals of all sessions below a folder of results, and of those in other `folders`."""
    found = {path.resolve() for path in (results / "sessions").glob(f"*/{JOURNAL}")}
    others = (Path(folder) / JOURNAL for folder in folders)
    return sorted(found | {path.resolve() for path in others if path.is_file()})


def rebuild(store: AccountStore, login: int, server: str, journals: Iterable[Path]) -> int:
    """Keep what the journals of the account's sessions tell; returns how many sessions those are.

    One that cannot be read is left out: what stands at the venue with its tag then counts as
    nobody's, which stops a session that sends. Raises StateFailed.
    """
    count = 0
    for path in journals:
        try:
            with StoredJournal(path) as stored:
                count += _kept(store, f"{login}@{server}", path, stored)
        except _UNREADABLE:
            continue
    return count


def _kept(store: AccountStore, account: str, path: Path, stored: StoredJournal) -> bool:
    first = next(iter(stored.records()), None)
    metadata = {} if first is None else first.metadata or {}
    if first is None or not isinstance(first.event, ev.SessionStarted):
        return False
    if str(metadata.get("account", "")).lower() != account.lower():
        return False
    row = SessionRow(
        id=str(metadata.get("session_id", path.parent.name)),
        folder=str(path.parent),
        tag=tag_number(str(metadata.get("session_id", path.parent.name))),
        mode=first.event.mode,
        dry=bool(metadata.get("dry_run", True)),
        terms=str(metadata.get(TERMS, "{}")),
        started=first.time,
        beat=first.time,
    )
    records = stored.records(kinds=KINDS - set(FREQUENT))
    with store.at_once():
        try:
            store.begin(row)
        except StateFailed:
            return False  # a copy of a session that is known already
        _note(store, row, first.event, records)
    return True


def _note(
    store: AccountStore, row: SessionRow, started: ev.SessionStarted, records: Iterator[ev.Record]
) -> None:
    limits = converted(started.limits, Limits)
    notes = SessionNotes(row.id, limits, sends=not row.dry)
    own = not row.dry and not started.objectives  # else it is what the challenge began with
    for record in records:
        notes.take(record)
        event = record.event
        if isinstance(event, ev.LedgerUpdated) and event.baseline is not None and own:
            store.set_baseline(event.baseline, record.time, f"as session {row.id} had it")
    notes.beat()
    for job in notes.due():
        job(store)
