"""Situations taken from public reports and files: each gives what its README says is right.

They are looked for in `../shared/cases` beside the checkout and belong to no release.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import butler
from tests.process.brokers import broker, following

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


def spec_of(name: str, file: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((case(name) / file).read_bytes())
    return spec


@pytest.mark.deep
def test_a_duration_ends_in_its_time_although_the_link_is_down(tmp_path: Path) -> None:
    """No answer for 40 seconds; the session is over well before that."""
    with broker(tmp_path, **spec_of("duration_while_link_lost", "spec.json")) as account:
        began = time.monotonic()
        said = account.butler(
            *("shadow", "--no-dry-run", "--no-view", "--quiet", "--duration", "20s")
        )
        took = time.monotonic() - began
        told = account.summary()
    assert said.code == 0, said
    assert (told["outcome"], told["halt_reason"]) == ("done", "link")
    assert took < 40


@pytest.mark.deep
@pytest.mark.parametrize("file", ["requote.json", "closed.json"])
def test_a_transient_answer_suspends_and_latches_nothing(tmp_path: Path, file: str) -> None:
    """Nobody has to come: where the market opens again, trading goes on by itself."""
    spec = spec_of("latched_by_market_event", file)
    if "rules" in spec:
        spec["rules"]["EURUSD"]["hours"] = closed_for_a_minute()
    with broker(tmp_path, **spec) as account, following(account) as session:
        session.await_row("RESUME")
        session.signal()
        refused = session.await_row("REJECT")
        session.await_row("RESUME", 2)
        halts = [row["reason"] for row in session.rows() if row["event"] == "HALT"]
        session.signal()
        session.await_row("OPEN")
    assert refused["reason"] == {"requote.json": "10004", "closed.json": "10018"}[file]
    assert halts[-1] == "transient_rejection"


def closed_for_a_minute() -> list[dict[str, int]]:
    """The hours of the case by the broker's clock, which shows now: closed until the next minute
    but one."""
    now = dt.datetime.now(dt.UTC)
    opens = now + dt.timedelta(minutes=2)
    since = opens.hour * 60 + opens.minute
    return [{"weekday": opens.isoweekday() % 7, "since": since, "until": 1_440}]
