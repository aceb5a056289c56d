"""Weeks of a shadow session in lockstep, at whose terminal things go wrong now and then.

A few days by default with --deep; ``SOAK_DAYS=60`` in the environment makes it sixty, with both
changes of the clocks. Nothing is lost or told twice, nothing grows, and the files say what the
journal says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.journal import StoredJournal
from adapters.mt5.api import contract as mt5
from engine import events as ev
from tests import synthetic
from tests.process.cli import ROOT, butler_process, environment
from tests.process.shadows import Arguments, books_of

DAYS = int(os.environ.get("SOAK_DAYS", "3"))
MANY = 3
SYMBOLS = ("EURUSD", "USDJPY")
SEASONS = {"spring": "2024-02-26", "autumn": "2024-10-07"}
"""Mondays from which sixty days hold the changes of the clocks in Europe and in the USA."""

GROWTH_KILOBYTES = 20_000
"""What the process may grow after its first days: rows of trades, not records."""

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="measures through /proc"),
]


@pytest.mark.parametrize("season", SEASONS)
def test_a_long_session_loses_nothing_and_grows_nowhere(tmp_path: Path, season: str) -> None:
    first = int(datetime.fromisoformat(SEASONS[season]).replace(tzinfo=UTC).timestamp())
    made = synthetic.feed(11, days=DAYS, first=first)
    bars: Arguments = tuple(
        part
        for name in SYMBOLS
        for part in (
            "--bars",
            f"{name}={synthetic.write_parquet(made[name], tmp_path / f'{name}.parquet')}",
        )
    )
    soak(tmp_path, bars)
    session = tmp_path / "sessions" / "soak"
    with StoredJournal(session / "journal.sqlite") as stored:
        records = list(stored.records())
    assert_numbered(records)
    for name in SYMBOLS:
        assert_every_bar_told_once(records, name, made[name])
    assert DAYS < MANY or outages(records), "a soak without an outage proves little"
    assert_books_agree(records, json.loads(books_of(tmp_path, "soak", "--no-dry-run").read_bytes()))
    assert_files_are_the_journals(tmp_path)
    assert_nothing_grows(tmp_path / "gauges.jsonl")


def soak(results: Path, bars: Arguments) -> None:
    command = [
        sys.executable, "-m", "tests.process.soak_main", "8", str(results / "gauges.jsonl"),
        "--account-profile", "PAPER", *map(str, bars), "--clock", "new-york+7", "--speed", "max",
        "--no-dry-run", "--quiet", "--no-view", "--results-dir", str(results),
        "--session-id", "soak", "--max-loss-fraction", "0.9", "--daily-loss-fraction", "0.5",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def outages(records: list[ev.Record]) -> int:
    events = (record.event for record in records)
    return sum(isinstance(item, ev.LinkChanged) and not item.up for item in events)


def assert_numbered(records: list[ev.Record]) -> None:
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert isinstance(records[-1].event, ev.SessionEnded)
    times = [record.time for record in records]
    assert times == sorted(times)


def assert_every_bar_told_once(records: list[ev.Record], symbol: str, bars: synthetic.Bars) -> None:
    """All bars but the last, which nothing has closed, in their order."""
    told = [bar for bar in _closed(records, symbol) if bar.timeframe == "M15"]
    warm = [
        time
        for record in records
        if isinstance(record.event, ev.WarmedUp) and record.event.symbol == symbol
        for timeframe, time, *_ in record.event.bars
        if timeframe == "M15"
    ]
    times = warm + [bar.time for bar in told]
    assert len(times) == len(bars) - 1
    assert times == sorted(set(times))
    closes = np.round(bars.close[len(warm) : -1]).tolist()
    assert [bar.close for bar in told] == closes


def _closed(records: list[ev.Record], symbol: str) -> list[ev.BarClosed]:
    events = (record.event for record in records)
    return [item for item in events if isinstance(item, ev.BarClosed) and item.symbol == symbol]


def assert_books_agree(records: list[ev.Record], books: dict[str, Any]) -> None:
    """Each deal of the venue is one that the engine was told of, and the other way round."""
    deals = [deal for deal in books["deals"] if deal["position"]]
    opened = Counter(
        (item.position, item.volume)
        for record in records
        if isinstance(item := record.event, ev.PositionOpened)
    )
    entered = Counter(
        (deal["position"], deal["volume"]) for deal in deals if deal["entry"] == mt5.DEAL_ENTRY_IN
    )
    assert opened == entered
    late = [
        record
        for record in records[2 * len(records) // 3 :]
        if isinstance(record.event, ev.PositionOpened)
    ]
    assert late, "a soak that does not trade to its end proves little"
    closed = [r.event.position for r in records if isinstance(r.event, ev.PositionClosed)]
    left = [deal["position"] for deal in deals if deal["entry"] == mt5.DEAL_ENTRY_OUT]
    assert sorted(closed) == sorted(left)


def assert_files_are_the_journals(results: Path) -> None:
    """The journal is whole, and a fresh projection of it is what the session wrote."""
    verified = butler_process("journal", "verify", "soak", "--results-dir", results)
    assert verified.code == 0, verified
    assert not [line for line in verified.out if "not sealed" in line]
    fresh = results / "fresh"
    said = butler_process("journal", "export", "soak", "--results-dir", results, "--out", fresh)
    assert said.code == 0, said
    for name in ("mt5_demo_exec_log.csv", "mt5_demo_exec_summary.json"):
        assert (fresh / name).read_bytes() == (results / "sessions" / "soak" / name).read_bytes()


def assert_nothing_grows(gauges: Path) -> None:
    """After the first third: memory, open files, threads and what waits for the I/O actors."""
    lines = [json.loads(line) for line in gauges.read_text(encoding="utf-8").splitlines()]
    early, late = lines[len(lines) // 3], lines[-1]
    assert late["kilobytes"] - early["kilobytes"] < GROWTH_KILOBYTES, lines
    assert late["files"] <= early["files"] + 2, lines
    assert late["threads"] <= early["threads"] + 1, lines
    assert max(line["waiting"] for line in lines) <= max(early["waiting"], 8), lines
