"""Indicators in two forms with equal values: bar by bar (live) and over columns (history).

Prices are integer points, so sums are exact and the two forms agree to the last bit; the average
true range is a float recursion and is computed by the same operations in the same order in both.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from math import lcm
from typing import Final, NamedTuple
from weakref import ref

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_INT64_HALF: Final = 1 << 62


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


# --- the same over columns, taken in chunk after chunk ----------------------------------------


class RollingSums:
    """`RollingSum.total` after each value; the first windows are not full yet, as there."""

    def __init__(self, length: int) -> None:
        self._tail = np.zeros(length, dtype=np.int64)

    def push(self, values: Ints) -> Ints:
        """Take the next values; returns one sum for each."""
        length = len(self._tail)
        known = np.concatenate((self._tail, values))
        self._tail = known[len(known) - length :]
        running = np.cumsum(known)
        return running[length:] - running[: len(known) - length]


class Gaps(NamedTuple):
    """`CrossGap` after each bar: `value` from row `known` on, `previous` from the one after.

    The first bar's `previous` is known when `known` is below 0. `slow` is the slow sum.
    """

    value: Ints
    previous: Ints
    slow: Ints
    known: int


class CrossGaps:
    """`CrossGap` over columns."""

    def __init__(self, fast: int, slow: int) -> None:
        self._fast, self._slow = RollingSums(fast), RollingSums(slow)
        self._common = lcm(fast, slow)
        self._factors = self._common // fast, self._common // slow
        self._missing = max(fast, slow) - 1
        self._last = np.zeros(1, dtype=np.int64)

    def push(self, closes: Ints) -> Gaps:
        """Take the next bars' closes."""
        if len(closes) and self._common * int(np.abs(closes).max()) > _INT64_HALF:
            closes = closes.astype(object)  # whole numbers of any size
        fast, slow = self._fast.push(closes), self._slow.push(closes)
        value = self._factors[0] * fast - self._factors[1] * slow
        with_last = np.concatenate((self._last, value))
        self._last = with_last[-1:]
        known = max(self._missing, -1)
        self._missing = max(self._missing - len(closes), -1)
        return Gaps(value, with_last[:-1], slow, known)


class AverageTrueRanges:
    """`AverageTrueRange` over columns.

    The recursion runs over plain floats: a vectorised form would round differently. What came of
    the same arrays before is not made again where nobody can have written to them: many replays
    over the same bars differ in other parameters.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        self._previous_close: int | None = None
        self._value = 0.0

    def push(self, highs: Ints, lows: Ints, closes: Ints) -> tuple[float, ...]:
        """Take the next bars; returns the average after each."""
        if not len(closes):
            return ()
        state = self._period, self._previous_close, self._value
        found = _remembered.of((highs, lows, closes), state)
        if found is None:
            found = self._averages(highs, lows, closes)
            _remembered.keep((highs, lows, closes), state, found)
        self._value, self._previous_close = found[-1], int(closes[-1])
        return found

    def _averages(self, highs: Ints, lows: Ints, closes: Ints) -> tuple[float, ...]:
        ranges = highs - lows
        first = lows[0] if self._previous_close is None else self._previous_close
        before = np.concatenate(([first], closes[:-1]))
        ranges = np.maximum(ranges, np.maximum(np.abs(highs - before), np.abs(lows - before)))
        true_ranges = ranges.astype(np.float64).tolist()
        value, period, result = self._value, self._period, []
        if self._previous_close is None:
            value = true_ranges.pop(0)
            result.append(value)
        for true_range in true_ranges:
            value += (true_range - value) / period
            result.append(value)
        return tuple(result)


class _Remembered:
    """Averages by the arrays that they are of; what is of an array that is gone is gone too."""

    _MOST = 32

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], tuple[list[ref[Ints]], tuple[float, ...]]] = (
            OrderedDict()
        )

    def of(self, arrays: Sequence[Ints], state: tuple[object, ...]) -> tuple[float, ...] | None:
        """What was kept for these very arrays; None for nothing."""
        if not self._kept:
            return None
        key = (*map(id, arrays), *state)
        refs, found = self._kept.get(key, ((), ()))
        if not refs or any(one() is not array for one, array in zip(refs, arrays, strict=True)):
            return None
        return found

    def keep(
        self, arrays: Sequence[Ints], state: tuple[object, ...], found: tuple[float, ...]
    ) -> None:
        """Keep it, if all of them are arrays that cannot be written to."""
        if any(array.flags.writeable for array in arrays):
            return
        key, kept = (*map(id, arrays), *state), self._kept
        kept[key] = [ref(array, lambda _: kept.pop(key, None)) for array in arrays], found
        while len(kept) > self._MOST:
            kept.popitem(last=False)


_remembered: Final = _Remembered()
