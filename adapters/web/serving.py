"""The server itself: one socket on the loopback interface, uvicorn behind the gate."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import uvicorn

from adapters.web.attempts import Attempts
from adapters.web.connections import Connections, protocol_of
from adapters.web.content import Site
from adapters.web.doors import LOOPBACK, Doors
from adapters.web.faults import Faults
from adapters.web.gate import Gate
from adapters.web.routes import Pages

_WAITING: Final = 128
"""Connections that the system keeps for us, not yet accepted."""

_SWEEP_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 2
_LONGEST_HEAD: Final = 16_384


class RunningSite(Site, Protocol):
    """A site with work of its own."""

    async def run(self) -> None:
        """Work until cancelled; a failure of its own must not end it, as that ends the server."""

    async def scan(self) -> None:
        """Look once at what there is."""

    def close(self) -> None:
        """End every stream."""


def listening(port: int) -> socket.socket:
    """A socket on the loopback interface, 0 for a port that is free; raises OSError."""
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # On Windows another program could else take the same port from under us.
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:
            own.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        elif sys.platform != "win32":
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((LOOPBACK, port))
        own.listen(_WAITING)
    except BaseException:
        own.close()
        raise
    return own


class _Quiet(uvicorn.Server):
    """Signals are the command's business, and it wants to know when clients can connect."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class PageServer:
    """Serves a site until `request_stop`; `url` is its address with the token."""

    def __init__(
        self,
        own: socket.socket,
        site: RunningSite,
        warn: Callable[[str], None],
        *,
        controls: bool,
        names: tuple[str, ...] = (),
    ) -> None:
        """`own` listens already; `names` are those of a proxy on this machine."""
        self._socket = own
        self._site = site
        self._doors = Doors(own.getsockname()[1], names)
        self._controls = controls
        self._warn = warn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._faults = Faults(warn)

    @property
    def url(self) -> str:
        """The address with the token in its fragment."""
        return self._doors.url

    def request_stop(self) -> None:
        """End in order; may be called from a signal's handler, or from another thread."""
        if self._loop is None:
            self._stopping.set()
        else:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve; `ready` is called once clients can connect."""
        self._loop = asyncio.get_running_loop()
        connections = Connections(self._loop.time)
        pages = Pages(self._site, self._doors, controls=self._controls)
        gate = Gate(pages.app(), self._doors, connections)
        self._faults.of_logs()
        self._faults.of_loop(self._loop, connections)
        server = _Quiet(_configuration(gate, connections), ready)
        await self._site.scan()
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self._site.run()),
                tasks.create_task(self._sweep(connections)),
                tasks.create_task(self._end(server)),
            ]
            try:
                await server.serve(sockets=[self._socket])
            finally:
                self._site.close()
                for task in work:
                    task.cancel()

    async def _sweep(self, connections: Connections) -> None:
        async def sweep() -> None:
            connections.sweep()

        attempts = Attempts(self._warn, lambda: None)
        await attempts.again_and_again("dropping strangers", sweep, _SWEEP_SECONDS)

    async def _end(self, server: uvicorn.Server) -> None:
        """Streams have no end of their own, and the server waits for every answer."""
        await self._stopping.wait()
        self._faults.ending = True
        self._site.close()
        server.should_exit = True


def _configuration(gate: Gate, connections: Connections) -> uvicorn.Config:
    return uvicorn.Config(
        gate,
        http=protocol_of(connections),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_LAST_SECONDS,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
