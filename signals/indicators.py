"""Indicators in two forms with equal values: bar by bar (live) and over columns (history).

Prices are integer points, so sums are exact and the two forms agree to the last bit; the average
true range is a float recursion and is computed by the same operations in the same order in both.
"""

from __future__ import annotations

from collections import deque
from math import lcm

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class RollingSum:
    """Sum of the last `length` values; `full` once so many have come."""

    __slots__ = ("_length", "_values", "total")

    def __init__(self, length: int) -> None:
        self._length = length
        self._values: deque[int] = deque()
        self.total = 0

    @property
    def full(self) -> bool:
        return len(self._values) == self._length

    def push(self, value: int) -> None:
        self._values.append(value)
        self.total += value
        if len(self._values) > self._length:
            self.total -= self._values.popleft()


class AverageTrueRange:
    """Average true range in points: TR of the first bar, then ATR += (TR - ATR) / period."""

    __slots__ = ("_period", "_previous_close", "value")

    def __init__(self, period: int) -> None:
        self._period = period
        self._previous_close: int | None = None
        self.value = 0.0

    def push(self, high: int, low: int, close: int) -> None:
        previous = self._previous_close
        if previous is None:
            self.value = float(high - low)
        else:
            true_range = max(high - low, abs(high - previous), abs(low - previous))
            self.value += (true_range - self.value) / self._period
        self._previous_close = close


class CrossGap:
    """How far the fast average lies above the slow one, as an exact integer.

    The gap is (SMA_fast - SMA_slow) times the least common multiple of the two lengths; its sign is
    what crosses are made of. `value` and `previous` are None until both averages are full.
    """

    __slots__ = ("_fast", "_fast_factor", "_slow_factor", "previous", "slow", "value")

    def __init__(self, fast: int, slow: int) -> None:
        common = lcm(fast, slow)
        self._fast = RollingSum(fast)
        self.slow = RollingSum(slow)
        self._fast_factor = common // fast
        self._slow_factor = common // slow
        self.value: int | None = None
        self.previous: int | None = None

    def push(self, close: int) -> None:
        self._fast.push(close)
        self.slow.push(close)
        self.previous = self.value
        if self._fast.full and self.slow.full:
            self.value = self._fast_factor * self._fast.total - self._slow_factor * self.slow.total


# --- the same over columns --------------------------------------------------------------------


def rolling_sum(values: Ints, length: int) -> Ints:
    """Sums of the last `length` values, one per value from the first full window on.

    The result has `len(values) - length + 1` entries (none when there are too few values).
    """
    if len(values) < length:
        return np.zeros(0, dtype=np.int64)
    running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values, dtype=np.int64)))
    return running[length:] - running[:-length]


def cross_gap(closes: Ints, fast: int, slow: int) -> Ints:
    """`CrossGap.value` per bar from bar `max(fast, slow) - 1` on."""
    common = lcm(fast, slow)
    longest = max(fast, slow)
    fast_sums = rolling_sum(closes, fast)[longest - fast :]
    slow_sums = rolling_sum(closes, slow)[longest - slow :]
    return (common // fast) * fast_sums - (common // slow) * slow_sums


def average_true_range(highs: Ints, lows: Ints, closes: Ints, period: int) -> Floats:
    """`AverageTrueRange.value` after each bar.

    The recursion runs over plain floats: a vectorised form would round differently.
    """
    result = np.empty(len(closes), dtype=np.float64)
    if not len(closes):
        return result
    previous = closes[:-1]
    ranges = (highs - lows).astype(np.float64)
    ranges[1:] = np.maximum(
        ranges[1:], np.maximum(np.abs(highs[1:] - previous), np.abs(lows[1:] - previous))
    )
    value = float(ranges[0])
    result[0] = value
    for index, true_range in enumerate(ranges[1:].tolist(), start=1):
        value += (true_range - value) / period
        result[index] = value
    return result
