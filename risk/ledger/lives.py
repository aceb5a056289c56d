"""Positions from entry to exit, as the deals tell them: openings, open spans, our own losses."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from engine.account.history import DealEntry, OpenPosition
from engine.types import Cents, Millis
from risk.ledger.booking import BookedDeal, moment, scaled
from risk.ledger.inputs import ClockRule

_INTO = (DealEntry.IN, DealEntry.INOUT)


class PositionOpening(msgspec.Struct, frozen=True):
    """Something was opened: a position's first deal, or a reversal."""

    at: Millis
    place: int
    order: int
    magic: int


class PositionLife(msgspec.Struct, kw_only=True):
    """One position's deals. `cut` tells that it was open before its first visible deal.

    `left` is the signed volume that its deals leave open (1e-8 lots); `held` what the terminal
    shows as open.
    """

    position: int
    places: list[int]
    cut: bool
    left: int
    held: int
    own: bool

    @property
    def settled(self) -> bool:
        """Whether the deals add up to what is open, as far as they can."""
        return self.cut or self.left == self.held


class PositionLives(msgspec.Struct, kw_only=True):
    """All positions. `open_after[i]` counts those open after the i-th deal, `open_before` those
    open before the first; `without_deals` are open ones that no deal tells of."""

    by_position: dict[int, PositionLife]
    openings: list[PositionOpening]
    open_before: int
    open_after: list[int]
    without_deals: list[tuple[int, Millis]]
    last_loss: Millis | None
    cut: bool
    zero: bool

    def symbols(
        self, history: Sequence[BookedDeal], positions: Sequence[OpenPosition], since: Millis
    ) -> tuple[str, ...]:
        """The symbols of what was open at some time from `since` on."""
        found = {held.symbol for held in positions}
        for life in self.by_position.values():
            if history[life.places[-1]].at >= since:
                found.add(history[life.places[0]].deal.symbol)
        return tuple(sorted(found - {""}))


def lived(
    history: Sequence[BookedDeal],
    positions: Sequence[OpenPosition],
    clock: Sequence[ClockRule],
    magic: int,
) -> PositionLives:
    """The positions of a history and of the terminal's list of open ones."""
    grouped: defaultdict[int, list[int]] = defaultdict(list)
    for place, item in enumerate(history):
        if item.deal.trade:
            grouped[item.deal.position_id].append(place)
    zero = grouped.pop(0, [])
    held = {item.identifier: item for item in positions}
    first = history[0].at if history else None
    lives = {
        position: _life(history, position, places, held.get(position), clock, magic)
        for position, places in grouped.items()
    }
    orphans = [
        (item.identifier, moment(item.time_msc, clock))
        for item in positions
        if item.identifier not in lives
    ]
    before, after = _open_counts(history, lives, zero, len(orphans))
    old = any(first is not None and opened <= first for _, opened in orphans)
    return PositionLives(
        by_position=lives,
        openings=_openings(history, lives, zero),
        open_before=before,
        open_after=after,
        without_deals=orphans,
        last_loss=max(
            (at for life in lives.values() if (at := _last_loss(history, life))), default=None
        ),
        cut=old or any(life.cut for life in lives.values()),
        zero=bool(zero),
    )


def _life(
    history: Sequence[BookedDeal],
    position: int,
    places: list[int],
    held: OpenPosition | None,
    clock: Sequence[ClockRule],
    magic: int,
) -> PositionLife:
    first = history[places[0]]
    left = sum(history[place].volume for place in places)
    shown = 0
    if held is not None:
        shown = scaled(held.volume) * (1 if held.type == 0 else -1)
    older = held is not None and moment(held.time_msc, clock) < history[0].at
    return PositionLife(
        position=position,
        places=places,
        cut=first.deal.entry != DealEntry.IN or (older and left != shown),
        left=left,
        held=shown,
        own=first.deal.magic == magic or (held is not None and held.magic == magic),
    )


def _openings(
    history: Sequence[BookedDeal], lives: Mapping[int, PositionLife], zero: Sequence[int]
) -> list[PositionOpening]:
    """Entries that open something, in order: parts of an order and additions open nothing more."""
    places = [
        place
        for life in lives.values()
        for number, place in enumerate(life.places)
        if history[place].deal.entry == DealEntry.INOUT or (number == 0 and not life.cut)
    ]
    places += [place for place in zero if history[place].deal.entry in _INTO]
    return [
        PositionOpening(history[p].at, p, history[p].deal.order, history[p].deal.magic)
        for p in sorted(places)
    ]


def _open_counts(
    history: Sequence[BookedDeal],
    lives: Mapping[int, PositionLife],
    zero: Sequence[int],
    orphans: int,
) -> tuple[int, list[int]]:
    """How much is open before the first deal, and after each one."""
    changes = [0] * len(history)
    before = orphans
    for life in lives.values():
        before += life.cut
        _mark(changes, history, life)
    nets: defaultdict[str, int] = defaultdict(int)
    for place in zero:  # no position to go by: what is bought and sold of a symbol cancels out
        symbol = history[place].deal.symbol
        was = nets[symbol] != 0
        nets[symbol] += history[place].volume
        changes[place] += (nets[symbol] != 0) - was
    after, count = [], before
    for change in changes:
        count += change
        after.append(count)
    return before, after


def _mark(changes: list[int], history: Sequence[BookedDeal], life: PositionLife) -> None:
    if life.cut:
        changes[life.places[-1]] -= life.held == 0
        return
    volume = 0
    for place in life.places:
        was = volume != 0
        volume += history[place].volume
        changes[place] += (volume != 0) - was


def _last_loss(history: Sequence[BookedDeal], life: PositionLife) -> Millis | None:
    """When this position of ours last became flat with a loss over its whole life, if ever."""
    if not life.own:
        return None
    volume = -_cut_volume(life)
    net: Cents = 0
    loss = None
    for place in life.places:
        item = history[place]
        net += item.net
        volume += item.volume
        if volume == 0 or item.deal.entry == DealEntry.INOUT:
            loss = item.at if net < 0 else loss
            net = 0
    return loss


def _cut_volume(life: PositionLife) -> int:
    """The signed volume that a cut position must have had before its first visible deal."""
    return life.left - life.held if life.cut else 0


class Flatness:
    """When something was open, over a whole history."""

    def __init__(self, history: Sequence[BookedDeal], lives: PositionLives) -> None:
        self._moments = [item.at for item in history]
        self._before = lives.open_before
        self._after = lives.open_after

    def before(self, place: int) -> bool:
        """Whether nothing was open before the deal at `place`."""
        return self.count_before(place) == 0

    def count_before(self, place: int) -> int:
        """How many positions were open before the deal at `place`."""
        return self._after[place - 1] if place else self._before

    def after(self, place: int) -> bool:
        return self._after[place] == 0

    def at(self, moment: Millis) -> bool:
        """Whether nothing was open just before `moment`."""
        return self.before(bisect_left(self._moments, moment))

    def spans(self, start: Millis, end: Millis) -> list[tuple[Millis, Millis]]:
        """The times from `start` to `end` in which something was open, joined and in order."""
        spans: list[tuple[Millis, Millis]] = []
        edges = [start, *(at for at in self._moments if start < at < end), end]
        for low, high in pairwise(edges):
            if low == high or self.before(bisect_left(self._moments, low + 1)):
                continue
            if spans and spans[-1][1] == low:
                spans[-1] = (spans[-1][0], high)
            else:
                spans.append((low, high))
        return spans
