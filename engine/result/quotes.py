"""One symbol's prices at every moment at which an account is valued. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.result import steps as st
from engine.result.curve import Ints
from engine.result.prices import PriceHistory
from engine.types import Millis

LONGEST_GRID: Final[Millis] = 3_600_000
"""The longest points whose bounds are their period's multiples; longer ones begin with bars."""

_PER_BAR: Final = 3
"""Moments of a bar: opening tick, range at its worst, closing tick."""


@dataclass(frozen=True, eq=False)
class Quotes:
    """What closes a long (bid) and a short (bid and spread) of one symbol at every moment.

    `mine` marks the symbol's own moments, `own` those of its ranges; `ticks` are its last bids, at
    a range that of the opening.
    """

    long_bids: Ints
    short_bids: Ints
    spreads: Ints
    own: npt.NDArray[np.bool_]
    mine: npt.NDArray[np.bool_]
    ticks: Ints

    @classmethod
    def of(cls, prices: PriceHistory, own: Ints, merged: Ints) -> Quotes:
        """A symbol's prices at the moments `merged`: its `own`, and its last tick at others'."""
        middle = (prices.low, prices.high)
        longs, shorts = (
            np.stack([prices.open, extreme, prices.close], axis=1).reshape(-1) for extreme in middle
        )
        ticks = np.stack([prices.open, prices.open, prices.close], axis=1).reshape(-1)
        spreads = np.repeat(prices.spread, _PER_BAR)
        worst = np.tile(np.array([False, True, False]), len(prices))
        if len(merged) < len(own) and (merged == own[: len(merged)]).all():
            longs, shorts, spreads, worst, ticks = (
                column[: len(merged)] for column in (longs, shorts, spreads, worst, ticks)
            )
        elif len(merged) != len(own):
            at = np.searchsorted(own, merged, side="right") - 1
            mine = (at >= 0) & (own[np.maximum(at, 0)] == merged)
            at = np.maximum(at, 0)
            return cls(longs[at], shorts[at], spreads[at], worst[at] & mine, mine, ticks[at])
        return cls(longs, shorts, spreads, worst, np.ones(len(merged), dtype=bool), ticks)


def valued_bars(
    prices: Mapping[str, PriceHistory], steps: st.AccountSteps, period: Millis, end: int
) -> dict[str, PriceHistory]:
    """The bars that decide what points of `period` and excursions say, up to the key `end`.

    While nothing is open, equity is the balance: of such bars only the last of each point matters,
    and the two before something is opened or the session ends, at whose ticks it begins. Where
    bars are longer than an hour none is left out.
    """
    if period > LONGEST_GRID:
        return dict(prices)
    unit = st.step_key(1, 0, 0, 0)
    held = (*steps.holdings, *steps.open)
    since = np.array([end, *(item.since for item in held)], dtype=np.int64) // unit
    until = np.array([end if it.until is None else it.until for it in held], dtype=np.int64) // unit
    return {name: _valued(item, since, until, period) for name, item in prices.items()}


def _valued(prices: PriceHistory, since: Ints, until: Ints, period: Millis) -> PriceHistory:
    """Of one symbol: `since` are the openings and the end, `until` the ends of the others."""
    count = len(prices)
    begun = np.zeros(count + 1, dtype=np.int64)
    first = np.maximum(np.searchsorted(prices.time, since, side="right") - 2, 0)
    behind = np.searchsorted(prices.time, until, side="right")
    np.add.at(begun, first, 1)
    np.add.at(begun, np.append(np.minimum(first[0] + 2, count), behind), -1)
    slots = prices.time // period
    chosen = np.cumsum(begun[:count]) > 0
    chosen[:-1] |= slots[1:] != slots[:-1]
    chosen[-1] = True
    return prices if chosen.all() else prices.rows(chosen)


def moments(prices: PriceHistory, rank: int) -> Ints:
    """The step keys of a symbol's moments, three a bar, in order."""
    unit = st.step_key(1, 0, 0, 0)
    opening = prices.time * unit + st.step_key(0, st.OPENING, rank, st.TESTED)
    due = (prices.time + prices.period) * unit
    worst = due + st.step_key(0, st.RANGE, rank, st.TESTED)
    closing = due + st.step_key(0, st.RANGE, rank, st.QUOTED)
    return np.stack([opening, worst, closing], axis=1).reshape(-1)


def merged_moments(
    keys: Sequence[Ints], prices: Sequence[PriceHistory], end: int
) -> tuple[Ints, Ints]:
    """All moments up to `end` in order, and the opening of the bar of each."""
    if not keys:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    opened = [np.repeat(item.time, _PER_BAR) for item in prices]
    merged, bars = keys[0], opened[0]  # of one symbol: in order, and no copy
    if len(keys) > 1:
        merged, bars = np.concatenate(keys), np.concatenate(opened)
        order = np.argsort(merged, kind="stable")
        merged, bars = merged[order], bars[order]
    count = int(np.searchsorted(merged, end, side="right"))
    return merged[:count], bars[:count]
