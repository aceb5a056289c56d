"""How bars of a history are passed over: what is proposed, and who may propose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine import events as ev
from engine.bars import PreparedBars
from engine.portfolio import Position
from engine.types import SymbolSpec
from signals.failure import StrategyFailed
from signals.market_data.bars import BarPreparer, Ints
from signals.scan import Bools, Levels, RowIndex, closings_of, first_true_of, scan_of
from signals.strategies.sma_cross import SmaCross
from signals.strategy import Decision, Exit, View
from signals.strategy_actor import StrategyActor
from tests.builders import EURUSD, Wired, wired

NOON = 20_000 * 86_400 + 12 * 3_600


def _same(server: Ints) -> Ints:
    return server


def chunk(count: int, *, first: int = 0) -> PreparedBars:
    """M15 bars, each but the first of which closes the one before."""
    times = NOON + 900 * np.arange(first, first + count)
    price = np.full(count, 1.1)
    spread = np.zeros(count, dtype=np.int64)
    preparer = BarPreparer(EURUSD, _same, timeframes=("M15",))
    return preparer.prepare(times, price, price, price, price, spread)


class EveryThird:
    """Decides at every third bar of a chunk; keeps what it was asked."""

    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec) -> None:
        self.asked: list[int] = []

    def on_bar(self, _bar: ev.BarClosed, _view: View) -> Decision | None:
        raise AssertionError("a strategy that scans is not given its bars one by one")

    def scan_columns(self, _bars: PreparedBars) -> EveryThird:
        return self

    def next(self, index: int, position: Position | None) -> int:
        assert position is None
        return -(-index // 3) * 3

    def decide(self, index: int, _view: View) -> Decision | None:
        self.asked.append(index)
        return None


class Broken(EveryThird):
    def scan_columns(self, _bars: PreparedBars) -> EveryThird:
        raise ZeroDivisionError("no columns today")


def acted(kind: type[EveryThird]) -> tuple[Wired, StrategyActor, dict[str, EveryThird]]:
    parts = wired()
    made: dict[str, EveryThird] = {}

    def factory(spec: SymbolSpec) -> EveryThird:
        return made.setdefault(spec.name, kind(spec))

    actor = StrategyActor(parts.bus, parts.portfolio, "mine", factory)
    parts.bus.attach(actor.routes())
    return parts, actor, made


def test_the_rows_of_the_bars_that_a_strategy_proposes_are_played() -> None:
    _, actor, _ = acted(EveryThird)
    (bars,) = actor.scanned("EURUSD", [chunk(9)])
    assert [bars.next_decision(row) for row in range(9)] == [1, 1, 4, 4, 4, 7, 7, 7, 8]


def test_a_bar_is_decided_on_as_the_one_that_it_is_in_its_chunk() -> None:
    parts, actor, made = acted(EveryThird)
    for bars in actor.scanned("EURUSD", [chunk(6), chunk(6, first=6)]):
        assert bars.scan is not None
        bars.scan.enter()
        for bar in bars.closed_by(4):
            parts.bus.feed(bar)
    assert made["EURUSD"].asked == [3, 3]


def test_without_a_scan_every_closed_bar_must_be_seen() -> None:
    parts = wired()
    actor = StrategyActor(parts.bus, parts.portfolio, "none", None)
    (bars,) = actor.scanned("EURUSD", [chunk(4)])
    assert bars.scan is None
    assert [bars.next_decision(row) for row in range(4)] == [1, 1, 2, 3]


def test_a_scan_that_fails_names_the_strategy_and_the_symbol() -> None:
    _, actor, _ = acted(Broken)
    with pytest.raises(StrategyFailed, match="strategy mine failed on EURUSD: ZeroDivisionError"):
        list(actor.scanned("EURUSD", [chunk(3)]))


def test_a_scan_that_was_inherited_is_not_trusted() -> None:
    """A subclass may decide at other bars than the class that it builds on."""

    class Contrary(SmaCross):
        def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
            del bar, view
            return Exit("ALWAYS")

    assert scan_of(object.__new__(Contrary)) is None
    assert scan_of(object.__new__(SmaCross)) is not None


def test_a_chunk_without_the_wanted_timeframe_is_named() -> None:
    with pytest.raises(LookupError, match="no bars of H4"):
        closings_of(chunk(3), "H4")


def test_places_are_found_from_an_index_on() -> None:
    places = RowIndex(np.array([False, True, False, False, True, False]))
    assert [places.next(index) for index in range(7)] == [1, 1, 4, 4, 4, 6, 6]


@pytest.mark.parametrize("wanted", [0, 5, 63, 64, 200, 999, 1_000])
def test_the_first_place_is_found_however_far_it_is(wanted: int) -> None:
    asked: list[tuple[int, int]] = []

    def test(start: int, end: int) -> Bools:
        asked.append((start, end))
        return np.arange(start, end) >= wanted

    assert first_true_of(test, 0, 1_000) == wanted
    assert asked[0] == (0, 64)


@pytest.mark.parametrize("wanted", [0, 5, 31, 32, 33, 96, 200, 999, 1_000])
def test_levels_are_looked_for_near_by_and_far_with_one_answer(wanted: int) -> None:
    """The first row that has both, whether rows are compared one by one or as arrays."""
    rows = np.arange(1_000)
    levels = Levels(rows, np.where(rows % 2 == wanted % 2, 1.5, -1.5))
    for index in range(0, wanted + 1, 7):
        assert levels.next(index, 1_000, wanted, 1) == wanted
        assert levels.next(index, 1_000, wanted, -math.inf) == wanted
        assert levels.next(index, 1_000, wanted - 1, 1.5) == 1_000
        assert levels.next(index, wanted, 0, 2) == wanted


def test_no_level_is_looked_for_from_the_end_on() -> None:
    levels = Levels(np.arange(9), np.ones(9))
    assert levels.next(7, 7, 0, 0) == 7
