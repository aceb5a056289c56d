"""Lots from money, against figures worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from engine.money import volume_within
from risk.sizing import budget
from tests.builders import EURUSD


@pytest.mark.parametrize(
    ("scale", "equity", "day_start", "cents"),
    [
        (1.0, 10_000_000, 10_000_000, 40_000.0),
        (0.5, 10_000_000, 10_000_000, 20_000.0),
        (0.5, 9_000_000, 10_000_000, 18_000.0),  # less equity, less risk
        (1.5, 10_000_000, 10_000_000, 40_000.0),  # never more than the anchor's share
        (1.0, 12_000_000, 10_000_000, 40_000.0),
        (0.5, 12_000_000, 10_000_000, 24_000.0),
        (0.0, 10_000_000, 10_000_000, 0.0),
    ],
)
def test_the_budget_scales_with_equity_up_to_the_share_of_the_days_anchor(
    scale: float, equity: int, day_start: int, cents: float
) -> None:
    assert budget(0.004, scale, equity, day_start) == pytest.approx(cents)


@pytest.mark.parametrize(
    ("money", "loss_of_a_lot", "volume"),
    [
        (40_000, 10_500, 38_000),  # 3.8095 lots
        (10_500, 10_500, 10_000),  # exactly one lot
        (10_499.99, 10_500, 9_900),
        (104.99, 10_500, 0),  # below a step
        (105, 10_500, 100),
        (0, 10_500, 0),
        (1e12, 10_500, 500_000),  # the symbol's maximum
    ],
)
def test_the_volume_is_the_largest_number_of_whole_steps_that_the_money_allows(
    money: float, loss_of_a_lot: int, volume: int
) -> None:
    assert volume_within(EURUSD, money, loss_of_a_lot) == volume


def test_a_quotient_that_floats_put_just_below_a_step_is_that_step() -> None:
    assert 0.29 / 1 / 0.01 < 29  # what the slack is for
    assert volume_within(EURUSD, 0.29, 1) == 2_900


@pytest.mark.parametrize("loss", [0, -9_500])
def test_a_stop_that_cannot_lose_gives_the_maximum(loss: int) -> None:
    assert volume_within(EURUSD, 40_000, loss) == 500_000


def test_steps_are_those_of_the_symbol_and_the_minimum_is_left_to_the_caller() -> None:
    coarse = msgspec.structs.replace(EURUSD, volume_step=1_000, volume_min=5_000)
    assert volume_within(coarse, 4_000, 10_000) == 4_000
    assert volume_within(coarse, 4_999, 10_000) == 4_000
