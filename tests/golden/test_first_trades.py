"""The first trades of the sample, calculated here a third way: one symbol, M15 bars, no halts.

Written from the rules alone and with no more than these trades need, so that it can be checked by
eye; it takes the bars from the file itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from adapters.bars import sample
from tests.golden.replays import Case, replayed

TRADES = 25
START = 10_000_000  # cents
QUARTER, HOUR, DAY = 900, 3_600, 86_400


@dataclass
class Trade:
    """Points, cents and hundredths of a lot; times are UTC."""

    opened: datetime
    side: int
    size: int
    entry: int
    variant: str
    stop: int
    target: int
    risk: int
    closed: datetime | None = None
    exit: int = 0
    reason: str = ""
    profit: int = 0


class Sample:
    """The shipped bars as lists of integers."""

    def __init__(self) -> None:
        table = pq.read_table(sample.SAMPLE)
        self.time = [int(t) for t in table["time"].to_pylist()]
        prices = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
        self.open, self.high, self.low, self.close = (whole_points(price) for price in prices)
        recorded = table["spread"].to_pylist()
        floors = [24 if t % DAY < HOUR else 2 for t in self.time]
        self.spread = [
            max(least, before) for least, before in zip(floors, [0, *recorded[:-1]], strict=True)
        ]

    def utc(self, i: int) -> datetime:
        """When bar `i` opens: the server is seven hours ahead of New York."""
        shown = datetime.fromtimestamp(self.time[i], UTC).replace(tzinfo=None)
        local = (shown - timedelta(hours=7)).replace(tzinfo=ZoneInfo("America/New_York"))
        return local.astimezone(UTC)

    def atr(self) -> Iterator[float]:
        """After each bar's close."""
        value = 0.0
        for i, (high, low) in enumerate(zip(self.high, self.low, strict=True)):
            if not i:
                value = float(high - low)
            else:
                last = self.close[i - 1]
                value += (max(high - low, abs(high - last), abs(low - last)) - value) / 14
            yield value

    def side(self, k: int) -> tuple[int, str]:
        """What the closed bar `k` says: a cross, else momentum, else nothing."""
        now, before = self.lead(k), self.lead(k - 1)
        slow = sum(self.close[k - 49 : k + 1])
        for side in (1, -1):
            if before * side <= 0 < now * side:
                return side, "v1_cross"
        for side in (1, -1):
            near = (50_000 * self.close[k] - (1_000 - side) * slow) * side >= 0
            if before * side > 0 and now * side > 0 and near:
                return side, "v2_momentum"
        return 0, ""

    def lead(self, k: int) -> int:
        """Hundred times the fast average less the slow one."""
        return 5 * sum(self.close[k - 19 : k + 1]) - 2 * sum(self.close[k - 49 : k + 1])

    def against_trend(self, i: int, side: int) -> bool:
        """Whether the hours that are closed when bar `i` opens point the other way."""
        ends = [j for j in range(i) if self.time[j] // HOUR != self.time[j + 1] // HOUR]
        if len(ends) < 200:
            return False
        hours = [self.close[j] for j in ends[-200:]]
        difference = 4 * sum(hours[-50:]) - sum(hours)
        return abs(difference) >= 3_000 and difference * side < 0


def whole_points(prices: NDArray[np.float64]) -> list[int]:
    return [int(point) for point in np.rint(prices * 100_000)]


def half(x: float) -> int:
    return floor(x + 0.5 + 1e-5)


def calculated(bars: Sample, wanted: int) -> list[Trade]:
    """The first `wanted` closed trades."""
    trades: list[Trade] = []
    balance, held = START, None
    for i, atr in enumerate(bars.atr(), start=1):  # the bar before `i` has closed with this ATR
        if i < 51:
            continue
        side, variant = bars.side(i - 1)
        if held is not None:
            manage(bars, i, held, side, atr)
        elif side and bars.utc(i - 1).hour >= 8 and not bars.against_trend(i, side):
            held = entered(bars, i, side, variant, atr, balance)
            trades += [held] if held else []
        if held is not None and not held.reason:
            play(bars, i, held)
        if held is not None and held.reason:
            held.profit = (held.exit - held.entry) * held.side * held.size
            balance += held.profit - 2 * half(held.size * 2.5)
            held = None
            if len(trades) == wanted:
                return trades
    raise AssertionError("the sample has too few trades")


def entered(
    bars: Sample, i: int, side: int, variant: str, atr: float, balance: int
) -> Trade | None:
    """The position that the signal opens at the open of bar `i`; None when the spread forbids it.

    Half of 0.4 % of the balance at risk; a point of a lot is a dollar, a lot costs 5 dollars.
    """
    spread = bars.spread[i]
    risk, reward = half(1.5 * atr), half(3 * atr)
    if risk <= spread:
        return None
    entry = bars.open[i] + (spread if side > 0 else 0)
    size = floor(balance * 0.004 * 0.5 / (100 * risk + 500) / 0.01 + 1e-9)
    stop, target = entry - side * risk, entry + side * reward
    return Trade(bars.utc(i), side, size, entry, variant, stop, target, risk)


def manage(bars: Sample, i: int, held: Trade, side: int, atr: float) -> None:
    """At the open of bar `i`: leave on the opposite signal, or trail the stop."""
    ask_on_close = bars.spread[i] if held.side < 0 else 0
    price, seen = bars.open[i] + ask_on_close, bars.close[i - 1] + ask_on_close
    if side == -held.side:
        held.closed, held.exit, held.reason = bars.utc(i), price, "OPPOSITE"
    elif 2 * (seen - held.entry) * held.side >= 3 * held.risk:
        better = max if held.side > 0 else min
        stop = better(held.entry, seen - held.side * half(atr), held.stop)
        if (price - stop) * held.side > 0:
            held.stop = stop


def play(bars: Sample, i: int, held: Trade) -> None:
    """Bar `i` may take the position out; if both prices are met it is the stop that counts."""
    ask = bars.spread[i] if held.side < 0 else 0
    first, ends = bars.open[i] + ask, sorted((bars.low[i] + ask, bars.high[i] + ask))
    worst, best = ends if held.side > 0 else reversed(ends)
    if (worst - held.stop) * held.side <= 0:
        held.exit = min(held.stop * held.side, first * held.side) * held.side
        held.reason = "SL"
    elif (best - held.target) * held.side >= 0:
        held.exit, held.reason = held.target, "TP"
    if held.reason:
        held.closed = bars.utc(i) + timedelta(seconds=QUARTER)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The engine's event log, ended after as many trades."""
    case = Case(files={sample.SYMBOL: sample.SAMPLE}, limit_trades=TRADES)
    folder = replayed(case.terms(), tmp_path_factory.mktemp("first"))
    with Path(folder.event_log).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_first_trades_are_those_of_the_rules(log: list[dict[str, str]]) -> None:
    """Time, side, size, prices, reasons and profit of each, and the balance after the last."""
    trades = calculated(Sample(), TRADES)
    direction = {1: "long", -1: "short"}
    opened = [
        (t.opened.isoformat(), direction[t.side], t.size, f"{t.entry / 1e5:.5f}", t.variant)
        for t in trades
    ]
    closed = [
        (t.closed.isoformat() if t.closed else "", f"{t.exit / 1e5:.5f}", t.reason, t.profit)
        for t in trades
    ]
    assert opened == [
        (r["timestamp"], r["direction"], round(float(r["volume"]) * 100), r["price"], r["reason"])
        for r in log
        if r["event"] == "OPEN"
    ]
    assert closed == [
        (r["timestamp"], r["price"], r["reason"], round(float(r["profit"]) * 100))
        for r in log
        if r["event"] == "CLOSE"
    ]
    balance = START + sum(t.profit - 2 * half(t.size * 2.5) for t in trades)
    assert log[-1]["balance"] == f"{balance / 100:.2f}"


def test_the_first_trades_meet_no_halt(log: list[dict[str, str]]) -> None:
    """The calculation above leaves halts out: there are none among these trades."""
    assert {row["event"] for row in log} <= {"OPEN", "CLOSE", "MODIFY"}
    assert {row["reason"] for row in log if row["event"] == "CLOSE"} == {"SL", "TP", "OPPOSITE"}


def test_the_first_entry_as_reckoned_by_hand(log: list[dict[str, str]]) -> None:
    """Sold at noon of 2 January 2023, the bar before having closed with an ATR of 86.696 points.

    Stop 1.5 ATR = 130 and target 260 points away; 0.2 % of 100,000 USD buys 200 / (130 + 5) = 1.48
    lots, which cost 3.70 USD; the ask stands 5 points above, which is 7.40 USD.
    """
    row = log[0]
    assert (row["timestamp"], row["event"]) == ("2023-01-02T12:00:00+00:00", "OPEN")
    assert (row["direction"], row["volume"], row["price"]) == ("short", "1.48", "1.06843")
    assert (row["stop_loss"], row["take_profit"]) == ("1.06973", "1.06583")
    assert (row["commission"], row["balance"], row["equity"]) == ("-3.70", "99996.30", "99988.90")
