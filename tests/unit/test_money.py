"""Money in cents against figures worked out by hand."""

from __future__ import annotations

import pytest

from engine import money
from engine.types import Side
from tests.builders import EURUSD, LOT, USDJPY, XAUUSD


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (0.0, 0), (0.4, 0), (0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3),
        (2.499995, 3), (-2.499995, -3), (2.49998, 2), (-2.49998, -2), (-0.4, 0),
    ],
)  # fmt: skip
def test_half_rounds_away_from_zero_with_a_slack_of_a_hundred_thousandth(
    value: float, whole: int
) -> None:
    assert money.half(value) == whole


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"),
    [(6, 3, 2), (-6, 3, -2), (7, 2, 4), (-7, 2, -4), (7, 3, 2), (-8, 3, -3), (0, 5, 0)],
)
def test_a_ratio_is_rounded_half_away_from_zero(
    numerator: int, denominator: int, whole: int
) -> None:
    assert money.ratio(numerator, denominator) == whole


def test_a_ratio_that_divides_is_exact_beyond_what_a_float_can_hold() -> None:
    assert money.ratio(3 * (2**60 + 1), 3) == 2**60 + 1


class TestProfit:
    def test_a_point_of_a_lot_of_eurusd_is_a_dollar(self) -> None:
        assert money.profit(EURUSD, Side.LONG, LOT, 110_010, 110_110, 110_110, 110_120) == 10_000
        assert money.profit(EURUSD, Side.SHORT, LOT, 110_010, 110_110, 110_100, 110_110) == -10_000

    def test_half_a_cent_is_rounded_away_from_zero_on_both_sides(self) -> None:
        # 0.15 lot of gold: a point of 0.01 is worth 15 cents; 0.01 lot of EURUSD: 1 cent.
        assert money.profit(XAUUSD, Side.LONG, 1_500, 265_000, 265_001, 265_001, 265_021) == 15
        # 0.005 lot of EURUSD moves half a cent a point.
        assert money.profit(EURUSD, Side.LONG, 50, 110_000, 110_001, 110_001, 110_003) == 1
        assert money.profit(EURUSD, Side.LONG, 50, 110_000, 109_999, 109_999, 110_001) == -1

    def test_a_yen_gain_is_divided_by_the_ask_and_a_loss_by_the_bid(self) -> None:
        # 100 points of a lot are 10,000 yen: 66.6577... USD at 150.020, 66.6711... at 149.990.
        assert money.profit(USDJPY, Side.LONG, LOT, 149_900, 150_000, 149_990, 150_020) == 6_666
        assert money.profit(USDJPY, Side.LONG, LOT, 150_000, 149_900, 149_990, 150_020) == -6_667
        assert money.profit(USDJPY, Side.SHORT, LOT, 150_000, 149_900, 149_990, 150_020) == 6_666
        assert money.profit(USDJPY, Side.SHORT, LOT, 149_900, 150_000, 149_990, 150_020) == -6_667

    def test_no_move_is_no_money(self) -> None:
        assert money.profit(USDJPY, Side.LONG, LOT, 150_000, 150_000, 149_990, 150_020) == 0


class TestProfitAtAPriceThatIsItsOwnTick:
    def test_a_long_closes_on_the_bid_with_the_ask_a_spread_above(self) -> None:
        # A gain of 100,000 yen: by the ask of 151.500 it is 660.07 USD, by the bid 151.000 662.25.
        assert money.profit_at(USDJPY, Side.LONG, LOT, 150_000, 151_000, 500) == 66_007
        # A loss of 100,000 yen: by the bid of 149.000 it is 671.14 USD.
        assert money.profit_at(USDJPY, Side.LONG, LOT, 150_000, 149_000, 500) == -67_114

    def test_a_short_closes_on_the_ask_with_the_bid_a_spread_below(self) -> None:
        # A gain by the ask of 149.000; a loss by the bid of 151.000 - 0.500.
        assert money.profit_at(USDJPY, Side.SHORT, LOT, 150_000, 149_000, 500) == 67_114
        assert money.profit_at(USDJPY, Side.SHORT, LOT, 150_000, 151_000, 500) == -66_445

    def test_a_quote_in_dollars_needs_no_tick(self) -> None:
        assert money.profit_at(EURUSD, Side.LONG, LOT, 110_010, 109_910, 999) == -10_000


class TestCommission:
    @pytest.mark.parametrize(
        ("volume", "cents"), [(LOT, 250), (100, 3), (300, 8), (38_000, 950), (0, 0)]
    )
    def test_it_is_a_positive_number_of_whole_cents(self, volume: int, cents: int) -> None:
        # 0.01 lot costs 2.5 cents: 3; 0.03 lot 7.5 cents: 8.
        assert money.commission(EURUSD, volume) == cents

    def test_gold_costs_none(self) -> None:
        assert money.commission(XAUUSD, LOT) == 0


class TestMargin:
    def test_it_is_the_nominal_by_the_leverage(self) -> None:
        # 1 lot of EURUSD at 1.10010: 110,010 USD / 100; 0.5 lot of gold at 2650.20 / 30.
        assert money.margin(EURUSD, LOT, 110_010) == 110_010
        assert money.margin(XAUUSD, 5_000, 265_020) == 441_700

    def test_a_base_in_dollars_needs_no_price(self) -> None:
        assert money.margin(USDJPY, LOT, 150_010) == money.margin(USDJPY, LOT, 1) == 100_000

    def test_it_is_rounded_once(self) -> None:
        # 0.01 lot of gold at 2650.25: 2650.25 / 30 = 88.341666... USD
        assert money.margin(XAUUSD, 100, 265_025) == 8_834


class TestLossAtStop:
    def test_both_commissions_are_part_of_it(self) -> None:
        assert money.loss_at_stop(EURUSD, Side.LONG, LOT, 110_010, 109_910, 10) == 10_500
        assert money.loss_at_stop(EURUSD, Side.SHORT, LOT, 110_000, 110_100, 10) == 10_500

    def test_a_stop_beyond_the_entry_loses_less_than_nothing(self) -> None:
        assert money.loss_at_stop(EURUSD, Side.LONG, LOT, 110_010, 110_110, 10) == -9_500

    def test_a_yen_loss_is_divided_by_the_stops_own_bid(self) -> None:
        # Short: the ask is the stop of 150.300, the bid 150.290; 30,000 yen are 199.61 USD.
        assert money.loss_at_stop(USDJPY, Side.SHORT, LOT, 150_000, 150_300, 10) == 19_961 + 500
        # Long: the bid is the stop of 149.700; 30,000 yen are 200.40 USD.
        assert money.loss_at_stop(USDJPY, Side.LONG, LOT, 150_000, 149_700, 10) == 20_040 + 500
