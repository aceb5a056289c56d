"""Trading days: they turn at an hour of a zone, and each carries a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.types import Millis

_NOON = 12


def trading_date(zone: str, hour: int, moment: Millis) -> str:
    """The ISO date of the trading day that `moment` (ms UTC) lies in.

    The day turns at `hour` o'clock in `zone`. A day that begins in the afternoon carries the next
    date: one that turns at 17:00 in New York is the day of a server that shows New York + 7 h.
    """
    local = dt.datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))
    day = local.date()
    if local.hour < hour:
        day -= dt.timedelta(days=1)
    return named(day, hour).isoformat()


def named(day: dt.date, hour: int) -> dt.date:
    """The date that a trading day carries when it begins on the local date `day` at `hour`."""
    return day if hour < _NOON else day + dt.timedelta(days=1)


def resets(zone: str, after: Millis, hour: int = 0) -> Iterator[tuple[Millis, str]]:
    """Every turn of the day later than `after`: its moment in ms UTC and the new day's date.

    The day turns at `hour` o'clock in `zone`; where the clock skips that hour, at the skip.
    """
    day = dt.datetime.fromtimestamp(after / 1000, ZoneInfo(zone)).toordinal() - 1
    while True:
        day += 1
        turn = _turn(zone, day, hour)
        if turn[0] > after:
            yield turn


@lru_cache(maxsize=32_768)
def _turn(zone: str, ordinal: int, hour: int) -> tuple[Millis, str]:
    """The turn on a local date; remembered, as many replays meet the same days."""
    day = dt.date.fromordinal(ordinal)
    turn = dt.datetime.combine(day, dt.time(hour), ZoneInfo(zone))
    return round(turn.timestamp()) * 1000, named(day, hour).isoformat()
