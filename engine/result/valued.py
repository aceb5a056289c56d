"""Which of a replay's bars decide what its equity points and excursions say. Pure.

While nothing is open, equity is the balance: of such bars only the last of each point matters, and
the two before something is opened or the session ends, at whose ticks it begins. Where bars are
longer than an hour none is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.bars import PreparedBars
from engine.result import steps as st
from engine.result.curve import GRID, Ints
from engine.result.prices import PriceHistory
from engine.types import Millis

LONGEST_GRID: Final[Millis] = 3_600_000
"""The longest points whose bounds are their period's multiples; longer ones begin with bars."""

_BEFORE: Final = 2
"""Bars before an opening that matter; as many behind a bar must be known to tell whether it does"""


def points_of(periods: Iterable[Millis]) -> Millis:
    """The period of equity points from bars of these periods: no finer than the longest bars."""
    return max([GRID, *periods])


class Valuing:
    """Chooses bars for points of one period, up to the step key of the last record."""

    def __init__(self, steps: st.AccountSteps, period: Millis, end: int) -> None:
        unit = st.step_key(1, 0, 0, 0)
        held = (*steps.holdings, *steps.open)
        since = np.array([item.since for item in held], dtype=np.int64)
        until = np.array([end if it.until is None else it.until for it in held], dtype=np.int64)
        self._since, self._until = since // unit, until // unit
        self._end, self._period = end // unit, period

    def chosen(self, time: Ints) -> npt.NDArray[np.bool_]:
        """Which of the bars that open at `time` matter, the last of them always."""
        count = len(time)
        if self._period > LONGEST_GRID or not count:
            return np.ones(count, dtype=bool)
        later = self._since > time[-1]
        near = (self._until >= time[0]) & ~later
        since = np.searchsorted(time, self._since[near], side="right")
        until = np.searchsorted(time, self._until[near], side="right")
        last = int(np.searchsorted(time, self._end, side="right"))
        begun = np.zeros(count + 1, dtype=np.int64)
        np.add.at(begun, np.maximum(since - _BEFORE, 0), 1)
        np.add.at(begun, until, -1)
        slots = time // self._period
        found: npt.NDArray[np.bool_] = np.cumsum(begun[:count]) > 0
        found[max(last - _BEFORE, 0) : last] = True
        if later.any():
            found[-_BEFORE:] = True
        found[:-1] |= slots[1:] != slots[:-1]
        found[-1] = True
        return found

    def read(
        self,
        symbol: str,
        period: Millis,
        chunks: Iterable[PreparedBars],
        within: tuple[Millis, Millis],
    ) -> PriceHistory:
        """Those of a symbol's bars that matter, of the openings `within` both bounds.

        At no time more is in memory than they and a chunk.
        """
        parts: list[PriceHistory] = []
        rest = PriceHistory.of_chunks(symbol, period, ())
        count = 0
        for chunk in chunks:
            read = PriceHistory.of_chunks(symbol, period, [chunk]).within(*within)
            count += len(read)
            bars = PriceHistory.joined([rest, read])
            # Whether the last ones matter depends on those that follow.
            known = max(len(bars) - _BEFORE, 0)
            matter = self.chosen(bars.time)
            matter[known:] = False
            parts.append(bars.rows(matter))
            rest = bars.rows(slice(known, None))
        parts.append(rest.rows(self.chosen(rest.time)))
        whole = PriceHistory.joined(parts)
        return replace(whole, left_out=count - len(whole))


def valued_bars(
    prices: Mapping[str, PriceHistory], steps: st.AccountSteps, period: Millis, end: int
) -> dict[str, PriceHistory]:
    """The bars that decide what points of `period` and excursions say, up to the key `end`."""
    valuing = Valuing(steps, period, end)
    return {name: _valued(item, valuing) for name, item in prices.items()}


def _valued(prices: PriceHistory, valuing: Valuing) -> PriceHistory:
    chosen = valuing.chosen(prices.time)
    return prices if chosen.all() else prices.rows(chosen)
