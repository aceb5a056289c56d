"""The tables of a journal file and the version that they are of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.journal.chain import Chain
from adapters.journal.kinds import NOT_FREQUENT
from engine.journal import JournalDamaged

SCHEMA_VERSION = 5
"""Files of versions 1 to 4 were written before the first release and are not read."""

_RECORDS = (
    "CREATE TABLE records "
    "(seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, about BLOB, kind TEXT NOT NULL)"
)
_INFO = "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_BLOCKS = (
    "CREATE TABLE blocks (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, sha256 BLOB NOT NULL)"
)
_CHECKPOINTS = (
    "CREATE TABLE checkpoints (last INTEGER PRIMARY KEY, journal BLOB NOT NULL, "
    "read_back BLOB NOT NULL, frequent BLOB NOT NULL, about BLOB NOT NULL)"
)
_INDEX = f"CREATE INDEX by_kind ON records (kind) WHERE {NOT_FREQUENT}"


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
        for statement in (_RECORDS, _INFO, _BLOCKS, _CHECKPOINTS, _INDEX):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's tables; raises JournalDamaged when this program cannot know them."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise JournalDamaged(
            f"schema version {version}, this program reads {SCHEMA_VERSION}: "
            "use the newer program that wrote it"
        )
    if version == SCHEMA_VERSION:
        return version
    if version > 0:
        raise JournalDamaged(
            f"schema version {version} is from before the first release, this program reads "
            f"{SCHEMA_VERSION}: run the session again, or read it with the program that wrote it"
        )
    if not _has_tables(connection):
        raise JournalDamaged("it is empty: its session ended before its first record was kept")
    raise JournalDamaged(f"schema version {version}: this is no journal")


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def write_seal(connection: sqlite3.Connection, chain: Chain) -> None:
    """Note in `info` where the journal ends, inside the caller's transaction."""
    connection.executemany("INSERT OR REPLACE INTO info VALUES (?, ?)", chain.seal().items())
