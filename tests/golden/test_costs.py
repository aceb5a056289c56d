"""What trading costs, worked out by hand: slippage, spread, commission, swap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import events as ev
from engine.trading import HaltCause
from engine.types import Side
from signals.strategy import Decision, Enter, View
from tests.user_signal_runs import (
    PERIOD,
    Ohlc,
    Told,
    at,
    bar_file,
    flat,
    played,
    replayed,
    signal_file,
    terms_of,
    with_limits,
)

BARS: list[Ohlc] = [
    (108_000, 108_015, 107_995, 108_010),
    (108_010, 108_045, 108_005, 108_040),
    (108_040, 108_070, 108_020, 108_060),
    (108_060, 108_065, 108_055, 108_060),
]
"""The bid; the ask is 10 points above. A point of a lot is a dollar."""

HOLD = {"exit_time": at(3)}
FAR = {"long": 1.077, "short": 1.083}


def signal(direction: Any = "long", **changes: Any) -> dict[str, Any]:
    """One lot at the second bar's opening, its stop 300 points away."""
    return {
        "time": at(1), "symbol": "EURUSD", "direction": direction, "stop_loss": FAR[direction],
        "volume": 1.0, **changes,
    }  # fmt: skip


def traded(folder: Path, given: dict[str, Any], bars: list[Ohlc] = BARS, **more: Any) -> Told:
    return replayed(folder, {"EURUSD": bars}, [given], **more)


def deal(told: Told) -> tuple[int, int, str, int, int]:
    """Prices of opening and closing, the reason, profit and final balance in cents."""
    opened, closed = told.only(ev.PositionOpened), told.only(ev.PositionClosed)
    return opened.price, closed.price, closed.reason, closed.profit, told.end.account.balance


# --- slippage, spread and commission ----------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "slippage", "expected"),
    [
        # bought at the ask of 108,020, sold at the bid of 108,060
        ("long", 0, (108_020, 108_060, "END", 40_00, 100_035_00)),
        ("long", 3, (108_023, 108_057, "END", 34_00, 100_029_00)),
        # sold at the bid of 108,010, bought back at the ask of 108,070
        ("short", 0, (108_010, 108_070, "END", -60_00, 99_935_00)),
        ("short", 3, (108_007, 108_073, "END", -66_00, 99_929_00)),
    ],
)
def test_market_fills_are_worse_by_the_slippage_both_ways(
    tmp_path: Path, direction: str, slippage: int, expected: tuple[int, int, str, int, int]
) -> None:
    """Profit is reckoned from the fills; two commissions of 2.50 USD come off."""
    told = traded(tmp_path, signal(direction, **HOLD), slippage_points=slippage)
    assert deal(told) == expected


@pytest.mark.parametrize(
    ("direction", "levels", "bar", "price", "reason"),
    [
        ("long", {"stop_loss": 1.0799}, (108_040, 108_050, 107_980, 108_000), 107_987, "SL"),
        ("long", {"stop_loss": 1.0799}, (107_950, 107_960, 107_940, 107_950), 107_947, "SL"),
        ("long", {"take_profit": 1.081}, (108_040, 108_110, 108_040, 108_100), 108_097, "TP"),
        ("short", {"stop_loss": 1.081}, (108_040, 108_090, 108_000, 108_000), 108_103, "SL"),
        ("short", {"stop_loss": 1.081}, (108_120, 108_125, 108_115, 108_120), 108_133, "SL"),
        ("short", {"take_profit": 1.079}, (108_040, 108_040, 107_890, 107_900), 107_903, "TP"),
    ],
    ids=["stop", "stop in a gap", "target", "short stop", "short stop in a gap", "short target"],
)
def test_stops_and_targets_slip_too(
    tmp_path: Path, direction: str, levels: dict[str, float], bar: Ohlc, price: int, reason: str
) -> None:
    """From their own price or, where the bar opened beyond a stop, from its opening."""
    bars = [*BARS[:2], bar, *flat(1)]
    told = traded(tmp_path, signal(direction, **levels), bars, slippage_points=3)
    entry, left, why, profit, _ = deal(told)
    assert (left, why) == (price, reason)
    assert profit == (left - entry) * (1 if direction == "long" else -1) * 100


