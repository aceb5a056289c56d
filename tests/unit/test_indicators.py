"""Indicators against figures worked out by hand; bar by bar and over columns alike."""

from __future__ import annotations

import numpy as np

from signals.strategies.indicators import (
    AverageTrueRange,
    AverageTrueRanges,
    CrossGap,
    CrossGaps,
    RollingSum,
    RollingSums,
)


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


class TestRollingSum:
    def test_it_is_the_sum_of_the_last_values_and_full_once_so_many_have_come(self) -> None:
        rolling = RollingSum(3)
        seen = []
        for value in (1, 2, 4, 8, -16):
            rolling.push(value)
            seen.append((rolling.total, rolling.full))
        assert seen == [(1, False), (3, False), (7, True), (14, True), (-4, True)]

    def test_a_column_has_the_same_sums(self) -> None:
        assert RollingSums(3).push(ints(1, 2, 4, 8, -16)).tolist() == [1, 3, 7, 14, -4]
        assert RollingSums(1).push(ints(5, 6)).tolist() == [5, 6]
        assert RollingSums(3).push(ints()).tolist() == []

    def test_a_column_goes_on_where_the_one_before_it_ended(self) -> None:
        sums = RollingSums(3)
        assert sums.push(ints(1, 2)).tolist() == [1, 3]
        assert sums.push(ints(4, 8)).tolist() == [7, 14]


class TestCrossGap:
    def test_it_is_the_difference_of_the_averages_times_their_least_common_multiple(self) -> None:
        gap = CrossGap(2, 3)
        seen = []
        for close in (6, 12, 18, 0, 6):
            gap.push(close)
            seen.append((gap.value, gap.previous))
        # 6 x ((12+18)/2 - 36/3), 6 x ((18+0)/2 - 30/3), 6 x (6/2 - 24/3)
        assert seen == [(None, None), (None, None), (18, None), (-6, 18), (-30, -6)]
        assert gap.slow.total == 24

    def test_averages_of_20_and_50_give_the_presets_own_figure(self) -> None:
        """5 times the sum of 20 less 2 times the sum of 50."""
        gap = CrossGap(20, 50)
        for close in range(100, 160):
            gap.push(close)
        assert gap.value == 5 * sum(range(140, 160)) - 2 * sum(range(110, 160))

    def test_averages_of_50_and_200_give_200_times_their_difference(self) -> None:
        gap = CrossGap(50, 200)
        for close in range(200):
            gap.push(close)
        assert gap.value == 4 * sum(range(150, 200)) - sum(range(200))

    def test_the_column_is_known_from_the_first_bar_on_which_both_averages_are_full(self) -> None:
        gaps = CrossGaps(2, 3).push(ints(6, 12, 18, 0, 6))
        assert gaps.known == 2
        assert gaps.value[2:].tolist() == [18, -6, -30]
        assert gaps.previous[3:].tolist() == [18, -6]

    def test_a_column_that_is_too_short_has_no_gap_yet(self) -> None:
        crosses = CrossGaps(2, 3)
        assert crosses.push(ints(6, 12)).known >= 2
        assert crosses.push(ints(18)).known == 0
        assert crosses.push(ints(0)).known < 0


class TestAverageTrueRange:
    def test_it_starts_with_the_first_range_and_then_moves_a_period_th_of_the_way(self) -> None:
        atr = AverageTrueRange(4)
        assert atr.value == 0.0
        seen = []
        for high, low, close in ((110, 100, 105), (112, 104, 110), (120, 118, 119), (90, 80, 85)):
            atr.push(high, low, close)
            seen.append(atr.value)
        # True ranges 10; max(8, 7, 1); max(2, 10, 8), a gap up; max(10, 29, 39), a gap down.
        assert seen == [10.0, 9.5, 9.625, 16.96875]

    def test_the_column_has_the_same_values(self) -> None:
        column = AverageTrueRanges(4).push(
            ints(110, 112, 120, 90), ints(100, 104, 118, 80), ints(105, 110, 119, 85)
        )
        assert column == (10.0, 9.5, 9.625, 16.96875)

    def test_a_column_without_bars_has_no_values(self) -> None:
        assert AverageTrueRanges(14).push(ints(), ints(), ints()) == ()

    def test_one_bar_has_its_range(self) -> None:
        assert AverageTrueRanges(14).push(ints(7), ints(3), ints(5)) == (4.0,)

    def test_columns_that_nobody_can_write_to_are_averaged_once(self) -> None:
        """The state before them and the period belong to what is remembered."""
        columns = ints(110, 112, 120), ints(100, 104, 118), ints(105, 110, 119)
        for column in columns:
            column.setflags(write=False)
        ranges = AverageTrueRanges(4)
        first = ranges.push(*columns)
        assert AverageTrueRanges(4).push(*columns) is first
        assert AverageTrueRanges(2).push(*columns) != first
        # The gap down from 119 to 100 is the first true range now.
        assert ranges.push(*columns) == (11.96875, 10.9765625, 10.732421875)

    def test_columns_that_may_have_been_written_to_are_averaged_anew(self) -> None:
        columns = ints(110, 112), ints(100, 104), ints(105, 110)
        AverageTrueRanges(4).push(*columns)
        columns[0][0] = 120
        assert AverageTrueRanges(4).push(*columns)[0] == 20.0
