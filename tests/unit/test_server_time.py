"""The server's clock as a session on an account tells it from ticks."""

from __future__ import annotations

from adapters.mt5.live.server_clock import ServerTime
from engine.types import Millis

NOW = 1_736_251_200_000
HOUR = 3_600_000


class Watched:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.time: Millis = NOW

    def now(self) -> Millis:
        return self.time


def test_it_is_utc_until_a_tick_was_seen() -> None:
    assert ServerTime(Watched()).at(NOW) == NOW // 1000


def test_a_fresh_tick_tells_how_far_it_is_ahead() -> None:
    clock = Watched()
    server = ServerTime(clock)
    server.seen((NOW + 2 * HOUR) // 1000)
    assert server.at(NOW + 24 * HOUR) == (NOW + 26 * HOUR) // 1000


def test_an_old_tick_does_not_set_it_back() -> None:
    """While the market is closed the last tick stands still and time goes on."""
    clock = Watched()
    server = ServerTime(clock)
    server.seen((NOW + 2 * HOUR) // 1000)
    clock.time += 5 * HOUR
    server.seen((NOW + 2 * HOUR) // 1000)
    assert server.at(clock.time) == (NOW + 7 * HOUR) // 1000


def test_a_fresher_tick_corrects_what_an_old_one_told() -> None:
    clock = Watched()
    server = ServerTime(clock)
    server.seen((NOW + HOUR) // 1000)
    server.seen((NOW + 2 * HOUR) // 1000)
    assert server.at(NOW) == (NOW + 2 * HOUR) // 1000
