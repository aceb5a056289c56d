"""Raw columns become bars ready to be played."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.paper.replay.chunks import ChunkReader
from engine.bars import ClosedBars, PreparedBars
from engine.events import BarClosed
from signals.market_data.bars import Aggregator, BarPreparer, Floats, Ints, SpreadInForce, to_points
from tests.builders import EURUSD, XAUUSD

HOUR = 3_600
DAY = 86_400
NOON = 20_000 * DAY + 12 * HOUR

Row = tuple[int, float, float, float, float, int]  # server time, open, high, low, close, spread


def ints(*values: int) -> Ints:
    return np.array(values, dtype=np.int64)


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def two_hours_ahead(server: Ints) -> Ints:
    """A server clock of GMT+2."""
    return server - 2 * HOUR


def prepared(preparer: BarPreparer, *rows: Row) -> PreparedBars:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    opens, highs, lows, closes = (floats(*column) for column in columns[1:5])
    times, spreads = (ints(*map(int, columns[number])) for number in (0, 5))
    return preparer.prepare(times, opens, highs, lows, closes, spreads)


def rows_of(closed: ClosedBars) -> list[tuple[int, BarClosed]]:
    """The feed's rows with the bars that they close."""
    return [(row, closed.bar(index)) for index, row in enumerate(closed.row.tolist())]


def flat(time: int, price: float = 1.1, spread: int = 0) -> Row:
    return (time, price, price, price, price, spread)


class TestPoints:
    def test_prices_are_rounded_half_up(self) -> None:
        # Eighths are exact in binary.
        assert to_points(floats(2650.125, 2650.124, 2650.126, -0.125), 2).tolist() == [
            265_013, 265_012, 265_013, -12,
        ]  # fmt: skip

    def test_decimals_that_floats_cannot_hold_come_out_as_printed(self) -> None:
        prices = floats(1.10001, 1.13579, 0.00001, 150.003)
        assert to_points(prices[:3], 5).tolist() == [110_001, 113_579, 1]
        assert to_points(prices[3:], 3).tolist() == [150_003]


class TestSpread:
    def test_it_is_the_one_recorded_in_the_bar_before_and_none_before_the_first(self) -> None:
        times = ints(NOON, NOON + 900, NOON + 1800)
        assert SpreadInForce(EURUSD).push(times, ints(7, 9, 4)).tolist() == [2, 7, 9]

    def test_it_is_never_below_the_floor_of_the_bars_own_server_hour(self) -> None:
        midnight = 20_000 * DAY
        times = ints(midnight - 1, midnight, midnight + HOUR - 1, midnight + HOUR)
        assert SpreadInForce(EURUSD).push(times, ints(1, 30, 1, 1)).tolist() == [2, 24, 30, 2]

    def test_it_goes_on_across_chunks(self) -> None:
        spreads = SpreadInForce(EURUSD)
        assert spreads.push(ints(NOON), ints(7)).tolist() == [2]
        assert spreads.push(ints(), ints()).tolist() == []
        assert spreads.push(ints(NOON + 900), ints(1)).tolist() == [7]


class TestAggregation:
    def test_a_bar_is_closed_by_the_first_bar_of_a_later_slot(self) -> None:
        minutes = Aggregator("EURUSD", "M15", two_hours_ahead)
        times = ints(NOON, NOON + 60, NOON + 840, NOON + 960, NOON + 3_000)
        closed = minutes.push(
            times, ints(5, 6, 7, 8, 9), ints(9, 8, 20, 9, 9), ints(4, 1, 6, 7, 8),
            ints(6, 7, 8, 9, 9),
        )  # fmt: skip
        opening = (NOON - 2 * HOUR) * 1000
        assert rows_of(closed) == [
            (3, BarClosed("EURUSD", "M15", opening, 5, 20, 1, 8)),
            (4, BarClosed("EURUSD", "M15", opening + 900_000, 8, 9, 7, 9)),
        ]

    def test_a_slot_that_is_cut_into_chunks_is_one_bar_of_all_of_them(self) -> None:
        minutes = Aggregator("EURUSD", "M15", two_hours_ahead)
        opening = (NOON - 2 * HOUR) * 1000
        for time, row in (
            (NOON, (5, 30, 4, 6)),
            (NOON + 60, (6, 9, 1, 7)),
            (NOON + 120, (7, 8, 3, 2)),
        ):
            assert rows_of(minutes.push(ints(time), *(ints(price) for price in row))) == []
        closed = minutes.push(ints(NOON + 900), ints(1), ints(1), ints(1), ints(1))
        assert rows_of(closed) == [(0, BarClosed("EURUSD", "M15", opening, 5, 30, 1, 2))]

    def test_its_time_is_the_slots_even_when_the_slots_first_bar_is_missing(self) -> None:
        minutes = Aggregator("EURUSD", "M15", two_hours_ahead)
        one = ints(1, 1)
        ((_, bar),) = rows_of(minutes.push(ints(NOON + 300, NOON + 900), one, one, one, one))
        assert bar.time == (NOON - 2 * HOUR) * 1000

    def test_slots_are_those_of_the_server_clock(self) -> None:
        """At half past by UTC an hour of this server begins."""

        def half_an_hour_ahead(server: Ints) -> Ints:
            return server - 1_800

        hours = Aggregator("EURUSD", "H1", half_an_hour_ahead)
        one = ints(1, 1, 1)
        times = ints(NOON, NOON + 2_700, NOON + 3_600)
        ((row, bar),) = rows_of(hours.push(times, one, one, one, one))
        assert (row, bar.time) == (2, (NOON - 1_800) * 1000)

    def test_the_last_bar_stays_open(self) -> None:
        hours = Aggregator("EURUSD", "H1", two_hours_ahead)
        assert rows_of(hours.push(ints(NOON), ints(1), ints(1), ints(1), ints(1))) == []


