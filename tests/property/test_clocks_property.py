"""The clocks agree with the zone database at every second, and undo each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.types import ClockName
from signals.market_data.clocks import CLOCKS, server_of, to_server, to_utc, utc_of

LAST = 4_102_444_799
ZONES: dict[ClockName, tuple[str, int]] = {
    "new-york": ("America/New_York", 0),
    "london": ("Europe/London", 0),
    "new-york+7": ("America/New_York", 7),
    "eu-dst": ("Europe/Helsinki", 0),
    "utc": ("UTC", 0),
    "est": ("Etc/GMT+5", 0),
}

# From 1996 on the EU changes on the same days as now, and every zone in use follows it.
MODERN = datetime(1996, 1, 1, tzinfo=UTC)
clocks = st.sampled_from(CLOCKS)
seconds = st.integers(int(MODERN.timestamp()), LAST - 86_400)


def _sunday(year: int, month: int, week: int) -> int:
    """Midnight of a month's Sunday: `week` 0 is the first, -1 the last of the month's 31 days."""
    first = datetime(year, month, 1, tzinfo=UTC)
    sunday = first + timedelta(days=6 - first.weekday())
    days = week if week >= 0 else (31 - sunday.day) // 7
    return int((sunday + timedelta(days=7 * days)).timestamp())


# The Sundays on which the USA (second of March, first of November since 2007) and the EU (last of
# March and October) change, and the hours about the change by UTC and by the server's clock.
SUNDAYS = [(3, 1), (11, 0), (3, -1), (10, -1)]
changes = st.builds(
    lambda year, sunday, second: _sunday(year, *sunday) + second,
    st.integers(2007, 2098),
    st.sampled_from(SUNDAYS),
    st.integers(0, 16 * 3_600),
)
moments = seconds | changes


def _by_zone(clock: ClockName, server: int) -> int:
    """The zone database's own answer, `fold=0`: the first of two, the offset before a gap."""
    name, added = ZONES[clock]
    wall = datetime.fromtimestamp(server, UTC).replace(tzinfo=None) - timedelta(hours=added)
    return int(wall.replace(tzinfo=ZoneInfo(name), fold=0).timestamp())


@given(clocks, moments)
def test_utc_is_what_the_zone_database_says(clock: ClockName, server: int) -> None:
    """Server times become UTC exactly as the standard library converts that wall clock."""
    assert utc_of(clock, server) == _by_zone(clock, server)


@given(clocks, moments)
def test_server_times_are_what_the_zone_database_says(clock: ClockName, utc: int) -> None:
    """The server's clock shows what the zone's clock shows."""
    name, added = ZONES[clock]
    wall = datetime.fromtimestamp(utc, ZoneInfo(name)).replace(tzinfo=UTC)
    assert server_of(clock, utc) == int(wall.timestamp()) + 3600 * added


@given(clocks, moments)
def test_there_and_back_is_the_same_or_the_first_of_two(clock: ClockName, utc: int) -> None:
    """UTC to server time and back is lost only in the second pass of an hour that comes twice."""
    back = utc_of(clock, server_of(clock, utc))
    assert back == utc or (back == utc - 3600 and server_of(clock, back) == server_of(clock, utc))


@given(clocks, st.lists(moments, min_size=1, max_size=50))
def test_columns_and_single_times_agree(clock: ClockName, times: list[int]) -> None:
    """The vectorised and the scalar functions are the same function."""
    column = np.array(times, dtype=np.int64)
    assert to_utc(clock, column).tolist() == [utc_of(clock, t) for t in times]
    assert to_server(clock, column).tolist() == [server_of(clock, t) for t in times]


@given(clocks, moments, st.integers(0, 90 * 86_400))
def test_the_server_clock_is_never_more_than_an_hour_off_order(
    clock: ClockName, utc: int, later: int
) -> None:
    """Later moments show later times but for the hour that is set back."""
    assert server_of(clock, min(utc + later, LAST)) >= server_of(clock, utc) - 3600
