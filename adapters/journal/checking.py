"""The check that a file still fits the chain of its blocks, whole or since its last checkpoint."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby

from adapters.journal.chain import AboutHash, Chain, Checkpoint, Row
from adapters.journal.kinds import NOT_FREQUENT, by_number
from adapters.journal.runs import LONGEST, first_of, record_of, unpacked
from engine.journal import PAGE, JournalDamaged, page_digest

_RECORDS = "SELECT seq, payload, about, kind FROM records WHERE seq > ? ORDER BY seq"
_BLOCKS = "SELECT last, first, sha256 FROM blocks WHERE last > ? ORDER BY last"
_CHECKPOINTS = (
    "SELECT last, journal, read_back, frequent, about FROM checkpoints WHERE last > ? ORDER BY last"
)
_ITS_BLOCK = "SELECT sha256 FROM blocks WHERE last = ?"
# Only our own words come into the statement.
_READ_BACK = (
    "SELECT seq, payload, about FROM records "  # noqa: S608
    f"WHERE {by_number(NOT_FREQUENT)} AND seq <= ? ORDER BY seq"
)


@dataclass(frozen=True)
class Whole:
    """What a check found of a journal in good order; `records` and `blocks` of all of it."""

    records: int
    blocks: int
    sealed: bool
    chain: Chain


def check(connection: sqlite3.Connection, *, decoding: bool) -> Whole:
    """Read all records against the chain and the seal; raises JournalDamaged at what does not fit.

    An unsealed journal cannot tell whether blocks are missing at its end. `decoding` also reads
    every payload as a record.
    """
    chain, blocks = Chain(), 0
    with _one_state(connection, lambda: chain.last_seq):
        with closing(_marked(connection, chain)) as found:
            for rows in found:
                blocks += 1
                if decoding:
                    _decode(rows)
        sealed = _check_seal(connection, chain)
    return Whole(chain.last_seq, blocks, sealed, chain)


def check_to_go_on(connection: sqlite3.Connection) -> Whole:
    """Check what a session builds on that goes on: quick however long the journal is.

    That is every record that will be read back, and all since the last checkpoint. A change of
    earlier ones of the kinds that come in masses is found by `check` alone. Raises JournalDamaged.
    """
    chain = Chain()
    with _one_state(connection, lambda: chain.last_seq):
        chain = _chain_after_pages(connection)
        with closing(_blocks(connection, chain)) as found:
            for _ in found:
                pass
        sealed = _check_seal(connection, chain)
        (blocks,) = connection.execute("SELECT count(*) FROM blocks").fetchone()
    return Whole(chain.last_seq, blocks, sealed, chain)


@contextmanager
def _one_state(connection: sqlite3.Connection, so_far: Callable[[], int]) -> Iterator[None]:
    """Read one state of the file, even while it grows; errors say after which record."""
    try:
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise JournalDamaged(f"after record {so_far()}: {error}") from error
    except (TypeError, ValueError) as error:
        message = f"after record {so_far()}: a column holds something else ({error})"
        raise JournalDamaged(message) from error


def _chain_after_pages(connection: sqlite3.Connection) -> Chain:
    """The chain at the last checkpoint, once all that will be read back was found to fit it."""
    marks = [Checkpoint(*row) for row in connection.execute(_CHECKPOINTS, (0,))]
    if not marks:
        return Chain()
    digest = b""
    with _reading(connection, _READ_BACK, marks[-1].last) as stored:
        pages = groupby(stored, key=lambda row: (row[0] - 1) // PAGE)
        page, rows = next(pages, (-1, iter(())))
        for number, mark in enumerate(marks):
            if mark.last != (number + 1) * PAGE:
                raise JournalDamaged(f"the checkpoint after {(number + 1) * PAGE} is missing")
            its_rows = rows if page == number else ()
            digest = _page_that_fits(mark, digest, its_rows)
            if page == number:
                page, rows = next(pages, (-1, iter(())))
    block = connection.execute(_ITS_BLOCK, (marks[-1].last,)).fetchone()
    if block is None or not isinstance(block[0], bytes):
        raise JournalDamaged(f"the block that ends with {marks[-1].last} is missing")
    return Chain.after(marks[-1], block[0])


def _page_that_fits(
    mark: Checkpoint, before: bytes, rows: Iterable[tuple[int, bytes, bytes | None]]
) -> bytes:
    """The journal hash at the end of a page, of which `rows` are read back; raises JournalDamaged.

    They are held against their lane of the hash, and the lanes against the hash itself.
    """
    lane, metadata = hashlib.sha256(), AboutHash()
    for seq, payload, beside in rows:
        lane.update(payload + b"\n")
        metadata.update((seq,), (beside,))
    if (lane.digest(), metadata.digest()) != (mark.read_back, mark.metadata):
        raise JournalDamaged(
            f"a record was changed before the checkpoint after {mark.last}; "
            "`butler journal verify` tells which"
        )
    if page_digest(before, mark.read_back, mark.frequent) != mark.journal:
        raise JournalDamaged(f"the checkpoint after {mark.last} was changed")
    return mark.journal


def _marked(connection: sqlite3.Connection, chain: Chain) -> Generator[list[Row], None, None]:
    """The records of each block, and a look at each checkpoint."""
    with _reading(connection, _CHECKPOINTS, 0) as marks:
        for rows in _blocks(connection, chain):
            yield rows
            expected = chain.checkpoint()
            if expected is not None and next(marks, None) != expected:
                raise JournalDamaged(f"the checkpoint after {expected.last} is missing or changed")
        if (extra := next(marks, None)) is not None:
            raise JournalDamaged(f"the checkpoint after {extra[0]} is out of place")


def _blocks(connection: sqlite3.Connection, chain: Chain) -> Generator[list[Row], None, None]:
    """The records of each block after the chain's end, once they were found to fit it."""
    with (
        _reading(connection, _RECORDS, chain.last_seq) as stored,
        _reading(connection, _BLOCKS, chain.last_seq) as blocks,
    ):
        for block in blocks:
            last, first, _ = block
            if first != chain.last_seq + 1:
                raise JournalDamaged(f"the block that begins with {chain.last_seq + 1} is missing")
            rows = _up_to(stored, last)
            _insist_on(rows, first, last)
            if chain.extend(rows) != block:
                raise JournalDamaged(f"the block of records {first} to {last} was changed")
            yield rows
        if (extra := next(stored, None)) is not None:
            raise JournalDamaged(f"record {extra[0]} is in no block")


