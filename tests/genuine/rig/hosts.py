"""A terminal host under Wine that is started again when it ends, the way a supervisor does."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import threading
from typing import Any, Final

from tests.genuine.rig.played import LOGIN, SERVER, PlayedTerminal, came
from tests.genuine.rig.prefix import ATTEMPTS, START_SECONDS, Prefix, windows

_PORTS: Final = range(20_000, 32_000)
"""Below those that a system gives to outgoing connections: a host that is started again finds its
own free."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class WineHost:
    """Runs the product's host, its configuration on standard input, until stopped.

    Every call that it makes into the package is written down in `package.jsonl` beside the
    terminal; a `plain` one is the product's program alone.
    """

    def __init__(
        self,
        prefix: Prefix,
        terminal: PlayedTerminal,
        module: str,
        *,
        plain: bool = False,
        **config: Any,
    ) -> None:
        self._prefix = prefix
        recording = ("-m", "tests.genuine.recording_host", module, windows(terminal.recorded))
        self._command = ("-m", module) if plain else recording
        self.port = free_port()
        self.token = secrets.token_hex(32)
        self.config = {
            "token": self.token, "login": LOGIN, "server": SERVER, "password": "not-shown",
            "trading": True, "terminal_path": terminal.program, "timeout_ms": 5000, **config,
        }  # fmt: skip
        self.starts = 0
        self.said: list[str] = []
        self._wanted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Start it, keep it running and wait until it listens."""
        self._wanted = True
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until somebody can connect to it; one that does not come up is tried again.

        Raises TimeoutError with what it said.
        """
        for _ in range(ATTEMPTS):
            if came(self._listens, START_SECONDS):
                return
            said = self.said[-5:]
            self.kill()
        raise TimeoutError(
            f"the host on port {self.port} was not up within {START_SECONDS:g} s, {ATTEMPTS} times "
            f"({self.starts} starts); it said: {said or 'nothing'}"
        )

    def _listens(self) -> bool:
        announced = any(line.startswith('{"port"') for line in self.said[-20:])
        return announced and self._process is not None and self._process.poll() is None

    def _keep(self) -> None:
        while self._wanted:
            self.said = []
            process = self._prefix.start(
                *self._command, "--port", self.port, stdin=subprocess.PIPE, env={}
            )
            self._process = process
            self.starts += 1
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(self.config).encode())
            process.stdin.close()
            with process.stdout:
                for line in process.stdout:
                    self.said.append(line.decode(errors="replace").rstrip())
            process.wait()

    def kill(self) -> None:
        """End it at once; it is started again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it for good."""
        self._wanted = False
        self.kill()
        if self._keeper is not None:
            self._keeper.join()
