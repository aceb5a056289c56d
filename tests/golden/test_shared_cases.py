"""Situations taken from public reports and files: each gives what its README says is right.

They are looked for in `../shared/cases` beside the checkout and belong to no release.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import butler

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
WIDE = ("--per-trade-risk-fraction", "0.2", "--daily-loss-fraction", "0.2")

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not there")


def case(name: str) -> Path:
    return CASES / name


def replay(results: Path, *arguments: object) -> list[str]:
    """A replay that succeeds; what it says on both streams."""
    said = butler("replay", *arguments, "--results-dir", results)
    assert said.code == 0, said
    return [*said.out, *said.err]


def summary(results: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((results / "execution_sim_summary.json").read_bytes())
    return told


def rows(results: Path) -> Iterator[dict[str, str]]:
    with (results / "execution_sim_log.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_flat_bars_of_closed_markets_are_named_and_left_out(tmp_path: Path) -> None:
    file = case("dukascopy_flats") / "EURUSD_flats.csv"
    said = replay(tmp_path, "--bars", f"EURUSD={file}")
    assert any("1,148 flat bars of volume 0" in line for line in said)
    assert not [row for row in rows(tmp_path) if row["timestamp"][:10] == "2024-03-09"]
    checked = butler("data", "check", file)
    assert any("1,148 flat bars" in line for line in checked.out)


def test_local_time_of_new_york_is_known(tmp_path: Path) -> None:
    file = case("new_york_time_csv") / "EURUSD_ny.csv"
    said = replay(tmp_path, "--bars", f"EURUSD={file}")
    assert any("the bars' clock is new-york:" in line for line in said)
    assert summary(tmp_path)["data"][0]["clock"] == "new-york"


def test_a_label_that_the_bars_contradict_is_refused_and_the_users_clock_wins(
    tmp_path: Path,
) -> None:
    bars = f"EURUSD={case('server_time_marked_utc') / 'EURUSD_utc.csv'}"
    replay(tmp_path, "--bars", bars, "--clock", "new-york+7")
    told = summary(tmp_path)
    assert (told["number_of_trades"], told["final_equity"]) == (147, 95_501.86)
    for clock in ((), ("--clock", "auto")):
        refused = butler("replay", "--bars", bars, *clock, "--results-dir", tmp_path / "no")
        assert refused.code == 3
        assert "settle it with --clock new-york+7" in refused.line


@pytest.mark.parametrize(
    "name", ["epoch_ms", "excel_blank_rows", "lower_side", "sl_open", "telegram_semicolon"]
)
def test_signals_are_read_as_people_write_them(tmp_path: Path, name: str) -> None:
    file = case("signal_messages") / f"{name}.csv"
    replay(tmp_path, "--signals", file, "--to", "2024-03-12", "--from", "2024-03-01")
    opened = [row["timestamp"] for row in rows(tmp_path) if row["event"] == "OPEN"]
    assert opened == ["2024-03-05T09:15:00+00:00"]


def test_three_profitable_days_are_needed(tmp_path: Path) -> None:
    folder = case("the5ers_profitable_days")
    replay(
        tmp_path, "--bars", f"EURUSD={folder / 'EURUSD_m15.csv'}", "--signals",
        folder / "signals.csv", "--objectives", "the5ers_high_stakes", *WIDE,
    )  # fmt: skip
    (attempt,) = summary(tmp_path)["attempts"]
    assert (attempt["outcome"], attempt["phases_passed"]) == ("unfinished", 0)
    assert summary(tmp_path)["loss_buffer"]["missing"] == ["profitable_days"]


def test_an_exit_is_held_out_of_the_news(tmp_path: Path) -> None:
    folder = case("ftmo_news_close")
    replay(
        tmp_path, "--bars", f"EURUSD={folder / 'EURUSD_m1.csv'}", "--signals",
        folder / "exit_in_window.csv", "--objectives", "ftmo_2step:account", "--calendar",
        folder / "calendar.csv", *WIDE,
    )  # fmt: skip
    (closed,) = [row["timestamp"] for row in rows(tmp_path) if row["event"] == "CLOSE"]
    assert closed == "2024-02-06T13:33:00+00:00"
    assert summary(tmp_path)["attempts"][0]["violations"] == []
    held = [row["detail"] for row in rows(tmp_path) if row["reason"] == "news_window"]
    assert "held until after 2024-02-06 13:32:00 UTC" in held[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("0.001", ("FILTER", "0.001 lots is below the minimum of 0.01")),
        ("0.015", ("OPEN", "asked for 0.015 lots")),
        ("80", ("FILTER", "80 lots is more than EURUSD takes at once, 50")),
    ],
)
def test_a_volume_that_is_not_taken_as_it_is_is_said(
    tmp_path: Path, name: str, told: tuple[str, str]
) -> None:
    file = case("volume_not_whole_steps") / f"volume_{name}.csv"
    wide = ("--per-trade-risk-fraction", "0.9", "--daily-loss-fraction", "0.9")
    replay(tmp_path, "--signals", file, "--to", "2024-03-12", "--from", "2024-03-01", *wide)
    first = next(rows(tmp_path))
    assert (first["event"], first["detail"]) == told