def _reading(connection: sqlite3.Connection, query: str, *numbers: int) -> closing[sqlite3.Cursor]:
    """A cursor that ends with its block: one left open, in an error say, locks the file."""
    return closing(connection.execute(query, numbers))


def _up_to(stored: Iterable[Row], last: int) -> list[Row]:
    """The next rows, up to the one that holds the record `last` or lies behind it."""
    rows = []
    for row in stored:
        rows.append(row)
        if row[0] >= last:
            break
    return rows


def _insist_on(rows: Sequence[Row], first: int, last: int) -> None:
    """Raises JournalDamaged unless `rows`, in order, hold exactly the records first to last."""
    if rows and len(rows) == last - first + 1 and (first_of(rows[0]), rows[-1][0]) == (first, last):
        return  # nearly always: a row each
    wanted = first
    for row in rows:
        begun = first_of(row)
        if begun != wanted:
            break
        if row[0] > last or row[0] - begun >= LONGEST:
            raise JournalDamaged(f"the run of records {begun} to {row[0]} is out of place")
        wanted = row[0] + 1
    if wanted != last + 1:
        raise JournalDamaged(f"record {wanted} is missing")


def _decode(rows: Sequence[Row]) -> None:
    """Raises JournalDamaged unless each row is what its columns say."""
    for row in rows:
        for own in unpacked(row):
            record_of(own)


def _check_seal(connection: sqlite3.Connection, chain: Chain) -> bool:
    """Whether there is a seal; raises JournalDamaged when it is not that of these records."""
    sealed = dict(connection.execute("SELECT key, value FROM info"))
    if "hash" not in sealed:
        return False
    last = sealed.get("last")
    if last != str(chain.last_seq):
        raise JournalDamaged(f"it ends with record {chain.last_seq}, but was sealed after {last}")
    if sealed["hash"] != chain.hexdigest:
        raise JournalDamaged(
            "its records do not fit the hash that it was sealed with: someone changed it"
        )
    if sealed != chain.seal():
        raise JournalDamaged("its blocks do not fit its seal: someone changed it")
    return True
