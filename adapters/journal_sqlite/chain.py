"""The chain of hashes over what was committed.

Each commit is a block. Its SHA-256 covers the block before it, its own payloads, and number, size,
kind and `about` of its records. Every `PAGE` records a checkpoint says what a session that goes on
needs to go on from there: the journal hash, and one over all records that it will read back.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Self

import msgspec

from adapters.journal_sqlite.kinds import FREQUENT
from engine.journal import PAGE, JournalHash

Row = tuple[int, bytes, bytes | None, str]
"""A record as it is stored: number, payload, about, kind; or a run of them, see `runs`."""

Block = tuple[int, int, bytes]
"""A row of `blocks`: last number, first number, hash."""

CHECKPOINTED: Final = 3
"""The first version of the file with checkpoints."""


def journal_hash(version: int) -> JournalHash:
    """The journal hash that seals files of that version; older ones knew no pages."""
    return JournalHash() if version >= CHECKPOINTED else JournalHash(page=sys.maxsize)


class Checkpoint(NamedTuple):
    """A row of `checkpoints`: last number, journal hash, hash of all records not FREQUENT."""

    last: int
    journal: bytes
    rare: bytes


class RareHash:
    """SHA-256 over payload and `about` of the records that a session reads back."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def update(self, payloads: Iterable[bytes], abouts: Iterable[bytes | None]) -> None:
        lines = [
            payload if about is None else b"%b\n%b" % (payload, about)
            for payload, about in zip(payloads, abouts, strict=True)
        ]
        self._sha.update(b"\n".join((*lines, b"")))

    def digest(self) -> bytes:
        return self._sha.digest()


class Chain:
    """The hashes at the end of what was committed."""

    def __init__(self, version: int = CHECKPOINTED) -> None:
        """The chain of an empty journal of that version."""
        self._checkpointed = version >= CHECKPOINTED
        self._journal = journal_hash(version)
        self._rare = RareHash()
        self._head = bytes(32)
        self.last_seq = 0

    @classmethod
    def after(cls, checkpoint: Checkpoint, head: bytes, rare: RareHash) -> Self:
        """The chain at a checkpoint; `head` is the hash of its block, `rare` the running hash."""
        chain = cls()
        chain._journal = JournalHash(checkpoint.journal)
        chain._rare = rare
        chain._head = head
        chain.last_seq = checkpoint.last
        return chain

    @property
    def hexdigest(self) -> str:
        """The journal hash so far."""
        return self._journal.hexdigest()

    def parts(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """The rows of each block that a commit makes: one, unless a page ends in it."""
        begun, page_end = 0, (self.last_seq // PAGE + 1) * PAGE
        while rows[-1][0] > page_end:
            ends = bisect_right(rows, page_end, lo=begun, key=lambda row: row[0])
            yield rows[begun:ends]
            begun, page_end = ends, page_end + PAGE
        yield rows[begun:] if begun else rows

    def extend(self, rows: Sequence[Row]) -> Block:
        """Add one block of rows that follow the last one and each other; there is at least one.

        It ends with its page at the latest, see `parts`.
        """
        seqs, payloads, abouts, kinds = zip(*rows, strict=True)
        first, last = self.last_seq + 1, seqs[-1]
        self._journal.take(b"\n".join((*payloads, b"")), last - first + 1)
        # Packed with their lengths, so that nothing can move from one record to the next.
        described = msgspec.msgpack.encode((seqs, list(map(len, payloads)), kinds, abouts))
        self._head = hashlib.sha256(self._head + self._content(payloads) + described).digest()
        self._add_rare(rows, payloads, abouts, kinds)
        self.last_seq = last
        return last, first, self._head

    def checkpoint(self) -> Checkpoint | None:
        """What is to be noted after the block that was added; None within a page."""
        if not self._checkpointed or self.last_seq % PAGE:
            return None
        return Checkpoint(self.last_seq, self._journal.digest(), self._rare.digest())

    def seal(self) -> dict[str, str]:
        """What tells that the journal ends here."""
        return {
            "hash": self.hexdigest,
            "last": str(self.last_seq),
            "chain": self._head.hex(),
        }

    def _content(self, payloads: Sequence[bytes]) -> bytes:
        """The hash of a block's payloads; version 2 had that of all up to its end."""
        if not self._checkpointed:
            return self._journal.digest()
        return hashlib.sha256(b"".join(payloads)).digest()

    def _add_rare(
        self,
        rows: Sequence[Row],
        payloads: Sequence[bytes],
        abouts: Sequence[bytes | None],
        kinds: Sequence[str],
    ) -> None:
        if not any(kind in kinds for kind in FREQUENT):
            self._rare.update(payloads, abouts)
        elif rare := [row for row in rows if row[3] not in FREQUENT]:
            self._rare.update([row[1] for row in rare], [row[2] for row in rare])


def add_block(connection: sqlite3.Connection, chain: Chain, rows: Sequence[Row]) -> None:
    """Chain rows that are stored in the same commit; they end with their page at the latest."""
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", chain.extend(rows))
    if checkpoint := chain.checkpoint():
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", checkpoint)
