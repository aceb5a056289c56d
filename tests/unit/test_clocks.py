"""Server clocks are turned into UTC, and told from the bars where the bars show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.types import ClockName
from signals.market_data.clocks import (
    CLOCKS,
    DAY,
    HOUR,
    ClockDetector,
    Seconds,
    is_clock,
    server_of,
    to_server,
    to_utc,
    utc_of,
)
from tests.detected_clock import detect_clock

NEW_YORK = ZoneInfo("America/New_York")
PERIOD = 900


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("clock", "server", "utc"),
    [
        # The US change of 9 March 2025, the EU's of 30 March, then 26 October and 2 November.
        ("new-york+7", "2025-03-07T23:45", "2025-03-07T21:45"),
        ("new-york+7", "2025-03-10T00:00", "2025-03-09T21:00"),
        ("new-york+7", "2025-10-31T23:45", "2025-10-31T20:45"),
        ("new-york+7", "2025-11-03T00:00", "2025-11-02T22:00"),
        ("eu-dst", "2025-03-09T23:00", "2025-03-09T21:00"),
        ("eu-dst", "2025-03-28T22:45", "2025-03-28T20:45"),
        ("eu-dst", "2025-03-31T00:00", "2025-03-30T21:00"),
        ("eu-dst", "2025-10-24T23:45", "2025-10-24T20:45"),
        ("eu-dst", "2025-10-27T00:00", "2025-10-26T22:00"),
        ("utc", "2025-07-01T12:00", "2025-07-01T12:00"),
        ("est", "2025-07-01T12:00", "2025-07-01T17:00"),
        ("est", "2025-01-01T12:00", "2025-01-01T17:00"),
    ],
)
def test_known_moments(clock: ClockName, server: str, utc: str) -> None:
    """The week's edges around every change of the hour come out as the markets keep them."""
    assert utc_of(clock, _at(server)) == _at(utc)
    assert server_of(clock, _at(utc)) == _at(server)
    assert to_utc(clock, np.array([_at(server)])).tolist() == [_at(utc)]
    assert to_server(clock, np.array([_at(utc)])).tolist() == [_at(server)]


def test_an_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    """On 2 November 2025 New York's clock goes from 02:00 EDT back to 01:00 EST."""
    twice = _at("2025-11-02T08:30")
    assert utc_of("new-york+7", twice) == _at("2025-11-02T05:30")
    assert server_of("new-york+7", _at("2025-11-02T06:30")) == twice


def test_an_hour_that_the_clock_skips_is_read_by_the_offset_before() -> None:
    """On 30 March 2025 the EU's GMT+2 ends at 03:00 and goes on at 04:00."""
    assert utc_of("eu-dst", _at("2025-03-30T03:30")) == _at("2025-03-30T01:30")


@pytest.mark.parametrize("bad", [-1, 4_102_444_800, 1_741_564_800_000])
def test_times_outside_the_table_are_refused(bad: int) -> None:
    """A time that is not in seconds of our age is an error, not a guess."""
    for convert in (to_utc, to_server):
        with pytest.raises(ValueError, match=f"time {bad} is not in epoch seconds"):
            convert("utc", np.array([0, bad]))
    for scalar in (utc_of, server_of):
        with pytest.raises(ValueError, match=f"time {bad} is not in epoch seconds"):
            scalar("new-york+7", bad)


def test_no_times_are_no_times() -> None:
    """An empty column stays empty."""
    assert len(to_utc("eu-dst", np.array([], dtype=np.int64))) == 0


