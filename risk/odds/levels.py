"""Odds at several levels of risk, side by side. Each level is a replay of its own, never scaled:
limits that bite, the largest volume and volume steps make another record of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from risk.odds.costs import Costs, costs
from risk.odds.estimate import Odds

CUT = ("below_min_volume", "margin", "volume_max")
"""Reasons for which a level did not trade what it was asked to."""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One level: risk per trade in percent, its odds, and how often each reason cut an order."""

    risk: float
    odds: Odds
    cut: dict[str, int] = {}

    @property
    def marks(self) -> tuple[str, ...]:
        """Reasons of `CUT` that occurred."""
        return tuple(reason for reason in CUT if self.cut.get(reason))


class LevelCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Costs at the point estimate and at the lower end of its interval."""

    point: Costs
    lower: Costs


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Which level stands out, by index; `cheapest` is None when none can pass.

    `alike` are the other levels that are indistinguishable from the best one: each lies in the
    other's interval.
    """

    best: int
    cheapest: int | None
    alike: tuple[int, ...]
    costs: tuple[LevelCosts, ...]


def ranked(levels: Sequence[Level], fee: float, *, refunded: bool = False) -> Ranking:
    """The best level (of several as good the first, so the lowest risk when they are in order)."""
    if not levels:
        raise ValueError("no level of risk was given")
    prices = tuple(level_costs(level.odds, fee, refunded=refunded) for level in levels)
    best = max(range(len(levels)), key=lambda i: (levels[i].odds.passed, -i))
    fees = {i: price.point.fees for i, price in enumerate(prices) if price.point.fees is not None}
    return Ranking(
        best=best,
        cheapest=min(fees, key=lambda i: (fees[i], i)) if fees else None,
        alike=tuple(
            i for i, level in enumerate(levels) if i != best and _alike(level, levels[best])
        ),
        costs=prices,
    )


def level_costs(odds: Odds, fee: float, *, refunded: bool = False) -> LevelCosts:
    """What these odds cost in fees."""
    return LevelCosts(
        point=costs(odds.passed, fee, refunded=refunded),
        lower=costs(odds.interval.low, fee, refunded=refunded),
    )


def _alike(one: Level, other: Level) -> bool:
    return one.odds.passed in other.odds.interval and other.odds.passed in one.odds.interval
