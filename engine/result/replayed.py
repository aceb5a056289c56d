"""Equity points and excursions of a replay, from its records and its bars. Pure.

The account is valued at every moment at which the engine tests equity when no bar is skipped: at
each bar's opening tick, at its worst (a long at the low, a short at the highest ask, a stop at its
fill), and at its closing tick. What several positions and symbols do is summed in the order in
which the replay steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine import money
from engine.result.curve import GRID, EquityCurve, Ints, columns_of
from engine.result.holdings import HeldValues, RateAt
from engine.result.prices import PriceHistory
from engine.result.quotes import LONGEST_GRID, Quotes, merged_moments, moments, valued_bars
from engine.result.steps import AccountSteps, OpenHolding
from engine.types import FROM_BROKER, USD, Millis, Points, Rate, SymbolSpec, pair_of, pair_rate


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
        self._period = max([GRID, *(item.period for item in self._prices.values())])
        self._keys, self._opened, quotes = self._at_moments(end)
        self._held = HeldValues(self._keys, slippage)
        self._value(quotes)

    def _at_moments(self, end: int) -> tuple[Ints, Ints, dict[str, Quotes]]:
        """All moments, the opening of the bar of each, and each symbol's prices then."""
        played = valued_bars(self._prices, self._steps, self._period, end)
        own = {name: moments(item, self._steps.rank(name)) for name, item in played.items()}
        keys, opened = merged_moments(list(own.values()), list(played.values()), end)
        quotes = {name: Quotes.of(item, own[name], keys) for name, item in played.items()}
        return keys, opened, quotes

    # --- positions ---

    def _value(self, quotes: Mapping[str, Quotes]) -> None:
        """Count what every position is worth, symbol by symbol; the prices are let go then."""
        by_symbol: dict[str, list[OpenHolding]] = {name: [] for name in quotes}
        for holding in (*self._steps.holdings, *self._steps.open):
            if holding.symbol in by_symbol:
                by_symbol[holding.symbol].append(holding)
        for name, holdings in by_symbol.items():
            spec = self._specs[name]
            self._held.add(holdings, quotes[name], spec, self._rate_at(spec, quotes))

    def _rate_at(self, spec: SymbolSpec, known: Mapping[str, Quotes]) -> RateAt:
        """What converts the symbol's profits at a moment, from its pair's last tick."""
        if spec.conversion is not FROM_BROKER:
            return lambda _: None
        pair = pair_of(spec, self._specs.values(), self._currency)
        quotes = None if pair is None else known.get(pair.name)

        def rate(moment: int) -> Rate:
            if pair is None or quotes is None:
                raise money.RateMissing(spec)
            tick = int(quotes.ticks[moment])
            return pair_rate(pair, tick, tick + int(quotes.spreads[moment]), self._currency)

        return rate

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
        period = self._period
        slots = self._slots(period)
        starts = np.searchsorted(np.maximum.accumulate(self._opened), slots)
        equity = steps.start + _sums(steps.balances, self._keys) + self._held.floating
        equity += self._accrued(equity)
        ends = np.append(starts[1:], len(self._keys)) - 1
        worst, best = self._extremes(equity, starts, ends)
        if steps.equities:
            _, openings, figures = columns_of(steps.equities)
            at = np.maximum(np.searchsorted(slots, openings, side="right") - 1, 0)
            np.minimum.at(worst, at, figures)
            np.maximum.at(best, at, figures)
        limits = self._keys[ends]
        balance = steps.start + _sums(steps.balances, limits)
        closing = equity[ends]
        if last_balance is not None and last_equity is not None:
            balance[-1], closing[-1] = last_balance, last_equity
            worst[-1], best[-1] = min(worst[-1], last_equity), max(best[-1], last_equity)
        day, overall, target = self._floors(limits)
        return EquityCurve(
            slots, balance, closing, worst, best, day, overall, target, self._count(limits), period
        )

    def _extremes(self, equity: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
        """Lowest and highest equity of each point, at its tests and its close.

        Equity is tested at a symbol's moments while a position of it is open.
        """
        closing = np.zeros(len(equity), dtype=bool)
        closing[ends] = True
        tested = self._held.tested | closing
        far = np.int64(1) << 62
        return (
            np.minimum.reduceat(np.where(tested, equity, far), starts),
            np.maximum.reduceat(np.where(tested, equity, -far), starts),
        )

    def _slots(self, period: Millis) -> Ints:
        """The openings of the grid's bars; a coarser grid than an hour follows the bars' own."""
        coarse = [item.time for item in self._prices.values() if item.period == period]
        if period <= LONGEST_GRID:
            return _distinct(self._opened // period * period)
        slots = _distinct(np.sort(np.concatenate(coarse)))
        slots = slots[slots <= self._opened[-1]]
        before = self._opened[self._opened < slots[0]] // period * period
        return np.concatenate([_distinct(before), slots])

    def _accrued(self, equity: Ints) -> Ints:
        """Swap that open positions have accrued and that no closing deal has booked yet.

        A replay records it as what equity is beyond balance and floating profit at a roll-over.
        """
        changes = [(key, -amount) for key, amount in self._steps.booked]
        known = 0
        found: list[tuple[int, int]] = []
        waiting = sorted(changes)
        for key, _, figure in self._steps.swaps:
            while waiting and waiting[0][0] < key:
                found.append(waiting.pop(0))
                known += found[-1][1]
            at = int(np.searchsorted(self._keys, key, side="right")) - 1
            accrued = figure - int(equity[at]) if at >= 0 else 0
            found.append((key, accrued - known))
            known = accrued
        found += waiting
        return _sums(found, self._keys)

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
        return _sums(changes, limits)


def _sums(changes: Sequence[tuple[int, int]], keys: Ints) -> Ints:
    """At each of the ascending keys, the sum of the changes up to it."""
    if not changes:
        return np.zeros(len(keys), dtype=np.int64)
    at, amounts = columns_of(changes)
    order = np.argsort(at, kind="stable")
    totals = np.concatenate([[0], np.cumsum(amounts[order])])
    # Changes are few and keys many: each total is repeated over the keys until the next change.
    edges = [0, *np.searchsorted(keys, at[order]).tolist(), len(keys)]
    return np.repeat(totals, np.diff(edges))


def _distinct(column: Ints) -> Ints:
    """The distinct values of a column whose equal values stand together, in order."""
    column = np.maximum.accumulate(column) if len(column) else column
    return column[np.flatnonzero(np.diff(column, prepend=-1))]
