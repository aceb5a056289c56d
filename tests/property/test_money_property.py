"""Money is exact to the cent: checked against fractions that are never rounded twice."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import money
from engine.money import volume_within
from engine.types import Conversion, Side, SymbolSpec
from tests.builders import SPECS

specs = st.sampled_from(list(SPECS.values()))
sides = st.sampled_from(list(Side))
volumes = st.integers(1, 5_000).map(lambda steps: steps * 100)
prices = st.integers(50_000, 400_000)
spreads = st.integers(0, 500)
SLACK = Fraction(1, 100_000)


def rounded(exact: Fraction) -> tuple[int, int]:
    """Half away from zero, without the slack and with twice as much as there is."""
    sign = 1 if exact >= 0 else -1
    size = abs(exact) + Fraction(1, 2)
    return sign * floor(size), sign * floor(size + 2 * SLACK)


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**10))
def test_a_ratio_is_the_exact_fraction_rounded_half_away_from_zero(
    numerator: int, denominator: int
) -> None:
    assert money.ratio(numerator, denominator) in rounded(Fraction(numerator, denominator))


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**10))
def test_rounding_treats_gains_and_losses_alike(numerator: int, denominator: int) -> None:
    assert money.ratio(-numerator, denominator) == -money.ratio(numerator, denominator)


@given(st.integers(-(10**6), 10**6), st.integers(0, 9_998))
def test_half_is_the_nearest_whole_number(whole: int, part: int) -> None:
    assert abs(money.half(whole + part / 10_000) - (whole + part / 10_000)) <= 0.5 + 1e-5


@given(specs, sides, volumes, prices, prices, spreads)
def test_profit_is_the_exact_amount_rounded_once(
    spec: SymbolSpec, side: Side, volume: int, entry: int, close: int, spread: int
) -> None:
    bid, ask = (close, close + spread) if side is Side.LONG else (close - spread, close)
    moved = (
        Fraction((close - entry) * side, 10**spec.digits) * spec.contract * Fraction(volume, 10_000)
    )
    if spec.conversion is Conversion.DIVIDE:
        moved /= Fraction(ask if moved > 0 else bid, 10**spec.digits)
    found = money.profit(spec, side, volume, entry, close, bid, ask)
    assert found in rounded(moved * 100)
    assert money.profit_at(spec, side, volume, entry, close, spread) == found


@given(specs, volumes, prices, prices)
def test_without_a_spread_long_and_short_are_mirror_images(
    spec: SymbolSpec, volume: int, entry: int, close: int
) -> None:
    long = money.profit(spec, Side.LONG, volume, entry, close, close, close)
    assert money.profit(spec, Side.SHORT, volume, entry, close, close, close) == -long


@given(specs, sides, volumes, prices, st.integers(0, 5_000), spreads)
def test_a_wider_spread_never_makes_a_conversion_kinder(
    spec: SymbolSpec, side: Side, volume: int, entry: int, move: int, spread: int
) -> None:
    for close in (entry + move, entry - move):
        tight = money.profit(spec, side, volume, entry, close, close, close)
        bid, ask = (close, close + spread) if side is Side.LONG else (close - spread, close)
        assert money.profit(spec, side, volume, entry, close, bid, ask) <= tight


@given(specs, volumes, prices)
def test_margin_is_the_nominal_by_the_leverage(spec: SymbolSpec, volume: int, price: int) -> None:
    nominal = Fraction(volume, 10_000) * spec.contract
    if spec.conversion is Conversion.NONE:
        nominal *= Fraction(price, 10**spec.digits)
    assert money.margin(spec, volume, price) in rounded(nominal * 100 / spec.leverage)


@given(specs, volumes)
def test_a_commission_is_never_negative_and_grows_with_the_volume(
    spec: SymbolSpec, volume: int
) -> None:
    here, more = money.commission(spec, volume), money.commission(spec, volume + 100)
    assert 0 <= here <= more
    assert here in rounded(Fraction(volume, 10_000) * Fraction(str(spec.commission)))


@given(specs, sides, volumes, prices, st.integers(1, 5_000), spreads)
def test_a_stop_further_away_never_loses_less(
    spec: SymbolSpec, side: Side, volume: int, entry: int, away: int, spread: int
) -> None:
    near, far = (
        money.loss_at_stop(spec, side, volume, entry, entry - side * distance, spread)
        for distance in (away, away + 1)
    )
    assert 0 < near <= far


@given(specs, st.floats(0, 1e8), st.integers(1, 10**7))
def test_a_volume_sized_by_money_loses_no_more_than_that_money(
    spec: SymbolSpec, cents: float, loss_of_a_lot: int
) -> None:
    volume = volume_within(spec, cents, loss_of_a_lot)
    assert volume % spec.volume_step == 0
    assert 0 <= volume <= spec.volume_max
    # What one more billionth of a step costs at most: the slack of the division.
    slack = loss_of_a_lot * 1e-9 + cents * 1e-12
    assert volume / 10_000 * loss_of_a_lot <= cents + slack
    if volume < spec.volume_max:
        assert (volume + spec.volume_step) / 10_000 * loss_of_a_lot >= cents - slack


@given(
    specs, sides, st.integers(1, 500_000), prices,
    st.lists(st.tuples(prices, spreads), min_size=1, max_size=20),
)  # fmt: skip
def test_profits_over_columns_are_the_profits_one_by_one(
    spec: SymbolSpec, side: Side, volume: int, entry: int, ticks: list[tuple[int, int]]
) -> None:
    bids, widths = (np.array(column, dtype=np.int64) for column in zip(*ticks, strict=True))
    expected = [
        money.profit(
            spec, side, volume, entry, bid if side is Side.LONG else bid + width, bid, bid + width
        )
        for bid, width in ticks
    ]
    assert money.profits(spec, side, volume, entry, bids, widths).tolist() == expected


@given(
    specs,
    st.lists(
        st.tuples(
            sides, st.integers(1, 500_000), prices,
            st.lists(st.tuples(prices, spreads), min_size=1, max_size=5),
        ),
        min_size=1, max_size=5,
    ),
)  # fmt: skip
def test_profits_of_many_positions_are_those_of_each(
    spec: SymbolSpec, positions: list[tuple[Side, int, int, list[tuple[int, int]]]]
) -> None:
    """Laid end to end, each position keeps its own ticks."""

    def columns(ticks: list[tuple[int, int]]) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        return [np.array(column, dtype=np.int64) for column in zip(*ticks, strict=True)]

    expected: list[int] = []
    for side, volume, entry, ticks in positions:
        expected += money.profits(spec, side, volume, entry, *columns(ticks)).tolist()
    ways, volumes, entries = (
        np.array([position[place] for position in positions], dtype=np.int64) for place in range(3)
    )
    bids, widths = columns([tick for position in positions for tick in position[3]])
    counts = np.array([len(position[3]) for position in positions])
    found = money.profits(spec, ways, volumes, entries, bids, widths, counts)
    assert found.tolist() == expected


def test_profits_beyond_exact_doubles_are_refused() -> None:
    """Of a point of one unit of volume, worth a hundredth of a cent, after 10^16 of them."""
    far = np.array([10**16], dtype=np.int64)
    with pytest.raises(OverflowError, match="1 units of EURUSD"):
        money.profits(SPECS["EURUSD"], Side.LONG, 1, 0, far, far)
