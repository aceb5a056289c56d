"""Real hosts for tests: configuration, a barrier to hold a call at, and clients."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from tests.process.backend_clock import LOGIN, PASSWORD, SERVER

SECONDS = 60.0
"""A deadline that only a broken host misses."""


def config(**changed: Any) -> HostConfig:
    """The configuration of the tests' hosts; trading unless changed."""
    usual = HostConfig(token="5a" * 32, login=LOGIN, server=SERVER, password=PASSWORD, trading=True)
    return msgspec.structs.replace(usual, **changed)


def command(barrier_port: int = 1) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.process.host_main", str(barrier_port))


FAULTY_HOST = (sys.executable, "-m", "tests.process.faulty_host")
"""A host whose paper terminal has the faults that its specification names."""


def local_host(folder: Path, barrier_port: int = 1, **changed: Any) -> LocalHost:
    return LocalHost(config(**changed), folder, command(barrier_port))


def host_pid(folder: Path) -> int:
    """The process id of the host that works for this state folder."""
    note = json.loads((folder / "terminal-host.json").read_text(encoding="utf-8"))
    return int(note["pid"])


@contextmanager
def running(folder: Path, barrier_port: int = 1, **changed: Any) -> Iterator[TerminalClient]:
    """A client with a started host; restarts do not wait."""
    client = TerminalClient(local_host(folder, barrier_port, **changed), sleep=lambda _: None)
    with client:
        client.start()
        yield client


class Barrier:
    """A gate inside a host's call: `port` is where the backend knocks and then waits."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS)
        self._waiting: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def wait_until_reached(self) -> None:
        """Returns when a call has arrived at the barrier."""
        arrived = self._listener.accept()[0]
        self._waiting.append(arrived)
        arrived.recv(1)

    def release(self) -> None:
        """Let every call go on."""
        while self._waiting:
            self._waiting.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self._listener.close()