def _market(first: str, last: str, opening: int = 17, period: int = PERIOD) -> Seconds:
    """UTC opens of the bars of a market open Sunday `opening` h to Friday 17 h, New York."""
    utc = np.arange(_at(first), _at(last), period, dtype=np.int64)
    hours = {}
    for hour in range(int(utc[0]) // 3600, int(utc[-1]) // 3600 + 1):
        wall = datetime.fromtimestamp(hour * 3600, NEW_YORK)
        into_week = (wall.weekday() + 1) % 7 * 24 + wall.hour
        hours[hour] = opening <= into_week < 5 * 24 + 17
    return utc[[hours[int(second) // 3600] for second in utc]]


YEAR = ("2025-01-02", "2025-12-31")
FX = _market(*YEAR)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("opening", [17, 18])
def test_a_year_shows_its_clock(clock: ClockName, opening: int) -> None:
    """Currencies and metals of a whole year give every clock away."""
    verdict = detect_clock([to_server(clock, _market(*YEAR, opening))])
    assert verdict.clock == clock
    assert "weeks open at" in verdict.evidence


def test_the_verdict_does_not_depend_on_the_chunks() -> None:
    """Weekends that fall between two chunks count like the others."""
    times = to_server("eu-dst", FX)
    whole = detect_clock([times])
    for size in (1, 96, 5_000):
        parts = [times[start : start + size] for start in range(0, len(times), size)]
        assert detect_clock(parts) == whole


@pytest.mark.parametrize("clock", ["new-york+7", "eu-dst"])
@pytest.mark.parametrize("season", [("2025-04-05", "2025-10-20"), ("2025-01-02", "2025-03-01")])
def test_one_season_does_not_tell_new_york_from_the_eu(
    clock: ClockName, season: tuple[str, str]
) -> None:
    """Without a week in which the two differ there is no verdict, and the reason is given."""
    verdict = detect_clock([to_server(clock, _market(*season))])
    assert verdict.clock is None
    assert "new-york+7 and eu-dst" in verdict.evidence
    assert "Mon 00:00" in verdict.evidence


@pytest.mark.parametrize("clock", ["utc", "est"])
def test_one_season_is_enough_where_no_other_clock_fits(clock: ClockName) -> None:
    """A UTC feed's summer looks like no other known clock's."""
    assert detect_clock([to_server(clock, _market("2025-04-05", "2025-10-20"))]).clock == clock


def _contradiction(times: Seconds, clock: ClockName) -> str | None:
    detector = ClockDetector()
    detector.push(times)
    return detector.contradiction(clock)


SEASONS = [("2025-04-05", "2025-10-20"), ("2025-01-02", "2025-03-01"), YEAR]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("opening", [17, 18])
@pytest.mark.parametrize("season", SEASONS)
def test_bars_never_contradict_the_clock_that_wrote_them(
    clock: ClockName, opening: int, season: tuple[str, str]
) -> None:
    """Whole years and seasons, currencies and metals; holidays and a stray bar change nothing."""
    utc = _market(*season, opening)
    holidays = np.isin(utc // DAY, utc[:: len(utc) // 9] // DAY)
    stray = np.array([_at("2025-05-10T12:00")])
    for bars in (utc, utc[~holidays], np.sort(np.concatenate([utc, stray]))):
        assert _contradiction(to_server(clock, bars), clock) is None


@pytest.mark.parametrize("hours", [-9, -7, -3, -1, 1, 2, 3, 8])
@pytest.mark.parametrize("season", SEASONS)
def test_bars_contradict_a_clock_that_is_hours_wrong(hours: int, season: tuple[str, str]) -> None:
    """Whether a known clock takes its place or none does."""
    why = _contradiction(_market(*season) + hours * 3600, "utc")
    assert why is not None
    assert "weeks open at" in why


def test_too_few_weekends_contradict_nothing() -> None:
    """One weekend may be a holiday, and bars longer than an hour hide when a week opens."""
    server = to_server("new-york+7", _market("2025-01-06", "2025-01-14"))
    assert _contradiction(server, "utc") is None
    assert _contradiction(to_server("new-york+7", FX)[::16], "utc") is None


def _refused(times: Seconds) -> str:
    verdict = detect_clock([times])
    assert verdict.clock is None
    return verdict.evidence


@pytest.mark.parametrize("hours", [2, 3, -4])
@pytest.mark.parametrize("span", [YEAR, ("2025-01-02", "2025-04-20"), ("2025-06-01", "2025-12-31")])
def test_a_clock_without_summer_time_is_none_of_the_known(
    hours: int, span: tuple[str, str]
) -> None:
    """A fixed offset that fits in one season and not in the other is not taken for a clock."""
    evidence = _refused(_market(*span) + hours * 3600)
    assert "none of the known clocks" in evidence


def test_a_london_clock_is_not_taken_for_utc() -> None:
    """London's wall clock is UTC in winter only."""
    london = ZoneInfo("Europe/London")
    offsets = {
        day: int((datetime.fromtimestamp(day * 86_400, london).utcoffset() or timedelta()).seconds)
        for day in range(int(FX[0]) // 86_400, int(FX[-1]) // 86_400 + 1)
    }
    times = FX + np.array([offsets[int(second) // 86_400] for second in FX])
    assert detect_clock([times]).clock == "london"


@pytest.mark.parametrize(("clock", "winter"), [("utc", "london"), ("est", "new-york")])
def test_a_winter_is_enough_where_the_other_clock_shows_the_same(clock: str, winter: str) -> None:
    """Bars by which two clocks give the same moments do not need to tell them apart."""
    times = to_server(winter, _market("2025-01-02", "2025-03-01"))
    assert detect_clock([times]).clock == clock
    assert _contradiction(times, winter) is None


@pytest.mark.parametrize(
    ("zone", "wrong"),
    [
        ("Europe/Kyiv", "Asia/Tokyo"),
        ("Asia/Tokyo", "Europe/Kyiv"),
        ("America/Chicago", "America/New_York"),
        ("Africa/Casablanca", "UTC"),
    ],
)
def test_any_time_zone_is_a_clock_and_is_judged_by_the_bars(zone: str, wrong: str) -> None:
    """The right one is never contradicted, a wrong one is."""
    times = to_server(zone, FX)
    for named, contradicted in ((zone, False), (wrong, True)):
        detector = ClockDetector(named)
        detector.push(times)
        assert (detector.contradiction(named) is not None) == contradicted


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Africa/Casablanca", "Africa/Monrovia"])
def test_clocks_of_any_zone_show_what_the_zone_database_says(zone: str) -> None:
    """Changes of half an hour, of seconds, and two within five weeks are all found."""
    for utc in range(0, 2_000_000_000, 5 * 86_400 + 4_321):
        wall = datetime.fromtimestamp(utc, ZoneInfo(zone)).replace(tzinfo=UTC)
        assert server_of(zone, utc) == int(wall.timestamp())


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../UTC", "America", "new-york+8"])
def test_what_is_no_clock_is_known_as_none(name: str) -> None:
    assert not is_clock(name)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (lambda: np.array([], dtype=np.int64), "too few weekends to tell (0); no weekend seen"),
        (lambda: _market("2025-03-05", "2025-03-12"), "too few weekends to tell (1)"),
        (lambda: _market(*YEAR, period=14_400), "longer than one hour"),
        (lambda: np.arange(_at(YEAR[0]), _at(YEAR[1]), PERIOD), "no weekend seen"),
    ],
    ids=["nothing", "one week", "H4", "a market without weekends"],
)
def test_bars_that_do_not_show_it_get_no_verdict(times: Callable[[], Seconds], reason: str) -> None:
    """Too little, too coarse or the wrong market: the evidence says what was missing."""
    assert reason in _refused(times())


def test_a_feed_that_is_a_quarter_of_an_hour_late_is_not_explained() -> None:
    """Bars that still open when New York's week is over contradict a clock."""
    _refused(to_server("new-york+7", FX) + 900)


def test_a_market_that_mostly_keeps_other_hours_is_not_explained() -> None:
    """Holidays may spoil a few weeks; a market that opens late every week is another market."""
    server = to_server("new-york+7", FX)
    in_week = (server - _at("2025-01-05")) % (7 * 86_400)
    assert "none of the known" in _refused(server[in_week >= 86_400 + 5 * 3_600])


def test_days_missing_in_mid_week_are_no_weekends() -> None:
    """Outages of two days say nothing of a clock and do not spoil the verdict."""
    server = to_server("new-york+7", FX)
    in_fortnight = (server - _at("2025-01-05")) % (14 * 86_400)
    outage = (in_fortnight >= 2.5 * 86_400) & (in_fortnight < 4.5 * 86_400)
    assert detect_clock([server[~outage]]).clock == "new-york+7"


def test_holidays_and_one_stray_bar_do_not_mislead() -> None:
    """A week that opens late, one that closes early and a quote on a Saturday are outvoted."""
    server = to_server("new-york+7", FX)
    late = (server >= _at("2025-04-21")) & (server < _at("2025-04-21T20:00"))
    early = (server >= _at("2025-07-04T20:00")) & (server < _at("2025-07-05"))
    stray = np.array([_at("2025-08-16T13:00")])
    verdict = detect_clock([np.sort(np.concatenate([server[~late & ~early], stray]))])
    assert verdict.clock == "new-york+7"
    assert "Mon 20:00" in verdict.evidence


def test_a_time_is_read_alike_alone_and_among_those_of_a_century() -> None:
    """Changes are looked for around the times asked for; where such a span ends is never seen."""
    years = np.arange("1970-01-02", "2099-12-30", 17, dtype="datetime64[D]").astype(np.int64) * DAY
    edges = np.arange(1, 16) * 8 * 365 * DAY
    times = np.sort(np.concatenate([years, edges - 1, edges, edges + 5 * HOUR]))
    clock = "new-york+7"
    assert [utc_of(clock, time) for time in times.tolist()] == to_utc(clock, times).tolist()
    assert [server_of(clock, time) for time in times.tolist()] == to_server(clock, times).tolist()
