"""The server's midnights, when swaps are posted."""

from __future__ import annotations

from collections.abc import Iterator

from engine.types import ClockName, Millis
from signals.market_data.clocks import server_of, utc_of

_DAY = 86_400
_EPOCH_WEEKDAY = 4  # 1 January 1970 was a Thursday; 0 is Sunday


def rollovers(clock: ClockName, after: Millis) -> Iterator[tuple[Millis, int]]:
    """Midnights of the server's clock later than `after`: ms UTC, and the weekday that ended."""
    day = server_of(clock, after // 1000) // _DAY
    while True:
        day += 1
        yield utc_of(clock, day * _DAY) * 1000, (day - 1 + _EPOCH_WEEKDAY) % 7
