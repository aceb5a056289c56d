"""The control server of a session: requests of its owner become calls on the loop's thread.

It listens on the loopback interface alone, on a port of the system's choice. Whoever cannot read
the session's owner-only file cannot say the token, and what comes before it is not looked at. A
slow, silent or talkative client holds up nothing but its own connection. Strangers are bounded, the
oldest making room for the next, so that they take neither the session's descriptors nor its owner's
turn.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from adapters.services.control_wire import (
    LONGEST_REQUEST,
    LOOPBACK,
    TOKEN_BYTES,
    TOKEN_LINE,
    Commands,
    ControlReply,
    ControlRequest,
    write_access,
)
from adapters.services.supervisor import OF_TRADING, reason_of
from adapters.system.json_bytes import decoded
from adapters.system.threads import in_daemon

_AT_ONCE: Final = 8
_STRANGERS: Final = 64
"""Connections that have not shown the token, at most."""

_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_SCARCE: Final = frozenset(
    {errno.EMFILE, getattr(errno, "WSAEMFILE", errno.EMFILE), errno.ENFILE}
    | {errno.ENOBUFS, errno.ENOMEM}
)
"""Why a system lets nobody in for now; it passes, and the server is as good as before."""

_TOO_LONG: Final = ControlReply(done=False, text=f"a request has at most {LONGEST_REQUEST} bytes")
_GONE: Final = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    OSError,  # a time-out too
)
"""A client that left, or said less than it had to."""


class ControlServer:
    """Serves one session. `run` ends when it is cancelled, or raises what a command raised.

    A failure of the server itself is logged, and the server is started again: it ends no session.
    """

    def __init__(
        self,
        folder: Path,
        commands: Commands,
        warn: Callable[[str], None],
        *,
        seconds: float = _SECONDS,
        pause: float = _PAUSE_SECONDS,
    ) -> None:
        """`folder` gets the owner-only file; `seconds` bounds each connection.

        After a failure the server waits `pause` seconds, and longer after each that follows.
        """
        self._folder = folder
        self._warn = warn
        self._seconds = seconds
        self._pause = pause
        self._token = secrets.token_hex(TOKEN_BYTES)
        self._places = anyio.CapacityLimiter(_AT_ONCE)
        self._strangers: dict[anyio.CancelScope, None] = {}
        self._failure: Exception | None = None
        self._turned_away = False
        self._scope = anyio.CancelScope()
        self._serving = anyio.Event()
        self._calls: dict[str, Callable[[str, str], ControlReply]] = {
            "status": lambda *_: commands.status(),
            "pause": commands.pause,
            "resume": commands.resume,
            "flatten": commands.flatten,
            "stop": commands.stop,
        }

    async def ready(self) -> None:
        """Wait until clients can connect."""
        await self._serving.wait()

    async def run(self) -> None:
        """Serve until cancelled; the file is there exactly as long as somebody listens."""
        with self._scope:
            await self._keep_listening()
        if self._failure is not None:
            raise self._failure

    async def _keep_listening(self) -> None:
        pause, told = self._pause, False
        while True:
            began = anyio.current_time()
            try:
                await self._listen()
            except Exception as error:
                if anyio.current_time() - began > _LONGEST_PAUSE:  # it had worked meanwhile
                    pause, told = self._pause, False
                told = told or self._tell(
                    f"control: server failed ({reason_of(error)}), started again"
                )
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _listen(self) -> None:
        """Serve one listening socket until it fails."""
        listening = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=0)
        async with listening:
            port = listening.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - a socket's, not a query's
            file = await in_daemon(partial(write_access, self._folder, port, self._token))
            self._serving.set()
            try:
                async with anyio.create_task_group() as tasks:
                    for listener in listening.listeners:
                        await self._admit(listener, tasks)
            finally:
                self._serving = anyio.Event()
                file.unlink(missing_ok=True)

    async def _admit(
        self,
        listener: anyio.abc.Listener[anyio.abc.SocketStream],
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        """Let clients in, one after another; a stranger too many costs the oldest one."""
        if not isinstance(listener, anyio.abc.SocketListener):
            raise TypeError(f"{listener!r} is no socket that listens")
        told = False
        while True:
            try:
                client = await listener.accept()
            except OSError as error:
                if error.errno not in _SCARCE:
                    raise
                self._drop_oldest()
                await anyio.sleep(self._pause)
                told = told or self._tell(f"control: let nobody in for a while ({error.strerror})")
                continue
            told = False
            if len(self._strangers) >= _STRANGERS:
                self._drop_oldest()
            scope = anyio.CancelScope()
            self._strangers[scope] = None
            tasks.start_soon(self._serve, client, scope)

    def _drop_oldest(self) -> None:
        if self._strangers:
            scope = next(iter(self._strangers))
            del self._strangers[scope]
            scope.cancel()

    def _tell(self, message: str) -> bool:
        """Whether it could be logged: without free descriptors the log may not open either."""
        try:
            self._warn(message)
        except OSError:
            return False
        return True

    async def _serve(self, client: anyio.abc.SocketStream, scope: anyio.CancelScope) -> None:
        """Talk to one client; while it is a stranger, `scope` may be cancelled for another."""
        try:
            with scope, contextlib.suppress(*_GONE):
                async with client:
                    await self._converse(client, scope)
        finally:
            self._strangers.pop(scope, None)

    async def _converse(self, client: anyio.abc.SocketStream, scope: anyio.CancelScope) -> None:
        """All of it within one deadline, so that a peer that drips holds its place no longer."""
        lines = BufferedByteReceiveStream(client)
        until = anyio.current_time() + self._seconds
        try:
            with self._within(until):
                token = await lines.receive_exactly(TOKEN_LINE)
                if not hmac.compare_digest(token, f"{self._token}\n".encode()):
                    self._turn_away()
                    return
                await self._places.acquire()
        except _GONE:
            return
        self._strangers.pop(scope, None)
        try:
            await self._answer(client, lines, until)
        finally:
            self._places.release()

    async def _answer(
        self, client: anyio.abc.SocketStream, lines: BufferedByteReceiveStream, until: float
    ) -> None:
        try:
            with self._within(until):
                request = await self._request(lines)
        except _GONE:
            return
        reply = request if isinstance(request, ControlReply) else self._carried_out(request)
        with contextlib.suppress(*_GONE), self._within(until):
            await client.send(msgspec.json.encode(reply) + b"\n")
        if self._failure is not None:
            self._scope.cancel()

    @staticmethod
    def _within(until: float) -> AbstractContextManager[anyio.CancelScope]:
        return anyio.fail_after(until - anyio.current_time())

    async def _request(self, lines: BufferedByteReceiveStream) -> ControlRequest | ControlReply:
        """What the client wants, or what is wrong with it."""
        try:
            line = await lines.receive_until(b"\n", LONGEST_REQUEST)
        except anyio.DelimiterNotFound:
            return _TOO_LONG
        if len(line) > LONGEST_REQUEST:  # it came in one piece with its end
            return _TOO_LONG
        try:
            request = decoded(line, ControlRequest)
        except msgspec.DecodeError as error:
            return ControlReply(done=False, text=f"not a request: {error}")
        if not (request.reason + request.origin).isprintable():
            return ControlReply(done=False, text="a reason is one line of printable text")
        return request

    def _turn_away(self) -> None:
        """Reported once: whoever tries again and again must not fill the log."""
        if not self._turned_away:
            self._turned_away = self._tell(
                "control: a client sent a wrong token (further attempts are not logged)"
            )

    def _carried_out(self, request: ControlRequest) -> ControlReply:
        try:
            return self._calls[request.action](request.reason, request.origin)
        except OF_TRADING as error:
            # An actor failed at the user's order: the session ends, and for that reason.
            self._failure = error
            return ControlReply(done=False, text=f"the session fails: {error}")
        except Exception as error:
            # Nothing of trading failed: whoever asks learns of it, and so does the log.
            why = reason_of(error)
            self._tell(f"control: {request.action} failed ({why})")
            return ControlReply(done=False, text=f"{request.action} failed: {why}")
