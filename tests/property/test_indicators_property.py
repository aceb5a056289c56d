"""Indicators bar by bar and over columns agree to the last bit, on any bars."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals.indicators import AverageTrueRange, CrossGap, average_true_range, cross_gap

Bar = tuple[int, int, int]
LENGTHS = st.integers(1, 40)


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    """High, low and close in points; neighbours may lie far apart, as after a weekend."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(1, 300_000), st.integers(0, 5_000), st.floats(0, 1)),
            max_size=120,
        )
    )
    return [(low + size, low, low + round(size * part)) for low, size, part in drawn]


def column(bars: list[Bar], index: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([bar[index] for bar in bars], dtype=np.int64)


@given(bars(), LENGTHS)
def test_the_average_true_range_is_the_same_in_both_forms(bars: list[Bar], period: int) -> None:
    live = AverageTrueRange(period)
    values = []
    for bar in bars:
        live.push(*bar)
        values.append(live.value)
    columns = average_true_range(column(bars, 0), column(bars, 1), column(bars, 2), period)
    assert columns.tobytes() == np.array(values, dtype=np.float64).tobytes()


@given(bars(), LENGTHS, LENGTHS)
def test_the_gap_of_the_averages_is_the_same_in_both_forms(
    bars: list[Bar], fast: int, slow: int
) -> None:
    live = CrossGap(fast, slow)
    values, previous = [], []
    for bar in bars:
        live.push(bar[2])
        values.append(live.value)
        previous.append(live.previous)
    first = max(fast, slow) - 1
    assert values[:first] == [None] * min(first, len(bars))
    assert cross_gap(column(bars, 2), fast, slow).tolist() == values[first:]
    assert previous == [None, *values][: len(bars)]


@given(bars(), LENGTHS, LENGTHS)
def test_the_gap_has_the_sign_of_the_exact_difference_of_the_averages(
    bars: list[Bar], fast: int, slow: int
) -> None:
    closes = [bar[2] for bar in bars]
    for end, gap in enumerate(
        cross_gap(column(bars, 2), fast, slow).tolist(), start=max(fast, slow)
    ):
        difference = sum(closes[end - fast : end]) * slow - sum(closes[end - slow : end]) * fast
        assert (gap > 0, gap < 0) == (difference > 0, difference < 0)


@given(bars(), LENGTHS)
def test_the_average_true_range_lies_within_the_true_ranges_it_has_seen(
    bars: list[Bar], period: int
) -> None:
    live = AverageTrueRange(period)
    ranges: list[int] = []
    previous: int | None = None
    for high, low, close in bars:
        live.push(high, low, close)
        ends = (high, low) if previous is None else (max(high, previous), min(low, previous))
        ranges.append(ends[0] - ends[1])
        assert min(ranges) - 1e-9 <= live.value <= max(ranges) + 1e-9
        previous = close
