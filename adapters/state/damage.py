"""A damaged store: moved out of the way, after what still can be read of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from adapters.state.errors import StateFailed
from adapters.state.store import FILE


def session_folders(folder: Path) -> list[str]:
    """The folders of the sessions that a damaged file still names, as far as it can be read."""
    found: list[str] = []
    with contextlib.suppress(sqlite3.Error, OSError, UnicodeDecodeError):
        uri = f"{(folder / FILE).resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            for (name,) in connection.execute("SELECT folder FROM sessions"):
                found.append(str(name))
    return found


def set_aside(folder: Path, stamp: str) -> Path | None:
    """Move a damaged file out of the way, with its companions; returns where it went.

    `stamp` tells one such file from another, such as a date. None where there is no file.
    Raises StateFailed.
    """
    path = folder / FILE
    target = folder / f"{FILE}.damaged-{stamp}"
    try:
        for suffix in ("-wal", "-shm"):
            companion = folder / f"{FILE}{suffix}"
            if companion.exists():
                companion.replace(folder / f"{target.name}{suffix}")
        if not path.exists():
            return None
        path.replace(target)
    except OSError as error:
        raise StateFailed(path, f"cannot be moved away ({error}); end who uses it") from error
    return target
