"""Deleting the journals of old sessions: what may go, and what stays whatever is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.journal import StoredJournal
from adapters.journal.lock import JournalLock
from engine.journal import JournalDamaged, JournalFailed
from scripts.app.session_folder import JOURNAL

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Kept:
    """A session that was old enough, and why its journal stays."""

    session: str
    reason: str


@dataclass(frozen=True)
class Old:
    """A session whose journal may go."""

    folder: Path
    size: int
    last_written: float

    @property
    def session(self) -> str:
        return self.folder.name

    def delete(self) -> None:
        """Delete the journal and what belongs to it; all else of the session stays.

        Raises JournalFailed when somebody writes to it by now, OSError when it cannot be deleted.
        """
        with _alone(self.folder / JOURNAL):
            for file in _files(self.folder):
                file.unlink(missing_ok=True)


def candidates(
    results: Path, now: float, *, days: int | None, keep: int, unsealed: bool
) -> Iterator[Old | Kept]:
    """Sessions last written to `days` or more ago, but for the last `keep`, the latest first.

    `now` in seconds since the epoch. One in use stays, and one that cannot be read; one whose
    session did not end in order goes only when `unsealed`.
    """
    found = sorted(_all(results), key=lambda old: (old.last_written, old.session), reverse=True)
    for old in found[keep:]:
        if days is not None and now - old.last_written < days * _SECONDS_PER_DAY:
            continue
        reason = _reason_to_stay(old.folder / JOURNAL, unsealed=unsealed)
        yield old if reason is None else Kept(old.session, reason)


def _all(results: Path) -> Iterator[Old]:
    for journal in (results / "sessions").glob(f"*/{JOURNAL}"):
        facts = [file.stat() for file in _files(journal.parent)]
        size = sum(fact.st_size for fact in facts)
        yield Old(journal.parent, size, max(fact.st_mtime for fact in facts))


def _files(folder: Path) -> list[Path]:
    """The journal's files that exist, the journal itself first: it goes whole or not at all."""
    names = [JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}-journal"]
    return [folder / name for name in names if (folder / name).exists()]


def _reason_to_stay(journal: Path, *, unsealed: bool) -> str | None:
    try:
        with _alone(journal), StoredJournal(journal) as stored:
            if stored.sealed_hash() is None and not unsealed:
                return "its session did not end in order (--unsealed deletes it too)"
    except JournalFailed:
        return "it is in use"
    except JournalDamaged as error:
        return f"it cannot be read ({error})"
    return None


@contextmanager
def _alone(journal: Path) -> Iterator[None]:
    """Keep writers out; raises JournalFailed when there is one."""
    lock = JournalLock(journal)
    try:
        yield
    finally:
        lock.release()


def prune(
    results: Path, *, days: int | None, keep: int, unsealed: bool, delete: bool
) -> Iterator[Old | Kept]:
    """What `candidates` finds, deleted when `delete`; Kept for one that cannot be deleted."""
    for found in candidates(results, time.time(), days=days, keep=keep, unsealed=unsealed):
        if isinstance(found, Old) and delete:
            try:
                found.delete()
            except JournalFailed as error:
                yield Kept(found.session, str(error))
                continue
        yield found
