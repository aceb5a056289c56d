"""The midnights at which swaps are posted: the server's, whatever its clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.types import ClockName
from signals.market_data.clocks import CLOCKS
from signals.market_data.rollovers import rollovers

WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def first(clock: ClockName, after: str, count: int) -> list[tuple[str, str]]:
    """Midnights as UTC texts with the name of the day that ended."""
    return [
        (f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M}", WEEKDAYS[weekday])
        for moment, weekday in islice(rollovers(clock, ms(after)), count)
    ]


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        # New York changes its clock on 10 March 2024, the European Union on 31 March.
        ("new-york+7", [("08 22:00", "Fri"), ("09 22:00", "Sat"), ("10 21:00", "Sun")]),
        ("eu-dst", [("08 22:00", "Fri"), ("09 22:00", "Sat"), ("10 22:00", "Sun")]),
        ("utc", [("09 00:00", "Fri"), ("10 00:00", "Sat"), ("11 00:00", "Sun")]),
        ("est", [("09 05:00", "Fri"), ("10 05:00", "Sat"), ("11 05:00", "Sun")]),
    ],
)
def test_midnight_is_that_of_the_server_s_clock(
    clock: ClockName, expected: list[tuple[str, str]]
) -> None:
    wanted = [(f"2024-03-{text}", day) for text, day in expected]
    assert first(clock, "2024-03-08T12:00", 3) == wanted


def test_a_midnight_is_later_than_the_moment_asked_from() -> None:
    """The first bar of a session that opens at midnight is not charged for the night before."""
    assert first("utc", "2024-03-06T00:00", 1) == [("2024-03-07 00:00", "Wed")]
    assert first("utc", "2024-03-05T23:59:59.999", 1) == [("2024-03-06 00:00", "Tue")]


@given(
    clock=st.sampled_from(CLOCKS),
    after=st.integers(min_value=0, max_value=3_900_000_000),
)
def test_midnights_follow_each_other_day_by_day(clock: ClockName, after: int) -> None:
    """None is left out or comes twice: a year has 52 or 53 of each weekday, in turn."""
    found = list(islice(rollovers(clock, after * 1000), 370))
    assert found[0][0] > after * 1000
    assert found[0][0] - after * 1000 <= 25 * 3_600_000
    for (one, day), (other, next_day) in pairwise(found):
        assert other - one in {23 * 3_600_000, 24 * 3_600_000, 25 * 3_600_000}
        assert next_day == (day + 1) % 7


def test_new_york_plus_seven_turns_its_day_at_the_end_of_new_york_s_trading_day() -> None:
    """Five in the afternoon in New York, every day of a year, by that city's own clock."""
    for moment, weekday in islice(rollovers("new-york+7", ms("2025-01-01T00:00")), 365):
        local = datetime.fromtimestamp(moment / 1000, ZoneInfo("America/New_York"))
        assert (local.hour, local.minute) == (17, 0)
        ended = (local + timedelta(hours=7) - timedelta(days=1)).isoweekday() % 7
        assert weekday == ended
