"""Equity points and excursions of a replay, from its records and its bars. Pure.

The account is valued at every moment at which the engine tests equity when no bar is skipped: at
each bar's opening tick, at its worst (a long at the low, a short at the highest ask, a stop at its
fill), and at its closing tick. What several positions and symbols do is summed in the order in
which the replay steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from engine import money
from engine.events import PositionClosed
from engine.result import steps as st
from engine.result.curve import GRID, EquityCurve, Ints
from engine.result.parts import TradeRecord
from engine.result.prices import PriceHistory
from engine.result.steps import AccountSteps, OpenHolding
from engine.types import FROM_BROKER, LONG, USD, Millis, Points, SymbolSpec, pair_of, pair_rate

_PER_BAR = 3  # moments: opening tick, range at its worst, closing tick


@dataclass(frozen=True, eq=False)
class _Quotes:
    """One symbol's prices at every moment: what closes a long (bid) and a short (bid and spread).

    `mine` marks the symbol's own moments, `own` those of its ranges; `ticks` are its last bids, at
    a range that of the opening.
    """

    long_bids: Ints
    short_bids: Ints
    spreads: Ints
    own: npt.NDArray[np.bool_]
    mine: npt.NDArray[np.bool_]
    ticks: Ints


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
        self._slippage = slippage
        own = {name: _moments(item, steps.rank(name)) for name, item in self._prices.items()}
        self._keys, self._opened = _merged(list(own.values()), list(self._prices.values()), end)
        self._quotes = {
            name: _quotes(item, own[name], self._keys) for name, item in self._prices.items()
        }
        self._floating = np.zeros(len(self._keys), dtype=np.int64)
        self._tested = np.zeros(len(self._keys), dtype=bool)
        self._excursions: dict[int, list[Points]] = {}
        for holding in (*steps.holdings, *steps.open):
            self._value(holding)

    # --- positions ---

    def _value(self, holding: OpenHolding) -> None:
        """Add what the holding is worth at each of its moments, and note how far prices went."""
        quotes = self._quotes.get(holding.symbol)
        if quotes is None:
            return
        first = int(np.searchsorted(self._keys, holding.since, side="right"))
        last = len(self._keys)
        if holding.until is not None:
            last = int(np.searchsorted(self._keys, holding.until, side="left"))
        part = slice(first, last)
        bids = (quotes.long_bids if holding.side is LONG else quotes.short_bids)[part]
        spreads = quotes.spreads[part]
        if last > first:
            self._tested[part] |= quotes.mine[part]
            bids = self._clipped(holding, quotes, last, bids)
            self._floating[part] += self._profits(holding, bids, spreads, part)
        self._reach(holding, quotes, first, last, bids)

    def _profits(self, holding: OpenHolding, bids: Ints, spreads: Ints, part: slice) -> Ints:
        spec, side, volume = self._specs[holding.symbol], holding.side, holding.volume
        if spec.conversion is not FROM_BROKER:
            return money.profits(spec, side, volume, holding.entry, bids, spreads)
        pair = pair_of(spec, self._specs.values(), self._currency)
        quotes = None if pair is None else self._quotes.get(pair.name)
        if pair is None or quotes is None:
            raise money.RateMissing(spec)
        ticks = quotes.ticks[part].tolist()
        asks = (quotes.ticks[part] + quotes.spreads[part]).tolist()
        rows = zip(bids.tolist(), spreads.tolist(), ticks, asks, strict=True)
        return np.array(
            [
                money.profit(
                    spec, side, volume, holding.entry, bid if side is LONG else bid + spread,
                    bid, bid + spread, pair_rate(pair, tick, ask, self._currency),
                )
                for bid, spread, tick, ask in rows
            ],
            dtype=np.int64,
        )  # fmt: skip

    def _clipped(self, holding: OpenHolding, quotes: _Quotes, last: int, bids: Ints) -> Ints:
        """`bids` with the fill of a stop, where the holding's last range has hit it."""
        closed = self._closing(holding)
        if closed is None or not quotes.own[last - 1]:
            return bids
        long, spread = holding.side is LONG, int(quotes.spreads[last - 1])
        worst = int(bids[-1]) + (0 if long else spread)
        if closed.reason == "SL":
            worst = closed.price
        elif holding.stop and (worst - holding.stop) * holding.side <= 0:
            # Tested with the stop's fill, then closed by somebody else at the tick before it.
            opening = int(quotes.long_bids[last - 2]) + (0 if long else spread)
            stop = min(holding.stop, opening) if long else max(holding.stop, opening)
            worst = stop - self._slippage * holding.side
        if worst == int(bids[-1]) + (0 if long else spread):
            return bids
        bids = bids.copy()
        bids[-1] = worst - (0 if long else spread)
        return bids

    def _closing(self, holding: OpenHolding) -> PositionClosed | None:
        if holding.until is None:
            return None
        return self._steps.ends[holding.position, holding.until]

    def _reach(
        self, holding: OpenHolding, quotes: _Quotes, first: int, last: int, bids: Ints
    ) -> None:
        side, entry = holding.side, holding.entry
        known = self._excursions.setdefault(holding.position, [0, 0])
        closed = self._closing(holding)
        adverse = [known[0]]
        favourable = [known[1]]
        if last > first:
            asks = quotes.spreads[first:last] if side is not LONG else 0
            adverse.append(-int(((bids + asks - entry) * int(side)).min()))
            whole = last
            if closed is not None and quotes.own[last - 1]:
                whole -= 1  # of the bar that closed it, what came before is unknown
            if whole > first:
                best = (quotes.short_bids if side is LONG else quotes.long_bids)[first:whole]
                asks = quotes.spreads[first:whole] if side is not LONG else 0
                favourable.append(int(((best + asks - entry) * int(side)).max()))
        if closed is not None:
            gain = (closed.price - entry) * side
            adverse.append(-gain)
            favourable.append(gain)
        known[:] = [max(adverse), max(favourable)]

    def with_excursions(self, trades: Sequence[TradeRecord]) -> list[TradeRecord]:
        """The trades with their largest excursions and the spread at their opening."""
        found = []
        for trade in trades:
            extremes = self._excursions.get(trade.position)
            if extremes is None:
                found.append(trade)
                continue
            found.append(
                msgspec.structs.replace(
                    trade, mae=extremes[0], mfe=extremes[1], spread=self._spread(trade)
                )
            )
        return found

    def _spread(self, trade: TradeRecord) -> Points | None:
        prices = self._prices.get(trade.symbol)
        if prices is None:
            return None
        row = int(np.searchsorted(prices.time, trade.opened, side="right")) - 1
        return int(prices.spread[max(row, 0)])

    # --- points ---

    def curve(
        self, *, last_balance: int | None = None, last_equity: int | None = None
    ) -> EquityCurve:
        """The points; the last one is what the session ended with, where that is known."""
        steps = self._steps
        if not len(self._keys):
            none = np.zeros(0, dtype=np.int64)
            return EquityCurve(none, none, none, none, none, none, none, none, none)
        period = max(GRID, *(item.period for item in self._prices.values()))
        slots = self._slots(period)
        slot_of = np.maximum.accumulate(np.searchsorted(slots, self._opened, side="right") - 1)
        starts = np.flatnonzero(np.diff(slot_of, prepend=-1))
        equity = steps.start + _sums(steps.balances, self._keys) + self._floating
        equity += self._accrued(equity)
        ends = np.append(starts[1:], len(self._keys)) - 1
        worst, best = self._extremes(equity, starts, ends)
        for _, opening, figure in steps.equities:
            at = max(0, int(np.searchsorted(slots, opening, side="right")) - 1)
            worst[at], best[at] = min(worst[at], figure), max(best[at], figure)
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
        tested = self._tested | closing
        far = np.int64(1) << 62
        return (
            np.minimum.reduceat(np.where(tested, equity, far), starts),
            np.maximum.reduceat(np.where(tested, equity, -far), starts),
        )

    def _slots(self, period: Millis) -> Ints:
        """The openings of the grid's bars; a coarser grid than an hour follows the bars' own."""
        coarse = [item.time for item in self._prices.values() if item.period == period]
        if period <= 3_600_000:
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


