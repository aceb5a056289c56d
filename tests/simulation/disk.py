"""The disk of a simulated session: what is not synchronised may be lost in a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import cast

from engine.events import OrderSubmitted, Record
from engine.journal import JournalFailed, JournalHash, decode, encode, encode_metadata, kind_of


@dataclass
class Row:
    """A record as it is kept: its bytes, and its kind."""

    payload: bytes
    metadata: bytes | None
    kind: type

    @cached_property
    def record(self) -> Record:
        """The record as it is read back."""
        return decode(self.payload, self.metadata)


_BY_ITSELF = 0.3


class Disk:
    """What of the journal survives: all that is synchronised, and of the rest whole commits."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._commits: list[list[Row]] = []
        self._synchronised = 0
        self._submitted: list[OrderSubmitted] = []
        self.failing = rng.choice((0.0, 0.0, 0.0, 0.0005))

    def commit(self, rows: list[Row]) -> None:
        """Take a transaction, which is on the disk whole or not at all."""
        if rows:
            self._commits.append(rows)
        if self._rng.random() < _BY_ITSELF:
            self.synchronise()

    def synchronise(self) -> None:
        """From here on nothing of what was committed can be lost."""
        for rows in self._commits[self._synchronised :]:
            for row in rows:
                if row.kind is OrderSubmitted:
                    self._submitted.append(cast("OrderSubmitted", row.record.event))
        self._synchronised = len(self._commits)

    def crash(self) -> None:
        """Lose the last commits, but none that was synchronised."""
        del self._commits[self._rng.randint(self._synchronised, len(self._commits)) :]
        self.synchronise()

    def records(self) -> list[Record]:
        """What the next life of the engine reads back."""
        return [row.record for rows in self._commits for row in rows]

    def submitted(self) -> list[OrderSubmitted]:
        """What the synchronised part of the journal knows of orders that were about to leave."""
        return self._submitted

    def hexdigest(self) -> str:
        """The journal hash of what is on the disk."""
        digest = JournalHash()
        digest.update(
            (row.payload, kind_of(row.record.event)) for rows in self._commits for row in rows
        )
        return digest.hexdigest()

    def breaks(self) -> bool:
        return self._rng.random() < self.failing


class SimulatedJournal:
    """Implements `engine.ports.Journal` on a disk.

    As in the real one, an input and all that follows from it are committed together: what the
    engine appends is handed over only between two inputs.
    """

    def __init__(
        self,
        disk: Disk,
        step: Callable[[], None],
        watch: Callable[[Record], None],
        insist_running: Callable[[], None],
    ) -> None:
        """`step` is a moment at which the engine may crash; `watch` sees what is appended.

        `insist_running` raises once the engine's process has ended: nothing is committed then.
        """
        self._insist_running = insist_running
        self._disk = disk
        self._step = step
        self._watch = watch
        self._pending: list[Row] = []
        self._last = 0
        self._failed = False

    def append(self, record: Record) -> None:
        self._step()
        self._failed = self._failed or self._disk.breaks()
        self._check()
        self._pending.append(Row(encode(record), encode_metadata(record), type(record.event)))
        self._last = record.seq
        self._watch(record)
        self._step()

    @property
    def last_seq(self) -> int:
        return self._last

    def pending(self) -> list[Record]:
        """What was appended and is not on the disk yet."""
        return [row.record for row in self._pending]

    async def room(self) -> None:
        self._check()
        self._hand_over()

    async def durable(self, seq: int) -> None:
        self._check()
        self._step()
        if self._last < seq:
            raise JournalFailed(f"record {seq} was never appended")
        self._hand_over()
        self._disk.synchronise()
        self._step()

    async def showable(self, seq: int) -> None:
        """What is shown here is kept in memory, and made anew after each crash."""

    async def close(self) -> None:
        if not self._failed:
            self._hand_over()
            self._disk.synchronise()

    def _hand_over(self) -> None:
        self._insist_running()
        rows, self._pending = self._pending, []
        self._disk.commit(rows)

    def _check(self) -> None:
        if self._failed:
            raise JournalFailed("the disk: an I/O error")
