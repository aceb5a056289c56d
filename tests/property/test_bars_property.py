"""However the rows of a feed are cut into chunks, the same bars come out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.bars import PreparedBars
from engine.events import BarClosed
from signals.market_data.bars import BarPreparer, Ints, to_points
from tests.builders import EURUSD

NOON = 20_000 * 86_400 + 12 * 3_600
Row = tuple[int, int, int, int, int, int]


def utc(server: Ints) -> Ints:
    return server - 7_200


@st.composite
def feeds(draw: st.DrawFn) -> list[Row]:
    """Bars in points on a grid of one or fifteen minutes, with gaps."""
    period = draw(st.sampled_from([60, 300, 900]))
    steps = draw(st.lists(st.just(1) | st.integers(1, 4) | st.integers(1, 90), max_size=60))
    rows, time = [], NOON
    for step in steps:
        time += step * period
        prices = draw(st.lists(st.integers(100_000, 120_000), min_size=4, max_size=4))
        first, last, low, high = prices[0], prices[1], min(prices), max(prices)
        rows.append((time, first, high, low, last, draw(st.integers(0, 60))))
    return rows


def prepare(preparer: BarPreparer, rows: list[Row]) -> PreparedBars:
    column = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    opens, highs, lows, closes = (values / 100_000 for values in column[1:5])
    return preparer.prepare(column[0], opens, highs, lows, closes, column[5])


Columns = dict[str, list[int]]
COLUMNS = ("time", "server", "open", "high", "low", "close", "spread")


def told(chunks: list[PreparedBars]) -> tuple[Columns, dict[int, tuple[BarClosed, ...]]]:
    """Chunks end to end; rows of closed bars count through."""
    columns: Columns = {name: [] for name in COLUMNS}
    closed: dict[int, tuple[BarClosed, ...]] = {}
    for chunk in chunks:
        for row, bars in chunk.closed.items():
            closed[row + len(columns["time"])] = bars
        for row in range(len(chunk)):
            assert tuple(chunk.closed_by(row)) == chunk.closed.get(row, ())
            following = (at for at in chunk.closed if at >= row)
            assert chunk.next_decision(row) == next(following, len(chunk) - 1)
        for name in COLUMNS:
            columns[name] += getattr(chunk, name).tolist()
    return columns, closed


@given(feeds(), st.data())
def test_chunks_of_any_size_give_the_bars_of_one_column(rows: list[Row], data: st.DataObject
                                                        ) -> None:  # fmt: skip
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    bounds = data.draw(st.tuples(*[st.none() | st.integers(-3, 70)] * 2))
    first, end = (None if n is None else NOON - 7_200 + n * 900 for n in bounds)
    one, many = (BarPreparer(EURUSD, utc, first=first, end=end) for _ in range(2))
    parts = [rows[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    assert told([prepare(many, part) for part in parts]) == told([prepare(one, rows)])


def bars_of_slots(rows: list[Row], timeframe: str, seconds: int) -> dict[int, BarClosed]:
    """The same bars put together one row at a time; the last slot stays open."""
    slots: dict[int, list[Row]] = {}
    closes_at: dict[int, int] = {}
    for number, row in enumerate(rows):
        slot = row[0] // seconds
        if slot not in slots and slots:
            closes_at[list(slots)[-1]] = number
        slots.setdefault(slot, []).append(row)
    return {
        row: BarClosed(
            "EURUSD", timeframe, (slot * seconds - 7_200) * 1000, slots[slot][0][1],
            max(item[2] for item in slots[slot]), min(item[3] for item in slots[slot]),
            slots[slot][-1][4],
        )
        for slot, row in closes_at.items()
    }  # fmt: skip


@given(feeds())
def test_closed_bars_hold_exactly_the_rows_of_their_slot(rows: list[Row]) -> None:
    bars = prepare(BarPreparer(EURUSD, utc), rows)
    for timeframe, seconds in (("M15", 900), ("H1", 3_600)):
        found = {row: bar for row, closed in bars.closed.items() for bar in closed
                 if bar.timeframe == timeframe}  # fmt: skip
        assert found == bars_of_slots(rows, timeframe, seconds)


@given(st.integers(0, 10**7), st.integers(0, 5))
def test_a_price_with_the_symbols_digits_is_its_points_exactly(points: int, digits: int) -> None:
    assert to_points(np.array([points / 10**digits]), digits).tolist() == [points]


@given(feeds())
def test_the_spread_is_the_larger_of_the_floor_and_the_bar_before(rows: list[Row]) -> None:
    bars = prepare(BarPreparer(EURUSD, utc), rows)
    recorded = [0, *(row[5] for row in rows)]
    expected = [
        max(before, 24 if row[0] // 3_600 % 24 == 0 else 2)
        for row, before in zip(rows, recorded, strict=False)
    ]
    assert bars.spread.tolist() == expected