def test_a_strategy_sees_the_fill_as_its_entry(tmp_path: Path) -> None:
    """What it measures in R is measured from what was paid."""
    seen: list[tuple[int, int]] = []

    class Once:
        timeframes: tuple[str, ...] = ("M15",)

        def on_bar(self, _bar: ev.BarClosed, view: View) -> Decision | None:
            if view.position is not None:
                seen.append((view.position.entry, view.position.first_stop))
                return None
            return Enter(side=Side.LONG, stop_loss=107_700, take_profit=0, reason="x")

    terms = terms_of({"EURUSD": bar_file(tmp_path, "EURUSD", BARS)}, None, slippage_points=3)
    told = played(replace(terms, factory=lambda _spec: Once(), timeframes=("M15",)))
    assert told.of(ev.PositionOpened)[0].price == 108_023
    assert seen[0] == (108_023, 107_700)


def test_the_least_spread_is_what_the_option_says_at_any_hour(tmp_path: Path) -> None:
    """Also in the first hour of the server's day, for which the table has a floor of its own."""
    for hour, floor in ((0, 25), (8, 25), (8, 0)):
        start = datetime(2024, 3, 5, hour, tzinfo=UTC)
        given = signal(time=at(1, start), exit_time=at(3, start))
        told = traded(tmp_path, given, start=start, spread_floor=[f"EURUSD={floor}"])
        assert told.only(ev.PositionOpened).price == 108_010 + floor


def test_without_the_option_the_table_s_floors_hold(tmp_path: Path) -> None:
    """24 points in the first hour of the day, 2 in the others; a symbol of the option's apart."""
    for hour, floor in ((0, 24), (8, 2)):
        start = datetime(2024, 3, 5, hour, tzinfo=UTC)
        given = signal(time=at(1, start), exit_time=at(3, start))
        told = traded(tmp_path, given, start=start, spread_floor=["GBPUSD=99"])
        assert told.only(ev.PositionOpened).price == 108_010 + floor


@pytest.mark.parametrize(
    ("option", "cents"), [(["7"], 350), (["0"], 0), (["7", "EURUSD=1.15"], 58), (["GBPUSD=9"], 125)]
)
def test_a_commission_is_charged_at_each_deal(
    tmp_path: Path, option: list[str], cents: int
) -> None:
    """For half a lot, half of it, rounded once: 0.575 USD is 58 cents."""
    told = traded(tmp_path, signal(volume=0.5, **HOLD), commission=option)
    opened, closed = told.only(ev.PositionOpened), told.only(ev.PositionClosed)
    assert (opened.commission, closed.commission) == (-cents, -cents)
    assert closed.profit == 20_00
    assert closed.net == 20_00 - 2 * cents
    assert told.end.account.balance == 100_000_00 + closed.net


def test_risk_reckons_with_the_commission_it_will_be_charged(tmp_path: Path) -> None:
    """320 points and two commissions: at 40 USD a side a lot may lose the 400 that it may."""
    for usd, lots in (("40", 10_000), ("41", 9_900)):
        told = traded(tmp_path, signal(volume=None, **HOLD), commission=[usd])
        assert told.only(ev.PositionOpened).volume == lots


def test_the_journal_names_all_costs(tmp_path: Path) -> None:
    """Two runs with other costs are other runs, also where nothing was traded."""
    told = traded(
        tmp_path, signal(), slippage_points=3, commission=["7"], swap=["-6.5/2.25"],
        spread_floor=["12"],
    )  # fmt: skip
    start = told.of(ev.SessionStarted)[0]
    assert start.costs == {"slippage_points": 3}
    (spec,) = start.symbols
    assert (spec.commission, spec.spread_floor, spec.spread_floor_rollover) == (700.0, 12, 12)
    assert (spec.swap_long, spec.swap_short, spec.triple_swap_weekday) == (-6.5, 2.25, 3)


