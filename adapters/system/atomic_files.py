"""Writing result files so that nobody ever reads half of one, and nothing is lost to a lock."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import anyio

from adapters.system.threads import in_daemon

_ATTEMPTS = 4
_PAUSE_SECONDS = 0.25


def replace_file(path: Path, content: bytes, *, owner_only: bool = False) -> None:
    """Write `content` to `path` in one step; raises OSError and leaves the old file when it cannot.

    A spreadsheet program that has `path` open on Windows makes this a PermissionError. With
    `owner_only` nobody else may read it at any time (on Windows: as the folder's rights say).
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        if owner_only:
            draft.unlink(missing_ok=True)  # a leftover would keep its own, wider rights
        with open(draft, "wb", opener=_private if owner_only else None) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


async def publish_file(
    path: Path, content: bytes, *, tag: str, warn: Callable[[str], None]
) -> Path:
    """Write `content` to `path`; while another program locks it, to a sibling named with `tag`.

    Returns the path that was written. Raises OSError when the sibling cannot be written either.
    """
    for attempt in range(_ATTEMPTS):
        try:
            await in_daemon(lambda: replace_file(path, content))
        except PermissionError:
            if attempt + 1 < _ATTEMPTS:
                await anyio.sleep(_PAUSE_SECONDS)
        else:
            return path
    sibling = path.with_name(f"{path.stem}.{tag}{path.suffix}")
    await in_daemon(lambda: replace_file(sibling, content))
    warn(f"{path} is locked by another program: this run's content is in {sibling.name}")
    return sibling
