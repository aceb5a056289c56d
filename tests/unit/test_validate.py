"""The checker finds what is wrong with bars, wherever the chunks are cut, and mends what it can."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from signals.market_data.validate import (
    SERVER_AHEAD,
    BarChecker,
    Finding,
    Kind,
    Severity,
    period_name,
    repair,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """Bars as columns, as any reader gives them."""

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    tick_volume: Ints
    spread: Ints
    first_row: int = 0

    def take(self, rows: Ints | NDArray[np.intp] | list[int], first_row: int = 0) -> Bars:
        return Bars(
            self.time[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.tick_volume[rows],
            self.spread[rows],
            first_row,
        )


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


MONDAY = _at("2025-03-10")


def _bars(times: Iterable[int]) -> Bars:
    """Good bars of five decimals at the given times; equal times have equal bars."""
    time = np.array(list(times), dtype=np.int64)
    opening = 108_000 + time // 60 % 997
    close = opening + time // 60 % 7 - 3
    return Bars(
        time,
        opening / 1e5,
        (np.maximum(opening, close) + 2) / 1e5,
        (np.minimum(opening, close) - 3) / 1e5,
        close / 1e5,
        time // 60 % 91 + 1,
        time // 60 % 5,
    )


def _week(period: int = 900, days: int = 4) -> list[int]:
    return list(range(MONDAY, MONDAY + days * 86_400, period))


GOOD = _bars(_week())


def _checked(bars: Bars, size: int | None = None, **options: int) -> BarChecker:
    checker = BarChecker("EURUSD", options.pop("digits", 5), **options)
    step = size or len(bars.time)
    for start in range(0, len(bars.time), step):
        rows = list(range(start, min(start + step, len(bars.time))))
        checker.push(bars.take(rows, start))
    return checker


def _found(bars: Bars, **options: int) -> list[Finding]:
    """The findings, which must be the same however the bars are cut into chunks."""
    whole = _checked(bars, **options)
    findings = whole.finish()
    for size in (7, 100) if len(bars.time) < 1_000 else (1_001,):
        other = _checked(bars, size, **options)
        assert other.finish() == findings
        assert other.counts == whole.counts
    return findings


def _kinds(bars: Bars, **options: int) -> list[tuple[Kind, int]]:
    return [(finding.kind, finding.row) for finding in _found(bars, **options)]


def test_good_bars_have_no_findings() -> None:
    """Four days of M15 bars pass, and their period is told."""
    assert _found(GOOD, now=MONDAY + 30 * 86_400) == []
    assert _checked(GOOD, 1).finish() == _checked(GOOD).finish() == []
    assert _checked(GOOD).period == 900
    assert _checked(GOOD).rows == len(GOOD.time)


@pytest.mark.parametrize("period", [60, 3_600, 7_200, 14_400, 86_400])
def test_regular_bars_of_every_timeframe_pass(period: int) -> None:
    """What is regular has neither errors nor gaps."""
    assert _found(_bars(range(MONDAY, MONDAY + 300 * period, period))) == []


@pytest.mark.parametrize("period", [60, 300, 900, 1_800, 3_600, 14_400, 86_400])
def test_the_period_is_the_most_common_distance(period: int) -> None:
    """Every usual timeframe is told, holes notwithstanding."""
    times = [MONDAY + n * period for n in range(40) if n not in (7, 20, 21)]
    assert _checked(_bars(times)).period == period


def test_an_exact_duplicate_is_an_error_that_can_be_repaired() -> None:
    """A bar that is there twice with equal values is named, with its row and time."""
    (found,) = _found(GOOD.take([*range(50), 49, *range(50, 384)]))
    assert (found.kind, found.row, found.server_time) == (Kind.DUPLICATE, 50, GOOD.time[49])
    assert (found.severity, found.repairable) == (Severity.ERROR, True)
    assert "2025-03-10 12:15:00" in found.detail


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "tick_volume", "spread"])
def test_one_time_with_two_values_is_an_error_that_cannot_be_repaired(column: str) -> None:
    """Any differing value makes it a contradiction."""
    bars = GOOD.take([*range(50), 49, *range(50, 384)])
    values = getattr(bars, column).copy()
    values[50] += -1e-5 if column == "low" else 1e-5 if values.dtype == np.float64 else 1
    bars = replace(bars, **{column: values})
    found = [f for f in _found(bars) if f.kind is not Kind.BROKEN]
    assert [(f.kind, f.row, f.repairable) for f in found] == [(Kind.CONFLICT, 50, False)]


def test_disorder_is_an_error_that_can_be_repaired() -> None:
    """Each step back in time is one finding, at the bar that comes too late."""
    found = _found(GOOD.take([*range(100), *range(200, 300), *range(100, 200)]))
    assert [(f.kind, f.row) for f in found if f.severity is Severity.ERROR] == [
        (Kind.DISORDER, 200)
    ]
    assert found[-1].repairable
    assert "comes after" in found[-1].detail


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("high", 1.0, "low is above the high"),
        ("high", np.nan, "not a positive number"),
        ("high", np.inf, "not a positive number"),
        ("open", np.inf, "not a positive number"),
        ("low", -1.0, "not a positive number"),
        ("low", 0.0, "not a positive number"),
        ("low", 1.2, "low is above the high"),
        ("close", 1.2, "high is below the open or close"),
        ("close", 1.0, "low is above the open or close"),
    ],
)
def test_impossible_prices_are_errors(column: str, value: float, words: str) -> None:
    """Prices that contradict each other, or are none, are named with all four of them."""
    values = getattr(GOOD, column).copy()
    values[30] = value
    found = [f for f in _found(replace(GOOD, **{column: values})) if f.kind is Kind.BROKEN]
    assert [f.row for f in found] == [30]
    assert words in found[0].detail
    assert str(float(value)) in found[0].detail


def test_a_bar_after_the_present_is_an_error() -> None:
    """Server clocks run up to three hours ahead of UTC; what is later cannot be."""
    last = int(GOOD.time[-1])
    assert _kinds(GOOD, now=last - SERVER_AHEAD) == []
    assert _kinds(GOOD, now=last - SERVER_AHEAD - 1) == [(Kind.FUTURE, len(GOOD.time) - 1)]


def test_bars_off_the_grid_are_errors() -> None:
    """An M15 bar opens on a quarter of an hour."""
    time = GOOD.time.copy()
    time[40] += 60
    assert (Kind.OFF_GRID, 40) in _kinds(_bars(time))


@pytest.mark.parametrize(
    ("times", "row", "name"),
    [
        (range(MONDAY - 10 * 86_400, MONDAY, 86_400), 0, "D1"),
        (range(MONDAY - 3 * 86_400, MONDAY, 86_400), 0, "D1"),
        (range(MONDAY - 20 * 3_600, MONDAY, 3_600), 0, "H1"),
    ],
)
def test_another_timeframe_at_the_beginning_is_an_error(times: range, row: int, name: str) -> None:
    """Files that begin with coarser bars, as old history often does, are refused."""
    found = [f for f in _found(_bars([*times, *_week()])) if f.kind is Kind.OTHER_PERIOD]
    assert [f.row for f in found] == [row]
    assert name in found[0].detail
    assert "M15" in found[0].detail


def test_a_timeframe_that_changes_half_way_is_an_error() -> None:
    """M15 bars that go on as M30 bars, or as M1 bars, are refused at the change."""
    end = MONDAY + 4 * 86_400
    coarse = _bars([*_week(), *range(end, end + 20 * 1_800, 1_800)])
    assert [f.row for f in _found(coarse) if f.kind is Kind.OTHER_PERIOD] == [384]
    fine = _bars([*_week(), *range(end, end + 20 * 60, 60)])
    assert [f.row for f in _found(fine) if f.kind is Kind.OTHER_PERIOD] == [384]
    assert _checked(fine).finish()[-1].kind is Kind.OFF_GRID


def test_another_timeframe_with_holes_is_told() -> None:
    """Weekends among daily bars belong to the daily bars, wherever a chunk ends."""
    days = np.cumsum([0, 86_400, 129_600, 259_200, 86_400, 86_400, 86_400])
    found = _found(_bars([*(MONDAY - 9 * 86_400 + days), *_week()]))
    daily = [f for f in found if f.kind is Kind.OTHER_PERIOD]
    assert len(daily) == 1
    assert "D1" in daily[0].detail


def test_thin_minutes_are_not_another_timeframe() -> None:
    """A quiet hour in which every second minute has no tick is still M1."""
    quiet = list(range(MONDAY + 3_600, MONDAY + 3_600 + 11 * 120, 120))
    busy = list(range(MONDAY, MONDAY + 3_600, 60)) + list(range(quiet[-1] + 60, MONDAY + 9_000, 60))
    assert _found(_bars(sorted(busy + quiet))) == []


def test_a_single_bar_has_no_timeframe() -> None:
    """What period a lone bar has cannot be told."""
    assert _kinds(GOOD.take([0])) == [(Kind.NO_PERIOD, 0)]
    assert _checked(GOOD.take([0])).period is None


def test_no_bars_have_no_findings() -> None:
    """A checker that saw nothing says nothing."""
    assert BarChecker("EURUSD", 5).finish() == []


def test_too_many_decimals_are_an_error() -> None:
    """A gold feed of three digits does not pass for the table's two."""
    found = _found(GOOD, digits=4)
    assert {f.kind for f in found} == {Kind.MORE_DECIMALS}
    assert "4 decimals of EURUSD" in found[0].detail


