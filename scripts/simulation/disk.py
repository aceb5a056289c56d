"""The disk of a simulated session: what is not synchronised may be lost in a crash."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from engine.events import OrderSubmitted, Record
from engine.journal import JournalFailed, JournalHash, decode, encode, encode_about

_BY_ITSELF = 0.3


class Disk:
    """What of the journal survives: everything synchronised, and a part of the rest."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.rows: list[tuple[bytes, bytes | None]] = []
        self.synchronised = 0
        self._seen = 0
        self._submitted: list[OrderSubmitted] = []
        self.failing = rng.choice((0.0, 0.0, 0.0, 0.0005))

    def crash(self) -> None:
        """Lose what was not synchronised, or only its end."""
        keep = self._rng.randint(self.synchronised, len(self.rows))
        del self.rows[keep:]
        self.synchronised = len(self.rows)

    def records(self) -> list[Record]:
        return [decode(payload, about) for payload, about in self.rows]

    def submitted(self) -> list[OrderSubmitted]:
        """What the synchronised part of the journal knows of orders that were about to leave."""
        self._seen, rows = self.synchronised, self.rows[self._seen : self.synchronised]
        for payload, _ in rows:
            event = decode(payload).event
            if isinstance(event, OrderSubmitted):
                self._submitted.append(event)
        return self._submitted

    def hexdigest(self) -> str:
        """The journal hash of what is on the disk."""
        digest = JournalHash()
        digest.update(payload for payload, _ in self.rows)
        return digest.hexdigest()

    def breaks(self) -> bool:
        return self._rng.random() < self.failing

    def synchronises(self) -> bool:
        """Whether the disk happens to have taken everything by now."""
        return self._rng.random() < _BY_ITSELF


class SimulatedJournal:
    """Implements `engine.ports.Journal` on the world's disk."""

    def __init__(self, disk: Disk, step: Callable[[], None]) -> None:
        """`step` is a moment at which the engine may crash."""
        self._disk = disk
        self._step = step
        self._failed = False

    def append(self, record: Record) -> None:
        self._step()
        self._failed = self._failed or self._disk.breaks()
        if self._failed:
            raise JournalFailed("the disk: an I/O error")
        self._disk.rows.append((encode(record), encode_about(record)))
        self._step()

    async def room(self) -> None:
        if self._failed:
            raise JournalFailed("the disk: an I/O error")
        if self._disk.synchronises():
            self._synchronise()

    async def durable(self, seq: int) -> None:
        if self._failed:
            raise JournalFailed("the disk: an I/O error")
        self._step()
        if len(self._disk.rows) < seq:
            raise JournalFailed(f"record {seq} was never appended")
        self._synchronise()

    async def close(self) -> None:
        if not self._failed:
            self._synchronise()

    def _synchronise(self) -> None:
        self._disk.synchronised = len(self._disk.rows)
