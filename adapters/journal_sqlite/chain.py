"""The chain of hashes over what was committed, and the check that a file still fits it.

Each commit is a block. Its SHA-256 covers the block before it, the journal hash at its end (and so
every payload up to there), and number, size, kind and `about` of its records.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import msgspec

from engine.journal import JournalDamaged, JournalHash, decode, kind_of

Row = tuple[int, bytes, bytes | None, str]
"""A record as it is stored: number, payload, about, kind."""

Block = tuple[int, int, bytes]
"""A row of `blocks`: last number, first number, hash."""

_PAGE = 4096
_ALL_RECORDS = "SELECT seq, payload, about, kind FROM records ORDER BY seq"
_ALL_OF_VERSION_1 = "SELECT seq, payload, about FROM records ORDER BY seq"
_ALL_BLOCKS = "SELECT last, first, sha256 FROM blocks ORDER BY last"


class Chain:
    """The hashes at the end of what was committed."""

    def __init__(self) -> None:
        self._journal = JournalHash()
        self._head = bytes(32)
        self.last_seq = 0

    @property
    def hexdigest(self) -> str:
        """The journal hash so far."""
        return self._journal.hexdigest()

    def extend(self, rows: Sequence[Row]) -> Block:
        """Add one block of records that follow each other; there is at least one."""
        seqs, payloads, abouts, kinds = zip(*rows, strict=True)
        self._journal.update(payloads)
        # Packed with their lengths, so that nothing can move from one record to the next.
        described = msgspec.msgpack.encode((seqs, list(map(len, payloads)), kinds, abouts))
        content = self._head + self._journal.digest() + described
        self._head = hashlib.sha256(content).digest()
        self.last_seq = seqs[-1]
        return seqs[-1], seqs[0], self._head

    def seal(self) -> dict[str, str]:
        """What tells that the journal ends here."""
        return {
            "hash": self.hexdigest,
            "last": str(self.last_seq),
            "chain": self._head.hex(),
        }


@dataclass(frozen=True)
class Whole:
    """What a check found of a journal in good order."""

    records: int
    blocks: int
    sealed: bool
    chain: Chain


def check(connection: sqlite3.Connection, version: int, *, decoding: bool) -> Whole:
    """Read all records against the chain and the seal; raises JournalDamaged at what does not fit.

    An unsealed journal cannot tell whether blocks are missing at its end; one of version 1 has no
    chain, so only its seal protects it. `decoding` also reads every payload as a record.
    """
    chain, blocks = Chain(), 0
    try:
        connection.execute("BEGIN")  # one state of the file, even while it grows
        try:
            read = _blocks if version > 1 else _pages
            with closing(read(connection, chain)) as found:
                for rows in found:
                    blocks += 1
                    if decoding:
                        _decode(rows)
            sealed = _check_seal(connection, version, chain)
        finally:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise JournalDamaged(f"after record {chain.last_seq}: {error}") from error
    except (TypeError, ValueError) as error:
        message = f"after record {chain.last_seq}: a column holds something else ({error})"
        raise JournalDamaged(message) from error
    return Whole(chain.last_seq, blocks if version > 1 else 0, sealed, chain)


def _blocks(connection: sqlite3.Connection, chain: Chain) -> Generator[list[Row], None, None]:
    """The records of each block, once they were found to fit the chain."""
    with (
        _reading(
            connection, "SELECT seq, payload, about, kind FROM records ORDER BY seq"
        ) as stored,
        _reading(connection, _ALL_BLOCKS) as blocks,
    ):
        for block in blocks:
            last, first, _ = block
            if first != chain.last_seq + 1:
                raise JournalDamaged(f"the block that begins with {chain.last_seq + 1} is missing")
            rows = list(islice(stored, last - first + 1))
            _insist_on(rows, first, last)
            if chain.extend(rows) != block:
                raise JournalDamaged(f"the block of records {first} to {last} was changed")
            yield rows
        if (extra := next(stored, None)) is not None:
            raise JournalDamaged(f"record {extra[0]} is in no block")


def _pages(connection: sqlite3.Connection, chain: Chain) -> Generator[list[Row], None, None]:
    """The records of a file of version 1, which has no blocks, a page at a time."""
    with _reading(connection, _ALL_OF_VERSION_1) as stored:
        while page := stored.fetchmany(_PAGE):
            first = chain.last_seq + 1
            _insist_on(page, first, first + len(page) - 1)
            rows = [(seq, payload, about, _kind(seq, payload)) for seq, payload, about in page]
            chain.extend(rows)
            yield rows


def _reading(connection: sqlite3.Connection, query: str) -> closing[sqlite3.Cursor]:
    """A cursor that ends with its block: one left open, in an error say, locks the file."""
    return closing(connection.execute(query))


def _insist_on(rows: Sequence[tuple[int, object, object, object]], first: int, last: int) -> None:
    """Raises JournalDamaged unless `rows`, in order, are exactly the records first to last."""
    if rows and len(rows) == last - first + 1 and (rows[0][0], rows[-1][0]) == (first, last):
        return
    numbers = [row[0] for row in rows]
    missing = next(
        (wanted for wanted, found in enumerate(numbers, start=first) if wanted != found),
        first + len(rows),
    )
    raise JournalDamaged(f"record {missing} is missing")


def _kind(seq: int, payload: bytes) -> str:
    try:
        return kind_of(decode(payload).event)
    except JournalDamaged as error:
        raise JournalDamaged(f"record {seq}: {error}") from error


def _decode(rows: Sequence[Row]) -> None:
    """Raises JournalDamaged unless each row is what its columns say."""
    for seq, payload, about, kind in rows:
        try:
            record = decode(payload, about)
        except JournalDamaged as error:
            raise JournalDamaged(f"record {seq}: {error}") from error
        if record.seq != seq:
            raise JournalDamaged(f"record {seq}: its payload is that of record {record.seq}")
        if kind_of(record.event) != kind:
            raise JournalDamaged(f"record {seq}: it is listed as {kind!r}")


def _check_seal(connection: sqlite3.Connection, version: int, chain: Chain) -> bool:
    """Whether there is a seal; raises JournalDamaged when it is not that of these records."""
    sealed = dict(connection.execute("SELECT key, value FROM info"))
    if "hash" not in sealed:
        return False
    last = sealed.get("last")
    if version > 1 and last != str(chain.last_seq):
        raise JournalDamaged(f"it ends with record {chain.last_seq}, but was sealed after {last}")
    if sealed["hash"] != chain.hexdigest:
        raise JournalDamaged(
            "its records do not fit the hash that it was sealed with: someone changed it"
        )
    if version > 1 and sealed != chain.seal():
        raise JournalDamaged("its blocks do not fit its seal: someone changed it")
    return True