class TestPreparing:
    def test_bars_are_given_in_points_and_in_both_times(self) -> None:
        bars = prepared(
            BarPreparer(XAUUSD, two_hours_ahead),
            (NOON, 2650.2, 2651.25, 2649.0, 2650.5, 18),
            (NOON + 900, 2650.5, 2650.5, 2650.5, 2650.5, 3),
        )
        opening = (NOON - 2 * HOUR) * 1000
        assert bars.time.tolist() == [opening, opening + 900_000]
        assert bars.server.tolist() == [NOON, NOON + 900]
        first = (bars.open[0], bars.high[0], bars.low[0], bars.close[0])
        assert first == (265_020, 265_125, 264_900, 265_050)
        assert bars.spread.tolist() == [15, 18]
        assert len(bars) == 2

    def test_at_one_opening_the_longer_bar_is_closed_first(self) -> None:
        rows = [flat(NOON + 900 * number) for number in range(5)]
        bars = prepared(BarPreparer(EURUSD, two_hours_ahead), *rows)
        assert {row: [bar.timeframe for bar in closed] for row, closed in bars.closed.items()} == {
            1: ["M15"], 2: ["M15"], 3: ["M15"], 4: ["H1", "M15"],
        }  # fmt: skip
        assert list(bars.closed) == [1, 2, 3, 4]

    def test_the_window_takes_its_first_moment_and_leaves_its_end(self) -> None:
        start = NOON - 2 * HOUR
        window = BarPreparer(EURUSD, two_hours_ahead, first=start + 900, end=start + 2_700)
        bars = prepared(window, *(flat(NOON + 900 * number, spread=9) for number in range(5)))
        assert bars.server.tolist() == [NOON + 900, NOON + 1_800]
        assert bars.spread.tolist() == [2, 9]
        assert list(bars.closed) == [1]

    def test_a_chunk_outside_the_window_is_empty_and_leaves_no_trace(self) -> None:
        window = BarPreparer(EURUSD, two_hours_ahead, first=NOON - 2 * HOUR)
        assert len(prepared(window, flat(NOON - 900, spread=99))) == 0
        bars = prepared(window, flat(NOON), flat(NOON + 900))
        assert bars.spread.tolist() == [2, 2]
        assert [bar.time for bar in bars.closed[1]] == [(NOON - 2 * HOUR) * 1000]

    def test_no_rows_give_no_bars(self) -> None:
        assert len(prepared(BarPreparer(EURUSD, two_hours_ahead))) == 0


class TestNextDecision:
    def test_without_a_scan_it_is_the_next_row_that_closes_a_bar_or_the_last(self) -> None:
        rows = [flat(NOON + 300 * number) for number in range(8)]
        bars = prepared(BarPreparer(EURUSD, two_hours_ahead), *rows)
        assert list(bars.closed) == [3, 6]
        assert [bars.next_decision(row) for row in range(8)] == [3, 3, 3, 3, 6, 6, 6, 7]


@pytest.mark.asyncio
async def test_a_reader_gives_one_chunk_at_a_time_and_passes_empty_ones_over() -> None:
    preparer = BarPreparer(EURUSD, two_hours_ahead)
    one, other = prepared(preparer, flat(NOON)), prepared(preparer, flat(NOON + 900))
    taken: list[int] = []

    def chunks() -> list[PreparedBars]:
        return [PreparedBars.empty(), one, PreparedBars.empty(), PreparedBars.empty(), other]

    reader = ChunkReader(iter(taken.append(len(chunk)) or chunk for chunk in chunks()))  # type: ignore[func-returns-value]
    assert await reader.next() is one
    assert taken == [0, 1]
    assert await reader.next() is other
    assert await reader.next() is None
    assert await reader.next() is None
