"""The first bar that leaves a range of prices, and the furthest ones of many bars, whatever is
passed over at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.bars import BLOCK, PreparedBars
from engine.types import LONG, SHORT

MANY_BLOCKS = 200 * BLOCK


def rows(least: int, most: int) -> st.SearchStrategy[int]:
    """Rows of `least` to `most`, often the first of a block."""
    blocks = (
        st.integers(-(-least // BLOCK), most // BLOCK)
        if most // BLOCK * BLOCK >= least
        else st.nothing()
    )
    return st.integers(least, most) | blocks.map(lambda block: block * BLOCK)


@given(st.integers(0, 1 << 32), st.integers(0, MANY_BLOCKS), st.data())
def test_it_is_the_one_that_a_look_at_each_bar_finds(
    seed: int, count: int, data: st.DataObject
) -> None:
    numbers = np.random.default_rng(seed)
    middle = np.cumsum(numbers.integers(-3, 4, count))
    low, high = (middle + sign * numbers.integers(0, 5, count) for sign in (-1, 1))
    spread, none = numbers.integers(0, 4, count), np.zeros(count, dtype=np.int64)
    bars = PreparedBars(none, none, middle, high, low, middle, spread)
    row = data.draw(rows(0, count))
    end = data.draw(rows(row, count))
    below, above = data.draw(st.integers(-90, 90)), data.draw(st.integers(-90, 400))
    for side, shift in ((LONG, none), (SHORT, spread)):
        lows, highs = low + shift, high + shift
        left = (at for at in range(row, end) if lows[at] <= below or highs[at] >= above)
        assert bars.ranges(side).first_outside(row, end, below, above) == next(left, end)
        if row < end:
            furthest = min(lows[row:end]), max(highs[row:end])
            ranges = bars.ranges(side)
            assert (ranges.lowest(row, end), ranges.highest(row, end)) == furthest
