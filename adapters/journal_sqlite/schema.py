"""The tables of a journal file, the versions they had, and the step from each to the next.

Version 1 had only `seq`, `payload` and `about`, and a seal with the journal hash. Version 2 added
the kind of each record and the chained blocks. Version 3 adds checkpoints; its blocks cover their
own payloads only and its journal hash goes by pages, so that neither needs what lies before. In
version 4 a row may hold a run of records (`runs`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.journal_sqlite.chain import CHECKPOINTED, Chain, add_block
from adapters.journal_sqlite.kinds import NOT_FREQUENT
from engine.journal import JournalDamaged, decode, kind_of

SCHEMA_VERSION = 4
FIRST_VERSION = 1
RUNS_SINCE = 4

_RECORDS = "CREATE TABLE records (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB"
_KIND = "kind TEXT NOT NULL DEFAULT ''"
_INFO = "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_BLOCKS = (
    "CREATE TABLE blocks (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, sha256 BLOB NOT NULL)"
)


_CHECKPOINTS = (
    "CREATE TABLE checkpoints (last INTEGER PRIMARY KEY, journal BLOB NOT NULL, rare BLOB NOT NULL)"
)
_INDEX = f"CREATE INDEX by_kind ON records (kind) WHERE {NOT_FREQUENT}"


_PAGE = 4096


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
        for statement in (f"{_RECORDS}, {_KIND})", _INFO, _BLOCKS, _CHECKPOINTS, _INDEX):
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


def migrate(connection: sqlite3.Connection, version: int, chain: Chain) -> Chain:
    """Bring a whole file of an older version, with that `chain`, to today's in one commit.

    Returns its chain from then on. What version 3 wrote is as it would be written today.
    """
    with transaction(connection):
        if version == FIRST_VERSION:
            _name_kinds(connection)
            connection.execute(_BLOCKS)
        if version < CHECKPOINTED:
            chain = _chain_anew(connection)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return chain


def _chain_anew(connection: sqlite3.Connection) -> Chain:
    """What version 3 changed: blocks, checkpoints, and the seal if there is one."""
    connection.execute("DELETE FROM blocks")
    connection.execute(_CHECKPOINTS)
    chain = Chain()
    for rows in _pages(connection, "seq, payload, about, kind"):
        for part in chain.parts(rows):
            add_block(connection, chain, part)
    if connection.execute("SELECT 1 FROM info WHERE key = 'hash'").fetchone():
        write_seal(connection, chain)
    return chain


def _name_kinds(connection: sqlite3.Connection) -> None:
    """What version 2 added to each record."""
    connection.execute(f"ALTER TABLE records ADD COLUMN {_KIND}")
    for rows in _pages(connection, "seq, payload"):
        named = [(kind_of(decode(payload).event), seq) for seq, payload in rows]
        connection.executemany("UPDATE records SET kind = ? WHERE seq = ?", named)
    connection.execute(_INDEX)


def write_seal(connection: sqlite3.Connection, chain: Chain) -> None:
    """Note in `info` where the journal ends, inside the caller's transaction."""
    connection.executemany("INSERT OR REPLACE INTO info VALUES (?, ?)", chain.seal().items())


def _pages(connection: sqlite3.Connection, columns: str) -> Iterator[list[Any]]:
    """All records in order, a page at a time; what is read may be changed meanwhile."""
    last = 0
    # The names of columns are our own.
    query = f"SELECT {columns} FROM records WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    while rows := connection.execute(query, (last, _PAGE)).fetchall():
        yield rows
        last = rows[-1][0]
