"""What open positions may have been worth at a moment that nobody watched, bounded by bars.

A bar holds bid prices and its smallest spread; what a short would have paid lies one to three such
spreads above the bid. Swap lies between nothing and all that the position ever got.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from engine.account.history import DealEntry, OpenPosition, PriceBar
from engine.types import Cents, Millis
from risk.ledger.booking import BookedDeal, moment, scaled
from risk.ledger.inputs import ClockRule, PastBars
from risk.ledger.lives import PositionLives

_LEAST_SPREADS, _MOST_SPREADS = 1, 3
_FARTHEST: Millis = 4 * 86_400_000
"""How far a bar may lie from a reset that it bounds: a weekend with holidays."""

_WEEK: Millis = 7 * 86_400_000
_SATURDAY_NOON: Millis = 2 * 86_400_000 + 43_200_000
"""The first one of the epoch, which began on a Thursday."""

Bounds = tuple[Cents, Cents]
"""The least and the most that something may be, both included."""


class OpenLeg(msgspec.Struct, kw_only=True):
    """An open position: its signed volume (1e-8 lots), average price, and all swap it ever got."""

    symbol: str
    volume: int
    price: Decimal
    swap: Decimal


class OpenLegs:
    """The positions open at a moment that only moves forward.

    `legs` lacks those that were opened before the history and have deals in it: their entry price
    is not known. `Flatness` counts them, so a difference tells.
    """

    def __init__(
        self, history: Sequence[BookedDeal], lives: PositionLives, positions: Sequence[OpenPosition]
    ) -> None:
        self._history = history
        self._lives = lives.by_position
        self._place = 0
        self._swaps: defaultdict[int, Decimal] = defaultdict(Decimal)
        for item in history:
            if item.deal.swap:
                self._swaps[item.deal.position_id] += Decimal(repr(item.deal.swap))
        for held in positions:
            self._swaps[held.identifier] += Decimal(repr(held.swap))
        without = {position for position, _ in lives.without_deals}
        self.legs: dict[int, OpenLeg] = {
            held.identifier: OpenLeg(
                symbol=held.symbol,
                volume=scaled(held.volume) * (1 if held.type == 0 else -1),
                price=Decimal(repr(held.price_open)),
                swap=self._swaps[held.identifier],
            )
            for held in positions
            if held.identifier in without
        }

    def advance(self, at: Millis) -> int:
        """Move to just before `at`; returns the place of the first deal not before it."""
        history = self._history
        while self._place < len(history) and history[self._place].at < at:
            self._apply(history[self._place])
            self._place += 1
        return self._place

    def _apply(self, item: BookedDeal) -> None:
        deal = item.deal
        life = self._lives.get(deal.position_id) if deal.trade else None
        if life is None or life.cut:
            return
        price = Decimal(repr(deal.price))
        leg = self.legs.get(deal.position_id)
        if leg is None:
            swap = self._swaps[deal.position_id]
            leg = OpenLeg(symbol=deal.symbol, volume=item.volume, price=price, swap=swap)
            self.legs[deal.position_id] = leg
            return
        volume = leg.volume + item.volume
        if deal.entry == DealEntry.IN:
            leg.price = (leg.price * leg.volume + price * item.volume) / volume
        elif deal.entry == DealEntry.INOUT:
            leg.price = price
        leg.volume = volume
        if volume == 0:
            del self.legs[deal.position_id]


def _has_saturday_noon(low: Millis, high: Millis) -> bool:
    """Whether markets were closed for a weekend between two moments (ms UTC)."""
    return (high - _SATURDAY_NOON) // _WEEK > (low - _SATURDAY_NOON - 1) // _WEEK


class BarIndex:
    """Bars by symbol with their times in UTC."""

    def __init__(self, bars: PastBars, clock: Sequence[ClockRule]) -> None:
        self.bars = bars
        self.length: Millis = bars.minutes * 60_000
        self._by_symbol = {
            symbol: sorted(rows, key=lambda bar: bar.time)
            for symbol, rows in bars.by_symbol.items()
        }
        self._times = {
            symbol: [moment(bar.time * 1000, clock) for bar in rows]
            for symbol, rows in self._by_symbol.items()
        }

    def over(self, symbol: str, at: Millis) -> tuple[PriceBar, PriceBar] | None:
        """The last bar before `at` and the first from then on."""
        times = self._times.get(symbol, [])
        place = bisect_left(times, at)
        if not 0 < place < len(times):
            return None
        if at - times[place - 1] > _FARTHEST or times[place] - at > _FARTHEST:
            return None
        return self._by_symbol[symbol][place - 1], self._by_symbol[symbol][place]

    def holding(self, symbol: str, at: Millis) -> PriceBar | None:
        """The bar that `at` lies in."""
        times = self._times.get(symbol, [])
        place = bisect_right(times, at) - 1
        if place < 0 or at >= times[place] + self.length:
            return None
        return self._by_symbol[symbol][place]

    def over_weekend(self, symbol: str, at: Millis) -> PriceBar | None:
        """What the price may have been on the weekend that `at` lies in: between the last close
        before and the first open after it. None where bars are missing at another time.
        """
        pair = self.over(symbol, at)
        if pair is None:
            return None
        times, place = self._times[symbol], bisect_left(self._times[symbol], at)
        if not _has_saturday_noon(times[place - 1] + self.length, times[place]):
            return None
        close, opening = pair[0].close, pair[1].open
        return PriceBar(
            time=pair[0].time,
            open=close,
            high=max(close, opening),
            low=min(close, opening),
            close=opening,
            spread=max(pair[0].spread, pair[1].spread),
        )

    def edges(self, symbols: Sequence[str], low: Millis, high: Millis) -> list[Millis]:
        """Where a bar of one of the symbols begins or ends between two moments, in order."""
        edges: set[Millis] = set()
        for symbol in symbols:
            times = self._times.get(symbol, [])
            for start in times[bisect_left(times, low - self.length) : bisect_left(times, high)]:
                edges.update(at for at in (start, start + self.length) if low < at < high)
        return sorted(edges)


def at_reset(index: BarIndex, legs: Mapping[int, OpenLeg], at: Millis) -> Bounds | None:
    """Least and most that the open positions earned at a reset; None where bars are missing.

    Each position's price lies between the last close before and the first open from then on.
    """
    least = most = Decimal(0)
    for leg in legs.values():
        pair = index.over(leg.symbol, at)
        if pair is None:
            return None
        prices = ((pair[0].close, pair[0].spread), (pair[1].open, pair[1].spread))
        worst, best = [], []
        for bid, spread in prices:
            bounds = _earned(index.bars, leg, bid, spread)
            if bounds is None:
                return None
            worst.append(bounds[0])
            best.append(bounds[1])
        least += min(worst) + min(leg.swap, Decimal(0))
        most += max(best) + max(leg.swap, Decimal(0))
    return _cents(least, most)


def within_bar(index: BarIndex, legs: Mapping[int, OpenLeg], at: Millis) -> Bounds | None:
    """Least and most that the open positions earned within the bars that `at` lies in.

    All positions of one symbol share its price, so their sum is extreme at its low or high.
    """
    by_symbol: defaultdict[str, list[OpenLeg]] = defaultdict(list)
    for leg in legs.values():
        by_symbol[leg.symbol].append(leg)
    least = most = Decimal(0)
    for symbol, held in by_symbol.items():
        bar = index.holding(symbol, at) or index.over_weekend(symbol, at)
        if bar is None:
            return None
        sums = [_sum(index.bars, held, bid, bar.spread) for bid in (bar.low, bar.high)]
        if sums[0] is None or sums[1] is None:
            return None
        swaps = [leg.swap for leg in held]
        least += min(sums[0][0], sums[1][0]) + sum(min(swap, Decimal(0)) for swap in swaps)
        most += max(sums[0][1], sums[1][1]) + sum(max(swap, Decimal(0)) for swap in swaps)
    return _cents(least, most)


def _sum(
    bars: PastBars, legs: Sequence[OpenLeg], bid: float, spread: int
) -> tuple[Decimal, Decimal] | None:
    worst = best = Decimal(0)
    for leg in legs:
        bounds = _earned(bars, leg, bid, spread)
        if bounds is None:
            return None
        worst, best = worst + bounds[0], best + bounds[1]
    return worst, best


def _earned(
    bars: PastBars, leg: OpenLeg, bid: float, spread: int
) -> tuple[Decimal, Decimal] | None:
    """What a position earns at a bid, at worst and at best."""
    price, point = Decimal(repr(bid)), bars.points.get(leg.symbol)
    if point is None:
        return None
    earned = [
        bars.profit(leg.symbol, leg.volume, leg.price, price + added)
        for added in (
            (Decimal(0),)
            if leg.volume > 0
            else (_LEAST_SPREADS * spread * point, _MOST_SPREADS * spread * point)
        )
    ]
    known = [value for value in earned if value is not None]
    return (min(known), max(known)) if len(known) == len(earned) else None


def _cents(least: Decimal, most: Decimal) -> Bounds:
    unit = Decimal(1)
    return (
        int((least * 100).quantize(unit, ROUND_FLOOR)),
        int((most * 100).quantize(unit, ROUND_CEILING)),
    )


def steps(index: BarIndex, book: OpenLegs, low: Millis, high: Millis) -> Iterator[Millis]:
    """The moments from `low` to `high` at which the book's symbols begin another bar."""
    yield low
    yield from index.edges([leg.symbol for leg in book.legs.values()], low, high)
