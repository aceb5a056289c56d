"""The tables of an account's state, version by version."""

from __future__ import annotations

import sqlite3

APPLICATION = 0x42544C52
"""Marks the file as an account's ledger ("BTLR")."""

VERSION = 3

TABLES = """
CREATE TABLE account (login INTEGER NOT NULL, server TEXT NOT NULL);
CREATE TABLE deals (
    ticket INTEGER PRIMARY KEY, time_msc INTEGER NOT NULL, first_seen INTEGER NOT NULL,
    fields BLOB NOT NULL
);
CREATE TABLE orders (
    ticket INTEGER PRIMARY KEY, time_msc INTEGER NOT NULL, first_seen INTEGER NOT NULL,
    fields BLOB NOT NULL
);
CREATE TABLE figures (
    at INTEGER NOT NULL, balance INTEGER NOT NULL, equity INTEGER NOT NULL, session TEXT NOT NULL,
    PRIMARY KEY (at, session)
);
CREATE TABLE requests (
    session TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, seq)
);
CREATE TABLE approvals (
    session TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, signal TEXT NOT NULL,
    symbol TEXT NOT NULL DEFAULT '', PRIMARY KEY (session, seq)
);
CREATE TABLE halts (
    cause TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, session TEXT NOT NULL,
    released INTEGER, reason TEXT, PRIMARY KEY (cause, since)
);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL, tag INTEGER NOT NULL UNIQUE, mode TEXT NOT NULL,
    dry INTEGER NOT NULL, terms TEXT NOT NULL, started INTEGER NOT NULL, beat INTEGER NOT NULL,
    ended INTEGER, how TEXT
);
CREATE TABLE watched (
    session TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, PRIMARY KEY (session, low)
);
CREATE TABLE resumes (session TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE openings (since INTEGER PRIMARY KEY, opening INTEGER NOT NULL);
CREATE TABLE clock (since INTEGER PRIMARY KEY, rule TEXT NOT NULL);
CREATE TABLE baseline (
    at INTEGER PRIMARY KEY, amount INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE told (line TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX deals_by_time ON deals (time_msc);
CREATE INDEX requests_by_time ON requests (at);
CREATE INDEX approvals_by_time ON approvals (at);
"""


CHANGES = {
    1: "ALTER TABLE approvals ADD COLUMN symbol TEXT NOT NULL DEFAULT '';"
    "DROP TABLE day_starts;DROP TABLE cool_down;",
    2: "CREATE TABLE told (line TEXT NOT NULL, at INTEGER NOT NULL);",
}
"""What brings a file of each version to the next one."""


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file of an older version up to date, in one transaction."""
    steps = "".join(CHANGES[number] for number in range(version, VERSION))
    connection.executescript(f"BEGIN IMMEDIATE;{steps}PRAGMA user_version={VERSION};COMMIT;")


def create(connection: sqlite3.Connection, login: int, server: str) -> None:
    """Make the tables in one transaction: a crash leaves an empty file, never half of them."""
    connection.executescript(
        f"BEGIN IMMEDIATE;{TABLES}PRAGMA application_id={APPLICATION};"
        f"PRAGMA user_version={VERSION};COMMIT;"
    )
    with connection:
        connection.execute("INSERT INTO account VALUES (?, ?)", (login, server))
