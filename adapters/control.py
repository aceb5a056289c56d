"""The control server of a session: requests of its owner become calls on the loop's thread.

It listens on the loopback interface alone, on a port of the system's choice. Whoever cannot read
the session's owner-only file cannot say the token, and what comes before it is not looked at. A
slow, silent or talkative client holds up nothing but its own connection.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from adapters.control_wire import (
    LONGEST_REQUEST,
    LOOPBACK,
    TOKEN_BYTES,
    TOKEN_LINE,
    Commands,
    Reply,
    Request,
    write_access,
)
from adapters.json_bytes import decoded

_AT_ONCE: Final = 8
_SECONDS: Final = 5.0
_TOO_LONG: Final = Reply(done=False, text=f"a request has at most {LONGEST_REQUEST} bytes")
_GONE: Final = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
    OSError,  # a time-out too
)
"""A client that left, or said less than it had to."""


class ControlServer:
    """Serves one session. `run` ends when it is cancelled, or raises what a command raised."""

    def __init__(
        self,
        folder: Path,
        commands: Commands,
        warn: Callable[[str], None],
        *,
        seconds: float = _SECONDS,
    ) -> None:
        """`folder` gets the owner-only file; `seconds` bounds each step of a connection."""
        self._folder = folder
        self._warn = warn
        self._seconds = seconds
        self._token = secrets.token_hex(TOKEN_BYTES)
        self._places = anyio.CapacityLimiter(_AT_ONCE)
        self._failure: Exception | None = None
        self._turned_away = False
        self._scope = anyio.CancelScope()
        self._serving = anyio.Event()
        self._calls: dict[str, Callable[[str], Reply]] = {
            "status": lambda _: commands.status(),
            "pause": commands.pause,
            "resume": commands.resume,
            "flatten": commands.flatten,
            "stop": commands.stop,
        }

    async def ready(self) -> None:
        """Wait until clients can connect."""
        await self._serving.wait()

    async def run(self) -> None:
        """Serve until cancelled; the file is there exactly as long."""
        listener = await anyio.create_tcp_listener(local_host=LOOPBACK, local_port=0)
        async with listener:
            port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - a socket's, not a query's
            file = write_access(self._folder, port, self._token)
            self._serving.set()
            try:
                with self._scope:
                    await listener.serve(self._serve)
            finally:
                file.unlink(missing_ok=True)
        if self._failure is not None:
            raise self._failure

    async def _serve(self, client: anyio.abc.SocketStream) -> None:
        async with client:
            try:
                with anyio.fail_after(self._seconds):
                    await self._places.acquire()
            except TimeoutError:
                return
            try:
                await self._converse(client)
            finally:
                self._places.release()

    async def _converse(self, client: anyio.abc.SocketStream) -> None:
        try:
            with anyio.fail_after(self._seconds):
                request = await self._request(BufferedByteReceiveStream(client))
        except _GONE:
            return
        if request is None:
            self._turn_away()
            return
        reply = request if isinstance(request, Reply) else self._carried_out(request)
        with contextlib.suppress(*_GONE), anyio.fail_after(self._seconds):
            await client.send(msgspec.json.encode(reply) + b"\n")
        if self._failure is not None:
            self._scope.cancel()

    async def _request(self, lines: BufferedByteReceiveStream) -> Request | Reply | None:
        """What the client wants, or what is wrong with it; None when it does not know the token."""
        token = await lines.receive_exactly(TOKEN_LINE)
        if not hmac.compare_digest(token, f"{self._token}\n".encode()):
            return None
        try:
            line = await lines.receive_until(b"\n", LONGEST_REQUEST)
        except anyio.DelimiterNotFound:
            return _TOO_LONG
        if len(line) > LONGEST_REQUEST:  # it came in one piece with its end
            return _TOO_LONG
        try:
            request = decoded(line, Request)
        except msgspec.DecodeError as error:
            return Reply(done=False, text=f"not a request: {error}")
        if not request.reason.isprintable():
            return Reply(done=False, text="a reason is one line of printable text")
        return request

    def _turn_away(self) -> None:
        """Told once: whoever tries again and again must not fill the log."""
        if not self._turned_away:
            self._warn("control: a client did not know the token; further ones are not told")
        self._turned_away = True

    def _carried_out(self, request: Request) -> Reply:
        try:
            return self._calls[request.action](request.reason)
        except Exception as error:
            # An actor failed at the user's order: the session ends, and for that reason.
            self._failure = error
            return Reply(done=False, text=f"the session fails: {error}")
