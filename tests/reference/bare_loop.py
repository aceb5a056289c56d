"""The preset on one symbol as a bare loop: what plain Python needs when it does nothing else.

The yardstick of the replay's benchmark. Its loop has no classes, no events, no log and no numpy,
only local variables; its trades and its balance are those of `preset_page.run`. It allows itself
what one symbol quoted in USD permits:

- a point of 0.01 lot is a cent (EURUSD, GBPUSD, and XAUUSD with 2 digits), so profits are products
  of integers and need no rounding;
- equity is tested at a bar's worst price, after each deal and at each reset. The tests at a bar's
  open and close are not lower than these, and no entry can come between, so they cannot change
  what is traded.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

from tests.reference.preset_bars import (
    H1,
    M15,
    Clock,
    Columns,
    Spec,
    feed_period,
    points,
    prague_midnights,
    utc_seconds,
)

TOLERANCE = 1e-6  # cents
NOTHING, DAILY_LOSS, MAX_LOSS = 0, -1, -2  # instead of a size: no order, and what it halts

Result = tuple[int, int]  # trades closed, balance in cents
M15Bar = tuple[int, int, int, bool]  # high, low, close, and whether an hour closed with it
Advice = tuple[int, float, bool]  # side wanted or 0, ATR, whether the H1 trend lets it enter


class Feed(NamedTuple):
    """Lists made from the columns before the clock starts: seconds, points, Prague midnights."""

    server: list[int]
    utc: list[int]
    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    spread: list[int]
    resets: list[int]


class Terms(NamedTuple):
    """The limits of a run: fractions of equity, of the day-start balance and of the starting
    cents."""

    per_trade: float = 0.004
    daily_loss: float = 0.02
    max_loss: float | None = None
    start: int = 10_000_000


def run(columns: Columns, spec: Spec, *, clock: Clock, terms: Terms | None = None) -> Result:
    """Trades closed, and the balance in cents, after every bar of `columns`."""
    return trade(prepare(columns, spec, clock), spec, terms or Terms())


def prepare(columns: Columns, spec: Spec, clock: Clock) -> Feed:
    """The loop's lists; ValueError for a symbol or for bars outside of what the loop allows."""
    if spec.usd_base or spec.contract != 10**spec.digits or spec.lots[:2] != (0.01, 0.01):
        raise ValueError("the bare loop needs a quote in USD, and a cent per point of 0.01 lot")
    period = feed_period(columns.time)
    if (columns.time % period).any():
        raise ValueError(f"the bare loop needs bars that open on multiples of {period} s")
    utc = utc_seconds(columns.time, clock)
    return Feed(
        server=columns.time.tolist(),
        utc=utc,
        open=points(columns.open, spec.digits),
        high=points(columns.high, spec.digits),
        low=points(columns.low, spec.digits),
        close=points(columns.close, spec.digits),
        spread=columns.spread.tolist(),
        resets=prague_midnights(utc[0], utc[-1]),
    )


