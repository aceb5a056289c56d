"""What a session's control server and its clients say to each other.

A connection carries one request: the token and a line end, one line of JSON, and one line of JSON
back. The token is compared before anything is decoded.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

import msgspec

from adapters.reports.status import Status
from adapters.system import processes
from adapters.system.atomic_files import replace_file
from adapters.system.small_files import small_file
from engine.decoding import from_json

LOOPBACK: Final = "127.0.0.1"
TOKEN_BYTES: Final = 32
TOKEN_LINE: Final = 2 * TOKEN_BYTES + 1
LONGEST_REQUEST: Final = 4096
LONGEST_REPLY: Final = 4 * 1024 * 1024
LONGEST_REASON: Final = 200
LONGEST_ORIGIN: Final = 64
# Interned, as the parts of paths are: looked for again and again, the name is not made anew.
FILE_NAME: Final = sys.intern("control.json")

Action = Literal["status", "pause", "resume", "flatten", "stop"]


class ControlRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user wants of the session, why, and by which way (`cli`, a page's viewer)."""

    action: Action
    reason: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)] = ""
    origin: Annotated[str, msgspec.Meta(max_length=LONGEST_ORIGIN)] = ""


class ControlReply(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it was done, in a sentence, and how the session stands after it."""

    done: bool
    text: str
    status: Status | None = None


class Commands(Protocol):
    """What a session can be asked to do; called on the loop's thread, must not wait."""

    def status(self) -> ControlReply: ...

    def pause(self, reason: str, origin: str) -> ControlReply: ...

    def resume(self, reason: str, origin: str) -> ControlReply: ...

    def flatten(self, reason: str, origin: str) -> ControlReply: ...

    def stop(self, reason: str, origin: str) -> ControlReply: ...


class ControlAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a session's control server: what its owner-only file holds."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    token: str
    pid: Annotated[int, msgspec.Meta(ge=1)]
    birth: str

    def __repr__(self) -> str:
        return f"Access(port={self.port}, pid={self.pid})"

    @property
    def alive(self) -> bool:
        """Whether the very process that wrote this still runs."""
        return processes.birth_of(self.pid) == self.birth


def write_access(folder: Path, port: int, token: str) -> Path:
    """Write down how to reach this process's server; the file is readable by its owner alone.

    On Windows it has the rights of the folder that it is in.
    """
    path = folder / FILE_NAME
    access = ControlAccess(
        port=port, token=token, pid=os.getpid(), birth=processes.birth_of(os.getpid()) or ""
    )
    replace_file(path, msgspec.json.encode(access), owner_only=True)
    return path


def is_access(folder: Path, port: int, token: str) -> bool:
    """Whether `folder` still has what this process wrote there."""
    try:
        found = read_access(folder)
    except (msgspec.DecodeError, OSError):
        return False
    return found is not None and (found.port, found.token) == (port, token)


def read_access(folder: Path) -> ControlAccess | None:
    """What `write_access` wrote; None when there is nothing (the session is over).

    Raises msgspec.DecodeError for another file, OSError when it may not be read.
    """
    try:
        content = small_file(folder / FILE_NAME)
    except FileNotFoundError:
        return None
    return from_json(content, ControlAccess)
