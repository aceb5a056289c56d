"""Strategies by name, what a class must have to be one, and how its parameters are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest

from config.loader import list_presets, load_preset
from engine import events as ev
from engine.portfolio import Position
from engine.types import Side, SymbolSpec
from signals.strategies.registry import (
    STRATEGIES,
    BadParameters,
    UnknownStrategy,
    check_protocol,
    registered,
    strategy_factory,
)
from signals.strategy import Decision, Enter, Exit, View
from tests.builders import EURUSD, GBPUSD, TICKS

SMA = load_preset("sma_cross").parameters


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bars: Annotated[int, msgspec.Meta(ge=1)]
    factor: float = 1.0


class Counter:
    """Counts bars: as small as a strategy can be."""

    parameters_type = Wanted
    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, spec: SymbolSpec, parameters: Wanted) -> None:
        self.spec = spec
        self.parameters = parameters
        self.seen = 0

    def on_bar(self, _bar: ev.BarClosed, _view: View) -> Decision | None:
        self.seen += 1
        return None


def refusal(parameters: dict[str, Any]) -> str:
    with pytest.raises(BadParameters) as caught:
        strategy_factory(Counter, parameters)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_every_preset_that_comes_with_the_program_has_its_strategy() -> None:
    """And its parameters are all that the strategy wants."""
    for name in list_presets():
        preset = load_preset(name)
        strategy = strategy_factory(registered(preset.strategy), preset.parameters)(EURUSD)
        assert isinstance(strategy, STRATEGIES[preset.strategy])


def test_a_name_that_is_not_registered_is_answered_with_those_that_are() -> None:
    with pytest.raises(UnknownStrategy) as caught:
        registered("sma_crss")
    text = str(caught.value)
    assert "'sma_crss'" in text
    assert all(name in text for name in STRATEGIES)
    assert "my_file.py:MyClass" in text


def test_the_smallest_class_is_a_strategy() -> None:
    strategy: Any = strategy_factory(Counter, {"bars": 3})(EURUSD)
    assert (strategy.spec, strategy.parameters) == (EURUSD, Wanted(bars=3, factor=1.0))


def test_each_symbol_has_a_strategy_of_its_own() -> None:
    """What one symbol's bars taught it does not reach the other's."""
    factory = strategy_factory(Counter, {"bars": 3})
    one, other = factory(EURUSD), factory(GBPUSD)
    bar = ev.BarClosed("EURUSD", "M15", 0, 1, 1, 1, 1)
    one.on_bar(bar, View(EURUSD, TICKS["EURUSD"], None))
    assert isinstance(one, Counter)
    assert isinstance(other, Counter)
    assert (one.seen, other.seen) == (1, 0)


@pytest.mark.parametrize("need", ["parameters_type", "timeframes", "on_bar"])
def test_a_class_that_lacks_something_is_told_what(need: str) -> None:
    parts: dict[str, Any] = {
        "parameters_type": Wanted, "timeframes": ("M15",), "on_bar": Counter.on_bar
    }  # fmt: skip
    del parts[need]
    with pytest.raises(UnknownStrategy, match=rf"^Mine is no strategy: it has no {need} \("):
        check_protocol(type("Mine", (), parts))


def test_a_class_that_lacks_everything_is_told_all() -> None:
    with pytest.raises(UnknownStrategy, match="no parameters_type and no timeframes and no on_bar"):
        check_protocol(type("Mine", (), {}))


@pytest.mark.parametrize(
    ("parameters", "fragments"),
    [
        ({}, ["missing required field", "bars"]),
        ({"bars": 1, "fctor": 2.0}, ["unknown field", "fctor"]),
        ({"bars": "x"}, ["int", "str", "parameters.bars"]),
        ({"bars": 0}, [">= 1", "parameters.bars"]),
        ({"bars": 1, "factor": [1]}, ["parameters.factor"]),
        ({"bars": True}, ["parameters.bars"]),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], fragments: list[str]) -> None:
    text = refusal(parameters)
    for fragment in fragments:
        assert fragment in text


@pytest.mark.parametrize(
    ("name", "changes", "known"),
    [
        ("ftmo_m15", {"on_opposite": "revers"}, "given 'revers'; known: close, ignore, reverse"),
        ("ftmo_m15", {"on_opposite": False}, "given False; known: close, ignore, reverse"),
        ("ftmo_m15", {"variants": ["v3"]}, "variants[0]`, given ['v3']; known: v1_cross, v2_mom"),
        ("ftmo_m15", {"lots": "risk"}, "given 'risk'; known: a number, by_risk"),
        ("ftmo_m15", {"drop_trends": ["UP"]}, "known: UNKNOWN, SIDEWAYS, WITH_TREND, COUNTER_"),
        ("ftmo_m15", {"tiers": {"LONDON": {"UP": "A"}}}, "known: UNKNOWN, SIDEWAYS, WITH_TREND"),
        ("ftmo_m15", {"tiers": {"LONDON": {"SIDEWAYS": "D"}}}, "; known: A, B, C, UNKNOWN"),
        ("sma_cross", {"lots": -1}, "given -1; known: a number, by_risk"),
        ("sma_cross", {"on_opposite": "turn"}, "known: close, ignore, reverse"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_those_that_are(
    name: str, changes: dict[str, Any], known: str
) -> None:
    parameters = {**load_preset(name).parameters, **changes}
    with pytest.raises(BadParameters) as caught:
        strategy_factory(registered(name), parameters)
    text = str(caught.value)
    assert known in text
    assert f"parameters.{next(iter(changes))}" in text
    assert len(text.splitlines()) == 1


def test_where_any_number_may_stand_none_is_listed() -> None:
    assert "known" not in refusal({"bars": 1, "factor": [1]})


@pytest.mark.parametrize("name", SMA)
def test_no_parameter_of_the_example_may_be_left_out_or_be_none(name: str) -> None:
    strategy = registered("sma_cross")
    without = {key: value for key, value in SMA.items() if key != name}
    for parameters in (without, {**SMA, name: None}, {**SMA, name: -1}):
        with pytest.raises(BadParameters, match=name):
            strategy_factory(strategy, parameters)


# --- the example strategy -------------------------------------------------------------------


def bars(closes: list[int]) -> Iterator[ev.BarClosed]:
    """M15 bars of EURUSD that reach 10 points around these closes."""
    for number, close in enumerate(closes):
        yield ev.BarClosed("EURUSD", "M15", number * 900_000, close, close + 10, close - 10, close)


def decisions(
    closes: list[int], position: Position | None = None, **changes: Any
) -> list[Decision | None]:
    """What the example decides at each close, with averages of 2 and 3 bars."""
    changed = {**SMA, "sma_fast": 2, "sma_slow": 3, "atr_period": 2, "lots": 0.1, **changes}
    strategy = strategy_factory(registered("sma_cross"), changed)(EURUSD)
    view = View(EURUSD, TICKS["EURUSD"], position)
    return [strategy.on_bar(bar, view) for bar in bars(closes)]


def test_the_example_enters_once_when_the_averages_cross() -> None:
    """Falling, then rising: at the first close with the fast average above the slow one."""
    closes = [110_000, 109_900, 109_800, 109_700, 109_900, 110_100, 110_300]
    found = decisions(closes)
    assert [type(item) for item in found] == [type(None)] * 5 + [Enter, type(None)]
    entry = found[5]
    assert isinstance(entry, Enter)
    ask = TICKS["EURUSD"].ask
    assert entry.stop_loss < ask < entry.take_profit
    assert (entry.take_profit - ask) == pytest.approx(2 * (ask - entry.stop_loss), abs=1)
    assert (entry.volume, entry.scale) == (1_000, 1.0)


def held(side: Side) -> Position:
    """A position of the symbol."""
    return Position(
        ticket=7, symbol="EURUSD", side=side, volume=1_000, entry=110_000, first_stop=0,
        stop_loss=0, take_profit=0, signal_id="s", strategy_id="s", commission=0,
    )  # fmt: skip


def test_the_example_leaves_on_the_opposite_cross_and_not_on_its_own() -> None:
    rising = [110_000, 109_900, 109_800, 109_700, 109_900, 110_100, 110_300]
    falling = [220_000 - close for close in rising]
    for closes, side, expected in (
        (falling, Side.LONG, Exit("OPPOSITE")),
        (rising, Side.LONG, None),
        (rising, Side.SHORT, Exit("OPPOSITE")),
    ):
        assert decisions(closes, held(side))[5] == expected


RISING = [110_000, 109_900, 109_800, 109_700, 109_900, 110_100, 110_300]
"""Crosses upwards at the sixth close."""


def test_the_example_may_ignore_the_opposite_cross() -> None:
    assert decisions(RISING, held(Side.SHORT), on_opposite="ignore") == [None] * 7


def test_the_example_may_reverse_and_enters_as_it_does_from_flat() -> None:
    turned = decisions(RISING, held(Side.SHORT), on_opposite="reverse")[5]
    assert isinstance(turned, Exit)
    assert turned.reason == "OPPOSITE"
    assert turned.reverse_with is not None
    later = View(EURUSD, ev.Tick("EURUSD", 111_000, 111_010), None)
    then, usual = turned.reverse_with(later), decisions(RISING)[5]
    assert isinstance(then, Enter)
    assert isinstance(usual, Enter)
    assert (then.side, then.volume, then.reason) == (usual.side, usual.volume, usual.reason)
    assert then.stop_loss - usual.stop_loss == 111_010 - TICKS["EURUSD"].ask
    assert then.take_profit - usual.take_profit == 111_010 - TICKS["EURUSD"].ask


def test_the_example_may_let_risk_size_its_orders() -> None:
    entry = decisions(RISING, lots="by_risk")[5]
    assert isinstance(entry, Enter)
    assert (entry.volume, entry.scale) == (0, 1.0)
