"""Challenges within one history: where each began, with what, and what was paid in or out since.

A login can carry several: the firm sets the balance back, or empties the account and fills it
anew. Each begins an epoch. The profile may state which one runs; otherwise it must be plain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engine.types import Cents, Millis
from risk.ledger.booking import Balances, BookedDeal, DealClass
from risk.ledger.inputs import ChallengeStatement
from risk.ledger.lives import Flatness

_PAID = (DealClass.CAPITAL, DealClass.CORRECTION, DealClass.CREDIT)
ROUND_SIZE: Cents = 10_000
"""Firms' accounts begin with whole hundreds of the currency."""


class ChallengeEpoch(msgspec.Struct, kw_only=True):
    """A challenge's place in the history; `initial` is None where it lies before what is visible.

    `place` is that of the first deal that belongs to it, `traded` whether anything was traded.
    """

    at: Millis
    place: int
    initial: Cents | None
    traded: bool = False


class HistoryWalk(msgspec.Struct, kw_only=True):
    """The history's epochs; the places of resets (the last deal of each) and transfers.

    `kinds` are the deals' kinds, corrections decided.
    """

    epochs: list[ChallengeEpoch]
    resets: list[int]
    transfers: list[int]
    kinds: list[DealClass]


def walked(
    history: Sequence[BookedDeal],
    balances: Balances,
    flatness: Flatness,
    *,
    complete: bool,
    stated: Cents | None,
) -> HistoryWalk:
    """Divide the history; `stated` is the initial balance of a first epoch that was cut off."""
    first = history[0].at if history else 0
    epoch = ChallengeEpoch(
        at=first, place=0, initial=0 if complete else stated, traded=not complete
    )
    walk = HistoryWalk(
        epochs=[epoch], resets=[], transfers=[], kinds=[item.kind for item in history]
    )
    place = 0
    while place < len(history):
        item = history[place]
        if item.kind not in _PAID:
            walk.epochs[-1].traded |= item.deal.trade
            place += 1
            continue
        end = place
        while end + 1 < len(history) and history[end + 1].kind in _PAID:
            end += 1
        _take_block(walk, history, balances, flatness.before(place), place, end)
        place = end + 1
    return walk


def _take_block(
    walk: HistoryWalk,
    history: Sequence[BookedDeal],
    balances: Balances,
    flat: bool,
    place: int,
    end: int,
) -> None:
    """Decide what the payments from `place` to `end` are: funding, a reset, or transfers."""
    epoch = walk.epochs[-1]
    block = range(place, end + 1)
    change = balances.after(end) - balances.before(place)
    if not epoch.traded:
        epoch.initial = (epoch.initial or 0) + change
        _fund(walk, block)
        return
    restored = change != 0 and balances.after(end) == epoch.initial
    paid = any(history[at].net for at in block)  # a credit alone empties nothing
    emptied = paid and min(balances.after(at) for at in block) <= 0
    if flat and (restored or emptied):
        _fund(walk, block)
        walk.resets.append(end)
        walk.epochs.append(
            ChallengeEpoch(at=history[end].at, place=end, initial=balances.after(end))
        )
        return
    for at in block:
        if walk.kinds[at] is DealClass.CAPITAL:
            walk.transfers.append(at)
        elif walk.kinds[at] is DealClass.CORRECTION:
            walk.kinds[at] = DealClass.RESULT


def _fund(walk: HistoryWalk, block: range) -> None:
    for at in block:
        if walk.kinds[at] is DealClass.CORRECTION:
            walk.kinds[at] = DealClass.CAPITAL


class FollowedChallenge(msgspec.Struct, kw_only=True):
    """The challenge that is followed. `first` is the place of the first deal from its start on.

    `trade` and `result` are the places of the first trade and the first result from then on (the
    history's length where there is none); `visible` is when the visible history begins (now, where
    it is empty), and `older` tells that the challenge began before it.
    """

    initial: Cents | None
    start: Millis
    first: int
    trade: int
    result: int
    older: bool
    visible: Millis
    transfers: tuple[int, ...]
    resets: tuple[int, ...]


def chosen(
    history: Sequence[BookedDeal],
    balances: Balances,
    walk: HistoryWalk,
    statement: ChallengeStatement | None,
    now: Millis,
    *,
    complete: bool,
) -> FollowedChallenge:
    """The stated challenge, else the last one of the history."""
    last = walk.epochs[-1]
    start, first = (last.at if history else now), last.place
    if statement is not None and statement.started is not None:
        start = statement.started
        first = balances.place(start)
    initial = last.initial
    if statement is not None and statement.initial is not None:
        initial = statement.initial
    trade = _next(history, first, lambda place: history[place].deal.trade)
    # What is paid in before the first trade funds the challenge, whatever went before it.
    visible = history[0].at if history else now
    older = not complete and start < visible
    funded = first if older else trade
    for place in range(first, funded):
        if history[place].kind is DealClass.CORRECTION:
            walk.kinds[place] = DealClass.CAPITAL
    result = _next(history, first, lambda place: walk.kinds[place] is DealClass.RESULT)
    return FollowedChallenge(
        initial=initial,
        start=start,
        first=first,
        trade=trade,
        result=result,
        older=older,
        visible=visible,
        transfers=tuple(place for place in walk.transfers if place >= funded),
        resets=tuple(place for place in walk.resets if place >= first),
    )


def _next(history: Sequence[BookedDeal], first: int, wanted: Callable[[int], bool]) -> int:
    return next((place for place in range(first, len(history)) if wanted(place)), len(history))
