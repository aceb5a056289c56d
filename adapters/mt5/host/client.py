"""The engine's side of the terminal host: blocking calls with deadlines, and an awaitable shell.

A call ends in one of five ways: an answer; `NotSent` (nothing reached the terminal);
`BackendRaised` (a reading function failed inside the host) or `ArgumentsRefused` (the package does
not take what it was called with); `CallOutcomeUnknown` (it may have taken effect). After the last
one the host is gone, because a call that hangs can be ended in no other way, and `restart` brings a
new one.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

import msgspec

from adapters.mt5.api.contract import FUNCTIONS, RES_E_INVALID_PARAMS, Access
from adapters.mt5.api.errors import (
    ArgumentsRefused,
    BackendRaised,
    CallOutcomeUnknown,
    HostRefused,
    HostStartFailed,
    NotSent,
)
from adapters.mt5.host.launch import Launcher
from adapters.mt5.host.service import STOP, Hello
from adapters.mt5.host.wire import (
    PROTOCOL,
    Deadline,
    Peer,
    RpcReply,
    RpcRequest,
    Trouble,
    WireError,
    decode_reply,
    encode_request,
    peer_of,
    receive_frame,
    send_frame,
)
from engine.decoding import converted

BACKOFF: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds to wait before the first, second, ... restart in a row; the last one repeats."""

_STOP_SECONDS: Final = 2.0

_REFUSED_ARGUMENTS: Final = tuple(
    f"{error.__name__}:" for error in (SystemError, TypeError, OverflowError, UnicodeEncodeError)
)
"""How the host's text begins where the package refused an argument by raising."""

_TERMINALS_OWN: Final = "Terminal:"
"""How the text of an error begins that the terminal answered, and not the package."""

_T = TypeVar("_T")


class CallResult(NamedTuple):
    """A function's result and `last_error`, read in the same breath."""

    function: str
    value: Any
    last_error: tuple[int, str]

    @property
    def failed(self) -> bool:
        """Whether the value is the function's failure value; ``()`` and ``0.0`` never are."""
        known = FUNCTIONS.get(self.function)
        return self.value is None if known is None else known.failed(self.value)


def answer_of(function: str, reply: RpcReply, *args: Any, **kwargs: Any) -> CallResult:
    """What a host's reply to a call of `function` with these arguments says.

    Raises HostRefused, BackendRaised, ArgumentsRefused or CallOutcomeUnknown.
    """
    if reply.trouble is Trouble.NONE:
        answer = CallResult(function, reply.value, reply.last_error)
        if _by_the_package(reply.last_error) and _is_reading(function) and answer.failed:
            code, text = reply.last_error
            raise ArgumentsRefused(f"{_asked(function, args, kwargs)}: {code} {text}")
        return answer
    if reply.trouble is not Trouble.RAISED:
        raise HostRefused(reply.trouble, reply.detail)
    if _is_reading(function):
        if reply.detail.startswith(_REFUSED_ARGUMENTS):
            raise ArgumentsRefused(f"{_asked(function, args, kwargs)}: {reply.detail}")
        raise BackendRaised(f"{function}: {reply.detail}")
    raise CallOutcomeUnknown(function, f"the terminal host says: {reply.detail}")


def _is_reading(function: str) -> bool:
    return function in FUNCTIONS and FUNCTIONS[function].access is Access.READ


def _by_the_package(error: tuple[int, str]) -> bool:
    """Whether the package itself refused the arguments; the terminal's own word may be another one
    at the next moment."""
    code, text = error
    return code == RES_E_INVALID_PARAMS and not text.startswith(_TERMINALS_OWN)


