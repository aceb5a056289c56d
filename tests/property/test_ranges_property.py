"""The first bar that leaves a range of prices, however many bars are passed over at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.bars import BLOCK, PreparedBars
from engine.types import LONG, SHORT

MANY_BLOCKS = 200 * BLOCK


@given(st.integers(0, 1 << 32), st.integers(0, MANY_BLOCKS), st.data())
def test_it_is_the_one_that_a_look_at_each_bar_finds(
    seed: int, count: int, data: st.DataObject
) -> None:
    numbers = np.random.default_rng(seed)
    middle = np.cumsum(numbers.integers(-3, 4, count))
    low, high = (middle + sign * numbers.integers(0, 5, count) for sign in (-1, 1))
    spread, none = numbers.integers(0, 4, count), np.zeros(count, dtype=np.int64)
    bars = PreparedBars(none, none, middle, high, low, middle, spread)
    row = data.draw(st.integers(0, count))
    end = data.draw(st.integers(row, count))
    below, above = data.draw(st.integers(-90, 90)), data.draw(st.integers(-90, 400))
    for side, shift in ((LONG, none), (SHORT, spread)):
        lows, highs = low + shift, high + shift
        left = (at for at in range(row, end) if lows[at] <= below or highs[at] >= above)
        assert bars.ranges(side).first_outside(row, end, below, above) == next(left, end)
