"""A journal that was spoilt on disk: one error that names the file and the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.journal import SCHEMA_VERSION, StoredJournal
from engine.journal import JournalDamaged
from tests.journals import RECORDS, read_back, spoil, stored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in good order."""

    return asyncio.run(stored(tmp_path / "journal.sqlite"))


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


NEWER = SCHEMA_VERSION + 1
CHANGED = "UPDATE records SET payload = CAST(replace(payload, 'tag', 'gat') AS BLOB) WHERE seq = 2"
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
    "newer version": (_by(f"PRAGMA user_version = {NEWER}"), f"version {NEWER}, .* newer program"),
    "no version": (_by("PRAGMA user_version = 0"), "schema version 0"),
    "no table": (_by("DROP TABLE records"), "no such table: records"),
    "not a database": (_with(b"this is no database at all"), "not a readable journal"),
    "empty file": (_with(b""), "is empty: its session ended before its first record"),
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
    spoil(path, CHANGED)
    with closing(StoredJournal(path)) as back:
        assert back.hexdigest() != back.sealed_hash()
