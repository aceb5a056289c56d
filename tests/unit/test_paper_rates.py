"""Recorded bars and ticks as the paper terminal shows them, and the market that plays them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.terminal.charts import TIMEFRAME_SECONDS, Rates
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.market import MarketPace, PaperMarket
from adapters.paper.terminal.sources import load_bars, made_up_bars
from engine.types import Side
from tests.builders import SPECS, START, USDJPY
from tests.paper_terminals import BUY, BUY_LIMIT, done, told
from tests.unit.test_paper_swap import COSTLY

MONDAY = 1_736_121_600  # 2025-01-06 00:00
FORWARD = mt5.LATEST_DATE


def rates(*rows: tuple[int, float, float, float, float], spread: int = 3) -> Rates:
    """Bars from (minute after Monday 00:00, open, high, low, close), ten ticks each."""
    found = np.zeros(len(rows), dtype=mt5.rates_dtype())
    for item, (minute, *prices) in zip(found, rows, strict=True):
        item["time"] = MONDAY + minute * 60
        item["open"], item["high"], item["low"], item["close"] = prices
        item["tick_volume"], item["spread"] = 10, spread
    return found


FOUR = rates(
    (0, 1.1000, 1.1010, 1.0990, 1.1005),
    (1, 1.1005, 1.1008, 1.0995, 1.1000),  # falls
    (4, 1.1000, 1.1020, 1.1000, 1.1020),  # after a gap
    (15, 1.1020, 1.1030, 1.1015, 1.1025),
)


def playing(
    bars: dict[str, Rates], pace: MarketPace = MarketPace.BARS, **specs: Any
) -> tuple[PaperTerminal, PaperMarket]:
    account = PaperAccount({**SPECS, **specs}, START)
    market = PaperMarket(account, bars, pace=pace)
    return PaperTerminal(account, bars=market), market


def at(minute: float) -> int:
    """Server ms so many minutes after Monday 00:00."""
    return MONDAY * 1000 + round(minute * 60_000)


class TestBars:
    def test_only_what_has_opened_is_shown_and_the_last_bar_as_far_as_it_was_seen(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        assert len(told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 9))) == 0
        market.advance(at(1.5))
        seen = told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 9))
        assert seen[0] == FOUR[0]
        assert seen[1].tolist() == (MONDAY + 60, 1.1005, 1.1005, 1.1005, 1.1005, 1, 3, 0)
        market.advance(at(2))
        assert told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 1))[0] == FOUR[1]

    def test_higher_timeframes_are_merged_by_the_servers_clock(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(16))
        merged = told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M15, 0, 5))
        assert merged.tolist() == [
            (MONDAY, 1.1000, 1.1020, 1.0990, 1.1020, 30, 3, 0),
            (MONDAY + 900, 1.1020, 1.1030, 1.1015, 1.1025, 10, 3, 0),
        ]
        day = told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_D1, 0, 5))
        assert day.tolist() == [(MONDAY, 1.1000, 1.1030, 1.0990, 1.1025, 40, 3, 0)]
        for timeframe, opening in (
            (mt5.TIMEFRAME_W1, MONDAY - 86_400),
            (mt5.TIMEFRAME_MN1, int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())),
        ):
            bars = told(terminal.copy_rates_from_pos("EURUSD", timeframe, 0, 5))
            assert bars["time"].tolist() == [opening]

    @pytest.mark.parametrize(
        ("start", "count", "minutes"),
        [(0, 2, [4, 15]), (1, 2, [1, 4]), (3, 5, [0]), (4, 1, []), (0, 99, [0, 1, 4, 15])],
    )
    def test_positions_count_back_from_the_current_bar(
        self, start: int, count: int, minutes: list[int]
    ) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(99))
        bars = told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, start, count))
        assert [(time - MONDAY) // 60 for time in bars["time"]] == minutes

    @pytest.mark.parametrize(
        ("timeframe", "since", "until", "minutes"),
        [
            (mt5.TIMEFRAME_M1, 1, 4, [1, 4]),
            (mt5.TIMEFRAME_M1, 2, 3, []),
            (mt5.TIMEFRAME_M1, 5, 99, [15]),
            (mt5.TIMEFRAME_M15, 0, 14, [0]),
            (mt5.TIMEFRAME_M15, 1, 15, [15]),
            (mt5.TIMEFRAME_M15, 16, 99, []),
            (mt5.TIMEFRAME_M1, 9, 1, []),
        ],
    )
    def test_a_range_holds_bars_that_open_in_it(
        self, timeframe: int, since: int, until: int, minutes: list[int]
    ) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(99))
        bounds = datetime.fromtimestamp(MONDAY + since * 60, UTC), MONDAY + until * 60
        bars = told(terminal.copy_rates_range("EURUSD", timeframe, *bounds))
        assert [(time - MONDAY) // 60 for time in bars["time"]] == minutes
        assert terminal.last_error() == (1, "Success")

    @pytest.mark.parametrize(("until", "minutes"), [(15, [4, 15]), (14, [1, 4]), (0, [0])])
    def test_from_counts_back_from_a_date(self, until: int, minutes: list[int]) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(99))
        moment = MONDAY + until * 60
        bars = told(terminal.copy_rates_from("EURUSD", mt5.TIMEFRAME_M1, moment, 2))
        assert [(time - MONDAY) // 60 for time in bars["time"]] == minutes
        quarter = told(terminal.copy_rates_from("EURUSD", mt5.TIMEFRAME_M15, moment, 1))
        assert quarter["time"].tolist() == [MONDAY + until // 15 * 900]

    def test_arrays_are_the_packages_and_read_only(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(99))
        arrays = [
            terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M5, 0, 9),
            terminal.copy_rates_range("EURUSD", mt5.TIMEFRAME_M1, 0, 1),
            terminal.copy_ticks_from("EURUSD", 0, 9, mt5.COPY_TICKS_ALL),
            terminal.copy_ticks_from("EURUSD", 0, 9, mt5.COPY_TICKS_TRADE),
        ]
        assert [told(item).flags.writeable for item in arrays] == [False] * 4
        kinds = [mt5.rates_dtype()] * 2 + [mt5.ticks_dtype()] * 2
        assert [told(item).dtype for item in arrays] == kinds
        assert [len(told(item)) for item in arrays] == [2, 0, 9, 0]

    @pytest.mark.parametrize(
        ("function", "args", "code"),
        [
            ("copy_rates_from_pos", ("EURUSD", 7, 0, 1), -2),
            ("copy_rates_from_pos", ("EURUSD", 1, -1, 1), -2),
            ("copy_rates_from_pos", ("EURUSD", 1, 0, 0), -2),
            ("copy_rates_from", ("EURUSD", 1, "2025", 1), -2),
            ("copy_ticks_from", ("EURUSD", 0, 1, 9), -2),
            ("copy_rates_from_pos", ("NOPE", 1, 0, 1), -4),
            ("copy_rates_from_pos", ("USDJPY", 1, 0, 1), -1),
        ],
    )
    def test_what_cannot_be_answered_fails(
        self, function: str, args: tuple[Any, ...], code: int
    ) -> None:
        terminal, _ = playing({"EURUSD": FOUR})
        assert getattr(terminal, function)(*args) is None
        assert terminal.last_error()[0] == code

    @pytest.mark.parametrize("beyond", [mt5.LATEST_DATE + 1, mt5.EARLIEST_DATE - 1])
    @pytest.mark.parametrize(
        ("function", "terms"),
        [
            ("copy_rates_from", (1, None, 1)),
            ("copy_rates_range", (1, MONDAY, None)),
            ("copy_rates_range", (1, None, MONDAY)),
            ("copy_ticks_from", (None, 1, mt5.COPY_TICKS_ALL)),
            ("copy_ticks_range", (MONDAY, None, mt5.COPY_TICKS_ALL)),
            ("copy_ticks_range", (None, MONDAY, mt5.COPY_TICKS_ALL)),
        ],
    )
    def test_a_date_that_is_no_c_long_raises_as_in_the_package(
        self, function: str, terms: tuple[int | None, ...], beyond: int
    ) -> None:
        terminal, _ = playing({"EURUSD": FOUR})
        asked = ("EURUSD", *(beyond if item is None else item for item in terms))
        with pytest.raises(SystemError, match=f"{function}> returned a result with"):
            getattr(terminal, function)(*asked)

    def test_bars_are_not_cut_into_smaller_ones(self) -> None:
        terminal, _ = playing({"EURUSD": FOUR[[0, 3]]})  # a quarter of an hour apart
        assert terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M5, 0, 1) is None
        assert terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_H1, 0, 1) is not None

    def test_every_timeframe_has_its_length(self) -> None:
        days = {mt5.TIMEFRAME_D1: 1, mt5.TIMEFRAME_W1: 7, mt5.TIMEFRAME_MN1: 31}
        assert {frame: TIMEFRAME_SECONDS[frame] // 86_400 for frame in days} == days
        assert TIMEFRAME_SECONDS[mt5.TIMEFRAME_H4] == 4 * 3600
        assert TIMEFRAME_SECONDS[mt5.TIMEFRAME_M20] == 1200
        assert len(TIMEFRAME_SECONDS) == 21


class TestTicks:
    def test_a_bar_is_four_ticks_whose_order_depends_on_its_direction(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(3))
        ticks = told(terminal.copy_ticks_from("EURUSD", MONDAY, 99, mt5.COPY_TICKS_ALL))
        assert (ticks["time_msc"] - MONDAY * 1000).tolist() == [
            *(0, 15_000, 30_000, 59_999, 60_000, 75_000, 90_000, 119_999),
        ]
        assert ticks["bid"].tolist() == [1.1, 1.099, 1.101, 1.1005, 1.1005, 1.1008, 1.0995, 1.1]
        # the first bar of the day lies in the rollover hour: its floor of 24 counts
        assert np.allclose(ticks["ask"] - ticks["bid"], 0.00024, atol=1e-9)
        assert set(ticks["flags"].tolist()) == {mt5.TICK_FLAG_BID | mt5.TICK_FLAG_ASK}

    def test_ticks_by_date_and_none_beyond_now(self) -> None:
        terminal, market = playing({"EURUSD": FOUR}, MarketPace.TICKS)
        market.advance(at(1.5))
        every = told(terminal.copy_ticks_range("EURUSD", 0, FORWARD, mt5.COPY_TICKS_INFO))
        assert len(every) == 7
        assert every["time_msc"][-1] == told(terminal.symbol_info_tick("EURUSD")).time_msc
        part = told(terminal.copy_ticks_range("EURUSD", MONDAY + 15, MONDAY + 60, -1))
        assert part["bid"].tolist() == [1.099, 1.101, 1.1005, 1.1005]
        later = told(terminal.copy_ticks_from("EURUSD", MONDAY + 59, 2, -1))
        assert later["bid"].tolist() == [1.1005, 1.1005]
        forming = told(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 1))
        assert forming[0].tolist() == (MONDAY + 60, 1.1005, 1.1008, 1.0995, 1.0995, 3, 3, 0)


class TestMarket:
    def test_it_moves_as_the_replay_does(self) -> None:
        terminal, market = playing({"EURUSD": FOUR, "USDJPY": FOUR})
        moves = []
        while (step := market.advance(at(4), most=1)).steps:
            moves.append(((step.now - at(0)) // 60_000, step.symbol, step.move))
        assert moves == [
            (0, "EURUSD", "open"), (0, "USDJPY", "open"),
            (1, "EURUSD", "end"), (1, "USDJPY", "end"), (1, "EURUSD", "open"),
            (1, "USDJPY", "open"), (2, "EURUSD", "end"), (2, "USDJPY", "end"),
            (4, "EURUSD", "open"), (4, "USDJPY", "open"),
        ]  # fmt: skip
        assert terminal.account.now == at(4)

    def test_whole_bars_do_what_play_does(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        market.advance(at(0))
        done(terminal, {**BUY, "sl": 1.0995, "tp": 0.0})
        assert market.advance(at(1) - 1).happened == 0
        assert market.advance(at(1)).happened == 1
        alone = PaperAccount(SPECS, START)
        alone.quote("EURUSD", 110_000, 110_024, at(0))
        deal = alone.open("EURUSD", Side.LONG, 5_000, 109_950, 0, 26, "ab-1")
        alone.now = at(1)
        alone.play("EURUSD", Bar(110_000, 110_100, 109_000, 110_050, 24))
        assert terminal.account.deals == alone.deals
        assert deal.position == 1

    def test_by_ticks_a_stop_is_filled_at_its_price_and_a_gap_at_the_opening(self) -> None:
        gap = rates((0, 1.1, 1.101, 1.099, 1.1), (1, 1.05, 1.06, 1.05, 1.06))
        for stop, price in ((1.0995, 109_950), (1.07, 105_000)):
            terminal, market = playing({"EURUSD": gap}, MarketPace.TICKS)
            market.advance(at(0))
            done(terminal, {**BUY, "sl": stop, "tp": 0.0})
            market.advance(at(1))
            assert terminal.account.deals[-1].price == price

    def test_by_ticks_orders_expire_at_their_time(self) -> None:
        terminal, market = playing({"EURUSD": FOUR}, MarketPace.TICKS)
        market.advance(at(0))
        far = {**BUY_LIMIT, "price": 1.05, "sl": 0.0, "tp": 0.0, "type_time": 2}
        done(terminal, {**far, "expiration": MONDAY + 61})
        assert market.advance(at(1)).happened == 0
        assert market.advance(at(1.25)).happened == 1
        assert terminal.orders_total() == 0

    def test_swap_is_posted_at_the_servers_midnights(self) -> None:
        week = rates(*((day * 1440, 1.1, 1.1, 1.1, 1.1) for day in range(8)))
        terminal, market = playing({"EURUSD": week}, EURUSD=COSTLY)
        market.advance(at(0))
        done(terminal, {**BUY, "volume": 1.0})
        swaps = []
        for day in range(1, 8):
            market.advance(at(day * 1440 + 1))
            swaps.append(told(terminal.positions_get())[0].swap)
        # Monday, Tuesday, three times Wednesday, Thursday, Friday, then the weekend
        assert np.diff([0.0, *swaps]).tolist() == [-7.25, -7.25, -21.75, -7.25, -7.25, 0.0, 0.0]

    def test_skipping_leaves_history_and_the_last_tick(self) -> None:
        for pace in MarketPace:
            terminal, market = playing({"EURUSD": FOUR}, pace)
            market.skip(at(4))
            tick = told(terminal.symbol_info_tick("EURUSD"))
            assert (tick.bid, tick.time) == (1.1, MONDAY + 240)
            played, other = playing({"EURUSD": FOUR}, pace)
            other.advance(at(4))
            assert played.symbol_info_tick("EURUSD") == tick
            everything = ("EURUSD", mt5.TIMEFRAME_M1, 0, 9)
            assert np.array_equal(
                told(terminal.copy_rates_from_pos(*everything)),
                told(played.copy_rates_from_pos(*everything)),
            )

    def test_time_goes_on_after_the_last_bar_but_prices_do_not(self) -> None:
        terminal, market = playing({"EURUSD": FOUR})
        assert market.advance(at(10_000)).now == at(10_000)
        assert told(terminal.symbol_info_tick("EURUSD")).time == MONDAY + 16 * 60


class TestSources:
    def test_a_made_up_market_is_a_wave_around_its_price(self) -> None:
        bars = made_up_bars(USDJPY, 150.0, 25, MONDAY)
        start = int(np.searchsorted(bars["time"], MONDAY))
        assert bars["open"][start : start + 61 : 15].tolist() == [
            *(150.025, 150.0, 149.975, 150.0, 150.025),
        ]
        assert (bars["high"].max(), bars["low"].min()) == (150.025, 149.975)
        assert (np.diff(bars["time"]) == 60).all()
        assert (bars["close"][:-1] == bars["open"][1:]).all()

    def test_bars_come_from_a_file(self, tmp_path: Path) -> None:
        np.save(tmp_path / "bars.npy", FOUR)
        assert np.array_equal(load_bars(tmp_path / "bars.npy"), FOUR)

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (None, "No such file"),
            (b"", "No data left"),
            (b"time,open\n1,2\n", "numpy.save"),
            (np.zeros(3), "no rates records"),
            (FOUR[:0], "no rates records"),
            (FOUR[::-1], "do not rise"),
            (np.zeros(1, mt5.rates_dtype()), "not above 0"),
        ],
    )
    def test_a_file_of_no_use_is_named_with_its_fault(
        self, tmp_path: Path, content: Any, says: str
    ) -> None:
        file = tmp_path / "bars.npy"
        if isinstance(content, bytes):
            file.write_bytes(content)
        elif content is not None:
            np.save(file, content)
        with pytest.raises(ValueError, match=says) as caught:
            load_bars(file)
        assert str(file) in str(caught.value)
