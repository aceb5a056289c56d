"""The chain of hashes over what was committed.

Each commit is a block. Its SHA-256 covers the block before it, the journal hash at its end, and
number, size, kind and `metadata` of its records. Every `PAGE` records a checkpoint says what a
session that goes on needs to go on from there, and to check what it will read back. The bytes of a
record are hashed once, for the journal hash; everything else is a hash over its digests.
"""

from __future__ import annotations

import hashlib
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

import msgspec

from engine.journal import FREQUENT, PAGE, JournalHash

Row = tuple[int, bytes, bytes | None, str]
"""A record as it is stored: number, payload, about, kind; or a run of them, see `runs`."""

Block = tuple[int, int, bytes]
"""A row of `blocks`: last number, first number, hash."""


class Checkpoint(NamedTuple):
    """A row of `checkpoints`, at the end of a page.

    Last number, journal hash, its two lanes over the page (see `JournalHash`), and a hash over what
    the journal hash leaves out of the page's records.
    """

    last: int
    journal: bytes
    read_back: bytes
    frequent: bytes
    metadata: bytes


class AboutHash:
    """SHA-256 over what records carry beside their payloads, with their numbers."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def update(self, seqs: Iterable[int], metadatas: Iterable[bytes | None]) -> None:
        for seq, metadata in zip(seqs, metadatas, strict=True):
            if metadata is not None:
                self._sha.update(msgspec.msgpack.encode((seq, metadata)))

    def digest(self) -> bytes:
        return self._sha.digest()


class Chain:
    """The hashes at the end of what was committed."""

    def __init__(self) -> None:
        """The chain of an empty journal."""
        self._journal = JournalHash()
        self._metadata = AboutHash()
        self._head = bytes(32)
        self.last_seq = 0

    @classmethod
    def after(cls, checkpoint: Checkpoint, head: bytes) -> Self:
        """The chain at a checkpoint; `head` is the hash of its block."""
        chain = cls()
        chain._journal = JournalHash(checkpoint.journal)
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
        if not self.last_seq % PAGE:
            self._metadata = AboutHash()
        seqs, payloads, metadatas, kinds = zip(*rows, strict=True)
        first, last = self.last_seq + 1, seqs[-1]
        self._journal.take(*_lanes(payloads, kinds), last - first + 1)
        self._metadata.update(seqs, metadatas)
        # Packed with their lengths, so that nothing can move from one record to the next.
        described = msgspec.msgpack.encode((seqs, list(map(len, payloads)), kinds, metadatas))
        self._head = hashlib.sha256(self._head + self._journal.digest() + described).digest()
        self.last_seq = last
        return last, first, self._head

    def checkpoint(self) -> Checkpoint | None:
        """What is to be noted after the block that was added; None within a page."""
        if self.last_seq % PAGE:
            return None
        read_back, frequent = self._journal.lanes
        digest = self._journal.digest()
        return Checkpoint(self.last_seq, digest, read_back, frequent, self._metadata.digest())

    def seal(self) -> dict[str, str]:
        """What tells that the journal ends here."""
        return {
            "hash": self.hexdigest,
            "last": str(self.last_seq),
            "chain": self._head.hex(),
        }


def _lanes(payloads: Sequence[bytes], kinds: Sequence[str]) -> tuple[bytes, bytes]:
    """The lines of both lanes of the journal hash."""
    if FREQUENT.isdisjoint(kinds):
        return b"\n".join((*payloads, b"")), b""
    lanes: tuple[list[bytes], list[bytes]] = ([], [])
    for payload, kind in zip(payloads, kinds, strict=True):
        lanes[kind in FREQUENT].append(payload)
    return b"\n".join((*lanes[0], b"")), b"\n".join((*lanes[1], b""))


def add_block(connection: sqlite3.Connection, chain: Chain, rows: Sequence[Row]) -> None:
    """Chain rows that are stored in the same commit; they end with their page at the latest."""
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", chain.extend(rows))
    if checkpoint := chain.checkpoint():
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", checkpoint)
