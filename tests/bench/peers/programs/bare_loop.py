"""The rules as a bare loop: what plain Python needs when it does nothing but trade.

No events, no journal, no log and no objects: local variables over lists of integer points. It is
the yardstick of the table, and its trades and balance are the replay's to the cent.
"""

from __future__ import annotations

import math

import pyarrow.csv as pc
from common import ATR_BARS, CASH, FAST, M15, SLOW, STOP_ATR, TARGET_ATR, answer, task

CENTS_PER_POINT = 10  # of 0.10 lot of EURUSD


def half(x: float) -> int:
    return math.floor(x + 0.5 + 1e-5)


def read(path) -> list:
    """Times, and prices in points."""
    table = pc.read_csv(path)
    prices = (table[name].to_numpy() * 100_000 for name in ("open", "high", "low", "close"))
    return [table["time"].to_pylist(), *((x + 0.5).astype("int64").tolist() for x in prices)]


def loop(columns: list, storm: bool) -> tuple:  # noqa: C901 - being one loop is its use
    trades = last = side = entry = stop = target = fast = slow = k = 0
    turn, gap, atr, balance = -1, None, 0.0, CASH * 100
    closes: list = []
    slot, high, low, close = columns[0][0] // M15, 0, 1 << 60, 0
    for t, o, h, l, c in zip(*columns, strict=True):  # noqa: E741 - as in OHLC
        if t // M15 == slot:
            high, low, close = (h if h > high else high), (l if l < low else low), c
        else:
            previous = closes[-1] if k else close
            span = max(high, previous) - min(low, previous) if k else high - low
            atr = atr + (span - atr) / ATR_BARS if k else float(span)
            fast += close - (closes[k - FAST] if k >= FAST else 0)
            slow += close - (closes[k - SLOW] if k >= SLOW else 0)
            closes.append(close)
            k += 1
            want = 0
            if storm:
                want = turn = -turn
            elif k >= SLOW:
                before, gap = gap, SLOW * fast - FAST * slow
                if before is not None:
                    want = 1 if before <= 0 < gap else -1 if before >= 0 > gap else 0
            if side and want == -side:
                balance += (o - entry) * side * CENTS_PER_POINT
                trades, last, side = trades + 1, t, 0
                want = want if storm else 0
            if want and not side:
                side, entry = want, o
                reach = (
                    (2_000, 1 << 40) if storm else (half(STOP_ATR * atr), half(TARGET_ATR * atr))
                )
                stop, target = o - want * reach[0], o + want * reach[1]
            slot, high, low, close = t // M15, h, l, c
        if side:
            if side > 0:
                fill = (stop if stop < o else o) if l <= stop else target if h >= target else 0
            else:
                fill = (stop if stop > o else o) if h >= stop else target if l <= target else 0
            if fill:
                balance += (fill - entry) * side * CENTS_PER_POINT
                trades, last, side = trades + 1, t + 60, 0
    return trades, last, balance


if __name__ == "__main__":
    what = task()
    columns = read(what.bars)
    trades, last, balance = loop(columns, what.storm)
    answer(
        what, "execution-butler", bars=len(columns[0]), trades=trades, last=last,
        balance=balance / 100,
    )  # fmt: skip
