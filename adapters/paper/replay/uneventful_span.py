"""Skipping the bars of all open positions at once: how far nothing can happen to them.

Between two decisions nothing happens to open positions but openings and ends of their symbols'
bars: prices move, and equity is tested. All those tests are computed over columns, to the cent and
in the order in which the bars would be played. A span ends before the first bar that touches a stop
or target, and before the first test outside the band in which no test leads to anything; what
happens there is decided by the ordinary rules when it is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adapters.paper.broker.records import PaperPosition
from adapters.paper.replay.uneventful import FAR, EquityBand
from engine import money
from engine.bars import Ints, PreparedBars
from engine.types import LONG, Cents, Millis

Bools = npt.NDArray[np.bool_]


class Held(NamedTuple):
    """A symbol's open positions, and rows `row` to `end` of its bars, which may be skipped.

    With `in_bar` the first of them has opened already. `floating` is what the positions are worth
    at the symbol's last tick; `period` is the length of a bar.
    """

    positions: Sequence[PaperPosition]
    floating: Cents
    bars: PreparedBars
    row: int
    end: int
    in_bar: bool
    period: Millis


class UneventfulSpan(NamedTuple):
    """What can be skipped.

    `events` says for each symbol how many openings and ends of bars, taking turns; `worst` is the
    lowest equity of all tests among them.
    """

    events: tuple[int, ...]
    worst: Cents


def uneventful_span(
    held: Sequence[Held], base: Cents, band: EquityBand, until: Millis
) -> UneventfulSpan | None:
    """The longest uneventful span before `until`, None when there is none.

    `held` are all symbols with open positions, in rank order; `base` is equity without floating
    profits. Profits that cannot be computed exactly over columns end the span.
    """
    try:
        lanes = [_Lane(item, rank, len(held)) for rank, item in enumerate(held)]
    except OverflowError:
        return None
    turns = 2 * len(held)
    tests = [test for lane in lanes for test in _tests(lane, lanes, base)]
    end = min(until, *(lane.touched for lane in lanes)) * turns
    for keys, equity in tests:
        eventful = (equity <= band.low) | (equity > band.high)
        place = int(eventful.argmax()) if len(eventful) else 0
        if len(eventful) and eventful[place]:
            end = min(
                end, int(keys[place]) // turns * turns
            )  # what else happens then is played too
    events = tuple(int(lane.keys.searchsorted(end)) for lane in lanes)
    if not any(events):
        return None
    passed = [equity[: keys.searchsorted(end)] for keys, equity in tests]
    return UneventfulSpan(events, min(int(equity.min()) for equity in passed if len(equity)))


class _Lane:
    """What the positions of one symbol are worth, event by event.

    `keys` put the events of all symbols in the order in which they are played: by time, ends of
    bars before openings, each in rank order. `values` are profits at the tick of each event, with
    the one before them first; `worst` are those at the worst of each bar that ends, the events
    from `first_end` on, every other one. `touched` is the end of the first bar that touches a stop
    or target.
    """

    def __init__(self, held: Held, rank: int, count: int) -> None:
        bars, cut = held.bars, slice(held.row, held.end)
        low, high, spread = bars.low[cut], bars.high[cut], bars.spread[cut]
        opened = bars.time[cut]
        ended = opened + held.period
        keys, values = np.empty((2, 2 * len(opened)), dtype=np.int64)
        keys[0::2] = opened * (2 * count) + (count + rank)
        keys[1::2] = ended * (2 * count) + rank
        values[0::2] = sum(_profits(item, bars.open[cut], spread) for item in held.positions)
        values[1::2] = sum(_profits(item, bars.close[cut], spread) for item in held.positions)
        self.keys: Ints = keys[held.in_bar :]
        self.values = np.concatenate(([held.floating], values[held.in_bar :]))
        self.first_end = 0 if held.in_bar else 1
        self.worst: Ints = sum(  # type: ignore[assignment]  # there is at least one position
            _profits(item, low if item.side is LONG else high, spread) for item in held.positions
        )
        touches = np.logical_or.reduce([_touches(i, low, high, spread) for i in held.positions])
        place = int(touches.argmax()) if len(touches) else 0
        self.touched = int(ended[place]) if len(touches) and touches[place] else _NEVER

    def before(self, keys: Ints) -> Ints:
        """What the positions are worth just before each of another symbol's events."""
        return self.values[self.keys.searchsorted(keys)]


_NEVER: Millis = 1 << 61


def _tests(lane: _Lane, lanes: Sequence[_Lane], base: Cents) -> Iterator[tuple[Ints, Ints]]:
    """The equity tests at the symbol's events: keys and figures, first those at the tick."""
    rest = np.full_like(lane.keys, base)
    for other in lanes:
        if other is not lane:
            rest += other.before(lane.keys)
    yield lane.keys, rest + lane.values[1:]
    ends = slice(lane.first_end, None, 2)
    yield lane.keys[ends], rest[ends] + lane.worst


def _profits(position: PaperPosition, bids: Ints, spreads: Ints) -> Ints:
    """What the position is worth at each of many ticks (`PaperPosition.profit`)."""
    worth = position.cents_per_point
    if not worth:
        return money.profits(
            position.spec, position.side, position.volume, position.entry, bids, spreads
        )
    if position.side is LONG:
        return (bids - position.entry) * worth
    return (position.entry - spreads - bids) * worth


def _touches(position: PaperPosition, low: Ints, high: Ints, spread: Ints) -> Bools:
    """Whether each bar touches the position's stop or target."""
    stop, target = position.stop, position.target
    if position.side is LONG:
        return (low <= stop) | (high >= (target or FAR))
    return (high + spread >= (stop or FAR)) | (low + spread <= target)
