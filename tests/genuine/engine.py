"""The product as its user runs it: commands in processes, their event log, summary and journal."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.genuine import product
from tests.genuine.rig.hosts import WineHost
from tests.genuine.rig.played import LOGIN, PATIENCE, SERVER, PlayedTerminal, wait_for

Row = dict[str, Any]

COMMAND_SECONDS: Final = 120.0 * PATIENCE
"""A deadline that only a broken command misses."""

PROFILE: Final = "GENUINE"
SMOKE_SUMMARY: Final = "mt5_demo_smoketest_summary.json"
SUMMARY: Final = "mt5_demo_exec_summary.json"
EVENT_LOG: Final = "mt5_demo_exec_log.csv"


def core(case: Any) -> Any:
    """A case of a parametrized test that belongs to the core."""
    return pytest.param(case, marks=pytest.mark.core)


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


@dataclass
class Running:
    """A session's process, with what it writes."""

    process: subprocess.Popen[bytes]
    folder: Path
    results: Path

    def status(self) -> Row:
        """How it stands, as `butler status` tells, without a process for each look."""
        return product.status(self.folder.name, self.results)

    def wait(self, seconds: float = COMMAND_SECONDS) -> Said:
        """Its end; one that does not come is killed and fails the test."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still runs after {seconds:g} s: {out!r} {err!r}") from None
        return Said(self.process.returncode, out.decode(), err.decode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def ready(self, seconds: float = 60.0) -> None:
        """Wait until it trades: the server's clock is told from a few fresh ticks first."""
        self.await_rows(1, "RESUME", seconds=seconds)

    # --- what it writes

    @property
    def journal(self) -> Path:
        return self.folder / "journal.sqlite"

    def rows(self, *kinds: str) -> list[Row]:
        """The event log's rows; only those of some kinds."""
        path = self.folder / EVENT_LOG
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file))
        return [row for row in rows if not kinds or row["event"] in kinds]

    def summary(self) -> Row:
        told: Row = json.loads((self.folder / SUMMARY).read_text(encoding="utf-8"))
        return told

    def await_rows(self, count: int, *kinds: str, seconds: float = 40.0) -> list[Row]:
        """The rows of some kinds once there are `count` of them."""

        def found() -> list[Row] | None:
            if self.process.poll() is not None:
                raise AssertionError(f"the session ended: {self.wait()}")
            rows = self.rows(*kinds)
            return rows if len(rows) >= count else None

        try:
            rows: list[Row] = wait_for(found, seconds, f"{count} rows of {kinds}")
        except TimeoutError as error:
            raise AssertionError(f"{error}; the log: {self.rows()}") from None
        return rows


@dataclass
class Trader:
    """A user at his machine: accounts file, results folder, commands."""

    folder: Path
    terminal: PlayedTerminal
    host: WineHost | None
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.results = self.folder / "results"
        self.signals = self.folder / "signals.csv"
        self.sessions = 0
        self.started: list[subprocess.Popen[bytes]] = []
        self.write_accounts()

    def write_accounts(self, **changes: Any) -> None:
        """The accounts file, with some of the profile's values replaced; None leaves one out."""
        values: Row = {"server": SERVER, "login": LOGIN, "default_symbol": "EURUSD"}
        host = self.host
        values |= {"host": f"127.0.0.1:{host.port}"} if host else {"password": "not-shown"}
        values |= changes
        lines = [f"    {name}: {json.dumps(v)}" for name, v in values.items() if v is not None]
        text = "\n".join(["profiles:", f"  {PROFILE}:", *lines, ""])
        self.accounts.write_text(text, encoding="utf-8")

    @property
    def accounts(self) -> Path:
        return self.folder / "accounts.yaml"

    def environment(self) -> dict[str, str]:
        state = str(self.folder / "state")  # an account of its own for each test
        mine = {
            "PYTHONPATH": str(product.ROOT),
            "PYTHONUTF8": "1",
            "BUTLER_STATE": state,
            **self.environ,
        }
        if self.host is not None:
            mine["OMEGA_MT5_HOST_TOKEN"] = self.host.token
        return {**os.environ, **mine}

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command of its Python."""
        process = subprocess.Popen(
            [product.PYTHON, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def leave(self) -> None:
        """End whatever still runs, so that the next test finds the host free."""
        for process in self.started:
            process.kill()
            process.communicate()

    def run(self, *arguments: object, seconds: float = COMMAND_SECONDS) -> Said:
        """Run a command of its Python to its end."""
        return Running(self.start(*arguments), self.folder, self.results).wait(seconds)

    def butler(self, *arguments: object, seconds: float = COMMAND_SECONDS) -> Said:
        """Run `butler ARGUMENTS` to its end."""
        return self.run(*product.BUTLER, *arguments, seconds=seconds)

    def on_account(self, command: str, *arguments: object) -> Said:
        """Run a command on the account."""
        return self.butler(command, *self.account_options(), *arguments)

    def account_options(self) -> list[object]:
        profile = ["--account-profile", PROFILE, "--accounts", self.accounts]
        return [*profile, "--results-dir", self.results]

    def order(self, command: str, session: Running, *arguments: object) -> Said:
        """Give a running session an order."""
        name = session.folder.name
        patient = command == "flatten" and "--wait" not in arguments
        wait = ("--wait", COMMAND_SECONDS / 2) if patient else ()
        return self.butler(command, name, "--results-dir", self.results, *wait, *arguments)

    def resume(self, session: Running) -> None:
        """Resume a session; it refuses that until it has looked for an order's outcome."""
        told = ("--reason", "looked at it")
        wait_for(lambda: self.order("resume", session, *told).code == 0, 60, "a resumed session")

    # --- sessions

    def shadow(self, *arguments: object, resume: Running | None = None) -> Running:
        """Start a session that sends what the followed signals say, unless told otherwise."""
        self.sessions += 1
        name = resume.folder.name if resume else f"genuine-{self.sessions}"
        if not self.signals.exists():
            self.signals.write_text(",".join(SIGNAL_COLUMNS) + "\n", encoding="utf-8")
        chosen: Sequence[object] = arguments or ("--no-dry-run",)
        known = ("--resume", name) if resume else ("--session-id", name)
        given = () if "--preset" in chosen else ("--signals", self.signals, "--follow")
        process = self.start(
            *product.BUTLER, "shadow", *self.account_options(), "--no-view", *known, *given, *chosen
        )
        return Running(process, self.results / "sessions" / name, self.results)

    def signal(self, direction: str = "long", **values: Any) -> None:
        """Append a signal of this moment."""
        symbol = values.get("symbol", "EURUSD")
        row: Row = {"time": int(time.time()), "symbol": symbol, "direction": direction, **values}
        with self.signals.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, SIGNAL_COLUMNS, lineterminator="\n").writerow(row)


SIGNAL_COLUMNS: Final = (
    "time", "symbol", "direction", "stop_loss", "take_profit", "exit_time", "entry_price",
    "expires", "volume", "risk_scale", "reason", "strategy_id",
)  # fmt: skip
"""The columns of a file of followed signals."""
