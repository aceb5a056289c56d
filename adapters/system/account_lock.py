"""One session per account: a file that the system keeps locked for as long as the process lives.

Nothing has to be cleaned up after a crash. What stands in the file tells who holds it. Outside
Windows, where an open file cannot be removed, its folder is locked as well: somebody who deletes
the file, or puts another in its place, lets no second session in.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import msgspec
from filelock import lock_descriptor

from adapters.system import processes
from engine.decoding import from_json

_NOTE: Final = 1
"""Where the note begins: on Windows the first byte is locked, and nobody else may read it."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds an account."""

    session: str
    pid: int
    birth: str = ""
    """When the process began, as `processes.birth_of` says; proves that `pid` is still it."""


class AccountBusy(Exception):
    """Raised when another session holds the account; `holder` is None when it did not say who."""

    def __init__(self, account: str, holder: Holder | None) -> None:
        super().__init__(account, holder)
        self.account, self.holder = account, holder

    def __str__(self) -> str:
        holder = self.holder
        who = f"session {holder.session} (process {holder.pid})" if holder else "another session"
        return f"{self.account} is in use by {who}"


class AccountLock:
    """Holds one account from `acquire` to `release`, or to the end of the process."""

    def __init__(self, folder: Path, account: str, session: str) -> None:
        """`folder` is the account's own; `account` names it in messages."""
        self.folder = folder
        self.path = folder / "session.lock"
        self._account = account
        self._session = session
        self._file: IO[bytes] | None = None
        self._opened = ExitStack()

    def acquire(self) -> None:
        """Take the account.

        Raises AccountBusy when another process, or another session of this one, has it, and
        OSError when the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            file = opened.enter_context(_opened(self.path))
            if not (
                lock_descriptor(file.fileno(), blocking=False) and _lock_folder(self.folder, opened)
            ):
                file.seek(_NOTE)
                raise AccountBusy(self._account, _noted(file.read(4096)))
            self._file, self._opened = file, opened.pop_all()
        pid = os.getpid()
        holder = Holder(session=self._session, pid=pid, birth=processes.birth_of(pid) or "")
        self._write(msgspec.json.encode(holder))

    def release(self) -> None:
        """Give the account back; nothing happens when it was never taken."""
        if self._file is not None:
            self._write(b"")
            self._file = None
            self._opened.close()

    def _write(self, note: bytes) -> None:
        if self._file is not None:
            self._file.seek(_NOTE)
            self._file.truncate()
            self._file.write(note)
            self._file.flush()


def _lock_folder(folder: Path, opened: ExitStack) -> bool:
    """Whether nobody else has the folder, which `opened` then keeps."""
    if sys.platform == "win32":
        return True
    descriptor = os.open(folder, os.O_RDONLY)
    opened.callback(os.close, descriptor)
    return lock_descriptor(descriptor, blocking=False)


def _opened(path: Path) -> IO[bytes]:
    """The file, made if it is not there. Raises OSError for anything else in its place."""
    # Opened without truncating: what stands there may be another's. A pipe must not hold us up.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "r+b")


def _noted(content: bytes) -> Holder | None:
    """What the holder wrote; None while it is just writing it, or for what somebody else wrote."""
    try:
        return from_json(content, Holder)
    except msgspec.DecodeError:
        return None
