"""A paper broker on this machine, as a profile with a `host` meets it: a process of its own."""

from __future__ import annotations

import csv
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.builders import EURUSD
from tests.commands import Said
from tests.process.cli import COMMAND, ROOT, SECONDS, butler_process, environment

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
        """The host's token, and a folder for what is known of this broker's account alone."""
        return {"OMEGA_MT5_HOST_TOKEN": self.token, "BUTLER_STATE": str(self.folder / "state")}

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


@dataclass(frozen=True)
class Following:
    """A sending session that follows a file of signals, and what it writes."""

    process: subprocess.Popen[str]
    log: Path
    signals: Path

    def signal(self) -> None:
        """One signal, by the time of now."""
        line = {
            "time": int(time.time()), "symbol": "EURUSD", "direction": "buy", "stop_loss": 1.05,
            "volume": 0.1,
        }  # fmt: skip
        with self.signals.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def rows(self) -> list[dict[str, str]]:
        if not self.log.exists():
            return []
        with self.log.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def await_row(self, event: str, count: int = 1) -> dict[str, str]:
        """The `count`-th row of a kind; fails when the session ends before it."""
        deadline = time.monotonic() + 2 * SECONDS
        while True:
            found = [row for row in self.rows() if row["event"] == event]
            if len(found) >= count:
                return found[count - 1]
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, self.rows()
            time.sleep(0.05)


@contextmanager
def following(account: Broker) -> Iterator[Following]:
    """A shadow session that sends, killed at the end."""
    signals = account.folder / "signals.jsonl"
    signals.write_text("", encoding="utf-8")
    command = account.arguments(
        "shadow", "--no-dry-run", "--no-view", "--session-id", "s", "--signals", signals,
        "--follow", "--per-trade-risk-fraction", 0.05,
    )  # fmt: skip
    with subprocess.Popen(
        [*COMMAND, *map(str, command)], cwd=ROOT, env=environment(**account.env),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            log = account.results / "sessions" / "s" / "mt5_demo_exec_log.csv"
            yield Following(process, log, signals)
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
