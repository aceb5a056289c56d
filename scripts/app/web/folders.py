"""The folders of sessions, looked at again and again: thousands of them cost next to nothing.

What a session writes shows in its folder's own time: its journal's log, its heartbeat and its way
of control are made there anew and taken away. A folder without such a log whose time is an old one
is as it was.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from adapters.services.control_wire import FILE_NAME as CONTROL
from scripts.app.session_folder import HEARTBEAT, JOURNAL

_LOG: Final = f"{JOURNAL}-wal"
_SETTLED_NS: Final = 5_000_000_000
"""A folder's time that is as young as this may stand for a change after it, too."""


class FolderLook(NamedTuple):
    """A session's folder: when its journal was written to (ns), and what stands beside it.

    `live`: it has, or had, the services of a long session. `held`: it runs, or was cut off.
    """

    place: int
    folder: Path
    written: int
    live: bool
    held: bool


class SessionFolders:
    """Looks at every session's folder; `problems` are what could not be looked at, in words."""

    def __init__(self, places: list[Path]) -> None:
        self._places = places
        self._settled: dict[str, tuple[int, FolderLook | None]] = {}
        self.problems: list[str] = []

    def looks(self) -> list[FolderLook]:
        """What there is now, in no order; raises OSError when nobody can tell."""
        self.problems = []
        known, self._settled = self._settled, {}
        found: list[FolderLook] = []
        for place, results in enumerate(self._places):
            for path in self._folders(results / "sessions"):
                look = self._look(place, path, known)
                if look is not None:
                    found.append(look)
        return found

    def _folders(self, parent: Path) -> Iterator[str]:
        try:
            with os.scandir(parent) as entries:
                yield from (entry.path for entry in entries if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return  # it is not there, or not yet
        except PermissionError as error:
            self._failed(parent, error)

    def _failed(self, path: Path | str, error: PermissionError) -> None:
        self.problems.append(f"{path} cannot be read ({error.strerror or error})")

    def _look(
        self, place: int, path: str, known: dict[str, tuple[int, FolderLook | None]]
    ) -> FolderLook | None:
        try:
            changed = os.stat(path).st_mtime_ns  # noqa: PTH116 - thousands at a time
            settled = known.get(path)
            if settled is None or settled[0] != changed:
                found, quiet = _looked(place, path)
                if not quiet or time.time_ns() - changed < _SETTLED_NS:
                    return found
                settled = changed, found
        except FileNotFoundError:
            return None  # taken away meanwhile
        except PermissionError as error:
            self._failed(path, error)
            return None
        self._settled[path] = settled
        return settled[1]


def _looked(place: int, path: str) -> tuple[FolderLook | None, bool]:
    """The folder, None without a journal; and whether no log of one stands beside it."""
    log = _stat(f"{path}/{_LOG}")
    written = max(map(_written, (_stat(f"{path}/{JOURNAL}"), log)))
    if not written:
        return None, log is None
    live, held = (_stat(f"{path}/{name}") is not None for name in (HEARTBEAT, CONTROL))
    return FolderLook(place, Path(path), written, live, held), log is None


def _stat(file: str) -> os.stat_result | None:
    try:
        found = os.stat(file)  # noqa: PTH116
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _written(found: os.stat_result | None) -> int:
    """An empty log is what a reader leaves who opens a journal that was cut off."""
    return found.st_mtime_ns if found is not None and found.st_size else 0
