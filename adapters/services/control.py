"""The control server of a session: requests of its owner become calls on the loop's thread.

It listens on the loopback interface alone, on a port of the system's choice. Whoever cannot read
the session's owner-only file cannot say the token, and stays at the door. A slow or silent client
holds up nothing but its own connection.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from adapters.services.control_door import Door, listening
from adapters.services.control_wire import (
    FILE_NAME,
    LONGEST_REQUEST,
    TOKEN_BYTES,
    Commands,
    ControlReply,
    ControlRequest,
    is_access,
    write_access,
)
from adapters.services.supervisor import OF_TRADING, reason_of
from adapters.system.threads import in_daemon
from engine.decoding import from_json

_AT_ONCE: Final = 8
_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 5.0
_SCARCE_SECONDS: Final = 0.2
_LONGEST_PAUSE: Final = 60.0
_MOST_LEFT: Final = 65_536
_TOO_LONG: Final = ControlReply(done=False, text=f"a request has at most {LONGEST_REQUEST} bytes")


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
        look: float = _LOOK_SECONDS,
        recorded: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint,
    ) -> None:
        """`folder` gets the owner-only file, looked at again each `look` seconds; `seconds` bounds
        each connection; `recorded` waits until a command is on the disk, before the client hears
        that it is carried out.

        After a failure the server waits `pause` seconds, and longer after each that follows.
        """
        self._folder = folder
        self._warn = warn
        self._seconds = seconds
        self._pause = pause
        self._look = look
        self._recorded = recorded
        self._token = secrets.token_hex(TOKEN_BYTES)
        self._places = anyio.CapacityLimiter(_AT_ONCE)
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
        with listening() as listener:
            port = listener.getsockname()[1]
            file = await in_daemon(partial(write_access, self._folder, port, self._token))
            self._serving.set()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._keep_file, port)
                    await self._door(listener, tasks).run()
            finally:
                self._serving = anyio.Event()
                file.unlink(missing_ok=True)

    async def _keep_file(self, port: int) -> None:
        """Write the file anew when somebody removed or changed it: its owner would be locked out.

        Reported once; whoever does that again and again must not fill the log.
        """
        own = partial(is_access, self._folder, port, self._token)
        told = False
        while True:
            await anyio.sleep(self._look)
            if await in_daemon(own):
                continue
            why = "written anew"
            try:
                await in_daemon(partial(write_access, self._folder, port, self._token))
            except OSError as error:
                why = f"cannot be written anew ({error.strerror})"
            told = told or self._tell(f"control: {FILE_NAME} was changed or removed, {why}")

    def _door(self, listener: socket.socket, tasks: anyio.abc.TaskGroup) -> Door:
        def admit(client: socket.socket, until: float) -> None:
            tasks.start_soon(self._serve, client, until)

        return Door(
            listener,
            f"{self._token}\n".encode(),
            admit,
            seconds=self._seconds,
            pause=min(self._pause, _SCARCE_SECONDS),
            wrong=self._turn_away,
            scarce=self._let_nobody_in,
        )

    def _let_nobody_in(self, error: OSError) -> None:
        self._tell(f"control: let nobody in for a while ({error.strerror})")

    def _tell(self, message: str) -> bool:
        """Whether it could be logged: without free descriptors the log may not open either."""
        try:
            self._warn(message)
        except OSError:
            return False
        return True

    async def _serve(self, client: socket.socket, until: float) -> None:
        """One client, all within its time: a peer that drips holds its place no longer.

        One that leaves, or says less than it has to, is let go.
        """
        with client, contextlib.suppress(OSError):
            with self._within(until):
                await self._places.acquire()
            try:
                await self._answer(client, until)
            finally:
                self._places.release()

    async def _answer(self, client: socket.socket, until: float) -> None:
        with self._within(until):
            request = await self._request(client)
        reply = request if isinstance(request, ControlReply) else self._carried_out(request)
        await self._kept(until)
        with contextlib.suppress(OSError), self._within(until):
            await _send(client, msgspec.json.encode(reply) + b"\n")
        if self._failure is not None:
            self._scope.cancel()

    async def _kept(self, until: float) -> None:
        """Wait for the command's record; a session that ends by it waits for that answer, too."""
        left = until - anyio.current_time()
        with contextlib.suppress(TimeoutError), anyio.fail_after(left, shield=True):
            await self._recorded()

    @staticmethod
    def _within(until: float) -> AbstractContextManager[anyio.CancelScope]:
        return anyio.fail_after(until - anyio.current_time())

    async def _request(self, client: socket.socket) -> ControlRequest | ControlReply:
        """What the client wants, or what is wrong with it."""
        line = await _line(client)
        if line is None:
            return _TOO_LONG
        try:
            request = from_json(line, ControlRequest)
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


async def _line(client: socket.socket) -> bytes | None:
    """A line without its end; None for one that is too long.

    Raises ConnectionError when the client leaves before its end.
    """
    received = bytearray()
    while len(received) <= LONGEST_REQUEST:
        part = await _received(client, LONGEST_REQUEST + 1 - len(received))
        received += part
        if b"\n" in part:
            return bytes(received.partition(b"\n")[0])
    with contextlib.suppress(BlockingIOError):  # what is left unread would cost it the answer
        client.recv(_MOST_LEFT)
    return None


async def _received(client: socket.socket, most: int) -> bytes:
    while True:
        try:
            part = client.recv(most)
        except BlockingIOError:
            await anyio.wait_readable(client)
            continue
        if not part:
            raise ConnectionError("the client left")
        return part


async def _send(client: socket.socket, content: bytes) -> None:
    left = memoryview(content)
    while left:
        try:
            left = left[client.send(left) :]
        except BlockingIOError:
            await anyio.wait_writable(client)