def _moments(prices: PriceHistory, rank: int) -> Ints:
    """The step keys of a symbol's moments, three a bar, in order."""
    unit = st.step_key(1, 0, 0, 0)
    opening = prices.time * unit + st.step_key(0, st.OPENING, rank, st.TESTED)
    due = (prices.time + prices.period) * unit
    worst = due + st.step_key(0, st.RANGE, rank, st.TESTED)
    closing = due + st.step_key(0, st.RANGE, rank, st.QUOTED)
    return np.stack([opening, worst, closing], axis=1).reshape(-1)


def _merged(keys: list[Ints], prices: list[PriceHistory], end: int) -> tuple[Ints, Ints]:
    """All moments up to `end` in order, and the opening of the bar of each."""
    if not keys:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    opened = [np.repeat(item.time, _PER_BAR) for item in prices]
    merged, bars = np.concatenate(keys), np.concatenate(opened)
    if len(keys) > 1:
        order = np.argsort(merged, kind="stable")
        merged, bars = merged[order], bars[order]
    count = int(np.searchsorted(merged, end, side="right"))
    return merged[:count], bars[:count]


def _quotes(prices: PriceHistory, own: Ints, merged: Ints) -> _Quotes:
    """A symbol's prices at all moments: its own, and its last tick at those of others."""
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
        return _Quotes(longs[at], shorts[at], spreads[at], worst[at] & mine, mine, ticks[at])
    return _Quotes(longs, shorts, spreads, worst, np.ones(len(merged), dtype=bool), ticks)


def _sums(changes: Sequence[tuple[int, int]], keys: Ints) -> Ints:
    """At each key, the sum of the changes up to it."""
    if not changes:
        return np.zeros(len(keys), dtype=np.int64)
    table = np.array(sorted(changes), dtype=np.int64)
    totals = np.concatenate([[0], np.cumsum(table[:, 1])])
    return totals[np.searchsorted(table[:, 0], keys, side="right")]


def _distinct(column: Ints) -> Ints:
    """The distinct values of a column whose equal values stand together, in order."""
    column = np.maximum.accumulate(column) if len(column) else column
    return column[np.flatnonzero(np.diff(column, prepend=-1))]
