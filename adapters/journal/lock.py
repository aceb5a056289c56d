"""One writer at a time: a lock beside the journal that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from engine.journal import JournalFailed

IN_USE = "another process is writing to it; wait until that session has ended"


class JournalLock:
    """The right to write to a journal, from its creation to `release`.

    The file of the lock says nothing by being there: a process that was killed leaves it behind.
    """

    def __init__(self, journal: Path) -> None:
        """Raises JournalFailed when another writer has the journal, OSError without a file."""
        self._path = journal.with_name(f"{journal.name}-lock")
        while (file := self._locked(journal)) is None:
            pass
        self._file = file

    def _locked(self, journal: Path) -> IO[bytes] | None:
        """The lock's file; None when its holder took it away before we had it."""
        file = self._path.open("ab")
        if not lock_descriptor(file.fileno(), blocking=False):
            file.close()
            raise JournalFailed(f"{journal}: {IN_USE}")
        if _is_at(file, self._path):
            return file
        file.close()
        return None

    def release(self) -> None:
        """Give the right back; the lock's file goes with it."""
        if sys.platform == "win32":
            self._file.close()
            with contextlib.suppress(OSError):  # the next writer has it open already
                self._path.unlink(missing_ok=True)
        else:
            self._path.unlink(missing_ok=True)
            self._file.close()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
