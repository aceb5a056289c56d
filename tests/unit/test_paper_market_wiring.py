"""Recorded bars as the market of a session: what its terminal is told, and the session's clock."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.paper.terminal.spec import build
from engine.clock import SystemClock
from scripts.app.errors import AppError
from scripts.app.sessions.paper_market import RecordedMarket, ScaledClock, busy_hour, now_ms
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.builders import EURUSD, SPECS
from tests.synthetic import DAY, SPRING, feed, write_parquet


def request(bars: Path, **more: Any) -> ReplayRequest:
    return ReplayRequest(bars=[f"EURUSD={bars}"], clock="eu-dst", **more)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    return write_parquet(feed(3, days=2)["EURUSD"], tmp_path / "bars.parquet")


def market(
    asked: ReplayRequest, start: int | None = None, speed: float | None = None
) -> RecordedMarket:
    inputs, _ = open_inputs(asked, {"EURUSD": EURUSD}, ("M15",))
    return RecordedMarket(inputs, start or inputs[0].ref.first, speed, now_ms())


class TestSpec:
    def test_in_lockstep_whole_bars_are_played_by_the_servers_clock(
        self, bars: Path, tmp_path: Path
    ) -> None:
        told = json.loads(market(request(bars)).spec(tmp_path, None))
        assert told["start"] == SPRING  # the server's midnight, not UTC's
        assert (told["pace"], told["state"], "clock" in told) == ("bars", None, False)
        terminal = build(json.dumps(told))
        assert terminal.initialize()
        assert terminal.paper_advance(SPRING * 1000 + DAY * 1000) is not None

    def test_at_a_speed_ticks_are_played_from_the_moment_at_which_it_began(
        self, bars: Path, tmp_path: Path
    ) -> None:
        made = market(request(bars), speed=60.0)
        told = json.loads(made.spec(tmp_path, tmp_path / "books.json"))
        assert (told["clock"], told["pace"], told["speed"]) == ("real", "ticks", 60.0)
        assert told["began"] == made.began / 1000
        assert told["state"] == str(tmp_path / "books.json")

    def test_the_bars_of_the_terminal_are_those_of_the_file(
        self, bars: Path, tmp_path: Path
    ) -> None:
        told = json.loads(market(request(bars)).spec(tmp_path, None))
        rates = np.load(told["bars"]["EURUSD"])
        made = feed(3, days=2)["EURUSD"]
        for name in ("time", "open", "high", "low", "close", "spread"):
            assert rates[name].tolist() == made.column(name).tolist()

    def test_bars_after_the_end_are_left_out_and_saved_under_another_name(
        self, bars: Path, tmp_path: Path
    ) -> None:
        cut = market(request(bars, end="2024-03-05"))
        whole = json.loads(market(request(bars)).spec(tmp_path, None))["bars"]["EURUSD"]
        part = json.loads(cut.spec(tmp_path, None))["bars"]["EURUSD"]
        assert part != whole
        last = int(np.load(part)["time"][-1])
        assert cut.to_utc(last) < SPRING + DAY <= cut.to_utc(last + 900)


class TestClock:
    def test_it_shows_the_markets_time_at_its_speed(self, bars: Path) -> None:
        made = market(request(bars), speed=3600.0)
        before = SystemClock().now()
        shown = ScaledClock(made).now()
        after = SystemClock().now()
        low, high = (made.start + (now - made.began) * 3600 for now in (before, after))
        assert low <= shown <= high

    @pytest.mark.parametrize("day", ["2024-03-05", "2024-03-12", "2024-04-02"])
    def test_the_servers_time_and_back(self, bars: Path, day: str) -> None:
        """Also while the hour has changed in the USA and not yet in Europe."""
        made = market(request(bars))
        moment = int(np.datetime64(day, "s").astype(np.int64))
        server = made.to_server(moment * 1000)
        assert server - moment == (3 if day > "2024-03-31" else 2) * 3600
        assert made.to_utc(server) == moment


def test_a_symbol_that_is_not_known_is_named(bars: Path) -> None:
    with pytest.raises(AppError, match="NOPE"):
        open_inputs(ReplayRequest(bars=[f"NOPE={bars}"]), SPECS, ("M15",))


def test_a_watched_market_begins_at_a_busy_hour() -> None:
    """The first weekday noon a week into the sample; short files begin at their first bar."""
    inputs = resolve_terms(ReplayRequest())[0].inputs
    begun = dt.datetime.fromtimestamp(busy_hour(inputs) / 1000, dt.UTC)
    assert begun.isoformat() == "2023-01-09T12:00:00+00:00"
    assert begun.weekday() == 0
    short = resolve_terms(ReplayRequest(end="2023-01-12"))[0].inputs
    assert busy_hour(short) == short[0].ref.first
