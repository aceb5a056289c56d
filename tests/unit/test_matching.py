"""What a bar does to positions and waiting orders, edge by edge."""

from __future__ import annotations

import pytest

from adapters.paper.broker.matching import (
    Bar,
    ExitReason,
    LevelHit,
    entry_in,
    level_hit,
    worst_price,
)
from engine.types import Points, Side

BAR = Bar(open=1_000, high=1_100, low=900, close=1_050, spread=10)
STOP, TARGET = ExitReason.STOP, ExitReason.TARGET


class TestLong:
    """Judged on the bid."""

    @pytest.mark.parametrize(
        ("stop", "target", "found"),
        [
            (899, 1_101, None),
            (900, 1_101, LevelHit(900, STOP)),  # the low touches the stop
            (950, 1_101, LevelHit(950, STOP)),
            (1_000, 1_101, LevelHit(1_000, STOP)),  # the bar opens on the stop
            (1_020, 1_101, LevelHit(1_000, STOP)),  # the bar opens beyond it: the opening's price
            (899, 1_100, LevelHit(1_100, TARGET)),  # the high touches the target
            (899, 1_050, LevelHit(1_050, TARGET)),
            (
                899,
                980,
                LevelHit(980, TARGET),
            ),  # even a target that the opening passed: its own price
            (900, 1_100, LevelHit(900, STOP)),  # both: the stop
            (0, 1_100, LevelHit(1_100, TARGET)),  # no stop
            (900, 0, LevelHit(900, STOP)),  # no target
            (0, 0, None),
        ],
    )
    def test_exit(self, stop: Points, target: Points, found: LevelHit | None) -> None:
        assert level_hit(Side.LONG, stop, target, BAR) == found

    @pytest.mark.parametrize(("stop", "price"), [(0, 900), (899, 900), (900, 900), (950, 950),
                                                 (1_020, 1_000)])  # fmt: skip
    def test_the_worst_price_is_the_stops_fill_or_the_low(
        self, stop: Points, price: Points
    ) -> None:
        assert worst_price(Side.LONG, stop, BAR) == price


class TestShort:
    """Judged on the ask, one spread above the bid."""

    @pytest.mark.parametrize(
        ("stop", "target", "found"),
        [
            (1_111, 909, None),
            (1_110, 909, LevelHit(1_110, STOP)),  # the highest ask touches the stop
            (1_101, 909, LevelHit(1_101, STOP)),  # which the bid never reached
            (1_010, 909, LevelHit(1_010, STOP)),  # the bar opens on it
            (990, 909, LevelHit(1_010, STOP)),  # beyond it: the opening's ask
            (1_111, 910, LevelHit(910, TARGET)),  # the lowest ask touches the target
            (1_111, 905, None),  # which only the bid reached
            (1_111, 1_000, LevelHit(1_000, TARGET)),
            (1_110, 910, LevelHit(1_110, STOP)),  # both: the stop
            (0, 910, LevelHit(910, TARGET)),
            (1_110, 0, LevelHit(1_110, STOP)),
            (0, 0, None),
        ],
    )
    def test_exit(self, stop: Points, target: Points, found: LevelHit | None) -> None:
        assert level_hit(Side.SHORT, stop, target, BAR) == found

    @pytest.mark.parametrize(("stop", "price"), [(0, 1_110), (1_111, 1_110), (1_110, 1_110),
                                                 (1_050, 1_050), (990, 1_010)])  # fmt: skip
    def test_the_worst_price_is_the_stops_fill_or_the_highest_ask(
        self, stop: Points, price: Points
    ) -> None:
        assert worst_price(Side.SHORT, stop, BAR) == price


class TestWaitingOrders:
    """A buy is judged on the ask, a sell on the bid; a passed level is filled at the opening."""

    @pytest.mark.parametrize(
        ("side", "limit", "level", "price"),
        [
            (Side.LONG, True, 909, None),
            (Side.LONG, True, 910, 910),  # the lowest ask touches it
            (Side.LONG, True, 1_020, 1_010),  # the opening is better
            (Side.LONG, False, 1_111, None),
            (Side.LONG, False, 1_110, 1_110),
            (Side.LONG, False, 1_000, 1_010),  # the opening is worse
            (Side.SHORT, True, 1_101, None),
            (Side.SHORT, True, 1_100, 1_100),
            (Side.SHORT, True, 990, 1_000),
            (Side.SHORT, False, 899, None),
            (Side.SHORT, False, 900, 900),
            (Side.SHORT, False, 1_010, 1_000),
        ],
    )
    def test_entry(self, side: Side, limit: bool, level: Points, price: Points | None) -> None:
        assert entry_in(side, limit, level, BAR) == price
