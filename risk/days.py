"""When the trading day turns: at midnight of a zone, whether the day had 23, 24 or 25 hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from engine.types import Millis


def resets(zone: str, after: Millis) -> Iterator[tuple[Millis, str]]:
    """Every midnight of `zone` later than `after`: its moment in ms UTC and the new day's date."""
    place = ZoneInfo(zone)
    day = dt.datetime.fromtimestamp(after / 1000, place).date()
    while True:
        day += dt.timedelta(days=1)
        midnight = dt.datetime.combine(day, dt.time(), place)
        yield round(midnight.timestamp()) * 1000, day.isoformat()