def trade(feed: Feed, spec: Spec, terms: Terms) -> Result:  # noqa: C901 - being one loop is its use
    """The loop itself: what the benchmark times."""
    advice = _advice()
    next(advice)
    advise, resets = advice.send, iter([*feed.resets, math.inf])
    reset = next(resets)
    rollover, daytime = spec.floors
    balance = day_start = terms.start
    kept, bottom = 1 - terms.daily_loss, _bottom(terms)
    guard = max(day_start * kept + TOLERANCE, bottom)
    halted = lost = False
    trades = side = size = cost = entry = stop = target = risked = spread = least = close = fill = 0
    slot, opened = feed.server[0] // M15 * M15, feed.utc[0] // M15 * M15
    high, low = 0, 1 << 60
    for t, u, o, h, l, c, s in zip(*feed[:7], strict=True):  # noqa: E741 - as in OHLC
        if u >= reset:
            while u >= reset:
                reset = next(resets)
            day_start, guard = balance, max(balance * kept + TOLERANCE, bottom)
            equity = balance + (close + (spread if side < 0 else 0) - entry) * side * size
            halted, lost = equity <= guard, lost or equity <= bottom
        floor = rollover if t % 86_400 < H1 else daytime
        spread, least = (least if least > floor else floor), s
        if t < slot + M15:
            high, low, close = (h if h > high else high), (l if l < low else low), c
        else:
            want, atr, may_enter = advise((high, low, close, t // H1 != slot // H1))
            if side and want == -side:
                fill = o if side > 0 else o + spread
            elif side:
                stop = _trailed(side, entry, stop, risked, close, o, spread, atr)
            elif want and may_enter and opened % 86_400 >= 8 * H1 and not (halted or lost):
                entry = o + spread if want > 0 else o
                risked, reward = _half(1.5 * atr), _half(3 * atr)
                stop, target = entry - want * risked, entry + want * reward
                size = _size(spec, terms, balance, day_start, entry, risked, reward, spread)
                if size > 0:
                    side, cost = want, _commission(spec, size)
                    balance -= cost
                halted, lost = size == DAILY_LOSS, size == MAX_LOSS
            slot, opened = t // M15 * M15, u // M15 * M15
            high, low, close = h, l, c
        if side:
            worst = fill or (l if side > 0 else h + spread)
            if side > 0 and not fill:
                fill = (stop if stop < o else o) if l <= stop else target if h >= target else 0
                worst = fill if l <= stop else l
            elif not fill:
                fill = max(stop, o + spread) if worst >= stop else 0
                worst = fill or worst
                fill = fill or (target if l + spread <= target else 0)
            equity = balance + (worst - entry) * side * size
            if fill:
                balance += (fill - entry) * side * size - cost
                equity, trades, side, fill = min(equity, balance), trades + 1, 0, 0
            if equity <= guard:
                halted, lost = True, lost or equity <= bottom
    return trades, balance


def _advice() -> Generator[Advice, M15Bar, None]:
    """Takes closed M15 bars, gives what the strategy thinks of each."""
    closes: list[int] = []
    hours: list[int] = []
    fast = slow = hours_fast = hours_slow = before = k = 0
    answer = (0, 0.0, False)
    atr = -1.0
    while True:
        high, low, close, hour_closed = yield answer
        last = closes[-1] if k else close
        span = max(high, last) - min(low, last) if k else high - low
        atr = atr + (span - atr) / 14 if k else float(span)
        fast += close - (closes[k - 20] if k >= 20 else 0)
        slow += close - (closes[k - 50] if k >= 50 else 0)
        closes.append(close)
        k += 1
        if hour_closed:
            n = len(hours)
            hours_fast += close - (hours[n - 50] if n >= 50 else 0)
            hours_slow += close - (hours[n - 200] if n >= 200 else 0)
            hours.append(close)
        now, want = 5 * fast - 2 * slow, 0
        if now > 0 and (before <= 0 or 50_000 * close >= 999 * slow):
            want = 1
        elif now < 0 and (before >= 0 or 50_000 * close <= 1001 * slow):
            want = -1
        before = now
        d = 4 * hours_fast - hours_slow
        answer = (
            (want, atr, len(hours) < 200 or abs(d) < 3000 or d * want > 0) if k > 50 else answer
        )


def _bottom(terms: Terms) -> float:
    """Equity at or below which entries end for good."""
    if terms.max_loss is None:
        return -math.inf
    return terms.start * (1 - terms.max_loss) + TOLERANCE


def _half(x: float) -> int:
    return math.floor(x + 0.5 + 1e-5)


def _commission(spec: Spec, size: int) -> int:
    return _half(size * spec.commission)


def _trailed(
    side: int, entry: int, stop: int, risked: int, close: int, bid: int, spread: int, atr: float
) -> int:
    """The stop after an M15 bar that closed at `close`, seen at a tick of `bid`."""
    if side > 0:
        raised = max(entry, close - _half(atr), stop)
        return raised if 2 * (close - entry) >= 3 * risked and raised < bid else stop
    close += spread
    lowered = min(entry, close + _half(atr), stop)
    return lowered if 2 * (entry - close) >= 3 * risked and lowered > bid + spread else stop


def _size(
    spec: Spec,
    terms: Terms,
    balance: int,
    day_start: int,
    entry: int,
    risked: int,
    reward: int,
    spread: int,
) -> int:
    """Hundredths of a lot for an entry from flat, or why there is none."""
    if risked - spread < max(1, spec.stops_level) or reward + spread < max(1, spec.stops_level):
        return NOTHING
    _, step, most = spec.lots
    budget = min(terms.per_trade * 0.5 * balance, terms.per_trade * day_start)
    loss = risked * 100 + 2 * _commission(spec, 100)
    size = min(math.floor(budget / loss / step + 1e-9), round(most / step))
    risk = risked * size + 2 * _commission(spec, size)
    if size < 1 or risk > terms.per_trade * day_start + 5 + TOLERANCE:
        return NOTHING
    if balance - risk < day_start * (1 - terms.daily_loss) - TOLERANCE:
        return DAILY_LOSS
    if terms.max_loss is not None and balance - risk < _bottom(terms) - 2 * TOLERANCE:
        return MAX_LOSS
    held = _half(size * spec.contract * (entry / 10**spec.digits) / spec.leverage)
    return size if held <= balance else NOTHING
