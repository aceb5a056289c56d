"""Which sessions a page lists, and how it finds them again cheaply."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest

pytest.importorskip("plotly")

from adapters.journal.store import Store
from engine.journal import row_of
from scripts.app.web import catalog, folders
from scripts.app.web.catalog import Catalog
from scripts.app.web.folders import SessionFolders
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


def test_a_session_that_has_long_said_nothing_is_listed_beside_any_number_of_others(
    tmp_path: Path,
) -> None:
    """A mute session writes nothing, while replays and other accounts go on writing."""
    mute = session(tmp_path, "mute", records=1)
    (mute / "control.json").write_text("{}")
    ended = session(tmp_path, "ended", records=1)
    for number, folder in enumerate((mute, ended)):
        os.utime(folder / "journal.sqlite", (1_700_000_000 + number,) * 2)
    for number in range(6):
        session(tmp_path, f"replay-{number}", records=1, beats=False)
    with patch.object(catalog, "MOST", 2):
        names = [entry.session for entry in Catalog([tmp_path]).sessions()]
    assert names[2:] == ["ended", "mute"]
    assert len(names) == 4


def test_a_session_that_cannot_be_read_is_said_and_read_once_it_can_be(tmp_path: Path) -> None:
    """A damaged journal, and a folder that is none; one made just now is not yet spoken of."""
    journal = session(tmp_path / "a", "s-1") / "journal.sqlite"
    whole = journal.read_bytes()
    journal.write_bytes(b"not a journal")
    known = Catalog([tmp_path / "a"])
    assert known.sessions() == []
    assert known.problems == ()
    os.utime(journal, (1_700_000_000,) * 2)
    known = Catalog([tmp_path / "a"])
    assert known.sessions() == []
    assert [str(journal) in said for said in known.problems] == [True]
    journal.write_bytes(whole)
    assert [entry.session for entry in known.sessions()] == ["s-1"]
    assert not known.problems


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything may be read by this user"
)
def test_folders_that_may_not_be_read_are_said(tmp_path: Path) -> None:
    """Of another user: the folder of all sessions, one session's folder, one journal."""
    folder = session(tmp_path / "a", "s-1")
    session(tmp_path / "a", "s-2")
    whole = tmp_path / "a" / "sessions"
    for closed in (folder, whole):
        closed.chmod(0)
        try:
            known = Catalog([tmp_path / "a"])
            found = [entry.session for entry in known.sessions()]
        finally:
            closed.chmod(0o700)
        assert found == (["s-2"] if closed is folder else [])
        assert known.problems == (f"{closed} cannot be read (Permission denied)",)


def test_a_folder_is_looked_at_again_when_something_in_it_changed(tmp_path: Path) -> None:
    """Folders at rest are not looked into; one that a session goes on in is."""
    folder = session(tmp_path, "s-1")
    for item in (folder, folder / "journal.sqlite"):
        os.utime(item, (1_700_000_000,) * 2)
    looked = SessionFolders([tmp_path])
    (first,) = looked.looks()
    with patch.object(folders, "_looked", side_effect=AssertionError("it was looked into")):
        assert looked.looks() == [first]
    (folder / "control.json").write_text("{}")
    (folder / "journal.sqlite-wal").write_bytes(b"more")
    (second,) = looked.looks()
    assert second.held
    assert second.written > first.written
