"""Equity points and excursions of a replay, from its records and its bars. Pure.

The account is valued at every moment at which the engine tests equity when no bar is skipped: at
each bar's opening tick, at its worst (a long at the low, a short at the highest ask, a stop at its
fill), and at its closing tick. What several positions and symbols do is summed in the order in
which the replay steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from engine import money
from engine.result.curve import EquityCurve, Ints, columns_of
from engine.result.holdings import HeldValues, RatesAt
from engine.result.prices import PriceHistory
from engine.result.quotes import Quotes, merged_moments, moments
from engine.result.running_sum import RunningSum
from engine.result.steps import AccountSteps, OpenHolding
from engine.result.valued import LONGEST_GRID, points_of, valued_bars
from engine.types import FROM_BROKER, USD, Millis, Points, Rate, SymbolSpec, pair_of, pair_rate

_AT_ONCE: Final = 1 << 15
"""Moments whose equity is computed together: columns that stay in the processor's cache."""

_FAR: Final = np.int64(1 << 62)


class ReplayedAccount:
    """An account over the moments of its bars."""

    def __init__(
        self,
        steps: AccountSteps,
        prices: Mapping[str, PriceHistory],
        specs: Mapping[str, SymbolSpec],
        *,
        end: int,
        slippage: Points = 0,
        currency: str = USD,
    ) -> None:
        """`end` is the step key of the last record: what bars hold beyond it was not played.

        `currency` is the account's.
        """
        self._currency = currency
        self._steps = steps
        self._specs = specs
        self._prices = {name: item for name, item in prices.items() if len(item)}
        self._period = points_of(item.period for item in self._prices.values())
        played = valued_bars(self._prices, steps, self._period, end)
        own = {name: moments(item, steps.rank(name)) for name, item in played.items()}
        self._keys, opened = merged_moments(list(own.values()), list(played.values()), end)
        self._slots, self._starts = self._points(opened)
        del opened
        self._quotes = {name: Quotes(item, own[name], self._keys) for name, item in played.items()}
        self._held = HeldValues(self._keys, slippage)
        self._value()

    # --- positions ---

    def _value(self) -> None:
        """Count what every position is worth, symbol by symbol."""
        by_symbol: dict[str, list[OpenHolding]] = {name: [] for name in self._quotes}
        for holding in (*self._steps.holdings, *self._steps.open):
            if holding.symbol in by_symbol:
                by_symbol[holding.symbol].append(holding)
        for name, holdings in by_symbol.items():
            spec = self._specs[name]
            self._held.add(holdings, self._quotes[name], spec, self._rates_at(spec))

    def _rates_at(self, spec: SymbolSpec) -> RatesAt:
        """What converts the symbol's profits at moments, from its pair's last ticks."""
        if spec.conversion is not FROM_BROKER:
            return lambda moments: [None] * len(moments)
        pair = pair_of(spec, self._specs.values(), self._currency)
        quotes = None if pair is None else self._quotes.get(pair.name)

        def rates(moments: Ints) -> list[Rate | None]:
            if pair is None or quotes is None:
                raise money.RateMissing(spec)
            at = quotes.at(moments)
            ticks = zip(at.ticks.tolist(), at.spreads.tolist(), strict=True)
            return [pair_rate(pair, bid, bid + spread, self._currency) for bid, spread in ticks]

        return rates

    def excursions(self) -> dict[int, tuple[Points, Points]]:
        """The largest adverse and favourable excursions by position, of those with prices."""
        return self._held.excursions

    def spreads(self, openings: Sequence[tuple[str, Millis]]) -> list[Points | None]:
        """The spread of each symbol at each moment; None for a symbol without prices."""
        found: list[Points | None] = [None] * len(openings)
        for name, prices in self._prices.items():
            places = [place for place, (symbol, _) in enumerate(openings) if symbol == name]
            times = np.array([openings[place][1] for place in places], dtype=np.int64)
            rows = np.maximum(np.searchsorted(prices.time, times, side="right") - 1, 0)
            for place, spread in zip(places, prices.spread[rows].tolist(), strict=True):
                found[place] = spread
        return found

    # --- points ---

    def curve(
        self, *, last_balance: int | None = None, last_equity: int | None = None
    ) -> EquityCurve:
        """The points; the last one is what the session ended with, where that is known."""
        steps = self._steps
        if not len(self._keys):
            none = np.zeros(0, dtype=np.int64)
            return EquityCurve(none, none, none, none, none, none, none, none, none)
        slots, starts = self._slots, self._starts
        ends = np.append(starts[1:], len(self._keys)) - 1
        closing, worst, best = self._equities(starts, ends)
        if steps.equities:
            _, openings, figures = columns_of(steps.equities)
            at = np.maximum(np.searchsorted(slots, openings, side="right") - 1, 0)
            np.minimum.at(worst, at, figures)
            np.maximum.at(best, at, figures)
        limits = self._keys[ends]
        balance = steps.start + RunningSum(steps.balances).at(limits)
        if last_balance is not None and last_equity is not None:
            balance[-1], closing[-1] = last_balance, last_equity
            worst[-1], best[-1] = min(worst[-1], last_equity), max(best[-1], last_equity)
        floors, count = self._floors(limits), self._count(limits)
        return EquityCurve(slots, balance, closing, worst, best, *floors, count, self._period)

    def _equities(self, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
        """Equity at the close of each point, and the lowest and highest at its tests and its close.

        Equity is tested at a symbol's moments while a position of it is open. Some points are
        computed at a time: a column of all moments is as large as the bars.
        """
        booked = RunningSum([*self._steps.balances, *self._accrued()])
        closing, worst, best = (np.empty(len(starts), dtype=np.int64) for _ in range(3))
        for points in _lots(starts):
            begin, end = int(starts[points.start]), int(ends[points.stop - 1]) + 1
            part, last = starts[points] - begin, ends[points] - begin
            equity = self._held.floating[begin:end] + booked.at(self._keys[begin:end])
            equity += self._steps.start
            tested = self._held.tested[begin:end].copy()
            tested[last] = True
            closing[points] = equity[last]
            worst[points] = np.minimum.reduceat(np.where(tested, equity, _FAR), part)
            best[points] = np.maximum.reduceat(np.where(tested, equity, -_FAR), part)
        return closing, worst, best

    def _points(self, opened: Ints) -> tuple[Ints, Ints]:
        """The openings of the grid's bars, and the first moment of each.

        `opened` is the opening of the bar of each moment; it is used up.
        A grid that is coarser than an hour
        follows the bars' own.
        """
        if not len(opened):
            return opened, opened
        # In place: each copy of the column would be as large as the bars.
        np.maximum.accumulate(opened, out=opened)
        period = self._period
        if period > LONGEST_GRID:
            slots = self._coarse(opened)
            return slots, np.searchsorted(opened, slots)
        opened //= period
        starts = np.append(0, np.flatnonzero(opened[1:] != opened[:-1]) + 1)
        return opened[starts] * period, starts

    def _coarse(self, opened: Ints) -> Ints:
        """The openings of the longest bars; before the first of them the period's multiples."""
        period = self._period
        own = [item.time for item in self._prices.values() if item.period == period]
        slots = _distinct(np.sort(np.concatenate(own)))
        slots = slots[slots <= opened[-1]]
        before = opened[opened < slots[0]] // period * period
        return np.concatenate([_distinct(before), slots])

    def _accrued(self) -> list[tuple[int, int]]:
        """Changes of the swap that open positions have accrued and no closing deal has booked yet.

        A replay records it as what equity is beyond balance and floating profit at a roll-over.
        """
        known = 0
        found: list[tuple[int, int]] = []
        waiting = sorted((key, -amount) for key, amount in self._steps.booked)
        for (key, _, figure), valued in zip(self._steps.swaps, self._at_swaps(), strict=True):
            while waiting and waiting[0][0] < key:
                found.append(waiting.pop(0))
                known += found[-1][1]
            accrued = 0 if valued is None else figure - valued
            found.append((key, accrued - known))
            known = accrued
        return found + waiting

    def _at_swaps(self) -> list[int | None]:
        """Balance and floating profit at each roll-over; None before the first moment."""
        keys = np.array([key for key, _, _ in self._steps.swaps], dtype=np.int64)
        at = np.searchsorted(self._keys, keys, side="right") - 1
        known = np.maximum(at, 0)
        valued = self._held.floating[known] + RunningSum(self._steps.balances).each(
            self._keys[known]
        )
        valued += self._steps.start
        return [
            value if seen else None
            for value, seen in zip(valued.tolist(), (at >= 0).tolist(), strict=True)
        ]

    def _floors(self, limits: Ints) -> tuple[Ints, Ints, Ints]:
        table = np.array(self._steps.floors, dtype=np.int64)
        row = np.maximum(np.searchsorted(table[:, 0], limits, side="right") - 1, 0)
        return table[row, 1], table[row, 2], table[row, 3]

    def _count(self, limits: Ints) -> Ints:
        changes: list[tuple[int, int]] = []
        for holding in (*self._steps.holdings, *self._steps.open):
            changes.append((holding.since, 1))
            if holding.until is not None:
                changes.append((holding.until, -1))
        return RunningSum(changes).at(limits)


def _lots(starts: Ints) -> Iterator[slice]:
    """Points in lots of some `_AT_ONCE` moments; those that begin together are in one lot."""
    lot = starts // _AT_ONCE
    edges = [*np.flatnonzero(np.diff(lot, prepend=-1)).tolist(), len(starts)]
    for begin, end in pairwise(edges):
        yield slice(begin, end)


def _distinct(column: Ints) -> Ints:
    """The distinct values of a column whose equal values stand together, in order."""
    column = np.maximum.accumulate(column) if len(column) else column
    return column[np.flatnonzero(np.diff(column, prepend=-1))]
