"""The door of a session's control server: who does not say the token comes no further.

Strangers cost the loop as little as they can: they are let in many at a time, heard without a task
of their own, and bounded, the oldest making room for the next. So masses of them neither take the
session's descriptors nor hold up its owner, who waits in the same queue of the system's.
"""

from __future__ import annotations

import errno
import hmac
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import anyio

from adapters.services.control_wire import LOOPBACK, TOKEN_LINE

_STRANGERS: Final = 64
"""Connections that have not shown the token, at most."""

_AT_ONCE: Final = 64
"""Connections let in between two turns of the loop, which has trading to do as well."""

_BACKLOG: Final = 4096
_DEFER: Final[int | None] = getattr(socket, "TCP_DEFER_ACCEPT", None)
_SILENT_SECONDS: Final = 5
"""Linux lets nobody in who says nothing, for so long: the owner passes by thousands of them."""

_YOUNG_SECONDS: Final = 0.02
"""The owner's token comes with its connection, or right after it."""

_SOON, _LATER = 0.005, 0.05
_TOLD_AGAIN: Final = 60.0
_SCARCE: Final = frozenset(
    {errno.EMFILE, getattr(errno, "WSAEMFILE", errno.EMFILE), errno.ENFILE}
    | {errno.ENOBUFS, errno.ENOMEM}
)
"""Why a system lets nobody in for now; it passes, and the server is as good as before."""


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket on a free port of the loopback interface, at which nobody else listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listener.setblocking(False)
        if _DEFER is not None:
            with suppress(OSError):  # a system that does not know it: strangers cost more there
                listener.setsockopt(socket.IPPROTO_TCP, _DEFER, _SILENT_SECONDS)
        listener.bind((LOOPBACK, 0))
        listener.listen(_BACKLOG)
        yield listener


@dataclass
class _Stranger:
    """What somebody has said so far, and until when the token must be complete."""

    until: float
    came: float
    said: bytearray = field(default_factory=bytearray)


class Door:
    """Lets clients in, one after another; `run` until it is cancelled or its socket fails."""

    def __init__(
        self,
        listener: socket.socket,
        token: bytes,
        admit: Callable[[socket.socket, float], None],
        *,
        seconds: float,
        pause: float,
        wrong: Callable[[], None],
        scarce: Callable[[OSError], None],
    ) -> None:
        """`admit` takes who said the `token` (a line), and until when it may stay: `seconds` from
        its beginning.

        `wrong` hears of a token that is none, `scarce` why nobody can be let in; the next attempt
        follows after `pause` seconds.
        """
        self._listener = listener
        self._token = token
        self._admit = admit
        self._seconds = seconds
        self._pause = pause
        self._wrong = wrong
        self._scarce = scarce
        self._told = -_TOLD_AGAIN
        self._strangers: dict[socket.socket, _Stranger] = {}
        self._came = anyio.Event()

    async def run(self) -> None:
        """Raises OSError when nobody can connect any more."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hear_strangers)
                while True:
                    await anyio.wait_readable(self._listener)
                    if not self._let_in():
                        await anyio.sleep(self._pause)
        finally:
            for sock in list(self._strangers):
                self._drop(sock)

    def _let_in(self) -> bool:
        """Let some in who wait; False when there is no descriptor for the next."""
        now = anyio.current_time()
        for _ in range(_AT_ONCE):
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return True
            except OSError as error:
                if error.errno not in _SCARCE:
                    raise
                if not self._made_room():
                    self._tell(error)
                    return False
                continue
            self._welcome(sock, now)
        return True

    def _made_room(self) -> bool:
        """Whether a stranger could be dropped for the next one."""
        if not self._strangers:
            return False
        self._drop(next(iter(self._strangers)))
        return True

    def _tell(self, error: OSError) -> None:
        """Once in a while: whoever tries again and again must not fill the log."""
        now = anyio.current_time()
        if now - self._told >= _TOLD_AGAIN:
            self._told = now
            self._scarce(error)

    def _welcome(self, sock: socket.socket, now: float) -> None:
        sock.setblocking(False)
        if len(self._strangers) >= _STRANGERS:
            self._made_room()
        self._strangers[sock] = _Stranger(now + self._seconds, now)
        self._hear(sock, now)
        self._came.set()

    async def _hear_strangers(self) -> None:
        """Look again and again at what strangers say: at those who just came most often."""
        looked = -_LATER
        while True:
            if not self._strangers:
                self._came = anyio.Event()
                await self._came.wait()
            now = anyio.current_time()
            everybody = now - looked >= _LATER
            if everybody:
                looked = now
            for sock in self._older_last(now, everybody=everybody):
                self._hear(sock, now)
            await anyio.sleep(_SOON if self._is_fresh(now) else _LATER)

    def _older_last(self, now: float, *, everybody: bool) -> list[socket.socket]:
        """The strangers to hear now, newest first."""
        found: list[socket.socket] = []
        for sock, stranger in reversed(self._strangers.items()):
            if not everybody and now - stranger.came > _YOUNG_SECONDS:
                break
            found.append(sock)
        return found

    def _is_fresh(self, now: float) -> bool:
        newest = next(reversed(self._strangers.values()), None)
        return newest is not None and now - newest.came <= _YOUNG_SECONDS

    def _hear(self, sock: socket.socket, now: float) -> None:
        """Collect the token; nothing of a stranger is decoded before it is complete and right."""
        stranger = self._strangers[sock]
        try:
            heard = sock.recv(TOKEN_LINE - len(stranger.said))
        except BlockingIOError:
            if now >= stranger.until:
                self._drop(sock)
            return
        except OSError:
            heard = b""
        stranger.said += heard
        if not heard:
            self._drop(sock)
        elif len(stranger.said) == TOKEN_LINE:
            self._judge(sock, stranger)

    def _judge(self, sock: socket.socket, stranger: _Stranger) -> None:
        if hmac.compare_digest(bytes(stranger.said), self._token):
            del self._strangers[sock]
            self._admit(sock, stranger.until)
        else:
            self._drop(sock)
            self._wrong()

    def _drop(self, sock: socket.socket) -> None:
        del self._strangers[sock]
        with suppress(OSError):
            sock.close()
