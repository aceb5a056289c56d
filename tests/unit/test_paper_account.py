"""The paper account's money, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount, PaperDeal, PaperPosition
from adapters.paper.broker.matching import Bar
from engine.types import Side
from tests.builders import LOT, SPECS, START, TICKS

SYMBOLS = list(SPECS)


def account(**terms: Any) -> PaperAccount:
    """The starting balance and the usual ticks: EURUSD 110,000 / 110,010 and so on."""
    made = PaperAccount(SPECS, START, **terms)
    for tick in TICKS.values():
        made.quote(tick.symbol, tick.bid, tick.ask, 1_000)
    return made


def opened(
    on: PaperAccount, symbol: str = "EURUSD", side: Side = Side.LONG, volume: int = LOT,
    stop: int = 0, target: int = 0,
) -> PaperPosition:  # fmt: skip
    deal = on.open(symbol, side, volume, stop, target, 26, "note")
    return on.positions[deal.position]


def bar(first: int, high: int, low: int, last: int, spread: int = 10) -> Bar:
    return Bar(first, high, low, last, spread)


def amounts(deal: PaperDeal) -> tuple[int, int, int]:
    return deal.profit, deal.commission, deal.swap


class TestOpening:
    def test_the_first_deal_is_the_deposit(self) -> None:
        (deposit,) = account().deals
        assert (deposit.kind, deposit.profit, deposit.position) == (
            mt5.DEAL_TYPE_BALANCE, START, 0,
        )  # fmt: skip

    @pytest.mark.parametrize(("side", "price"), [(Side.LONG, 110_010), (Side.SHORT, 110_000)])
    def test_a_buy_pays_the_ask_and_a_sell_gets_the_bid(self, side: Side, price: int) -> None:
        made = account()
        position = opened(made, side=side)
        assert position.entry == price
        # The spread of a dollar a point, and the commission, are lost at once.
        assert made.balance == START - 250
        assert made.equity() == START - 250 - 1_000

    def test_the_deal_tells_all_about_it(self) -> None:
        made = account()
        position = opened(made, side=Side.SHORT, volume=12_300, stop=110_200, target=109_800)
        (deal,) = made.deals_of(position.ticket)
        assert deal is made.deals[-1]
        assert (deal.kind, deal.entry, deal.reason) == (
            mt5.DEAL_TYPE_SELL, mt5.DEAL_ENTRY_IN, mt5.DEAL_REASON_EXPERT,
        )  # fmt: skip
        assert (deal.symbol, deal.volume, deal.price, deal.time) == (
            "EURUSD", 12_300, 110_000, 1_000,
        )  # fmt: skip
        assert (deal.magic, deal.comment, deal.position) == (26, "note", deal.order)
        assert amounts(deal) == (0, -308, 0)  # half(307.5)
        assert (position.stop, position.target) == (110_200, 109_800)

    def test_margin_and_count_are_bound_until_the_position_is_closed(self) -> None:
        made = account()
        euro, gold = opened(made), opened(made, "XAUUSD", volume=5_000)
        assert (euro.margin, gold.margin) == (110_010, 441_700)
        assert made.margin == 551_710
        assert made.held == {"EURUSD": 1, "GBPUSD": 0, "USDJPY": 0, "XAUUSD": 1}
        # The margin stays as it was fixed, whatever the price does.
        made.quote("XAUUSD", 300_000, 300_020, 2_000)
        assert made.margin == 551_710
        made.close(euro, 26, "")
        assert (made.margin, made.held["EURUSD"]) == (441_700, 0)
        made.close(gold, 26, "")
        assert (made.margin, sum(made.held.values())) == (0, 0)


class TestYen:
    """Gains are divided by the ask, losses by the bid: a lot of 100 points is 10,000 yen."""

    @pytest.mark.parametrize(
        ("side", "bid", "profit"),
        [
            (Side.LONG, 150_110, 6_661),  # + 10,000 yen by 150.120
            (Side.LONG, 149_910, -6_671),  # - 10,000 yen by 149.910
            (Side.SHORT, 149_890, 6_671),  # bought at 149.900, + 10,000 yen by it
            (Side.SHORT, 150_090, -6_663),  # bought at 150.100; - 10,000 yen by 150.090
        ],
    )
    def test_a_close_at_the_tick(self, side: Side, bid: int, profit: int) -> None:
        made = account()
        position = opened(made, "USDJPY", side)
        made.quote("USDJPY", bid, bid + 10, 2_000)
        assert made.equity() == made.balance + profit
        assert amounts(made.close(position, 26, "")) == (profit, -250, 0)
        assert made.balance == made.equity() == START + profit - 500

    @pytest.mark.parametrize(
        ("side", "stop", "played", "profit"),
        [
            # The stop is the bid: 15,000 yen by 149.860.
            (Side.LONG, 149_860, bar(150_000, 150_050, 149_800, 149_900), -10_009),
            # The stop is the ask: 15,000 yen by 150.150 - 0.010.
            (Side.SHORT, 150_150, bar(150_000, 150_200, 149_950, 150_100), -9_991),
        ],
    )
    def test_a_stop_is_converted_at_its_own_price_and_the_bars_spread(
        self, side: Side, stop: int, played: Bar, profit: int
    ) -> None:
        made = account()
        opened(made, "USDJPY", side, stop=stop)
        assert made.worst_equity("USDJPY", played) == made.balance + profit
        assert made.play("USDJPY", played) == 1
        assert amounts(made.deals[-1]) == (profit, -250, 0)


class TestPlaying:
    def test_a_stop_and_a_target_name_themselves_and_their_level(self) -> None:
        made = account()
        opened(made, stop=109_900, target=110_400)
        opened(made, "GBPUSD", stop=124_000, target=125_400)
        made.play("EURUSD", bar(110_000, 110_020, 109_850, 109_870))
        made.play("GBPUSD", bar(125_000, 125_500, 124_900, 125_450))
        stopped, reached = made.deals[-2:]
        assert (stopped.reason, stopped.comment) == (mt5.DEAL_REASON_SL, "[sl 1.09900]")
        assert (reached.reason, reached.comment) == (mt5.DEAL_REASON_TP, "[tp 1.25400]")
        assert (stopped.price, reached.price) == (109_900, 125_400)
        assert amounts(stopped) == (-11_000, -250, 0)
        assert amounts(reached) == (39_000, -250, 0)
        assert made.positions == {}

    def test_a_gap_through_the_stop_fills_at_the_opening_but_names_the_stop(self) -> None:
        made = account()
        opened(made, stop=109_900)
        made.play("EURUSD", bar(109_700, 109_750, 109_600, 109_650))
        assert (made.deals[-1].price, made.deals[-1].comment) == (109_700, "[sl 1.09900]")

    def test_exits_come_in_the_order_of_tickets_and_at_the_accounts_time(self) -> None:
        made = account()
        tickets = [opened(made, stop=stop).ticket for stop in (109_900, 109_950, 109_920)]
        made.now = 900_000
        assert made.play("EURUSD", bar(110_000, 110_000, 109_800, 109_800)) == 3
        assert [deal.position for deal in made.deals[-3:]] == tickets
        assert {deal.time for deal in made.deals[-3:]} == {900_000}

    def test_a_bar_plays_only_its_own_symbol(self) -> None:
        made = account()
        opened(made, stop=109_900)
        assert made.play("GBPUSD", bar(1, 2, 1, 1)) == 0
        assert len(made.positions) == 1

    def test_swap_is_part_of_equity_and_realised_with_the_close(self) -> None:
        made = account()
        position = opened(made)
        position.swap = -77
        assert made.equity() == START - 250 - 1_000 - 77
        assert made.balance == START - 250
        assert amounts(made.close(position, 26, "")) == (-1_000, -250, -77)
        assert made.balance == START - 1_577


class TestPartOfAPosition:
    def test_a_part_is_closed_with_its_share_of_margin_and_swap(self) -> None:
        made = account()
        position = opened(made)
        position.swap = -100
        deal = made.close(position, 26, "", 3_000)
        assert (deal.volume, *amounts(deal)) == (3_000, -300, -75, -30)
        assert (position.volume, position.swap) == (7_000, -70)
        assert made.margin == position.margin == 77_007
        assert made.held["EURUSD"] == 1
        rest = made.close(position, 26, "")
        assert (rest.volume, *amounts(rest)) == (7_000, -700, -175, -70)
        assert (made.margin, made.positions) == (0, {})


class TestSlippage:
    """Every fill of a market order, stop or target moves against the order."""

    @pytest.mark.parametrize(
        ("side", "entry", "leave"),
        [(Side.LONG, 110_013, 109_997), (Side.SHORT, 109_997, 110_013)],
    )
    def test_entries_and_closes(self, side: Side, entry: int, leave: int) -> None:
        made = account(slippage=3)
        position = opened(made, side=side)
        assert position.entry == entry
        assert position.margin == made.margin
        deal = made.close(position, 26, "")
        assert deal.price == leave
        assert amounts(deal) == (-1_600, -250, 0)

    @pytest.mark.parametrize(
        ("side", "played", "price"),
        [
            (Side.LONG, bar(110_000, 110_000, 109_800, 109_900), 109_897),
            (Side.LONG, bar(110_000, 110_300, 110_000, 110_300), 110_197),
            (Side.SHORT, bar(110_000, 110_300, 110_000, 110_300), 110_103),
            (Side.SHORT, bar(110_000, 110_000, 109_700, 109_700), 109_803),
        ],
    )
    def test_stops_and_targets(self, side: Side, played: Bar, price: int) -> None:
        made = account(slippage=3)
        opened(made, side=side, stop=110_000 - side * 100, target=110_000 + side * 200)
        made.play("EURUSD", played)
        assert made.deals[-1].price == price


class TestWorstEquity:
    def test_a_position_without_a_hit_stop_is_at_the_bars_extreme_without_slippage(self) -> None:
        made = account(slippage=3)
        opened(made, stop=109_000)  # bought at 110,013
        opened(made, side=Side.SHORT, stop=111_000)  # sold at 109,997
        played = bar(110_000, 110_200, 109_900, 110_000)
        # The low of 109,900 costs 113 points, the highest ask of 110,210 another 213.
        assert made.worst_equity("EURUSD", played) == made.balance - 11_300 - 21_300

    def test_a_hit_stop_counts_at_its_fill_slippage_included(self) -> None:
        made = account(slippage=3)
        opened(made, stop=109_950)
        played = bar(110_000, 110_000, 109_800, 109_900)
        assert made.worst_equity("EURUSD", played) == made.balance - (110_013 - 109_947) * 100
        made.play("EURUSD", played)
        assert made.balance == START - 500 - 6_600

    def test_other_symbols_are_at_their_last_tick(self) -> None:
        made = account()
        opened(made)
        opened(made, "GBPUSD")
        made.quote("GBPUSD", 125_100, 125_110, 2_000)
        worst = made.worst_equity("EURUSD", bar(110_000, 110_000, 109_910, 110_000))
        assert worst == made.balance - 10_000 + 9_000

    def test_looking_changes_nothing(self) -> None:
        made = account()
        opened(made, stop=109_950)
        before = (made.balance, made.equity(), len(made.deals))
        made.worst_equity("EURUSD", bar(110_000, 110_000, 109_800, 109_900))
        assert (made.balance, made.equity(), len(made.deals)) == before


def test_small_volumes_are_rounded_per_position() -> None:
    """0.005 lot moves half a cent a point: two such positions lose two cents, not one."""
    made = account()
    for _ in range(2):
        opened(made, volume=50)
    made.quote("EURUSD", 110_009, 110_019, 2_000)
    assert made.equity() == made.balance - 2


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_round_trip_leaves_a_flat_account_whose_equity_is_its_balance(symbol: str) -> None:
    made = account()
    made.close(opened(made, symbol, Side.SHORT), 26, "")
    assert made.equity() == made.balance == sum(sum(amounts(deal)) for deal in made.deals)
    assert made.margin == 0


class TestEdges:
    """At its level a position is kept; a cent short is short."""

    @pytest.mark.parametrize(("above", "closed"), [(1, 0), (0, 0), (-1, 1)])
    def test_it_is_stopped_out_below_the_level_and_not_at_it(self, above: int, closed: int) -> None:
        """As MT5 has it: when the margin level falls below the stop-out level."""
        made = account(stop_out=50)
        opened(made, volume=LOT)
        made.balance += made.margin // 2 - made.worst_equity("EURUSD", bar(*[110_000] * 4))
        made.balance += above
        assert made.play("EURUSD", bar(*[110_000] * 4)) == closed
        assert len(made.positions) == 1 - closed

    @pytest.mark.parametrize(("spare", "affordable"), [(1, True), (0, True), (-1, False)])
    def test_a_margin_that_is_a_cent_short_is_not_there(self, spare: int, affordable: bool) -> None:
        made = account()
        spec = SPECS["EURUSD"]
        needed = made.margin_for(spec, Side.LONG, LOT, 110_010)
        made.balance += needed + spare - made.equity()
        assert made.affords(spec, Side.LONG, LOT, 110_010) is affordable
