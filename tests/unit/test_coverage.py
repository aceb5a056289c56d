"""When a session looked at its market: every moment of the run has a state, and the right one."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.page.heartbeat import strip
from engine import events as ev
from engine.result import CoverageSpan, CoverageState
from engine.result.build import result_of
from engine.result.coverage import GRAVITY, QUIET_AFTER, MarketCoverage, cells, sums
from engine.trading import HaltCause
from tests.reruns import recorded

MINUTE = 60_000


def test_a_lost_link_a_mute_feed_and_a_kill_have_their_exact_times() -> None:
    """A gap is quiet; what is on record about the rest is told to the moment."""
    seen = MarketCoverage()
    for minute in range(11):
        seen.seen(minute * MINUTE)
    seen.link(up=False)
    seen.seen(12 * MINUTE)
    seen.seen(40 * MINUTE)
    seen.link(up=True)
    seen.seen(41 * MINUTE)
    seen.feed(mute=True)
    seen.seen(43 * MINUTE)
    seen.feed(mute=False)
    seen.seen(80 * MINUTE)
    seen.resumed(100 * MINUTE)
    seen.seen(101 * MINUTE)
    told = [(span.first // MINUTE, span.last // MINUTE, span.state) for span in seen.spans]
    assert told == [
        (0, 10, CoverageState.WATCHED),
        (10, 40, CoverageState.LINK_DOWN),
        (40, 41, CoverageState.WATCHED),
        (41, 43, CoverageState.MUTE),
        (43, 80, CoverageState.QUIET),
        (80, 100, CoverageState.NOT_RUNNING),
        (100, 101, CoverageState.WATCHED),
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
    told = [
        (s.first - end, s.last - end, s.state) for s in result.coverage if s.last > end + MINUTE
    ]
    assert told == [
        (MINUTE, 5 * MINUTE, CoverageState.LINK_DOWN),
        (5 * MINUTE, 6 * MINUTE, CoverageState.WATCHED),
        (6 * MINUTE, 8 * MINUTE, CoverageState.MUTE),
        (8 * MINUTE, 30 * MINUTE, CoverageState.NOT_RUNNING),
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
    seen, time = MarketCoverage(), 0
    seen.seen(0)
    for passed, what in steps:
        time += passed
        if what == "resumed":
            seen.resumed(time)
            continue
        seen.seen(time)
        if what in ("down", "up"):
            seen.link(what == "up")
        else:
            seen.feed(what == "mute")
    spans = seen.spans
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


def _gravest(states: list[CoverageState]) -> CoverageState:
    return max(states, key=GRAVITY.__getitem__)


def test_a_long_weekend_is_one_quiet_part_of_the_strip() -> None:
    spans = (
        CoverageSpan(0, 10 * QUIET_AFTER, CoverageState.WATCHED),
        CoverageSpan(10 * QUIET_AFTER, 20 * QUIET_AFTER, CoverageState.QUIET),
    )
    assert [part.state for part in cells(spans, 4)] == ["watched"] * 2 + ["nothing new"] * 2
