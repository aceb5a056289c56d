"""Which sessions a page lists, and how it finds them again cheaply."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

pytest.importorskip("plotly")

from adapters.journal.store import Store
from engine.journal import row_of
from scripts.app.web import catalog
from scripts.app.web.catalog import Catalog
from tests.reruns import recorded


def session(results: Path, name: str, *, records: int = 5, beats: bool = True) -> Path:
    folder = results / "sessions" / name
    folder.mkdir(parents=True)
    store = Store.create(folder / "journal.sqlite", power_safe=False)
    store.write([row_of(record) for record in recorded(2)[:records]])
    store.close()
    if beats:
        (folder / "heartbeat.json").write_text("{}")
    return folder


def test_sessions_of_every_folder_are_found_the_newest_first(tmp_path: Path) -> None:
    for place, names in (("a", ("s-1", "s-2")), ("b", ("s-1",))):
        for name in names:
            session(tmp_path / place, name, beats=name == "s-1")
    found = Catalog([tmp_path / "a", tmp_path / "b", tmp_path / "nothing"]).sessions()
    assert {entry.key for entry in found} == {(0, "s-1"), (0, "s-2"), (1, "s-1")}
    assert [entry.written for entry in found] == sorted(
        (entry.written for entry in found), reverse=True
    )
    assert {entry.key for entry in found if entry.live} == {(0, "s-1"), (1, "s-1")}
    assert not any(entry.sealed for entry in found)


@pytest.mark.parametrize("content", [b"", b"not a journal", None])
def test_what_is_no_journal_is_left_out_and_found_when_it_becomes_one(
    tmp_path: Path, content: bytes | None
) -> None:
    """A session that is just being made, a damaged file, an empty folder."""
    folder = tmp_path / "sessions" / "s-1"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "journal.sqlite").write_bytes(content)
    known = Catalog([tmp_path])
    assert known.sessions() == []
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    session(tmp_path, "s-1")
    assert [entry.session for entry in known.sessions()] == ["s-1"]


def test_what_was_not_written_to_is_not_read_again(tmp_path: Path) -> None:
    session(tmp_path, "s-1")
    known = Catalog([tmp_path])
    first = known.sessions()
    with patch.object(catalog, "_read", side_effect=AssertionError("it was read again")):
        assert known.sessions() == first


def test_only_so_many_are_listed(tmp_path: Path) -> None:
    for number in range(6):
        session(tmp_path, f"s-{number}", records=1)
    with patch.object(catalog, "MOST", 4):
        found = Catalog([tmp_path]).sessions()
    assert len(found) == 4


def test_a_name_stands_safely_in_an_address(tmp_path: Path) -> None:
    session(tmp_path, "a b#c?%2f")
    (entry,) = Catalog([tmp_path]).sessions()
    assert entry.path == "0/a%20b%23c%3F%252f"
