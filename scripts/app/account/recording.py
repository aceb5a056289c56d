"""A session's journal that also keeps, in the account's store, what must outlive the session.

An approved entry and a request are in the store before the request leaves, for whoever sends one
waits until its record is durable. The store comes first: what it knows of and the journal lost is
counted all the same, which is the stricter side.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from adapters.state.errors import StateFailed
from engine import events as ev
from engine.journal import Journal, JournalFailed
from scripts.app.account.books import AccountBooks
from scripts.app.account.notes import SessionNotes

_BEAT_SECONDS = 5.0


class NumberedJournal(Journal, Protocol):
    """A journal that knows its last record's number."""

    @property
    def last_seq(self) -> int: ...


class AccountJournal:
    """The journal of a session on an account (`engine.ports.Journal`)."""

    def __init__(
        self,
        journal: NumberedJournal,
        books: AccountBooks,
        notes: SessionNotes,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._books, self._notes = journal, books, notes
        self._seconds = seconds
        self._beaten = seconds()
        self.showable = journal.showable
        """As the journal's own: what is shown decides nothing."""

    @property
    def last_seq(self) -> int:
        """The number of the last record."""
        return self._journal.last_seq

    def append(self, record: ev.Record) -> None:
        self._journal.append(record)
        self._notes.take(record)

    def note_cancel(self, ticket: int, seq: int) -> None:
        """A pending order is about to be cancelled, which no record of its own tells."""
        self._notes.cancels(ticket, seq)

    async def room(self) -> None:
        if self._notes.waiting or self._seconds() - self._beaten >= _BEAT_SECONDS:
            self._beat()
            await self._flush()
        await self._journal.room()

    async def durable(self, seq: int) -> None:
        await self._flush()
        await self._journal.durable(seq)

    async def close(self) -> None:
        self._beat()
        try:
            await self._flush()
        finally:
            await self._journal.close()

    def _beat(self) -> None:
        self._beaten = self._seconds()
        self._notes.beat()

    async def _flush(self) -> None:
        jobs = self._notes.due()
        if not jobs:
            return
        try:
            await self._books.run(lambda store: store.do(jobs))
        except StateFailed as error:
            raise JournalFailed(str(error)) from error
