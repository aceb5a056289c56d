"""What positions were worth at every moment, and how far prices went: many of them at once. Pure.

Each position covers a stretch of moments. The stretches of many positions are laid end to end, so
that one column of prices, one of profits and one reduction a stretch serve all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from engine import money
from engine.result.curve import Ints, columns_of
from engine.result.quotes import Quotes, QuotesAt
from engine.result.steps import OpenHolding
from engine.types import FROM_BROKER, Points, Rate, Side, SymbolSpec

_AT_ONCE: Final = 1 << 15
"""Moments in one stretch at most, and in one lot of stretches about: columns that stay in the
processor's cache."""

_LATER: Final = 1 << 62
"""Behind every key: the end of what is still open."""

_FAR: Final = np.int64(_LATER)

RatesAt = Callable[[Ints], Sequence[Rate | None]]
"""What converts a symbol's profits at moments; None for one that needs no rate."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """Positions of one symbol; `first` to before `last` are the moments that each was open.

    `closed` tells that a deal ended it, at `price`, by its stop where `stopped`.
    """

    position: Ints
    side: Ints
    volume: Ints
    entry: Ints
    stop: Ints
    first: Ints
    last: Ints
    closed: npt.NDArray[np.bool_]
    stopped: npt.NDArray[np.bool_]
    price: Ints

    @classmethod
    def of(cls, holdings: Sequence[OpenHolding], keys: Ints) -> _Columns:
        rows = [
            (
                item.position, item.side, item.volume, item.entry, item.stop, item.since,
                _LATER if item.until is None else item.until,
                item.until is not None, item.stopped, item.price,
            )
            for item in holdings
        ]  # fmt: skip
        position, side, volume, entry, stop, since, until, closed, stopped, price = columns_of(rows)
        first = np.searchsorted(keys, since, side="right")
        last = np.searchsorted(keys, until, side="left")
        return cls(
            position, side, volume, entry, stop, first, np.maximum(first, last),
            closed.astype(bool), stopped.astype(bool), price,
        )  # fmt: skip

    def cut(self) -> _Columns:
        """The same with stretches of at most `_AT_ONCE` moments: only the last one ends a deal."""
        pieces = np.maximum(-(-(self.last - self.first) // _AT_ONCE), 1)
        which = np.repeat(np.arange(len(pieces)), pieces)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        parts, final = self.rows(which), nth == pieces[which] - 1
        first = parts.first + nth * _AT_ONCE
        last = np.where(final, parts.last, first + _AT_ONCE)
        return replace(parts, first=first, last=last, closed=parts.closed & final)

    def rows(self, chosen: slice | Ints | npt.NDArray[np.bool_]) -> _Columns:
        return _Columns(*(column[chosen] for column in vars(self).values()))

    def lots(self) -> Iterator[_Columns]:
        """The positions in lots of some `_AT_ONCE` moments."""
        lot = np.cumsum(self.last - self.first) // _AT_ONCE
        starts = np.flatnonzero(np.diff(lot, prepend=-1))
        for begin, end in zip(starts, [*starts[1:], len(lot)], strict=True):
            yield self.rows(slice(begin, end))


class HeldValues:
    """Sums over all positions at each moment, and each position's excursions."""

    def __init__(self, keys: Ints, slippage: Points) -> None:
        """`keys` are the moments' step keys; a stop fills `slippage` points worse."""
        self.floating = np.zeros(len(keys), dtype=np.int64)
        """Cents that open positions are worth at each moment."""
        self.tested = np.zeros(len(keys), dtype=bool)
        """Whether equity is tested there: at its symbol's moments while a position is open."""
        self.excursions: dict[int, tuple[Points, Points]] = {}
        """The largest adverse and favourable excursion by position."""
        self._keys, self._slippage = keys, slippage

    def add(
        self,
        holdings: Sequence[OpenHolding],
        quotes: Quotes,
        spec: SymbolSpec,
        rates_at: RatesAt,
    ) -> None:
        """Count positions of one symbol."""
        if not holdings:
            return
        columns = _Columns.of(holdings, self._keys).cut()
        gained = np.where(columns.closed, (columns.price - columns.entry) * columns.side, 0)
        adverse, favourable = -gained, gained.copy()
        begun = 0
        for lot in columns.lots():
            part = slice(begun, begun + len(lot.position))
            begun = part.stop
            self._add_lot(lot, quotes, spec, rates_at, adverse[part], favourable[part])
        positions, places = np.unique(columns.position, return_inverse=True)
        largest = np.zeros((2, len(positions)), dtype=np.int64)
        np.maximum.at(largest[0], places, adverse)
        np.maximum.at(largest[1], places, favourable)
        pairs = zip(*largest.tolist(), strict=True)
        self.excursions.update(zip(positions.tolist(), pairs, strict=True))

    def _add_lot(
        self,
        lot: _Columns,
        quotes: Quotes,
        spec: SymbolSpec,
        rates_at: RatesAt,
        adverse: Ints,
        favourable: Ints,
    ) -> None:
        """Add the worth of positions at their moments; raise what is known of their excursions."""
        covering = lot.last > lot.first
        lot = lot.rows(covering)
        if not len(lot.position):
            return
        lengths = lot.last - lot.first
        starts = np.cumsum(lengths) - lengths
        moments = np.arange(int(lengths.sum())) + np.repeat(lot.first - starts, lengths)
        side, entry = np.repeat(lot.side, lengths), np.repeat(lot.entry, lengths)
        at, finals = quotes.at(moments), starts + lengths - 1
        longs, shorts, spreads = at.long_bids, at.short_bids, at.spreads
        bids = np.where(side > 0, longs, shorts)
        self._clip(lot, at, quotes.at(np.maximum(lot.last - 2, 0)).long_bids, bids, finals)
        self.tested[moments[at.mine]] = True
        worth = _profits(spec, lot, bids, spreads, moments, rates_at)
        np.add.at(self.floating, moments, worth)
        asks = np.where(side > 0, 0, spreads)
        worst = np.minimum.reduceat((bids + asks - entry) * side, starts)
        adverse[covering] = np.maximum(adverse[covering], -worst)
        best = (np.where(side > 0, shorts, longs) + asks - entry) * side
        # Of the bar that closed it, what came before is unknown.
        best[finals[lot.closed & at.own[finals]]] = -_FAR
        furthest = np.maximum.reduceat(best, starts)
        favourable[covering] = np.maximum(favourable[covering], furthest)

    def _clip(self, lot: _Columns, at: QuotesAt, before: Ints, bids: Ints, finals: Ints) -> None:
        """Put the fill of a stop into `bids` where a position's last range has hit it.

        `before` are the bids at the moments before the last ones, whose places are `finals`.
        """
        asks = np.where(lot.side > 0, 0, at.spreads[finals])
        worst = bids[finals] + asks
        # Tested with the stop's fill, then closed by somebody else at the tick before it.
        opening = before + asks
        stop = np.where(lot.side > 0, np.minimum(lot.stop, opening), np.maximum(lot.stop, opening))
        hit = (lot.stop != 0) & ((worst - lot.stop) * lot.side <= 0)
        worst = np.where(hit, stop - self._slippage * lot.side, worst)
        worst = np.where(lot.stopped, lot.price, worst)
        ended = lot.closed & at.own[finals]
        bids[finals[ended]] = (worst - asks)[ended]


def _profits(
    spec: SymbolSpec,
    lot: _Columns,
    bids: Ints,
    spreads: Ints,
    moments: Ints,
    rates_at: RatesAt,
) -> Ints:
    """What closing at each tick brings; one by one where columns cannot repeat the rounding."""
    ticks = lot.last - lot.first
    if spec.conversion is not FROM_BROKER:
        try:
            return money.profits(spec, lot.side, lot.volume, lot.entry, bids, spreads, ticks)
        except OverflowError:
            pass
    repeated = (np.repeat(column, ticks) for column in (lot.side, lot.volume, lot.entry))
    columns = (*(column.tolist() for column in (*repeated, bids, spreads)), rates_at(moments))
    return np.array(
        [
            money.profit(
                spec, Side(way), units, opened, bid if way > 0 else bid + spread,
                bid, bid + spread, rate,
            )
            for way, units, opened, bid, spread, rate in zip(*columns, strict=True)
        ],
        dtype=np.int64,
    )  # fmt: skip
