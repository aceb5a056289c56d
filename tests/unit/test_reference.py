"""The reference program of the preset keeps to figures worked out by hand, and so does its loop."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.reference import bare_loop
from tests.reference.preset_bars import (
    TABLE,
    Array,
    Clock,
    Columns,
    Market,
    Position,
    feed_period,
    half,
    margin,
    points,
    prague_midnights,
    profit,
    utc_seconds,
)
from tests.reference.preset_page import Book, Limits, Outcome, Row, run

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "icmarkets_demo"
MIDDAY = int(datetime(2025, 1, 7, 12, tzinfo=UTC).timestamp())
Bar = tuple[int, int, int, int]  # open, high, low, close in points


def stamp(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def columns(bars: list[Bar], *, start: int = MIDDAY, digits: int = 5, spread: int = 0) -> Columns:
    """M15 bars from points, back to back from `start` on."""
    o, h, l, c = np.array(bars, dtype=np.float64).T / 10**digits  # noqa: E741 - as in OHLC
    time = start + 900 * np.arange(len(bars), dtype=np.int64)
    return Columns(time, o, h, l, c, np.full(len(bars), spread))


def story(*after: Bar, sign: int = 1) -> list[Bar]:
    """60 bars of range 80 that close where they open, a close one point off, and what follows.

    The moving averages cross on bar 60 with an ATR of exactly 80; the entry is at bar 61's open.
    """
    calm: list[Bar] = [(110_000, 110_040, 109_960, 110_000)] * 60
    return [*calm, (110_000, 110_040, 109_960, 110_000 + sign), *after]


START = MIDDAY - 60 * 900  # bar 60 opens at noon


def played(*after: Bar, sign: int = 1, **options: float) -> Outcome:
    bars = {"EURUSD": columns(story(*after, sign=sign), start=START)}
    return run(bars, clock="utc", **options)  # type: ignore[arg-type]


def told(outcome: Outcome) -> list[Row]:
    """The log from the signal on: the story crosses a Prague midnight before it."""
    return [row for row in outcome.log if row.time > MIDDAY]


def deals(outcome: Outcome) -> list[tuple[str, int, str, int]]:
    return [(row.event, row.price, row.reason, row.balance) for row in told(outcome)]


# ---- Units


@pytest.mark.parametrize(
    ("x", "whole"),
    [(0.5, 1), (-0.5, -1), (2.5, 3), (2.499995, 3), (2.49998, 2), (-2.499995, -3), (0.0, 0)],
)
def test_half_rounds_away_from_zero_and_forgives_a_hundred_thousandth(x: float, whole: int) -> None:
    assert half(x) == whole


def test_prices_become_points_and_more_digits_than_the_symbol_has_are_refused() -> None:
    assert points(np.array([1.03515, 1.0351, 1.1]), 5) == [103_515, 103_510, 110_000]
    with pytest.raises(ValueError, match=r"2650\.125 has more than 2 digits"):
        points(np.array([2650.12, 2650.125]), 2)


@pytest.mark.parametrize(
    ("clock", "server", "utc"),
    [
        ("new-york+7", (2025, 1, 6, 0), (2025, 1, 5, 22)),
        ("new-york+7", (2025, 3, 10, 0), (2025, 3, 9, 21)),  # New York is ahead of Europe
        ("eu-dst", (2025, 3, 10, 0), (2025, 3, 9, 22)),
        ("eu-dst", (2025, 4, 1, 0), (2025, 3, 31, 21)),
        ("utc", (2025, 4, 1, 0), (2025, 4, 1, 0)),
    ],
)
def test_clocks_turn_server_time_into_utc(
    clock: Clock, server: tuple[int, ...], utc: tuple[int, ...]
) -> None:
    assert utc_seconds(np.array([stamp(*server)]), clock) == [stamp(*utc)]


def test_prague_midnights_follow_summer_time_and_include_the_last_instant() -> None:
    first, last = stamp(2025, 3, 28, 23), stamp(2025, 3, 30, 22)
    assert prague_midnights(first, last) == [stamp(2025, 3, 29, 23), last]


def test_the_spread_is_the_previous_bars_but_at_least_the_floor_of_its_own_hour() -> None:
    bars = columns([(110_000, 110_000, 110_000, 110_000)] * 7, start=stamp(2025, 1, 6, 23, 30))
    bars.spread[:] = [1, 0, 70, 30, 5, 1, 9]  # 23:30, 23:45, 00:00 ... 01:00
    market = Market("EURUSD", TABLE["EURUSD"], bars, "utc")
    assert [market.spread_of(i) for i in range(7)] == [2, 2, 24, 70, 30, 24, 2]


def test_profit_of_a_usd_base_is_divided_by_the_side_that_the_page_names() -> None:
    yen = TABLE["USDJPY"]
    # 100 points of 1 lot are 10,000 yen: at 150.010 they are 66.66 USD, at 149.990 66.67.
    assert profit(yen, 1, 149_900, 150_000, 1.0, 10) == 6_666  # gain: ask 150.010
    assert profit(yen, -1, 149_900, 150_000, 1.0, 10) == -6_667  # loss: bid 149.990
    assert profit(TABLE["XAUUSD"], -1, 265_000, 265_250, 0.5, 15) == -12_500


def test_margin_uses_the_entry_price_unless_the_base_is_the_account_currency() -> None:
    assert margin(TABLE["EURUSD"], 1.6, 110_003) == 176_005  # 1.6 x 100,000 x 1.10003 / 100
    assert margin(TABLE["USDJPY"], 2.35, 150_004) == 235_000
    assert margin(TABLE["XAUUSD"], 0.66, 265_015) == 583_033


# ---- Exits


@pytest.mark.parametrize(
    ("side", "bar", "expected", "worst"),
    [
        (1, (1_000, 1_019, 901, 950), None, 901),
        (1, (1_000, 1_000, 900, 950), (900, "SL"), 900),
        (1, (880, 1_000, 870, 950), (880, "SL"), 880),  # opened beyond the stop
        (1, (1_000, 1_100, 950, 950), (1_100, "TP"), 950),
        (1, (1_000, 1_100, 900, 950), (900, "SL"), 900),  # both: the stop
        (-1, (1_000, 1_097, 899, 950), None, 1_099),
        (-1, (1_000, 1_098, 950, 950), (1_100, "SL"), 1_100),  # ask 1,100
        (-1, (1_150, 1_160, 950, 950), (1_152, "SL"), 1_152),
        (-1, (1_000, 1_000, 898, 950), (900, "TP"), 1_002),
        (-1, (1_000, 1_098, 898, 950), (1_100, "SL"), 1_100),
    ],
)
def test_exits_inside_a_bar_are_judged_on_the_closing_side(
    side: int, bar: Bar, expected: tuple[int, str] | None, worst: int
) -> None:
    market = Market("EURUSD", TABLE["EURUSD"], columns([bar]), "utc")
    market.start_bar(0)  # spread 2
    stop, target = (900, 1_100) if side > 0 else (1_100, 900)
    position = Position(1, "EURUSD", side, 1.0, 1_000, stop, target, stop, 0, 0)
    assert market.exit_of(position, 0) == expected
    assert market.worst_of(position, 0) == worst


# ---- Sizing


@pytest.mark.parametrize(
    ("symbol", "bid", "distance", "lots"),
    [
        # budget 20,000 cents; a lot loses 120 x 100 + 500 = 12,500
        ("EURUSD", 110_000, 120, 1.6),
        # 12,000 yen at the bid of the stop, 149.884: 8,006 + 500
        ("USDJPY", 150_000, 120, 2.35),
        # 3.00 x 100 ounces = 30,000
        ("XAUUSD", 265_000, 300, 0.66),
    ],
)
def test_volume_spends_half_the_risk_fraction_on_an_entry_of_unknown_tier(
    symbol: str, bid: int, distance: int, lots: float
) -> None:
    spec = TABLE[symbol]
    bars = columns([(bid, bid, bid, bid)], digits=spec.digits)
    market = Market(symbol, spec, bars, "utc")
    market.start_bar(0)
    book = Book([market], Limits(2, 0.004, 0.02, None, None), 10_000_000)
    stop = market.ask - distance
    order = Position(0, symbol, 1, 0.0, market.ask, stop, market.ask + 600, stop, 0, 0)
    assert book.vet(market, order) == ""
    assert order.lots == lots


# ---- Whole runs, worked out by hand: long at 110,003 with 1.60 lots, stop 109,883, target 110,243


def test_a_long_that_reaches_its_target() -> None:
    out = played((110_001, 110_243, 109_990, 110_200))
    assert deals(out) == [
        ("OPEN", 110_003, "v1_cross", 9_999_600),
        ("CLOSE", 110_243, "TP", 10_037_600),
    ]
    assert [row.time - MIDDAY for row in told(out)] == [900, 1_800]
    assert (out.trades, out.wins, out.signals, out.open_positions) == (1, 1, 1, [])
    # Lowest at the bar's low: 9,999,600 - 13 x 160 = 9,997,520.
    assert out.max_drawdown_fraction == pytest.approx(2_480 / 10_000_000)


def test_a_short_that_is_stopped_after_touching_both() -> None:
    out = played((109_999, 110_117, 109_757, 110_000), sign=-1)
    assert deals(out) == [
        ("OPEN", 109_999, "v1_cross", 9_999_600),
        ("CLOSE", 110_119, "SL", 9_980_000),
    ]
    assert out.daily_realized_loss == 20_000


def test_a_trailed_stop_locks_in_an_atr_below_the_close() -> None:
    """Close 180 above the entry is 1.5 R; ATR 80 + (200 - 80) / 14 rounds to 89."""
    out = played((110_001, 110_190, 109_990, 110_183), (110_183, 110_190, 110_000, 110_050))
    assert deals(out)[1:] == [
        ("MODIFY", 110_094, "TRAIL", 9_999_600),
        ("CLOSE", 110_094, "SL", 10_013_760),
    ]


def test_a_position_left_at_the_end_is_reported_with_its_floating_profit() -> None:
    out = played((110_001, 110_050, 109_990, 110_033))
    assert [p.ticket for p in out.open_positions] == [1]
    assert (out.balance, out.equity, out.trades) == (9_999_600, 9_999_600 + 30 * 160, 0)


def test_an_entry_that_could_break_the_day_floor_halts_until_prague_midnight() -> None:
    calm: Bar = (110_001, 110_041, 109_961, 110_001)
    out = played(*[calm] * 50, daily_loss_fraction=0.0019)
    assert [(row.event, row.reason) for row in told(out)[:3]] == [
        ("FILTER", "daily_loss"),
        ("HALT", "daily_loss"),
        ("FILTER", "halted"),
    ]
    assert told(out)[0].lots == 1.6
    assert told(out)[2].lots == 0.0
    at_midnight = [row.event for row in told(out) if row.time == stamp(2025, 1, 7, 23)]
    assert at_midnight == ["RESET", "FILTER", "HALT"]  # released, vetted again, halted again


@pytest.mark.parametrize(
    ("fraction", "opened"), [(0.0039876, ["EURUSD", "GBPUSD"]), (0.0039875, ["EURUSD"])]
)
def test_the_worst_case_adds_what_open_positions_would_lose_at_their_stops(
    fraction: float, opened: list[str]
) -> None:
    """99,601.24 = 99,996.00 - 198.76 (1.59 lots of GBPUSD) - 192.00 - 4.00 (1.60 of EURUSD)."""
    bars = columns(story((110_001, 110_041, 109_961, 110_001)), start=START)
    out = run({"EURUSD": bars, "GBPUSD": bars}, clock="utc", daily_loss_fraction=fraction)
    assert [row.symbol for row in told(out) if row.event == "OPEN"] == opened
    assert out.denials["daily_loss"] == 2 - len(opened)


def test_equity_that_touches_the_day_floor_halts() -> None:
    """The stop costs 19,200 and two commissions of 400: exactly 0.2 % of 100,000."""
    out = played((110_001, 110_010, 109_880, 109_900), daily_loss_fraction=0.002)
    assert deals(out)[1:] == [
        ("CLOSE", 109_883, "SL", 9_980_000),
        ("HALT", 0, "daily_loss", 9_980_000),
    ]


def test_a_maximum_loss_outlives_the_reset() -> None:
    calm: Bar = (110_001, 110_041, 109_961, 110_001)
    out = played(*[calm] * 100, max_loss_fraction=0.0019)
    assert [row.reason for row in out.log if row.event == "HALT"] == ["max_loss"]
    last_reset = max(row.time for row in out.log if row.event == "RESET")
    assert any(row.reason == "halted" and row.time > last_reset for row in out.log)
    assert out.trades == 0


def test_limit_trades_ends_the_run_with_the_event_that_closes_the_last() -> None:
    calm: Bar = (110_001, 110_041, 109_961, 110_001)
    out = played((110_001, 110_243, 109_990, 110_200), *[calm] * 100, limit_trades=1)
    assert [row.event for row in told(out)] == ["OPEN", "CLOSE"]


def test_a_reset_at_the_last_instant_still_happens() -> None:
    bars = columns([(110_000, 110_000, 110_000, 110_000)] * 3, start=stamp(2025, 1, 7, 22, 15))
    out = run({"EURUSD": bars}, clock="utc")
    assert [(row.event, row.time) for row in out.log] == [("RESET", stamp(2025, 1, 7, 23))]


def test_at_equal_times_the_lower_rank_takes_the_last_place() -> None:
    bars = columns(story((110_001, 110_041, 109_961, 110_001)), start=START)
    out = run({"GBPUSD": bars, "EURUSD": bars}, clock="utc", max_positions=1)
    assert [(row.event, row.symbol, row.reason) for row in told(out)] == [
        ("OPEN", "EURUSD", "v1_cross"),
        ("FILTER", "GBPUSD", "max_positions"),
    ]


def test_bars_out_of_order_and_unknown_symbols_are_refused() -> None:
    bars = columns([(110_000, 110_000, 110_000, 110_000)] * 3)
    with pytest.raises(ValueError, match="GOLD"):
        run({"GOLD": bars}, clock="utc")
    bars.time[2] = bars.time[1]
    with pytest.raises(ValueError, match="bar 2 opens before bar 1 ends"):
        run({"EURUSD": bars}, clock="utc")


# ---- The bare loop


def walk(seed: int, period: int, count: int) -> Columns:
    """A seeded random walk in EURUSD points with wild spreads, weekends and missing bars."""
    rng = np.random.default_rng(seed)
    times = stamp(2025, 2, 24) + period * np.arange(count, dtype=np.int64)
    times = times[((times // 86_400 + 3) % 7 < 5) & (rng.random(count) > 0.03)]
    size = len(times)
    open_ = 110_000 + np.cumsum(rng.normal(0, 10 * (period / 60) ** 0.5, size)).astype(np.int64)
    close = np.append(open_[1:], open_[-1]) + rng.integers(-3, 4, size)
    reach = rng.integers(0, 8, (2, size))
    high, low = np.maximum(open_, close) + reach[0], np.minimum(open_, close) - reach[1]
    spread: Array = np.where(rng.random(size) < 0.1, rng.integers(0, 80, size), 1)
    return Columns(times, open_ / 1e5, high / 1e5, low / 1e5, close / 1e5, spread)


@pytest.mark.parametrize("period", [60, 900])
@pytest.mark.parametrize(
    "terms",
    [
        bare_loop.Terms(),
        bare_loop.Terms(daily_loss=0.004),
        bare_loop.Terms(per_trade=0.02, daily_loss=0.03, max_loss=0.06),
    ],
)
def test_the_bare_loop_trades_as_the_page_on_a_random_walk(
    period: int, terms: bare_loop.Terms
) -> None:
    bars = walk(7, period, 24_000 if period == 60 else 8_000)
    assert feed_period(bars.time) == period
    out = run(
        {"EURUSD": bars},
        clock="new-york+7",
        per_trade_risk_fraction=terms.per_trade,
        daily_loss_fraction=terms.daily_loss,
        max_loss_fraction=terms.max_loss,
    )
    found = bare_loop.run(bars, TABLE["EURUSD"], clock="new-york+7", terms=terms)
    assert found == (out.trades, out.balance)
    assert out.trades > 3
    assert out.denials["halted"] > 0  # each of these walks meets a halt


def test_the_bare_loop_refuses_symbols_whose_points_are_not_cents() -> None:
    bars = columns([(150_000, 150_000, 150_000, 150_000)], digits=3)
    with pytest.raises(ValueError, match="quote in USD"):
        bare_loop.run(bars, TABLE["USDJPY"], clock="utc")


@pytest.mark.parametrize("period", ["M15", pytest.param("M1", marks=pytest.mark.deep)])
def test_the_bare_loop_trades_as_the_page_on_a_year_of_eurusd(period: str) -> None:
    path = DATA / f"EURUSD_{period}_20250102_20251231.parquet"
    if not path.exists():
        pytest.skip(f"no market data at {path}")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    names = ("time", "open", "high", "low", "close", "spread")
    bars = Columns(*(table[name].to_numpy() for name in names))
    out = run({"EURUSD": bars}, clock="new-york+7")
    found = bare_loop.run(bars, TABLE["EURUSD"], clock="new-york+7")
    assert found == (out.trades, out.balance)
    assert out.trades > 900
