"""Bars of a closed market are named and left out; what is missing is told where it is used."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.cli.shared.exit_codes import ExitCode
from tests import synthetic
from tests.commands import Said, butler

NAMES = ("time", "open", "high", "low", "close", "tick_volume", "spread")


@pytest.fixture(scope="module")
def feed() -> synthetic.Bars:
    return synthetic.feed(4, days=28)["EURUSD"]


def filled(bars: synthetic.Bars) -> synthetic.Bars:
    """Every weekend filled with flat bars at its last close, as exports with all flats are."""
    rows = {name: list(getattr(bars, name)) for name in NAMES}
    for place in range(len(bars) - 1):
        last, first = int(bars.time[place]), int(bars.time[place + 1])
        if first - last < 86_400:
            continue
        close = int(bars.close[place])
        for time in range(last + synthetic.M15, first, synthetic.M15):
            for name, value in zip(NAMES, (time, *[close] * 4, 0, 0), strict=True):
                rows[name].append(value)
    order = np.argsort(np.array(rows["time"]), kind="stable")
    return synthetic.Bars(
        bars.digits, *(np.array(rows[name], dtype=np.int64)[order] for name in NAMES)
    )


def replay(results: Path, file: Path, *more: object) -> tuple[Said, str]:
    said = butler(
        *("replay", "--bars", f"EURUSD={file}", "--results-dir", results, "--session-id", "s"),
        *("--json", *more),
    )
    return said, (results / "execution_sim_log.csv").read_text()


@pytest.mark.parametrize("clock", [(), ("--clock", "new-york+7")], ids=["shown", "named"])
def test_flat_bars_of_a_weekend_are_never_traded(
    tmp_path: Path, feed: synthetic.Bars, clock: tuple[str, ...]
) -> None:
    """The replay is that of the file without them, one line says so, and it can be run again."""
    plain = synthetic.write_parquet(feed, tmp_path / "plain.parquet")
    flats = synthetic.write_parquet(filled(feed), tmp_path / "flats.parquet")
    said, log = replay(tmp_path / "flats", flats, *clock)
    _, expected = replay(tmp_path / "plain", plain, *clock)
    assert log == expected
    assert log.count("\n") > 20
    left_out = [line for line in said.err if "while the market is closed" in line]
    assert len(left_out) == 1
    assert left_out[0].startswith(f"butler: {flats}: 576 flat bars of volume 0 while")
    for row in csv.DictReader(log.splitlines()):
        moment = datetime.fromisoformat(row["timestamp"])
        assert moment.astimezone(UTC).weekday() != 5
    again = butler("journal", "replay", "s", "--results-dir", tmp_path / "flats")
    assert again.code == ExitCode.DONE, again


WEEKEND = ("--from", "2024-03-08T12:00", "--to", "2024-03-11T12:00")


def test_a_session_on_recorded_bars_leaves_them_out_too(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    flats = synthetic.write_parquet(filled(feed), tmp_path / "flats.parquet")
    said = butler(
        *("shadow", "--account-profile", "PAPER", "--bars", f"EURUSD={flats}", "--speed", "max"),
        *("--results-dir", tmp_path / "shadow", "--session-id", "s", *WEEKEND),
    )
    assert said.code == ExitCode.DONE
    shown = "\n".join(said.out + said.err)
    assert "while the market is closed" in shown


def test_data_check_names_them(tmp_path: Path, feed: synthetic.Bars) -> None:
    file = synthetic.write_parquet(filled(feed), tmp_path / "eurusd.parquet")
    said = butler("data", "check", file)
    assert said.code == ExitCode.DONE
    assert said.out[1].startswith("  clock: new-york+7 (weeks open at Mon 00:00 (3 of 3)")
    assert said.out[2] == (
        "  note: 576 flat bars of volume 0 while the market is closed (the first at "
        "2024-03-09 00:00): replay leaves them out"
    )


def without(bars: synthetic.Bars, first: int, count: int) -> synthetic.Bars:
    keep = np.ones(len(bars), dtype=np.bool_)
    keep[first : first + count] = False
    return synthetic.Bars(bars.digits, *(getattr(bars, name)[keep] for name in NAMES))


def test_holes_are_told_by_the_replay_and_its_summary(tmp_path: Path, feed: synthetic.Bars) -> None:
    """How many, the first and the longest, by UTC; none outside the window that is played."""
    whole = synthetic.write_parquet(feed, tmp_path / "whole.parquet")
    hole = synthetic.write_parquet(without(feed, 1_000, 30), tmp_path / "hole.parquet")
    before = _holes(tmp_path / "whole", whole)
    told = _holes(tmp_path / "hole", hole)
    assert told["bars"] >= 30
    assert before["bars"] < 30
    last = int(feed.time[999])
    at = datetime.fromtimestamp(last, UTC)
    hours = (at - datetime.fromisoformat(told["longest"]).replace(tzinfo=UTC)).total_seconds()
    assert hours in (2 * 3600, 3 * 3600), "the server runs two or three hours ahead of UTC"
    said = butler(
        *("replay", "--bars", f"EURUSD={hole}", "--results-dir", tmp_path / "t"),
        *("--session-id", "s"),
    )
    line = next(line for line in said.out if line.startswith("  holes"))
    assert f"the longest after {told['longest'][:16]}Z ({told['bars']} bars)" in line
    later = _holes(tmp_path / "later", hole, "--from", "2024-03-25")
    assert later["count"] < told["count"]
    assert later["bars"] < 30


def _holes(results: Path, file: Path, *more: object) -> Any:
    said, _ = replay(results, file, *more)
    return json.loads("\n".join(said.out))["data"][0]["holes"]
