"""A journal that was spoilt on disk: one error that names the file and the record."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.journal_sqlite import SCHEMA_VERSION, SqliteJournal, StoredJournal
from engine import events as ev
from engine.journal import JournalDamaged
from tests.builders import ONE_OF_EACH

RECORDS = [ev.Record(seq, seq, None, event) for seq, event in enumerate(ONE_OF_EACH, start=1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in good order."""

    async def write() -> None:
        journal = SqliteJournal(tmp_path / "journal.sqlite", power_safe=False)
        for item in RECORDS:
            journal.append(item)
        await journal.close()

    asyncio.run(write())
    return tmp_path / "journal.sqlite"


def spoil(path: Path, statement: str) -> None:
    """Do to the journal what no session does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def read_back(path: Path) -> list[ev.Record]:
    with closing(StoredJournal(path)) as journal:
        return list(journal.records())


def _by(statement: str) -> Callable[[Path], None]:
    return lambda path: spoil(path, statement)


def _with(content: bytes) -> Callable[[Path], None]:
    def overwrite(path: Path) -> None:
        path.write_bytes(content)

    return overwrite


def _half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing record": (_by("DELETE FROM records WHERE seq = 2"), "record 2 is missing"),
    "missing first record": (_by("DELETE FROM records WHERE seq = 1"), "record 1 is missing"),
    "damaged payload": (
        _by("UPDATE records SET payload = substr(payload, 1, 20) WHERE seq = 3"),
        "not a journal record",
    ),
    "payload that is no text": (
        _by("UPDATE records SET payload = X'5B22FF225D' WHERE seq = 3"),
        "not a journal record",
    ),
    "payload that is no bytes": (
        _by("UPDATE records SET payload = 5 WHERE seq = 3"),
        "not a journal record",
    ),
    "damaged about": (_by("UPDATE records SET about = X'7B' WHERE seq = 3"), "not a journal"),
    "other version": (_by(f"PRAGMA user_version = {SCHEMA_VERSION + 1}"), "schema version 2"),
    "no version": (_by("PRAGMA user_version = 0"), "schema version 0"),
    "no table": (_by("DROP TABLE records"), "no such table: records"),
    "not a database": (_with(b"this is no database at all"), "not a readable journal"),
    "empty file": (_with(b""), "schema version 0"),
    "cut off": (_half, "malformed"),
    "no file": (Path.unlink, "there is no journal here"),
    "a folder": (_folder, "there is no journal here"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_damage_is_one_error_that_names_the_file(path: Path, kind: str) -> None:
    damage, message = DAMAGE[kind]
    damage(path)
    with pytest.raises(JournalDamaged, match=message) as caught:
        read_back(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["damaged payload", "damaged about"])
def test_the_error_of_a_damaged_record_names_the_record(path: Path, kind: str) -> None:
    DAMAGE[kind][0](path)
    with pytest.raises(JournalDamaged, match=r"record 3\b"):
        read_back(path)


def test_a_journal_without_its_table_of_seals_is_damaged_too(path: Path) -> None:
    spoil(path, "DROP TABLE info")
    with (
        closing(StoredJournal(path)) as back,
        pytest.raises(JournalDamaged, match="no such table: info") as caught,
    ):
        back.sealed_hash()
    assert str(path) in str(caught.value)


def test_records_before_the_damage_are_still_given(path: Path) -> None:
    spoil(path, "DELETE FROM records WHERE seq = 5")
    with closing(StoredJournal(path)) as back:
        records = back.records()
        assert [next(records) for _ in range(4)] == RECORDS[:4]


def test_a_changed_record_no_longer_fits_the_seal(path: Path) -> None:
    with closing(StoredJournal(path)) as back:
        assert back.hexdigest() == back.sealed_hash()
    spoil(path, "UPDATE records SET payload = replace(payload, 'tag', 'gat') WHERE seq = 2")
    with closing(StoredJournal(path)) as back:
        assert back.hexdigest() != back.sealed_hash()
