"""The tables of a journal file, the versions they had, and the step from each to the next.

Version 1 had only `seq`, `payload` and `about`, and a seal with the journal hash. Version 2 adds
the kind of each record and the chained blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from adapters.journal_sqlite.chain import Chain, Row
from engine.journal import KINDS, JournalDamaged, decode, kind_of

SCHEMA_VERSION = 2
FIRST_VERSION = 1

FREQUENT = ("tick",)
"""Kinds that come in masses; the index leaves them out, so that the others are found at once.

Which ones these are decides only about speed: a file indexed otherwise is read through.
"""

_RECORDS = "CREATE TABLE records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB"
_KIND = "kind TEXT NOT NULL DEFAULT ''"
_INFO = "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_BLOCKS = (
    "CREATE TABLE blocks (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, sha256 BLOB NOT NULL)"
)


def _listed(kinds: Collection[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


_NOT_FREQUENT = f"kind NOT IN ({_listed(FREQUENT)})"
_INDEX = f"CREATE INDEX by_kind ON records (kind) WHERE {_NOT_FREQUENT}"

_PAGE = 4096


def of_kinds(kinds: Collection[str]) -> str:
    """The SQL condition that a record is of one of `kinds`; quick unless a frequent one is in it.

    Raises ValueError for a kind that there is not.
    """
    if unknown := sorted(set(kinds) - KINDS):
        raise ValueError(f"there is no kind of record {unknown[0]!r}")
    condition = f"kind IN ({_listed(kinds)})"
    if set(kinds) & set(FREQUENT):
        return condition
    # Found by number first, so that the records come in order without being sorted.
    # Only names of KINDS come into the statement.
    return f"seq IN (SELECT seq FROM records WHERE {_NOT_FREQUENT} AND {condition})"  # noqa: S608


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One commit of everything or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file."""
    with transaction(connection):
        for statement in (f"{_RECORDS}, {_KIND})", _INFO, _BLOCKS, _INDEX):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's tables; raises JournalDamaged when this program cannot know them."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise JournalDamaged(
            f"schema version {version}, this program reads up to {SCHEMA_VERSION}: "
            "use the newer program that wrote it"
        )
    if version < FIRST_VERSION and not _has_tables(connection):
        raise JournalDamaged("it is empty: its session ended before its first record was kept")
    if version < FIRST_VERSION:
        raise JournalDamaged(f"schema version {version}: this is no journal")
    return version


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def migrate(connection: sqlite3.Connection) -> Chain:
    """Bring a whole file of version 1 to version 2 in one commit; returns its chain."""
    chain, last = Chain(), 0
    with transaction(connection):
        connection.execute(f"ALTER TABLE records ADD COLUMN {_KIND}")
        connection.execute(_BLOCKS)
        while rows := _page_after(connection, last):
            connection.executemany(
                "UPDATE records SET kind = ? WHERE seq = ?", [(row[3], row[0]) for row in rows]
            )
            connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", chain.extend(rows))
            last = rows[-1][0]
        connection.execute(_INDEX)
        if connection.execute("SELECT 1 FROM info WHERE key = 'hash'").fetchone():
            write_seal(connection, chain)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return chain


def write_seal(connection: sqlite3.Connection, chain: Chain) -> None:
    """Note in `info` where the journal ends, inside the caller's transaction."""
    connection.executemany("INSERT OR REPLACE INTO info VALUES (?, ?)", chain.seal().items())


def _page_after(connection: sqlite3.Connection, last: int) -> list[Row]:
    rows = connection.execute(
        "SELECT seq, payload, about FROM records WHERE seq > ? ORDER BY seq LIMIT ?", (last, _PAGE)
    )
    return [(seq, payload, about, kind_of(decode(payload).event)) for seq, payload, about in rows]