def test_too_few_decimals_are_an_error_once_there_are_enough_bars() -> None:
    """Two hundred bars without a single last digit are no chance; fewer may be."""
    assert _kinds(GOOD, digits=6) == [(Kind.FEWER_DECIMALS, 0)]
    assert _kinds(GOOD.take(list(range(199))), digits=6) == []
    assert _kinds(GOOD.take(list(range(200))), digits=6) == [(Kind.FEWER_DECIMALS, 0)]


def test_a_gap_on_a_trading_day_is_a_note() -> None:
    """Missing bars are told with their number and do not refuse the file."""
    (found,) = _found(GOOD.take([*range(100), *range(130, 384)]))
    assert (found.kind, found.row, found.severity) == (Kind.GAP, 99, Severity.NOTE)
    assert "30 M15 bars are missing" in found.detail
    (short,) = _found(GOOD.take([*range(100), *range(102, 384)]))
    assert "2 M15 bars are missing" in short.detail


def test_a_hole_on_a_friday_evening_is_no_weekend() -> None:
    """Only a hole that reaches over Saturday is the weekend."""
    friday = MONDAY + 4 * 86_400
    hole = range(friday + 16 * 3_600, friday + 19 * 3_600)
    (found,) = _found(_bars(t for t in _week(days=5) if t not in hole))
    assert "2025-03-14 15:45:00 12 M15 bars are missing" in found.detail