def _asked(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    shown = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    return f"{function}({', '.join(shown)})"


class Connected(NamedTuple):
    """A connection to a host.

    `hello` is what the host says of itself; `ended_orphan` tells that an earlier host was found
    and ended, whose last call is of unknown outcome.
    """

    hello: Hello
    ended_orphan: bool


class TerminalClient:
    """Talks to one host. Not thread-safe: it belongs to one worker thread.

    `backoff` are seconds, slept by `sleep` before each `restart`; `start_seconds` bounds the time
    that a host may take to come up.
    """

    def __init__(
        self,
        launcher: Launcher,
        *,
        backoff: Sequence[float] = BACKOFF,
        sleep: Callable[[float], None] = time.sleep,
        start_seconds: float = 30.0,
    ) -> None:
        self._launcher = launcher
        self._backoff = tuple(backoff)
        self._sleep = sleep
        self._start_seconds = start_seconds
        self._sock: socket.socket | None = None
        self._last_id = 0
        self._restarts = 0
        self.watch: Callable[[str, float], None] | None = None
        """Called on the worker thread with the seconds that each call of a function took."""

    # --- life

    def start(self) -> Connected:
        """Start a host (or reach a remote one) and show the token; a host of before is ended.

        Raises HostStartFailed; nothing is left running then.
        """
        self._down()
        deadline = Deadline(self._start_seconds)
        started = self._launcher.start(deadline)
        try:
            hello = self._connect(started.port, deadline)
        except BaseException:
            self._down()
            raise
        return Connected(hello, started.ended_orphan)

    def restart(self) -> Connected:
        """End what is left of the host, wait, start another.

        The wait grows with each restart until a call has succeeded. Raises HostStartFailed.
        """
        self._down()
        self._sleep(self._backoff[min(self._restarts, len(self._backoff) - 1)])
        self._restarts += 1
        return self.start()

    def close(self) -> None:
        """End the host if it is ours, and the connection in any case."""
        if self._sock is not None and self._launcher.owns_host:
            self._ask_to_stop()
        self._hang_up()
        self._launcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- calls

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        """Call `function` of the terminal; `deadline` is seconds for the whole round trip.

        Without keyword arguments no keyword object is passed on. Raises NotSent, HostRefused (a
        NotSent too), BackendRaised, ArgumentsRefused or CallOutcomeUnknown; see the module's text.
        """
        began = time.perf_counter()
        try:
            reply = self._exchange(function, list(args), kwargs or None, deadline)
        finally:
            if self.watch is not None:
                self.watch(function, time.perf_counter() - began)
        answer = answer_of(function, reply, *args, **kwargs)
        self._restarts = 0
        return answer

    def _exchange(
        self, function: str, args: list[Any], kwargs: dict[str, Any] | None, seconds: float
    ) -> RpcReply:
        self._last_id += 1
        request = RpcRequest(self._last_id, function, args, kwargs, seconds)
        try:
            body = encode_request(request)
        except WireError as error:
            raise NotSent(str(error)) from error
        deadline = Deadline(seconds)
        sock = self._post(function, body, deadline)
        try:
            reply = decode_reply(receive_frame(sock, deadline))
            if reply.id != request.id:
                raise WireError(f"reply {reply.id} to request {request.id}")
        except TimeoutError:
            self._down()
            raise CallOutcomeUnknown(function, f"no answer within {seconds:g} s") from None
        except (OSError, WireError) as error:
            self._down()
            raise CallOutcomeUnknown(function, f"the terminal host is lost: {error}") from error
        except BaseException:
            # Interrupted between request and reply: the next call would read this one's reply.
            self._down()
            raise
        return reply

    def _post(self, function: str, body: bytes, deadline: Deadline) -> socket.socket:
        """Send the request; any failure here means that the host cannot have acted on it."""
        sock = self._sock
        if sock is None:
            raise NotSent(f"{function}: there is no terminal host; restart it")
        if peer_of(sock) is not Peer.QUIET or not self._launcher.is_alive():
            self._down()
            raise NotSent(f"{function}: the terminal host is gone; restart it")
        try:
            send_frame(sock, body, deadline)
        except OSError as error:
            self._down()
            raise NotSent(f"{function}: the terminal host does not listen: {error}") from error
        return sock

    # --- the connection

    def _connect(self, port: int, deadline: Deadline) -> Hello:
        try:
            sock = socket.create_connection(("127.0.0.1", port), deadline.remaining())
            self._sock = sock
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(self._launcher.config.token_bytes)
            reply = decode_reply(receive_frame(sock, deadline))
        except TimeoutError:
            raise HostStartFailed("slow", f"the host on port {port} does not answer") from None
        except ConnectionResetError:
            raise HostStartFailed(
                "token", f"the host on port {port} hung up; does it have the same token?"
            ) from None
        except (OSError, WireError) as error:
            raise HostStartFailed("connection", f"the host on port {port}: {error}") from error
        if reply.trouble is not Trouble.NONE:
            raise HostStartFailed(reply.trouble, f"the host on port {port}: {reply.detail}")
        return self._agreed(reply.value)

    def _agreed(self, said: Any) -> Hello:
        """The host's introduction, if it is a host for the same account and language."""
        ours = self._launcher.config
        try:
            hello = converted(said, Hello)
        except msgspec.ValidationError as error:
            raise HostStartFailed(
                "version", f"unexpected handshake from the terminal host: {error}"
            ) from None
        if hello.protocol != PROTOCOL:
            raise HostStartFailed(
                "version",
                f"the host speaks protocol {hello.protocol}, not {PROTOCOL}: update the older side",
            )
        if (hello.login, hello.server) != (ours.login, ours.server):
            raise HostStartFailed(
                "account",
                f"the host serves account {hello.login} on {hello.server!r}, not {ours.login}"
                f" on {ours.server!r}",
            )
        if ours.trading and not hello.trading:
            raise HostStartFailed("read-only", "the host was not started for trading")
        return hello

    def _ask_to_stop(self) -> None:
        try:
            self._exchange(STOP, [], None, _STOP_SECONDS)
        except (NotSent, CallOutcomeUnknown):
            # It is killed next, which is all that can be done for it.
            return

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _down(self) -> None:
        self._hang_up()
        self._launcher.kill()


class AsyncTerminal:
    """Awaitable calls: the client runs in one dedicated worker thread, the loop goes on.

    Calls are served in the order they were made.
    """

    def __init__(self, client: TerminalClient) -> None:
        self._client = client
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="terminal")

    def watch(self, observe: Callable[[str, float], None]) -> None:
        """Tell `observe`, on the worker thread, how many seconds each call from now on took."""
        self._client.watch = observe

    async def start(self) -> Connected:
        """`TerminalClient.start`."""
        return await self._run(self._client.start)

    async def restart(self) -> Connected:
        """`TerminalClient.restart`; the back-off is slept in the worker thread."""
        return await self._run(self._client.restart)

    async def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        """`TerminalClient.call`; the deadline begins when the calls before it are done."""
        return await self._run(
            lambda: self._client.call(function, *args, deadline=deadline, **kwargs)
        )

    async def work(self, job: Callable[[TerminalClient], _T]) -> _T:
        """Run several calls in one go on the worker thread; nothing else comes between them."""
        return await self._run(lambda: job(self._client))

    async def close(self) -> None:
        """`TerminalClient.close`, then end the worker thread."""
        try:
            await self._run(self._client.close)
        finally:
            self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        future = asyncio.wrap_future(self._worker.submit(work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            # The thread cannot be interrupted. Its answer is lost to the canceller, but no request
            # is left in flight behind his back; the deadline bounds this wait.
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()
            raise
