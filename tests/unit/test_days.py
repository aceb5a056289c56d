"""Midnights of a zone, on days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfoNotFoundError

import pytest

from engine.calendar import resets, trading_date

HOUR = 3_600_000


def utc(*parts: int) -> int:
    return round(datetime(*parts, tzinfo=UTC).timestamp()) * 1000  # type: ignore[arg-type,misc]


def first(count: int, zone: str, after: int) -> list[tuple[int, str]]:
    return list(islice(resets(zone, after), count))


def test_a_winter_day_turns_at_23_utc_and_carries_the_new_days_date() -> None:
    assert first(2, "Europe/Prague", utc(2025, 1, 7, 12)) == [
        (utc(2025, 1, 7, 23), "2025-01-08"),
        (utc(2025, 1, 8, 23), "2025-01-09"),
    ]


def test_in_summer_it_turns_an_hour_earlier_by_utc() -> None:
    assert first(1, "Europe/Prague", utc(2025, 7, 7, 12)) == [(utc(2025, 7, 7, 22), "2025-07-08")]


def test_the_day_on_which_summer_begins_has_23_hours() -> None:
    (start, date), (end, _) = first(2, "Europe/Prague", utc(2025, 3, 29, 12))
    assert (start, date) == (utc(2025, 3, 29, 23), "2025-03-30")
    assert end - start == 23 * HOUR


def test_the_day_on_which_summer_ends_has_25_hours() -> None:
    (start, date), (end, _) = first(2, "Europe/Prague", utc(2025, 10, 25, 12))
    assert (start, date) == (utc(2025, 10, 25, 22), "2025-10-26")
    assert end - start == 25 * HOUR


@pytest.mark.parametrize(("before", "date"), [(1, "2025-01-08"), (0, "2025-01-09")])
def test_a_midnight_comes_only_if_it_is_later_than_the_start(before: int, date: str) -> None:
    midnight = utc(2025, 1, 7, 23)
    assert first(1, "Europe/Prague", midnight - before)[0][1] == date


def test_a_start_inside_the_repeated_hour_leads_to_the_next_midnight() -> None:
    # 02:30 comes twice on 26 October 2025 in Prague.
    for second_time in (0, 1):
        after = utc(2025, 10, 26, 0, 30) + second_time * HOUR
        assert first(1, "Europe/Prague", after) == [(utc(2025, 10, 26, 23), "2025-10-27")]


def test_where_the_clock_skips_midnight_the_day_begins_at_the_skip() -> None:
    # In Sao Paulo 4 November 2018 began at 01:00 local time, which is 03:00 UTC.
    assert first(1, "America/Sao_Paulo", utc(2018, 11, 3, 12)) == [
        (utc(2018, 11, 4, 3), "2018-11-04")
    ]


def test_utc_has_no_odd_days() -> None:
    moments = [moment for moment, _ in first(400, "UTC", utc(2025, 1, 1))]
    assert {later - earlier for earlier, later in pairwise(moments)} == {24 * HOUR}


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError, match="Europe/Nowhere"):
        next(resets("Europe/Nowhere", 0))


def test_a_day_may_turn_in_the_afternoon_and_then_carries_the_next_date() -> None:
    """17:00 in New York, across the weeks in which only one side has changed its clocks."""
    turns = list(islice(resets("America/New_York", utc(2026, 3, 6, 12), 17), 4))
    assert turns == [
        (utc(2026, 3, 6, 22), "2026-03-07"),
        (utc(2026, 3, 7, 22), "2026-03-08"),
        (utc(2026, 3, 8, 21), "2026-03-09"),
        (utc(2026, 3, 9, 21), "2026-03-10"),
    ]


@pytest.mark.parametrize(
    ("zone", "hour", "after"),
    [
        ("Europe/Prague", 0, (2025, 3, 27)),
        ("Europe/Prague", 0, (2025, 10, 23)),
        ("America/New_York", 17, (2025, 3, 6)),
        ("America/New_York", 17, (2025, 10, 30)),
        ("Etc/GMT-3", 0, (2025, 3, 27)),
        ("America/Sao_Paulo", 0, (2018, 11, 2)),
    ],
)
def test_every_moment_has_the_date_of_the_day_that_turned_last(
    zone: str, hour: int, after: tuple[int, int, int]
) -> None:
    for (start, date), (end, _) in pairwise(islice(resets(zone, utc(*after), hour), 6)):
        assert trading_date(zone, hour, start) == date
        assert trading_date(zone, hour, end - 1) == date
