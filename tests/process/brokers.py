"""A paper broker on this machine, as a profile with a `host` meets it: a process of its own."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.builders import EURUSD
from tests.commands import Said
from tests.process.cli import ROOT, butler_process, environment

LOGIN, SERVER, PROFILE = 7_001, "Paper-Demo", "BROKER"


@dataclass(frozen=True)
class Broker:
    """A host that listens, and what a command needs to use it."""

    folder: Path
    port: int
    token: str

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def arguments(self, command: str, *more: object) -> tuple[object, ...]:
        profile = ("--account-profile", PROFILE, "--accounts", self.folder / "accounts.yaml")
        return (command, *profile, "--results-dir", self.results, *more)

    @property
    def env(self) -> dict[str, str]:
        return {"OMEGA_MT5_HOST_TOKEN": self.token}

    def butler(self, command: str, *more: object) -> Said:
        """Run a command on the account to its end."""
        said: Said = butler_process(*self.arguments(command, *more), cwd=ROOT, **self.env)
        return said

    def summary(self, name: str = "mt5_demo_exec_summary.json") -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.results / name).read_bytes())
        return told


@contextmanager
def broker(folder: Path, **spec: Any) -> Iterator[Broker]:
    """A broker of EURUSD around 1.1 on a running clock; `spec` changes its specification."""
    token = secrets.token_hex(32)
    usual = {
        "symbols": [EURUSD], "login": LOGIN, "server": SERVER, "prices": {"EURUSD": 1.1},
        "swing": 40, "clock": "real", "pace": "ticks",
    }  # fmt: skip
    backend = "paper:" + msgspec.json.encode(usual | spec).decode()
    config = {
        "token": token, "login": LOGIN, "server": SERVER, "trading": True, "backend": backend,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.process.faulty_host", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(config).encode())
            process.stdin.close()
            port = json.loads(process.stdout.readline())["port"]
            write_accounts(folder, port)
            yield Broker(folder, port, token)
        finally:
            process.kill()


def write_accounts(folder: Path, port: int, **changes: Any) -> None:
    """The accounts file with the broker's profile."""
    profile = {
        "server": SERVER, "login": LOGIN, "password": "not-shown", "default_symbol": "EURUSD",
        "host": f"127.0.0.1:{port}", **changes,
    }  # fmt: skip
    text = json.dumps({"profiles": {PROFILE: profile}})
    (folder / "accounts.yaml").write_text(text, encoding="utf-8")