# --- swap -------------------------------------------------------------------------------------

DAY = 96
"""Bars."""

WEEK = [*flat(5 * DAY), *[None] * 2 * DAY, *flat(DAY)]
"""Monday 08:00 to Saturday 08:00, and Monday again: no bars on two days."""


def days(count: float) -> int:
    """So many days after the first bar, ms UTC."""
    return at(count * DAY)


def swapped(folder: Path, given: dict[str, Any], rates: str = "-6.5/2.25", **more: Any) -> Told:
    files = {"EURUSD": bar_file(folder, "EURUSD", WEEK)}
    return played(terms_of(files, signal_file(folder, [given]), swap=[rates], **more))


def postings(told: Told) -> list[tuple[str, int]]:
    """UTC times of the swaps posted, and the equity after each in cents, from 100,000 USD."""
    return [
        (f"{datetime.fromtimestamp(moment / 1000, UTC):%a %H:%M}", item.account.equity)
        for moment, item in told.timed(ev.AccountUpdated)
        if item.reason == "swap"
    ]


FLOATING = 100_000_00 - 2_50 - 10_00
"""Equity of a lot that stands where it was opened: commission and spread are lost."""


def test_a_long_pays_every_night_and_three_times_on_wednesday(tmp_path: Path) -> None:
    """At the server's midnight, by the UTC clock here; the balance waits for the close."""
    told = swapped(tmp_path, signal(exit_time=days(4)))
    assert postings(told) == [
        ("Tue 00:00", FLOATING - 6_50),
        ("Wed 00:00", FLOATING - 13_00),
        ("Thu 00:00", FLOATING - 32_50),
        ("Fri 00:00", FLOATING - 39_00),
    ]
    balances = {item.account.balance for item in told.of(ev.AccountUpdated)}
    assert balances == {100_000_00 - 2_50}
    closed = told.only(ev.PositionClosed)
    assert (closed.swap, closed.profit, closed.net) == (-39_00, -10_00, -54_00)
    assert told.end.account.balance == 100_000_00 - 54_00


def test_a_short_has_a_rate_of_its_own(tmp_path: Path) -> None:
    told = swapped(tmp_path, signal("short", exit_time=days(3)))
    assert [equity for _, equity in postings(told)] == [
        FLOATING + 2_25, FLOATING + 4_50, FLOATING + 11_25,
    ]  # fmt: skip
    assert told.only(ev.PositionClosed).swap == 11_25


def test_the_weekend_costs_friday_s_night_only(tmp_path: Path) -> None:
    """Its other two were paid on Wednesday. Posted at their time, not at the next bar's."""
    told = swapped(tmp_path, signal(time=days(4.5), exit_time=days(7.2)))
    assert [when for when, _ in postings(told)] == ["Sat 00:00"]
    assert told.only(ev.PositionClosed).swap == -6_50


def test_only_what_is_held_at_midnight_is_charged(tmp_path: Path) -> None:
    """A position opened at midnight's tick is not, one that is closed at it is."""
    midnight = days(2 / 3)  # 16 hours after 08:00
    told = swapped(tmp_path, signal(time=midnight, exit_time=midnight + PERIOD))
    assert postings(told) == []
    told = swapped(tmp_path, signal(time=midnight - PERIOD, exit_time=midnight))
    assert told.only(ev.PositionClosed).swap == -6_50


def test_the_triple_day_is_the_symbol_s(tmp_path: Path) -> None:
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", WEEK)}
    given = signal_file(tmp_path, [signal(exit_time=days(7.1))])
    terms = terms_of(files, given, swap=["-1/0"])
    spec = msgspec.structs.replace(terms.inputs[0].spec, triple_swap_weekday=5)
    told = played(replace(terms, inputs=[replace(terms.inputs[0], spec=spec)]))
    assert told.only(ev.PositionClosed).swap == -(1 + 1 + 1 + 1 + 3) * 1_00