def test_short_holes_on_holidays_are_no_gaps() -> None:
    """Few quotes on Christmas Day are no surprise; on the 23rd they are."""
    start = _at("2025-12-22")
    times = [start + 900 * n for n in range(4 * 96)]
    christmas = range(_at("2025-12-25T03:00"), _at("2025-12-25T04:00"))
    assert _found(_bars(t for t in times if t not in christmas)) == []
    before = range(_at("2025-12-23T03:00"), _at("2025-12-23T04:00"))
    assert [f.kind for f in _found(_bars(t for t in times if t not in before))] == [Kind.GAP]


def test_weekends_holidays_and_daily_breaks_are_no_gaps() -> None:
    """Markets close at known times; only other holes are worth a word."""
    year = _bars(range(_at("2025-01-02"), _at("2025-12-31"), 900))
    seconds = year.time
    weekday = seconds // 86_400 % 7  # 0 is a Thursday
    weekend = (weekday == 2) | (weekday == 3)
    holiday = (seconds >= _at("2025-12-24T20:00")) & (seconds < _at("2025-12-26"))
    daily = seconds % 86_400 < 3_600
    assert _found(year.take(np.flatnonzero(~(weekend | holiday | daily)))) == []


@pytest.mark.parametrize("hours", [4, 6, 8, 12, 24])
def test_weekends_are_no_gaps_for_long_bars_either(hours: int) -> None:
    """The last bar of a week opens as long before the close as it is long; a lost day is told."""
    period = hours * 3600
    weeks = [MONDAY + 7 * 86_400 * week + k * period for week in range(3)
             for k in range(5 * 24 // hours)]  # fmt: skip
    assert _kinds(_bars(weeks)) == []
    lost = [time for time in weeks if time // 86_400 != MONDAY // 86_400 + 9]
    assert [kind for kind, _ in _kinds(_bars(lost))] == [Kind.GAP]


def test_bars_in_reverse_can_be_repaired() -> None:
    """Their period shows only when they are sorted: until then nothing is said of it."""
    reverse = _bars(_week()[::-1])
    assert all(finding.repairable for finding in _found(reverse))
    assert _found(reverse.take(repair(reverse).rows)) == []


def test_many_findings_are_counted_and_the_first_kept() -> None:
    """The memory of the checker does not grow with what is wrong."""
    rows = np.repeat(np.arange(384), 2)
    checker = _checked(GOOD.take(rows))
    assert len(checker.finish()) == 20
    assert checker.counts == {Kind.DUPLICATE: 384}
    assert checker.finish() == checker.finish()


@pytest.mark.parametrize(
    ("period", "name"),
    [(60, "M1"), (900, "M15"), (3_600, "H1"), (14_400, "H4"), (86_400, "D1"), (90, "90 s")],
)
def test_period_names(period: int, name: str) -> None:
    """Periods are named as the platform names them."""
    assert period_name(period) == name


def test_repair_sorts_and_drops_exact_duplicates_only() -> None:
    """Two overlapping exports put together become one; contradictions stay for the user."""
    bars = GOOD.take([*range(100, 200), *range(150), *range(200, 384)])
    mended = repair(bars)
    assert mended.done == ("dropped 50 exact duplicates", "sorted by time: it went backwards 1x")
    assert _found(bars.take(mended.rows)) == []

    doubled = GOOD.take([*range(50), 49, *range(50, 384)])
    doubled.spread[50] += 1
    mended = repair(doubled)
    assert mended.done == ()
    assert _kinds(doubled.take(mended.rows)) == [(Kind.CONFLICT, 50)]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), max_size=30))
def test_repair_keeps_every_different_bar_once_in_order(rows: list[tuple[int, int]]) -> None:
    """Nothing is invented or lost: the same set of bars, each once, by time, stable."""
    bars = _bars(MONDAY + 900 * slot for slot, _ in rows)
    bars = replace(bars, spread=np.array([spread for _, spread in rows], dtype=np.int64))
    kept = [rows[place] for place in repair(bars).rows]
    assert sorted(set(rows)) == sorted(kept)
    assert [slot for slot, _ in kept] == sorted(slot for slot, _ in kept)
    assert kept == sorted(dict.fromkeys(rows), key=lambda row: row[0])
