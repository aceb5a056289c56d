"""One symbol's prices at every moment at which an account is valued. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.result import steps as st
from engine.result.curve import Ints
from engine.result.prices import PriceHistory

_PER_BAR: Final = 3
"""Moments of a bar: opening tick, range at its worst, closing tick."""


class QuotesAt(NamedTuple):
    """What closes a long (bid) and a short (bid and spread) of one symbol at some moments.

    `mine` marks the symbol's own moments, `own` those of its ranges; `ticks` are its last bids, at
    a range that of the opening.
    """

    long_bids: Ints
    short_bids: Ints
    ticks: Ints
    spreads: Ints
    own: npt.NDArray[np.bool_]
    mine: npt.NDArray[np.bool_]


class Quotes:
    """One symbol's prices at any of an account's moments, each named by its place.

    They are looked up in the bars: columns of all moments would be several times as large as the
    bars, and no position is open at most of them.
    """

    def __init__(self, prices: PriceHistory, own: Ints, merged: Ints) -> None:
        """`own` are the keys of the symbol's moments, `merged` those of all moments."""
        self._prices = prices
        self._own, self._merged = own, merged
        self._alone = len(merged) <= len(own) and bool((merged == own[: len(merged)]).all())

    def at(self, moments: Ints) -> QuotesAt:
        """The prices at moments: the symbol's own, and its last tick at others'."""
        bars, mine = moments, np.ones(len(moments), dtype=bool)
        if not self._alone:
            keys = self._merged[moments]
            found = np.searchsorted(self._own, keys, side="right") - 1
            bars = np.maximum(found, 0)
            mine = (found >= 0) & (self._own[bars] == keys)
        bars, part = np.divmod(bars, _PER_BAR)
        first, middle, prices = part == 0, part == 1, self._prices
        opens, closes = prices.open[bars], prices.close[bars]
        return QuotesAt(
            np.where(middle, prices.low[bars], np.where(first, opens, closes)),
            np.where(middle, prices.high[bars], np.where(first, opens, closes)),
            np.where(part < 2, opens, closes),
            prices.spread[bars],
            middle & mine,
            mine,
        )


def moments(prices: PriceHistory, rank: int) -> Ints:
    """The step keys of a symbol's moments, three a bar, in order."""
    unit = st.step_key(1, 0, 0, 0)
    keys = np.empty((len(prices), _PER_BAR), dtype=np.int64)
    keys[:, 0] = prices.time * unit + st.step_key(0, st.OPENING, rank, st.TESTED)
    due = (prices.time + prices.period) * unit
    keys[:, 1] = due + st.step_key(0, st.RANGE, rank, st.TESTED)
    keys[:, 2] = due + st.step_key(0, st.RANGE, rank, st.QUOTED)
    return keys.reshape(-1)


def merged_moments(
    keys: Sequence[Ints], prices: Sequence[PriceHistory], end: int
) -> tuple[Ints, Ints]:
    """All moments up to `end` in order, and the opening of the bar of each."""
    if not keys:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    opened = [np.repeat(item.time, _PER_BAR) for item in prices]
    if len(keys) == 1:
        merged, bars = keys[0], opened[0]
    else:
        merged, bars = np.concatenate(keys), np.concatenate(opened)
        order = np.argsort(merged, kind="stable")
        merged, bars = merged[order], bars[order]
    count = int(np.searchsorted(merged, end, side="right"))
    return merged[:count], bars[:count]
