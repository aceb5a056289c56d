"""What is passed over of several symbols' bars is what playing them one by one would show."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar, level_hit
from adapters.paper.replay.uneventful import EquityBand
from adapters.paper.replay.uneventful_span import Held, UneventfulSpan, uneventful_span
from engine.bars import PreparedBars
from engine.types import Millis, Side
from tests.builders import TICKS
from tests.paper_terminals import account_at_ticks

PERIODS = (60_000, 180_000)
FIRST = 1_700_000_000_000


class Feed(NamedTuple):
    """A symbol's bars, of which the first may be open, and their length."""

    symbol: str
    period: Millis
    times: list[Millis]
    bars: list[Bar]
    in_bar: bool


class Event(NamedTuple):
    """An opening or an end of a bar; sorts as it is played."""

    time: Millis
    opens: bool
    rank: int
    row: int


@st.composite
def feeds(draw: st.DrawFn, symbol: str) -> Feed:
    """Bars with gaps between some of them, around the usual tick."""
    period = draw(st.sampled_from(PERIODS))
    count = draw(st.integers(1, 8))
    gaps = [draw(st.sampled_from([1, 1, 1, 2, 5])) for _ in range(count)]
    starts = np.cumsum([draw(st.integers(0, 2)), *gaps[1:]]) * period + FIRST
    around, bars = TICKS[symbol].bid, []
    for _ in range(count):
        opened, close = (around + draw(st.integers(-200, 200)) for _ in range(2))
        high = max(opened, close) + draw(st.integers(0, 100))
        low = min(opened, close) - draw(st.integers(0, 100))
        bars.append(Bar(opened, high, low, close, draw(st.integers(0, 30))))
    return Feed(symbol, period, starts.tolist(), bars, draw(st.booleans()))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[PaperAccount, list[Feed]]:
    """Positions of one to three symbols, some with stops and targets, and the bars to come."""
    symbols = draw(st.lists(st.sampled_from(sorted(TICKS)), min_size=1, max_size=3, unique=True))
    account = account_at_ticks()
    found = []
    for symbol in symbols:
        for _ in range(draw(st.integers(1, 2))):
            side = draw(st.sampled_from(list(Side)))
            away = [draw(st.sampled_from([0, 250, 400])) for _ in range(2)]
            stop, target = (
                TICKS[symbol].bid - sign * side * distance if distance else 0
                for sign, distance in zip((1, -1), away, strict=True)
            )
            volume = draw(st.sampled_from([100, 3_900, 77_700, 333]))
            account.open(symbol, side, volume, stop, target, 1, "")
        feed = draw(feeds(symbol))
        if feed.in_bar:
            first = feed.bars[0]
            account.quote(symbol, first.open, first.open + first.spread, account.now)
        found.append(feed)
    return account, found


def held(account: PaperAccount, feed: Feed, until: Millis) -> Held:
    columns = np.array([msgspec.structs.astuple(bar) for bar in feed.bars], dtype=np.int64).T
    times = np.array(feed.times, dtype=np.int64)
    opened, high, low, close, spread = columns
    bars = PreparedBars(times, times // 1000, opened, high, low, close, spread)
    mine = [item for item in account.positions.values() if item.spec.name == feed.symbol]
    bid, ask = account.bids[feed.symbol], account.asks[feed.symbol]
    standing = sum(item.profit(bid, ask) for item in mine)
    return Held(mine, standing, bars, 0, bars.first_from(until), feed.in_bar, feed.period)


def played(
    account: PaperAccount, feeds: list[Feed], band: EquityBand, until: Millis
) -> UneventfulSpan | None:
    """The stretch that playing event after event on the account finds."""
    events = sorted(
        Event(time + feed.period * (not opens), opens, rank, row)
        for rank, feed in enumerate(feeds)
        for row, time in enumerate(feed.times)
        for opens in (True, False)
        if not (opens and feed.in_bar and row == 0)
    )
    passed: list[tuple[Event, int]] = []
    for event in events:
        if event.time >= until:
            break
        feed = feeds[event.rank]
        bar = feed.bars[event.row]
        lowest = account.equity()
        tests = []
        if not event.opens:
            lowest = account.worst_equity(feed.symbol, bar)
            tests.append(lowest)
            if any(
                level_hit(item.side, item.stop, item.target, bar)
                for item in account.positions.values()
                if item.spec.name == feed.symbol
            ):
                until = event.time
        bid = bar.open if event.opens else bar.close
        account.quote(feed.symbol, bid, bid + bar.spread, event.time)
        tests.append(account.equity())
        if any(not band.low < test <= band.high for test in tests):
            until = event.time
        passed.append((event, min(tests)))
    passed = [item for item in passed if item[0].time < until]
    if not passed:
        return None
    counts = tuple(sum(event.rank == rank for event, _ in passed) for rank in range(len(feeds)))
    return UneventfulSpan(counts, min(lowest for _, lowest in passed))


@settings(max_examples=150, deadline=None)
@given(scenes(), st.integers(1, 30), st.integers(-60_000, 5_000), st.integers(0, 60_000))
def test_a_stretch_is_what_playing_every_event_finds(
    scene: tuple[PaperAccount, list[Feed]], minutes: int, low: int, high: int
) -> None:
    """Its end, and the lowest equity of all tests in it, to the cent."""
    account, found = scene
    until = FIRST + minutes * 60_000
    band = EquityBand(account.equity() + low, account.equity() + high)
    lanes = [held(account, feed, until) for feed in found]
    span = uneventful_span(lanes, account.balance, band, until)
    assert span == played(account, found, band, until)
