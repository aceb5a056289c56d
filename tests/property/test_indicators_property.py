"""Indicators bar by bar and over columns agree to the last bit, on any bars."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals.strategies.indicators import AverageTrueRange, AverageTrueRanges, CrossGap, CrossGaps

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


def cut(bars: list[Bar], data: st.DataObject) -> list[list[Bar]]:
    """The bars in chunks of any size, none among them."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(bars)), max_size=4)))
    return [bars[start:end] for start, end in zip([0, *cuts], [*cuts, len(bars)], strict=True)]


@given(bars(), LENGTHS, st.data())
def test_the_average_true_range_is_the_same_in_both_forms(
    bars: list[Bar], period: int, data: st.DataObject
) -> None:
    live = AverageTrueRange(period)
    values = []
    for bar in bars:
        live.push(*bar)
        values.append(live.value)
    columns = AverageTrueRanges(period)
    found: list[float] = []
    for chunk in cut(bars, data):
        found += columns.push(*(column(chunk, index) for index in range(3)))
    assert [value.hex() for value in found] == [value.hex() for value in values]


@given(bars(), LENGTHS, LENGTHS, st.sampled_from([1, 10**13]), st.data())
def test_the_gap_of_the_averages_is_the_same_in_both_forms(
    bars: list[Bar], fast: int, slow: int, factor: int, data: st.DataObject
) -> None:
    """Also where the numbers outgrow 64 bits."""
    live, columns = CrossGap(fast, slow), CrossGaps(fast, slow)
    for chunk in cut(bars, data):
        gaps = columns.push(column(chunk, 2) * factor)
        for row, bar in enumerate(chunk):
            live.push(bar[2] * factor)
            known = gaps.value[row] if row >= gaps.known else None
            before = gaps.previous[row] if row > gaps.known else None
            assert (known, before) == (live.value, live.previous)
            assert gaps.slow[row] == live.slow.total


@given(bars(), LENGTHS, LENGTHS)
def test_the_gap_has_the_sign_of_the_exact_difference_of_the_averages(
    bars: list[Bar], fast: int, slow: int
) -> None:
    closes = [bar[2] for bar in bars]
    gaps = CrossGaps(fast, slow).push(column(bars, 2))
    for end in range(max(fast, slow), len(closes) + 1):
        difference = sum(closes[end - fast : end]) * slow - sum(closes[end - slow : end]) * fast
        gap = gaps.value[end - 1]
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
