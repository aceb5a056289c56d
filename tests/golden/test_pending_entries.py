"""A signal with an entry price waits for it: filled by the bars, expired, or stopped at once.

Market orders would meet a bid of 108,000 and an ask of 108,010 at the second bar's opening, at
which all orders here are placed; a bar's fills are told at its end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import events as ev
from engine.events import DenyReason
from engine.types import Millis
from tests.user_signal_runs import (
    Ohlc,
    Told,
    at,
    bar_file,
    flat,
    played,
    replayed,
    signal_file,
    terms_of,
)

QUIET: Ohlc = flat(1)[0]
FAR = {"long": 1.077, "short": 1.083}


def order(direction: str, entry: int, **changes: Any) -> dict[str, Any]:
    """Half a lot that waits at `entry` points, its stop hundreds of points away."""
    return {
        "time": at(1), "symbol": "EURUSD", "direction": direction, "entry_price": entry / 1e5,
        "stop_loss": FAR[direction], "volume": 0.5, **changes,
    }  # fmt: skip


def waited(folder: Path, given: dict[str, Any], *bars: Ohlc | None, **more: Any) -> Told:
    """The order on two quiet bars, at the second of which it is placed, and then `bars`."""
    return replayed(folder, {"EURUSD": [QUIET, QUIET, *bars, QUIET]}, [given], **more)


def deals(told: Told) -> list[tuple[str, Millis, int]]:
    """What was opened and closed: which, when and at what price."""
    rows: list[tuple[str, Millis, int]] = []
    for record in told.records:
        match record.event:
            case ev.PositionOpened(price=price):
                rows.append(("OPEN", record.time, price))
            case ev.PositionClosed(price=price, reason=reason):
                rows.append((reason, record.time, price))
    return rows


def denials(told: Told) -> list[DenyReason]:
    return [item.reason for item in told.of(ev.OrderDenied)]


# --- filled by a bar --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "entry", "bar", "price"),
    [
        # Buy limit: the ask, 10 above the bar's low, comes down to it.
        ("long", 107_950, (108_000, 108_005, 107_941, 108_000), None),
        ("long", 107_950, (108_000, 108_005, 107_940, 108_000), 107_950),
        ("long", 107_950, (107_900, 107_905, 107_890, 107_900), 107_910),
        # Buy stop: the ask goes up to it.
        ("long", 108_050, (108_000, 108_039, 107_995, 108_000), None),
        ("long", 108_050, (108_000, 108_040, 107_995, 108_000), 108_050),
        ("long", 108_050, (108_100, 108_105, 108_090, 108_100), 108_110),
        # Sell limit: the bid goes up to it.
        ("short", 108_050, (108_000, 108_049, 107_995, 108_000), None),
        ("short", 108_050, (108_000, 108_050, 107_995, 108_000), 108_050),
        ("short", 108_050, (108_100, 108_105, 108_090, 108_100), 108_100),
        # Sell stop: the bid comes down to it.
        ("short", 107_950, (108_000, 108_005, 107_951, 108_000), None),
        ("short", 107_950, (108_000, 108_005, 107_950, 108_000), 107_950),
        ("short", 107_950, (107_900, 107_905, 107_890, 107_900), 107_900),
    ],
)
def test_a_bar_fills_what_it_reaches(
    tmp_path: Path, direction: str, entry: int, bar: Ohlc, price: int | None
) -> None:
    """At its own price, or at the opening where that lies beyond it: for better or for worse."""
    told = waited(tmp_path, order(direction, entry), bar)
    assert deals(told) == ([] if price is None else [("OPEN", at(3), price)])
    accepted = told.only(ev.OrderAccepted)
    assert bool(told.of(ev.OrderFilled)) == (price is not None)
    if price is not None:
        filled, opened = told.only(ev.OrderFilled), told.only(ev.PositionOpened)
        assert filled.order_id == opened.order_id == accepted.order_id
        assert filled.ticket == accepted.ticket
        assert (opened.volume, opened.commission) == (5_000, -1_25)
        assert opened.stop_loss == round(FAR[direction] * 1e5)


def test_the_bar_at_whose_opening_it_was_placed_counts(tmp_path: Path) -> None:
    told = replayed(
        tmp_path,
        {"EURUSD": [QUIET, (108_000, 108_005, 107_900, 108_000), QUIET]},
        [order("long", 107_950)],
    )
    assert deals(told) == [("OPEN", at(2), 107_950)]


def test_an_entry_at_the_market_s_own_price_does_not_wait(tmp_path: Path) -> None:
    """A venue refuses to let it wait where it could be filled, and a refusal would halt trading."""
    for direction, price in (("long", 108_010), ("short", 108_000)):
        told = waited(tmp_path, order(direction, price))
        assert deals(told) == [("OPEN", at(1), price)]
        assert not told.of(ev.OrderAccepted)


def test_limits_are_filled_at_their_price_and_stops_slip(tmp_path: Path) -> None:
    bar: Ohlc = (108_000, 108_060, 107_930, 108_000)
    prices = {
        (direction, entry): deals(
            waited(tmp_path, order(direction, entry), bar, slippage_points=3)
        )[0][2]
        for direction in ("long", "short")
        for entry in (107_950, 108_050)
    }
    assert prices == {
        ("long", 107_950): 107_950,
        ("long", 108_050): 108_053,
        ("short", 108_050): 108_050,
        ("short", 107_950): 107_947,
    }


def test_a_symbol_s_order_is_not_filled_by_another_s_bars(tmp_path: Path) -> None:
    bars = {
        "EURUSD": [QUIET] * 5,
        "GBPUSD": [QUIET, QUIET, (108_000, 108_100, 107_800, 108_000), QUIET, QUIET],
    }
    given = [order("long", 107_950), order("short", 108_050, symbol="GBPUSD")]
    told = replayed(tmp_path, bars, given)
    assert [item.symbol for item in told.of(ev.PositionOpened)] == ["GBPUSD"]


def test_risk_sizes_it_by_the_price_at_which_it_enters(tmp_path: Path) -> None:
    """200 points and 5 USD of commissions a lot in 400 USD: 1.95 lots, wherever the market is.

    1.95 lots may lose 390 USD and two commissions of 4.875 USD, each rounded to a cent.
    """
    given = {**order("long", 107_900), "volume": None}
    told = waited(tmp_path, given, (108_000, 108_005, 107_880, 108_000))
    assert told.only(ev.PositionOpened).volume == 19_500
    assert told.of(ev.OrderApproved)[0].risk == 390_00 + 2 * 4_88


# --- stopped and won --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "entry", "stop", "bar", "fill", "left"),
    [
        # The range is taken as a whole: what came first is not known.
        ("long", 107_950, 107_900, (108_000, 108_005, 107_890, 108_000), 107_950, 107_900),
        ("long", 108_050, 107_980, (108_000, 108_060, 107_970, 108_000), 108_050, 107_980),
        ("short", 108_050, 108_100, (108_000, 108_095, 107_995, 108_000), 108_050, 108_100),
        ("short", 107_950, 108_000, (107_980, 107_995, 107_940, 107_980), 107_950, 108_000),
        # Opened beyond entry and stop: in at the opening, out at the opening, the spread lost.
        ("long", 107_950, 107_900, (107_850, 107_860, 107_840, 107_850), 107_860, 107_850),
        ("short", 108_050, 108_100, (108_150, 108_160, 108_140, 108_150), 108_150, 108_160),
    ],
)
def test_the_bar_that_fills_it_can_stop_it(
    tmp_path: Path, direction: str, entry: int, stop: int, bar: Ohlc, fill: int, left: int
) -> None:
    told = waited(tmp_path, order(direction, entry, stop_loss=stop / 1e5), bar)
    assert deals(told) == [("OPEN", at(3), fill), ("SL", at(3), left)]
    closed = told.only(ev.PositionClosed)
    assert closed.profit == (left - fill) * (1 if direction == "long" else -1) * 50
    assert told.end.account.balance == 100_000_00 + closed.profit - 2_50


@pytest.mark.parametrize(
    ("direction", "entry", "target", "bar"),
    [
        ("long", 107_950, 108_000, (108_000, 108_005, 107_930, 107_980)),
        ("short", 108_050, 108_006, (108_000, 108_060, 107_985, 108_000)),
    ],
)
def test_it_reaches_no_target_in_the_bar_that_fills_it(
    tmp_path: Path, direction: str, entry: int, target: int, bar: Ohlc
) -> None:
    """The high may have been before the fill. In the next bar the target counts."""
    given = order(direction, entry, take_profit=target / 1e5)
    told = waited(tmp_path, given, bar)
    assert [what for what, _, _ in deals(told)] == ["OPEN", "TP"]
    assert deals(told)[0][1:] == (at(3), entry)
    assert deals(told)[1][1:] == (at(4), target)


def test_a_stop_is_judged_from_where_the_order_enters(tmp_path: Path) -> None:
    """A buy at 107,950 may have its stop where the market is no more than one that is above it."""
    for stop, reasons in ((107_949, []), (107_950, [DenyReason.INVALID_STOPS])):
        told = waited(tmp_path, order("long", 107_950, stop_loss=stop / 1e5))
        assert denials(told) == reasons


def test_one_nearer_than_the_symbol_s_stops_level_is_denied_not_refused(tmp_path: Path) -> None:
    """The venue would refuse it, and a refusal halts trading for good."""
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", flat(5))}
    given = [order("long", 107_991), order("long", 107_990, time=at(2))]
    terms = terms_of(files, signal_file(tmp_path, given))
    spec = msgspec.structs.replace(terms.inputs[0].spec, stops_level=20)
    told = played(replace(terms, inputs=[replace(terms.inputs[0], spec=spec)]))
    assert denials(told) == [DenyReason.INVALID_STOPS]
    assert len(told.of(ev.OrderAccepted)) == 1
    assert not told.of(ev.OrderRejected)
    assert not told.of(ev.TradingStateChanged)


# --- while it waits ---------------------------------------------------------------------------


def test_it_counts_as_a_position_while_it_waits(tmp_path: Path) -> None:
    """Against the limit of all positions, and against that of its symbol."""
    bars = {"EURUSD": flat(8), "GBPUSD": flat(8)}
    first = order("long", 107_500, stop_loss=1.074, expires=at(4))
    others = [
        {**order("long", 107_500), "symbol": symbol, "stop_loss": 1.074, "time": at(2)}
        for symbol in ("EURUSD", "GBPUSD")
    ]
    for limit, reasons in (
        (1, [DenyReason.MAX_POSITIONS, DenyReason.MAX_POSITIONS]),
        (2, [DenyReason.MAX_POSITIONS_PER_SYMBOL]),
    ):
        told = replayed(tmp_path, bars, [first, *others], limits={"max_positions": limit})
        assert denials(told) == reasons


def test_its_place_is_free_again_when_its_time_is_over(tmp_path: Path) -> None:
    first = order("long", 107_500, stop_loss=1.074, expires=at(4))
    later = order("long", 108_010, time=at(6))
    told = replayed(tmp_path, {"EURUSD": flat(9)}, [first, later], limits={"max_positions": 1})
    assert denials(told) == []
    assert told.only(ev.OrderCancelled).reason == "expired"
    assert deals(told) == [("OPEN", at(6), 108_010)]


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, 1 + 96),  # a day
        ({"expires": at(4)}, 4),
        ({"expires": at(4.4)}, 5),  # the bar in which its time ends is still one of its bars
        ({"expires": at(120)}, 120),
        ({"exit_time": at(4)}, 4),
        ({"exit_time": at(4), "expires": at(3)}, 3),
        ({"exit_time": at(4), "expires": at(50)}, 4),
    ],
)
def test_it_waits_a_day_or_as_long_as_it_says_but_not_past_its_exit(
    tmp_path: Path, changes: dict[str, Any], last: int
) -> None:
    """`last` is the first bar that does not fill it any more: a low in the one before does."""
    given = order("long", 107_950, **changes)
    low: Ohlc = (108_000, 108_005, 107_900, 108_000)
    for place, filled in ((last - 1, True), (last, False)):
        bars = [*flat(place), low, *flat(130 - place)]
        told = replayed(tmp_path, {"EURUSD": bars}, [given])
        assert bool(told.of(ev.PositionOpened)) == filled
        assert [item.reason for item in told.of(ev.OrderCancelled)] == ["expired"] * (not filled)


def test_what_expires_where_no_bars_are_is_not_filled_after_them(tmp_path: Path) -> None:
    """The first bar after the hole opens beyond its price, and it is gone."""
    hole: list[Ohlc | None] = [None] * 10
    below: Ohlc = (107_900, 107_905, 107_890, 107_900)
    for expires, count in ((at(6), 0), (at(30), 1)):
        told = waited(tmp_path, order("long", 107_950, expires=expires), *hole, below)
        assert len(told.of(ev.PositionOpened)) == count
        assert len(told.of(ev.OrderCancelled)) == 1 - count


def test_one_whose_time_is_over_before_the_first_opening_has_expired(tmp_path: Path) -> None:
    """It is denied: a venue would refuse it, and a refusal halts trading for good."""
    for end in ({"expires": at(1.5)}, {"exit_time": at(1.5)}, {"expires": at(2)}):
        given = {**order("long", 107_950), "time": at(1.2), **end}
        told = waited(tmp_path, given)
        assert denials(told) == [DenyReason.EXPIRED]
        assert not told.of(ev.OrderRejected)


def test_what_it_became_is_left_at_its_exit_time(tmp_path: Path) -> None:
    """At the first opening from then on, also when that is the end of the bar that filled it."""
    low: Ohlc = (108_000, 108_005, 107_930, 108_000)
    for exit_time, closed in ((at(2.5), at(3)), (at(3), at(3)), (at(3.5), at(4))):
        told = waited(tmp_path, order("long", 107_950, exit_time=exit_time), low, QUIET)
        assert deals(told) == [("OPEN", at(3), 107_950), ("END", closed, 108_000)]


def test_an_order_that_nothing_reaches_still_waits_at_the_end(tmp_path: Path) -> None:
    told = waited(tmp_path, order("long", 107_500, stop_loss=1.074))
    assert len(told.of(ev.OrderAccepted)) == 1
    assert deals(told) == []
    assert not told.of(ev.OrderCancelled)
    assert told.end.account.equity == 100_000_00
