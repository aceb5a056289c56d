"""Small files of a session's folder, read so that nothing in their place holds the reader up."""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 16
"""Bytes; heartbeats, notes and the like have some hundred."""


def small_file(path: Path, largest: int = LARGEST) -> bytes:
    """What is in `path`; raises OSError for what is no regular file, or one that is too large.

    A pipe would never end, and a file of gigabytes would take the reader's memory.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it has more than {largest} bytes", str(path))
    return content
