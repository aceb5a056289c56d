"""How long a session lasts: the user's own time, however fast the market's clock runs."""

from __future__ import annotations

import asyncio

from adapters.mt5.live.pacing import ByTheClock
from engine.types import Millis

NOON: Millis = 1_736_251_200_000
HOUR = 3_600_000


class FastClock:
    """A market's clock that is an hour further at each look."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> Millis:
        self.time += HOUR
        return self.time


def lasting(duration: float | None, until: Millis | None = None) -> tuple[ByTheClock, list[float]]:
    """Such a session, and the seconds that it wanted to wait; made within a running loop."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    return ByTheClock(FastClock(), 1.0, until, sleep, lambda: False, duration), waited


def test_a_duration_is_the_users_own_time_however_fast_the_market_is() -> None:
    async def play() -> list[bool]:
        pacing, _ = lasting(600.0)
        return [await pacing.next() for _ in range(50)]

    assert all(asyncio.run(play())), "fifty hours of the market, and no ten minutes of one's own"


def test_no_wait_is_longer_than_the_time_that_is_left() -> None:
    """Also that for the next attempt to bring a link back, which may be minutes."""

    async def play() -> list[float]:
        pacing, waited = lasting(600.0)
        await pacing.wait(7.0)
        await pacing.wait(3600.0)
        return waited

    short, long = asyncio.run(play())
    assert short == 7.0
    assert 0 < long <= 600.0


def test_when_the_time_is_over_nothing_is_looked_at_or_waited_for() -> None:
    async def play() -> tuple[bool, bool, list[float]]:
        pacing, waited = lasting(0.0)
        await pacing.wait(3600.0)
        return pacing.over(), await pacing.next(), waited

    assert asyncio.run(play()) == (True, False, [0.0])


def test_without_a_duration_only_the_end_of_the_market_ends_it() -> None:
    async def play() -> list[bool]:
        pacing, _ = lasting(None, until=NOON + 10 * HOUR)
        return [await pacing.next() for _ in range(12)]

    assert asyncio.run(play()) == [True] * 9 + [False] * 3
