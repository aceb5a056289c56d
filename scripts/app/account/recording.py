"""A session's journal that also keeps, in the account's store, what must outlive the session.

An approved entry and a request are in the store before the request leaves, for whoever sends one
waits until its record is durable.
"""

from __future__ import annotations

import time

from adapters.journal import SqliteJournal
from adapters.state.errors import StateFailed
from engine import events as ev
from engine.journal import JournalFailed
from scripts.app.account.books import AccountBooks
from scripts.app.account.notes import SessionNotes

_BEAT_SECONDS = 5.0


class AccountJournal:
    """The journal of a session on an account (`engine.ports.Journal`)."""

    def __init__(self, journal: SqliteJournal, books: AccountBooks, notes: SessionNotes) -> None:
        self._journal, self._books, self._notes = journal, books, notes
        self._beaten = time.monotonic()

    @property
    def last_seq(self) -> int:
        """The number of the last record."""
        return self._journal.last_seq

    def append(self, record: ev.Record) -> None:
        self._journal.append(record)
        self._notes.take(record)

    async def room(self) -> None:
        await self._journal.room()
        if self._notes.waiting or time.monotonic() - self._beaten >= _BEAT_SECONDS:
            self._beat()
            await self._flush()

    async def durable(self, seq: int) -> None:
        await self._journal.durable(seq)
        await self._flush()

    async def close(self) -> None:
        try:
            await self._journal.close()
        finally:
            self._beat()
            await self._flush()

    def _beat(self) -> None:
        self._beaten = time.monotonic()
        self._notes.beat()

    async def _flush(self) -> None:
        jobs = self._notes.due()
        if not jobs:
            return
        try:
            await self._books.run(lambda store: store.do(jobs))
        except StateFailed as error:
            raise JournalFailed(str(error)) from error