def test_a_swap_that_waits_to_be_booked_takes_the_room_of_another_order(tmp_path: Path) -> None:
    """Two lots may lose 310.00 each and three commissions: 627.50 of the day's 629.98."""
    two = [signal(exit_time=days(4)), signal(time=days(1.5), exit_time=days(4))]
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", WEEK)}
    opened = {}
    for swap in ("0/0", "-2.47/0", "-2.49/0"):
        terms = terms_of(files, signal_file(tmp_path, two), swap=[swap])
        terms = with_limits(terms, max_positions_per_symbol=2, daily_loss_fraction=0.0063)
        opened[swap] = len(played(terms).of(ev.PositionOpened))
    assert opened == {"0/0": 2, "-2.47/0": 2, "-2.49/0": 1}


def test_a_swap_is_posted_before_the_day_turns(tmp_path: Path) -> None:
    """Where both fall on one instant: the new day begins with an equity that has paid."""
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", WEEK)}
    given = signal_file(tmp_path, [signal(exit_time=days(1))])
    terms = with_limits(terms_of(files, given, swap=["-6.5/0"]), reset_zone="UTC")
    told = played(terms)
    (place,) = [
        n for n, item in enumerate(told.records) if isinstance(item.event, ev.AccountUpdated)
    ]
    rolled = told.records[place + 1]
    assert isinstance(rolled.event, ev.DayRolled)
    assert rolled.time == told.records[place].time == days(2 / 3)
    assert rolled.event.account.equity == FLOATING - 6_50
    assert rolled.event.day_start == 100_000_00 - 2_50


def test_midnight_is_the_server_s(tmp_path: Path) -> None:
    """By New York + 7 it is 17:00 in New York: 22:00 UTC in winter, 21:00 from 10 March 2024."""
    times = [f"{22 if day < 10 else 21}:00" for day in (8, 11, 12)]
    start = datetime(2024, 3, 8, 10, tzinfo=UTC)
    bars = [*flat(14 * 4), *[None] * (48 * 4), *flat(3 * DAY)]  # the server's Friday, then Monday
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", bars, start)}
    given = signal(time=at(0, start), exit_time=at(5 * DAY, start))
    terms = terms_of(files, signal_file(tmp_path, [given]), swap=["-6.5/0"], clock="new-york+7")
    assert [when for when, _ in postings(played(terms))] == [
        f"{day} {time}" for day, time in zip(("Fri", "Mon", "Tue"), times, strict=True)
    ]


def test_a_swap_can_end_the_day(tmp_path: Path) -> None:
    """Equity is tested when it is posted, at midnight and at no price of a bar."""
    told = swapped(tmp_path, signal(exit_time=days(1)), "-2500/0")
    halts = [
        (moment, item.cause)
        for moment, item in told.timed(ev.TradingStateChanged)
        if item.cause is not None
    ]
    assert halts == [(days(2 / 3), HaltCause.DAILY_LOSS)]


@pytest.mark.parametrize(("direction", "cents"), [("long", -6_67), ("short", 13_33)])
def test_a_swap_in_another_currency_is_converted(
    tmp_path: Path, direction: str, cents: int
) -> None:
    """10 points are 1,000 yen a lot: a cost is divided by the bid, an income by the ask."""
    bars = {"USDJPY": flat(DAY, 150_000)}
    given = {
        "time": at(1), "symbol": "USDJPY", "direction": direction, "volume": 1.0,
        "stop_loss": 149.8 if direction == "long" else 150.2, "exit_time": at(80),
    }  # fmt: skip
    told = replayed(tmp_path, bars, [given], swap=["-10/20"])
    assert told.only(ev.PositionClosed).swap == cents


def test_without_swap_nothing_is_posted(tmp_path: Path) -> None:
    assert postings(swapped(tmp_path, signal(exit_time=days(4)), "0/0")) == []
