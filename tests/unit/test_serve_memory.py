"""What the page does many times a second leaves Python's table of interned names as it is.

A name that is interned and dropped again wears that table out; it is then made anew, twice as large
or beside itself, and the server's memory grows by megabytes in a step.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

pytest.importorskip("plotly")

from adapters.services.control_wire import write_access
from scripts.app.web import follower
from scripts.app.web.catalog import Catalog
from scripts.app.web.folders import SessionFolders
from scripts.app.web.health import signs_of
from tests.unit.test_serve_catalog import session


class Interned:
    """Every name that is interned, as bytes: kept as text, it would stay alive."""

    def __init__(self) -> None:
        self.intern = sys.intern
        self.names: set[bytes] = set()

    def __call__(self, name: str) -> str:
        self.names.add(name.encode())
        return self.intern(name)

    def dropped(self) -> list[str]:
        """Those that nobody keeps: interning one of them makes a new entry."""
        gc.collect()
        # A single character is always the same one.
        fresh = [name.decode() for name in sorted(self.names) if len(name) > 1]
        return [name for name in fresh if self.intern(name) is name]


def test_looks_at_a_session_and_at_folders_intern_nothing_that_they_drop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "_RECHECK_SECONDS", 0.0)
    folder = session(tmp_path, "session-of-this-test")
    write_access(folder, 1, "token")
    study = tmp_path / "odds" / "study-of-this-test"
    study.mkdir(parents=True)
    (study / "page-of-this-test.html").write_text("")
    reader, catalog, folders = (
        follower.Follower(folder), Catalog([tmp_path]), SessionFolders([tmp_path]),
    )  # fmt: skip

    def look() -> None:
        assert signs_of(folder).process is not None
        reader.read()
        assert len(folders.looks()) == len(catalog.sessions()) == len(catalog.studies()) == 1

    look()
    interned = Interned()
    monkeypatch.setattr(sys, "intern", interned)
    look()
    assert interned.dropped() == []
    assert interned.names
