"""When a session looked at its market: every moment of the run has a state, and the right one."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.page.heartbeat import strip
from engine import events as ev
from engine.result import WatchSpan, WatchState
from engine.result.build import result_of
from engine.result.watch import GRAVITY, QUIET_AFTER, Watch, cells, sums
from engine.trading import HaltCause
from tests.reruns import recorded

MINUTE = 60_000


def test_a_lost_link_a_mute_feed_and_a_kill_have_their_exact_times() -> None:
    """A gap is quiet; what is on record about the rest is told to the moment."""
    watch = Watch()
    for minute in range(11):
        watch.seen(minute * MINUTE)
    watch.link(up=False)
    watch.seen(12 * MINUTE)
    watch.seen(40 * MINUTE)
    watch.link(up=True)
    watch.seen(41 * MINUTE)
    watch.feed(mute=True)
    watch.seen(43 * MINUTE)
    watch.feed(mute=False)
    watch.seen(80 * MINUTE)
    watch.resumed(100 * MINUTE)
    watch.seen(101 * MINUTE)
    told = [(span.first // MINUTE, span.last // MINUTE, span.state) for span in watch.spans]
    assert told == [
        (0, 10, WatchState.WATCHED),
        (10, 40, WatchState.LINK_DOWN),
        (40, 41, WatchState.WATCHED),
        (41, 43, WatchState.MUTE),
        (43, 80, WatchState.QUIET),
        (80, 100, WatchState.NOT_RUNNING),
        (100, 101, WatchState.WATCHED),
    ]


def test_a_journal_tells_links_and_kills() -> None:
    """Out of records: a link that was down, a mute feed, and a session that was gone on with."""
    records = list(recorded(2))
    first, last = records[0], records[-1]
    end = last.time
    extra = [
        (end + MINUTE, ev.LinkChanged(up=False, detail="no answer")),
        (end + 5 * MINUTE, ev.LinkChanged(up=True, detail="")),
        (end + 6 * MINUTE, ev.ConditionSeen(HaltCause.FEED, True, "mute")),
        (end + 8 * MINUTE, ev.ConditionSeen(HaltCause.FEED, False, "checked again")),
        (end + 30 * MINUTE, ev.SessionResumed(account=_account(first))),
    ]
    for time, event in extra:
        records.append(
            msgspec.structs.replace(last, seq=records[-1].seq + 1, time=time, event=event)
        )
    result = result_of(records)
    told = [(s.first - end, s.last - end, s.state) for s in result.watch if s.last > end + MINUTE]
    assert told == [
        (MINUTE, 5 * MINUTE, WatchState.LINK_DOWN),
        (5 * MINUTE, 6 * MINUTE, WatchState.WATCHED),
        (6 * MINUTE, 8 * MINUTE, WatchState.MUTE),
        (8 * MINUTE, 30 * MINUTE, WatchState.NOT_RUNNING),
    ]
    shown = strip(result)
    assert shown is not None
    assert {"link", "away", "mute"} <= {beat.tone for beat in shown.beats}


def _account(record: ev.Record) -> ev.Account:
    assert isinstance(record.event, ev.SessionStarted)
    return record.event.account


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 3 * QUIET_AFTER), st.sampled_from(["seen", "down", "up", "resumed", "mute"])
    ),
    max_size=40,
)


@given(_STEPS, st.integers(1, 60))
def test_the_strip_covers_the_run_and_is_never_kinder_than_it(
    steps: list[tuple[int, str]], most: int
) -> None:
    """No gap and no overlap; a part of the strip is as grave as the gravest moment in it."""
    watch, time = Watch(), 0
    watch.seen(0)
    for passed, what in steps:
        time += passed
        if what == "resumed":
            watch.resumed(time)
            continue
        watch.seen(time)
        if what in ("down", "up"):
            watch.link(what == "up")
        else:
            watch.feed(what == "mute")
    spans = watch.spans
    for one, other in pairwise(spans):
        assert one.last == other.first
        assert one.state is not other.state
    assert sum(whole for _, whole, _ in sums(spans).values()) == time
    parts = cells(spans, most)
    assert len(parts) <= most
    for part in parts:
        inside = [s.state for s in spans if s.first < part.last and s.last > part.first]
        assert part.state == _gravest(inside)
    assert bool(parts) == bool(spans)


def _gravest(states: list[WatchState]) -> WatchState:
    return max(states, key=GRAVITY.__getitem__)


def test_a_long_weekend_is_one_quiet_part_of_the_strip() -> None:
    spans = (
        WatchSpan(0, 10 * QUIET_AFTER, WatchState.WATCHED),
        WatchSpan(10 * QUIET_AFTER, 20 * QUIET_AFTER, WatchState.QUIET),
    )
    assert [part.state for part in cells(spans, 4)] == ["watched"] * 2 + ["nothing new"] * 2
