"""`butler mirror` of a session on PAPER whose terminal really slipped, refused, and was away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.commands import butler
from tests.process.cli import ROOT, environment
from tests.process.shadows import PATIENCE, synthetic_bars

SLIPPED = 60
"""Points by which every fill is worse; the market itself moves about as much in a quarter hour."""

REJECTED = 10024  # too many requests: trading waits, and goes on by itself
FAULTS: dict[str, Any] = {
    "slippage": SLIPPED,
    "faults": {
        "script": [
            {
                "function": "order_send",
                "fault": {"kind": "reject", "code": REJECTED},
                "call": 5,
            },
            {"function": "positions_get", "fault": {"kind": "no_ipc", "span": 4}, "call": 100},
        ]
    },
}
QUARTER, STOP = 900, 0.008
SERVER_AHEAD = 2 * 3600
EXECUTION = ("--account-profile", "PAPER", "--no-dry-run", "--speed", "1800", "--max-positions", 9)


def signals(folder: Path) -> Iterator[dict[str, Any]]:
    """An entry at every bar's opening, long and short in turns, left before the next."""
    bars = pq.read_table(folder / "EURUSD.parquet").to_pydict()
    for place in range(8, 56):
        side = 1 if place % 2 else -1
        moment = bars["time"][place] - SERVER_AHEAD
        yield {
            "time": moment, "symbol": "EURUSD", "direction": "buy" if side > 0 else "sell",
            "stop_loss": round(bars["open"][place] - side * STOP, 5), "volume": 0.1,
            "exit_time": moment + QUARTER * 2 // 3,
        }  # fmt: skip


@pytest.mark.deep
def test_slippage_a_rejection_and_a_missed_hour_are_named_with_their_money(tmp_path: Path) -> None:
    """Each fill is worse, one order is refused, and the link is lost for some bars."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    file = tmp_path / "signals.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in signals(tmp_path)))
    command = (
        "-m", "tests.process.faulty_paper_main", json.dumps(FAULTS), "shadow", *EXECUTION, *bars,
        "--signals", file, "--no-view", "--quiet", "--results-dir", tmp_path,
        "--session-id", "faulty",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, env=environment(), capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = butler("mirror", "faulty", "--json", "--results-dir", tmp_path)
    assert said.code == 5
    told = json.loads("".join(said.out))
    trades = told["trades"]

    slipped = [item["open_slippage_points"] for item in trades if item["a"] and item["b"]]
    assert sum(slipped) / len(slipped) > SLIPPED / 2
    refused = [item for item in trades if f"rejected with {REJECTED} in B" in item["differences"]]
    assert len(refused) == 1
    assert refused[0]["b"] is None

    away = [text for text in told["outages"] if text.startswith("the link to the terminal was")]
    assert len(away) == 1
    shown = butler("mirror", "faulty", "--rows", 0, "--results-dir", tmp_path).out
    missed = [place for place, line in enumerate(shown) if line == f"    {away[0]}"]
    assert missed
    for place in missed:
        (told_of,) = [line for line in shown[place - 3 : place] if line.startswith("    A opened")]
        assert told_of.endswith(" USD")
    (money,) = [line for line in shown if line.startswith("money, B - A")]
    lost = -sum(item["a"]["result"] for item in trades if item["b"] is None)
    alone = sum(item["b"] is None for item in trades)
    assert f"{lost:+,.2f} USD for {alone} that only A has" in money
