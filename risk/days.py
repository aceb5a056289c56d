"""When the trading day turns: at an hour of a zone, whether the day had 23, 24 or 25 hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from engine.days import named
from engine.types import Millis


def resets(zone: str, after: Millis, hour: int = 0) -> Iterator[tuple[Millis, str]]:
    """Every turn of the day later than `after`: its moment in ms UTC and the new day's date.

    The day turns at `hour` o'clock in `zone`; where the clock skips that hour, at the skip.
    """
    place = ZoneInfo(zone)
    day = dt.datetime.fromtimestamp(after / 1000, place).date() - dt.timedelta(days=1)
    while True:
        day += dt.timedelta(days=1)
        turn = dt.datetime.combine(day, dt.time(hour), place)
        moment = round(turn.timestamp()) * 1000
        if moment > after:
            yield moment, named(day, hour).isoformat()
