"""A terminal host under Wine that is started again when it ends, the way a supervisor does."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
from typing import Any, Final

from tests.genuine.rig.played import LOGIN, SERVER, PlayedTerminal, came
from tests.genuine.rig.prefix import ATTEMPTS, ROOT, START_SECONDS, Prefix, windows

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
    terminal.
    """

    def __init__(
        self,
        prefix: Prefix,
        terminal: PlayedTerminal,
        module: str,
        **config: Any,
    ) -> None:
        self._prefix = prefix
        recorded = windows(terminal.recorded)
        self._command = ("-m", "tests.genuine.recording_host", module, recorded)
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
            self._process = process = self._launch()
            self.starts += 1
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    self.said.append(line.decode(errors="replace").rstrip())
            process.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        process = self._prefix.start(
            *self._command, "--port", self.port, stdin=subprocess.PIPE, env={}
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self.config).encode())
        process.stdin.close()
        return process

    def kill(self) -> None:
        """End it at once; it is started again."""
        if self._process is not None:
            self._end(self._process)
            self._process.wait()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()

    def stop(self) -> None:
        """End it for good."""
        self._wanted = False
        self.kill()
        if self._keeper is not None:
            self._keeper.join()


class ToldHost(WineHost):
    """A host that is started by a command line of the documents, in the project's folder.

    `command` is that line's program and arguments, for the port `PORT` of the documents.
    """

    PORT: Final = "18812"

    def __init__(self, prefix: Prefix, terminal: PlayedTerminal, command: list[str]) -> None:
        super().__init__(prefix, terminal, "")
        self._line = [word.replace(self.PORT, str(self.port)) for word in command]

    def _launch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._line, cwd=ROOT, env=self._prefix.environment(), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
