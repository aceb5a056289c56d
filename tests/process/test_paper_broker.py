"""Commands on an account behind a host of its own: what ends them, and what is refused."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.process.brokers import Broker, broker
from tests.process.cli import COMMAND, ROOT, SECONDS, environment

UNREACHABLE = {
    "script": [{"function": "positions_get", "fault": {"kind": "no_ipc", "span": 4_000}, "call": 4}]
}
"""From the fourth look on the terminal has no connection, for as long as anybody asks."""


def test_a_duration_ends_a_session_whose_link_never_comes_back(tmp_path: Path) -> None:
    """At its time, in order, with a summary that says what kept trading halted."""
    with broker(tmp_path, faults=UNREACHABLE) as account:
        arguments = ("--no-dry-run", "--no-view", "--quiet", "--duration", "8s")
        said = account.butler("shadow", *arguments)
        assert said.code == 0, said
        summary = account.summary()
    assert summary["outcome"] == "done"
    assert summary["halt_reason"] == "link"


REQUOTE = {"script": [{"function": "order_send", "fault": {"kind": "requote", "points": 3}}]}


def rows(account: Broker) -> list[dict[str, str]]:
    path = account.results / "sessions" / "s" / "mt5_demo_exec_log.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def await_row(account: Broker, event: str, process: subprocess.Popen[str]) -> dict[str, str]:
    """The first row of a kind; fails when the session ends before it."""
    deadline = time.monotonic() + SECONDS
    while True:
        found = [row for row in rows(account) if row["event"] == event]
        if found:
            return found[0]
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, rows(account)
        time.sleep(0.05)


def test_a_requote_suspends_and_is_no_latch(tmp_path: Path) -> None:
    """The entry is over and told with code and meaning; trading waits, nobody has to come."""
    signals = tmp_path / "signals.jsonl"
    signals.write_text("", encoding="utf-8")
    with broker(tmp_path, faults=REQUOTE) as account:
        command = account.arguments(
            "shadow", "--no-dry-run", "--no-view", "--session-id", "s", "--signals", signals,
            "--follow", "--per-trade-risk-fraction", 0.05,
        )  # fmt: skip
        process = subprocess.Popen(
            [*COMMAND, *map(str, command)], cwd=ROOT, env=environment(**account.env),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        with process:
            try:
                await_row(account, "RESUME", process)
                line: dict[str, Any] = {
                    "time": int(time.time()), "symbol": "EURUSD", "direction": "buy",
                    "stop_loss": 1.05, "volume": 0.1,
                }  # fmt: skip
                signals.write_text(json.dumps(line) + "\n", encoding="utf-8")
                refused = await_row(account, "REJECT", process)
                halts = [row for row in rows(account) if row["event"] == "HALT"]
            finally:
                process.kill()
    assert refused["reason"] == "10004"
    assert "the price moved" in refused["detail"]
    assert halts[-1]["reason"] == "transient_rejection"
