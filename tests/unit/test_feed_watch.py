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


def ticking(watch: FeedWatch, pause: int, count: int, since: int = FRIDAY) -> int:
    """A tick every `pause` seconds, looked at once a second; the second of the last one."""
    for second in range(pause * count + 1):
        watch.judge((since + second) * 1000, since + second, ticked=second % pause == 0)
    return since + pause * count


def mute_after(watch: FeedWatch, since: int) -> int:
    """Seconds of silence after which the feed is mute."""
    for second in range(1, MUTE_AFTER // 1000 + 1):
        moment = since + second
        if watch.judge(moment * 1000, moment, ticked=False) is FeedState.MUTE:
            return second
    raise AssertionError("never mute")


@pytest.mark.parametrize(("pause", "silence"), [(1, 15), (3, 24), (10, 80), (60, 300)])
def test_a_feed_is_mute_when_it_pauses_much_longer_than_usual(pause: int, silence: int) -> None:
    watch = FeedWatch(FRIDAY * 1000)
    assert mute_after(watch, ticking(watch, pause, 40)) == silence


def test_until_the_pace_is_known_only_minutes_are_a_silence() -> None:
    watch = FeedWatch(FRIDAY * 1000)
    assert mute_after(watch, ticking(watch, 1, 10)) == MUTE_AFTER // 1000


def test_a_silence_is_no_pause_of_the_feed_and_does_not_make_it_slower() -> None:
    watch = FeedWatch(FRIDAY * 1000)
    last = ticking(watch, 1, 40)
    assert watch.judge((last + 200) * 1000, last + 200, ticked=False) is FeedState.OPEN
    after = last + 200 + mute_after(watch, last + 200)
    assert watch.judge((after + 1) * 1000, after + 1, ticked=True) is FeedState.OPEN
    assert mute_after(watch, after + 1) == 15


def test_time_in_which_nobody_looked_is_no_silence() -> None:
    """After a lost link the first look may not call a feed mute that had no chance to tick."""
    watch = FeedWatch(FRIDAY * 1000)
    last = ticking(watch, 1, 40)
    assert watch.judge((last + 120) * 1000, last + 120, ticked=False) is FeedState.OPEN


def test_the_pause_at_the_servers_midnight_is_no_silence() -> None:
    midnight = server("2025-06-17 23:51")
    watch = FeedWatch(midnight * 1000 - 100_000)
    last = ticking(watch, 1, 40, midnight - 60)
    assert mute_after(watch, last) == MUTE_AFTER // 1000
