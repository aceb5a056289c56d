"""Units: points, cents, volume units, sides."""

from __future__ import annotations

import msgspec
import pytest

from engine.types import Limits, Side, SymbolSpec, lots, units
from tests.builders import EURUSD, LIMITS, USDJPY, XAUUSD


def test_a_side_multiplies_and_has_a_word_and_an_opposite() -> None:
    assert [int(side) for side in Side] == [1, -1]
    assert [side.word for side in Side] == ["long", "short"]
    assert [side.opposite for side in Side] == [Side.SHORT, Side.LONG]


@pytest.mark.parametrize(
    ("spec", "points", "price"),
    [(EURUSD, 110_010, 1.1001), (USDJPY, 150_010, 150.01), (XAUUSD, 265_020, 2650.2)],
)
def test_a_price_and_its_points_are_the_same_thing(
    spec: SymbolSpec, points: int, price: float
) -> None:
    assert spec.price(points) == price
    assert spec.points(price) == points


@pytest.mark.parametrize(
    ("price", "points"),
    [(2650.125, 265_013), (2650.1249, 265_012), (2650.1251, 265_013), (0.0, 0), (-0.125, -12)],
)
def test_prices_between_points_are_rounded_half_up(price: float, points: int) -> None:
    assert XAUUSD.points(price) == points


@pytest.mark.parametrize(
    ("volume", "decimal"), [(100, 0.01), (10_000, 1.0), (12_300, 1.23), (1, 0.0001), (0, 0.0)]
)
def test_volume_units_are_ten_thousandths_of_a_lot(volume: int, decimal: float) -> None:
    assert lots(volume) == decimal
    assert units(decimal) == volume


def test_a_volume_that_floats_put_beside_a_unit_is_that_unit() -> None:
    assert units(0.29) == 2_900
    assert units(1.1 + 2.2) == 33_000


def test_specs_and_limits_cannot_be_changed_and_refuse_fields_that_they_do_not_have() -> None:
    with pytest.raises(AttributeError):
        EURUSD.digits = 4  # type: ignore[misc]
    for kind, value in ((SymbolSpec, EURUSD), (Limits, LIMITS)):
        fields = {**msgspec.to_builtins(value), "surplus": 1}
        with pytest.raises(msgspec.ValidationError, match="surplus"):
            msgspec.convert(fields, kind)
