"""The client's side of a session's control server; safe against a session that is gone."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from adapters.services.control_wire import (
    FILE_NAME,
    LONGEST_REPLY,
    LOOPBACK,
    ControlAccess,
    ControlReply,
    ControlRequest,
    read_access,
)
from adapters.system.json_bytes import decoded

_SECONDS = 10.0


class NotRunning(Exception):
    """Raised when there is no live session behind a folder; its text says how that shows."""


class NotAnswering(Exception):
    """Raised when the session's process lives and its loop does not answer in time."""


def live_access(folder: Path) -> ControlAccess:
    """How to reach the session of `folder`; raises NotRunning when its process is gone."""
    try:
        access = read_access(folder)
    except msgspec.DecodeError as error:
        raise NotRunning(f"{folder / FILE_NAME} is damaged") from error
    except OSError as error:
        raise NotRunning(f"{folder / FILE_NAME} cannot be read ({error.strerror})") from error
    if access is None:
        raise NotRunning("it takes no orders")
    if not access.alive:
        raise NotRunning(f"its process {access.pid} is gone")
    return access


def ask(folder: Path, request: ControlRequest, *, seconds: float = _SECONDS) -> ControlReply:
    """Ask the session of `folder`.

    Raises NotRunning when it is gone and NotAnswering when it does not answer within `seconds`.
    """
    access = live_access(folder)
    try:
        with socket.create_connection((LOOPBACK, access.port), timeout=seconds) as sock:
            sock.sendall(f"{access.token}\n".encode() + msgspec.json.encode(request) + b"\n")
            line = _line(sock)
    except TimeoutError as error:
        raise NotAnswering(f"process {access.pid} does not answer within {seconds:g} s") from error
    except OSError as error:
        # Refused, or reset by a server that closed without reading on: not our session's.
        raise NotRunning("its port or token is refused") from error
    if not line.endswith(b"\n"):
        raise NotRunning("its token is refused")
    try:
        return decoded(line, ControlReply)
    except msgspec.DecodeError as error:
        raise NotRunning(f"what answers at its port is not a session ({error})") from error


def _line(sock: socket.socket) -> bytes:
    """What comes up to the first line end, or up to the end of the connection."""
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= LONGEST_REPLY:
        if not (part := sock.recv(65_536)):
            break
        received += part
    return bytes(received)
