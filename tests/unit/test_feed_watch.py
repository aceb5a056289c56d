"""Whether prices come: open, closed for the weekend, or mute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.mt5.live.feed_watch import MUTE_AFTER, FeedState, FeedWatch, weekend


def server(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


FRIDAY, MONDAY = server("2025-06-13 12:00"), server("2025-06-16 12:00")


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        ("2025-06-13 23:49:59", False),
        ("2025-06-13 23:50", True),
        ("2025-06-14 00:00", True),
        ("2025-06-15 23:59:59", True),
        ("2025-06-16 00:14:59", True),
        ("2025-06-16 00:15", False),
        ("2025-06-18 00:05", False),
    ],
)
def test_the_weekend_lies_between_friday_midnight_and_monday(moment: str, closed: bool) -> None:
    assert weekend(server(moment)) is closed


def test_a_feed_without_a_tick_for_minutes_is_mute_until_one_comes() -> None:
    watch = FeedWatch(0)
    assert watch.judge(MUTE_AFTER - 1, FRIDAY, ticked=False) is FeedState.OPEN
    assert watch.judge(MUTE_AFTER, FRIDAY, ticked=False) is FeedState.MUTE
    assert watch.judge(MUTE_AFTER + 1, FRIDAY, ticked=True) is FeedState.OPEN


def test_a_quiet_weekend_is_closed_and_its_end_starts_the_count_anew() -> None:
    """Two days without a tick are nothing; minutes of Monday without one are."""
    watch = FeedWatch(0)
    opening = server("2025-06-16 00:15")
    for second in range(server("2025-06-13 23:50"), opening, 60):
        assert watch.judge(second * 1000, second, ticked=False) is FeedState.CLOSED
    early = opening * 1000 + MUTE_AFTER // 2
    assert watch.judge(early, early // 1000, ticked=False) is FeedState.CLOSED
    late = opening * 1000 + MUTE_AFTER
    assert watch.judge(late, late // 1000, ticked=False) is FeedState.MUTE


def test_a_symbol_that_ticks_on_a_weekend_keeps_the_feed_open() -> None:
    watch = FeedWatch(0)
    assert watch.judge(1000, server("2025-06-14 12:00"), ticked=True) is FeedState.OPEN
