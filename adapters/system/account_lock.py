"""One session per account: a file that the system keeps locked for as long as the process lives.

Nothing has to be cleaned up after a crash. What stands in the file tells who holds it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

import msgspec

from adapters.system import processes
from adapters.system.json_bytes import decoded

_LOCKED_BYTE: Final = 1 << 30
"""Far behind the note: on Windows nobody else may read a byte that is locked."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds an account."""

    session: str
    pid: int
    birth: str = ""
    """When the process began, as `processes.birth_of` says; proves that `pid` is still it."""


class AccountBusy(Exception):
    """Raised when another session holds the account; `holder` is None when it did not say who."""

    def __init__(self, account: str, holder: Holder | None) -> None:
        who = f"session {holder.session} (process {holder.pid})" if holder else "another session"
        super().__init__(f"{account} is in use by {who}")
        self.holder = holder


class AccountLock:
    """Holds one account from `acquire` to `release`, or to the end of the process."""

    def __init__(self, folder: Path, account: str, session: str) -> None:
        """`folder` is the account's own; `account` names it in messages."""
        self.folder = folder
        self._path = folder / "session.lock"
        self._account = account
        self._session = session
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the account.

        Raises AccountBusy when another process, or another session of this one, has it, and
        OSError when the folder cannot be written to.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Opened without truncating: what stands there may be another's.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        file = os.fdopen(descriptor, "r+b")
        file.seek(_LOCKED_BYTE)
        if not processes.lock(file):
            file.seek(0)
            holder = _noted(file.read(4096))
            file.close()
            raise AccountBusy(self._account, holder)
        self._file = file
        pid = os.getpid()
        holder = Holder(session=self._session, pid=pid, birth=processes.birth_of(pid) or "")
        self._write(msgspec.json.encode(holder))

    def release(self) -> None:
        """Give the account back; nothing happens when it was never taken."""
        if self._file is not None:
            self._write(b"")
            self._file.close()
            self._file = None

    def _write(self, note: bytes) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(note)
            self._file.flush()


def _noted(content: bytes) -> Holder | None:
    """What the holder wrote; None while it is just writing it, or for what somebody else wrote."""
    try:
        return decoded(content, Holder)
    except msgspec.DecodeError:
        return None
