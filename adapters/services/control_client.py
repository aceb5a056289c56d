"""The one client of a session's control server: what commands use, and a page may.

It is safe against a session that is gone, is busy or hangs, and against anything else that answers.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Final

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
from adapters.services.heartbeat import read_beat
from adapters.system import processes
from engine.decoding import from_json

_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.2
_HEARTBEAT: Final = "heartbeat.json"


class NotRunning(Exception):
    """Raised when there is no live session behind a folder; its text says how that shows."""


class NotAnswering(Exception):
    """Raised when the session's process lives and does not answer in time."""


class Busy(NotAnswering):
    """Raised when it does not answer although its heartbeat shows that its loop turns."""


class Mute(NotAnswering):
    """Raised when it does not answer and its heartbeat has stopped."""


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


def shows_life(folder: Path) -> bool:
    """Whether a session of `folder` lives, by its access file or, without a good one, its beats."""
    try:
        live_access(folder)
    except NotRunning:
        return _living(folder, "") is not None
    return True


def ask(folder: Path, request: ControlRequest, *, seconds: float = _SECONDS) -> ControlReply:
    """Ask the session of `folder`, again and again while it is busy.

    Raises NotRunning when it is gone, and Busy, Mute or NotAnswering when it does not answer within
    `seconds`, which bound everything: a peer that drips cannot draw it out.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return _asked(folder, request, until)
        except TimeoutError as error:
            raise _silent(folder, f"does not answer within {seconds:g} s") from error
        except NotRunning as error:
            # A living session may let nobody in for a moment, or just start its server again.
            if (silent := _living(folder, str(error))) is None:
                raise
            if time.monotonic() + _AGAIN_SECONDS >= until:
                raise silent from error
            time.sleep(_AGAIN_SECONDS)


def _asked(folder: Path, request: ControlRequest, until: float) -> ControlReply:
    access = live_access(folder)
    try:
        with socket.create_connection((LOOPBACK, access.port), timeout=_left(until)) as sock:
            sock.sendall(f"{access.token}\n".encode() + msgspec.json.encode(request) + b"\n")
            line = _line(sock, until)
    except TimeoutError:
        raise
    except OSError as error:
        # Refused, or reset by a server that closed without reading on: not our session's.
        raise NotRunning("its port or token is refused") from error
    if not line.endswith(b"\n"):
        raise NotRunning("its token is refused")
    try:
        return from_json(line, ControlReply)
    except msgspec.DecodeError as error:
        raise NotRunning(f"what answers at its port is not a session ({error})") from error


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _line(sock: socket.socket, until: float) -> bytes:
    """What comes up to the first line end, or up to the end of the connection."""
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= LONGEST_REPLY:
        sock.settimeout(_left(until))
        if not (part := sock.recv(65_536)):
            break
        received += part
    return bytes(received)


def _silent(folder: Path, how: str) -> NotAnswering:
    """What a session is that let us connect and said nothing."""
    try:
        pid = live_access(folder).pid
    except NotRunning:
        return NotAnswering(f"it {how}, and ended meanwhile")
    return _living(folder, f"process {pid} {how}") or NotAnswering(f"process {pid} {how}")


def _living(folder: Path, how: str) -> NotAnswering | None:
    """What a session is whose process lives by its heartbeat; None where that shows none."""
    read = read_beat(folder / _HEARTBEAT)
    if read is None or processes.birth_of(read[0].pid) is None:
        return None
    beat, age = read
    if beat.fresh(age):
        return Busy(f"it is busy: {how}, but it lives (heartbeat {age:.0f} s old); ask again")
    if _holds(folder, beat.pid):
        return Mute(f"it is mute: {how}, and its last heartbeat is {age:.0f} s old")
    return None


def _holds(folder: Path, pid: int) -> bool:
    """Whether the process is proved, by its birth, to be the session's."""
    try:
        return live_access(folder).pid == pid
    except NotRunning:
        return False


class SessionClient:
    """One session, as its owner can talk to it; every method may raise what `ask` raises."""

    def __init__(self, folder: Path, *, seconds: float = _SECONDS, origin: str = "") -> None:
        """`origin` is on record with each command: by which way the user gave it."""
        self.folder = folder
        self._seconds = seconds
        self._origin = origin

    def status(self) -> ControlReply:
        return self.ask(ControlRequest(action="status"))

    def pause(self, reason: str) -> ControlReply:
        return self.ask(ControlRequest(action="pause", reason=reason, origin=self._origin))

    def resume(self, reason: str) -> ControlReply:
        return self.ask(ControlRequest(action="resume", reason=reason, origin=self._origin))

    def flatten(self, reason: str) -> ControlReply:
        return self.ask(ControlRequest(action="flatten", reason=reason, origin=self._origin))

    def stop(self, reason: str = "") -> ControlReply:
        return self.ask(ControlRequest(action="stop", reason=reason, origin=self._origin))

    def ask(self, request: ControlRequest) -> ControlReply:
        return ask(self.folder, request, seconds=self._seconds)

    def lives(self) -> bool:
        """Whether its process does, by its heartbeat or its access file."""
        read = read_beat(self.folder / _HEARTBEAT)
        if read is not None and read[0].alive:
            return processes.birth_of(read[0].pid) is not None
        try:
            live_access(self.folder)
        except NotRunning:
            return False
        return True
