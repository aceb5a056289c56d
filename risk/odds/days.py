"""A firm day: what rules need to know of one day of a record, in the order in which it happened.

A segment lasts from one flat moment to the next, so that equity limits find the lowest equity, a
pass finds a flat balance, and both stand in order.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence

import msgspec

from engine.types import Cents

_SATURDAY = 5


class Segment(msgspec.Struct, frozen=True):
    """From one flat moment to the next.

    `lowest` is the lowest equity, that at a reset inside it included; `balance` the balance when
    flat again, None while still open at the day's end; `opened` whether a position was opened on
    this day until its end. `lowest_balance` matters to limits on the balance only (None: unknown,
    the balance at its end is taken).
    """

    lowest: Cents
    balance: Cents | None
    opened: bool
    lowest_balance: Cents | None = None


class FirmDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day between two resets of the firm.

    `start` is the balance at its start, `flat` whether nothing was open then; `balance` and
    `equity` are those at its end. `date` is its date in the rules' zone. `spans` counts the days
    of the calendar that it stands for: idle ones before it are laid into it.
    """

    date: str
    start: Cents
    flat: bool
    segments: tuple[Segment, ...]
    balance: Cents
    equity: Cents
    opened: bool
    spans: int = 1

    @property
    def ends_flat(self) -> bool:
        """Whether nothing is open at its end."""
        return self.segments[-1].balance is not None if self.segments else self.flat

    @property
    def low(self) -> Cents:
        """The lowest the account stood at: equity within the day, or the balance at its end."""
        low = self.balance
        for segment in self.segments:
            low = min(low, segment.lowest)
        return low

    @property
    def result(self) -> float:
        """Change of the balance as a fraction of that at the day's start."""
        return (self.balance - self.start) / self.start


def without_idle_weekends(days: Iterable[FirmDay]) -> list[FirmDay]:
    """Days, with each Saturday and Sunday on which nothing was opened or closed laid into the next.

    The lowest equity of such a day counts in the next day's first segment. A reset that skipped
    an open position is kept as the equity at the end of the day before, from which limits are set.
    """
    kept: list[FirmDay] = []
    waiting: list[FirmDay] = []
    for day in days:
        if _is_idle_weekend(day):
            waiting.append(day)
            continue
        if waiting:
            day = _laid_into(waiting, day)
            if kept:
                kept[-1] = msgspec.structs.replace(kept[-1], equity=waiting[-1].equity)
            waiting = []
        kept.append(day)
    return kept


def _is_idle_weekend(day: FirmDay) -> bool:
    if day.opened or any(segment.balance is not None for segment in day.segments):
        return False
    return dt.date.fromisoformat(day.date).weekday() >= _SATURDAY


def _laid_into(idle: Sequence[FirmDay], day: FirmDay) -> FirmDay:
    """`day` with the lows of the idle days before it in its first segment."""
    segments = day.segments
    if segments:
        held = [segment for other in idle for segment in other.segments]
        first = segments[0]
        low = min([first.lowest, *(segment.lowest for segment in held)])
        segments = (msgspec.structs.replace(first, lowest=low), *segments[1:])
    return msgspec.structs.replace(
        day,
        start=idle[0].start,
        flat=idle[0].flat,
        segments=segments,
        spans=day.spans + sum(other.spans for other in idle),
    )


def scaled_down(days: Iterable[FirmDay], share: float) -> list[FirmDay]:
    """Each day as if volumes had been `share` of theirs, rounded down to a cent.

    For records of closed deals, which cannot be made again at another risk. Never up: limits and
    margin would have cut larger volumes. Raises ValueError for a share that is not from 0 to 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, must be above 0 and at most 1: scale down only")
    return [_scaled_day(day, share) for day in days]


def _scaled_day(day: FirmDay, share: float) -> FirmDay:
    def figure(amount: Cents) -> Cents:
        return day.start + math.floor((amount - day.start) * share)

    def closed(amount: Cents | None) -> Cents | None:
        return None if amount is None else figure(amount)

    segments = tuple(
        Segment(figure(s.lowest), closed(s.balance), s.opened, closed(s.lowest_balance))
        for s in day.segments
    )
    return msgspec.structs.replace(
        day, segments=segments, balance=figure(day.balance), equity=figure(day.equity)
    )


def spliced(pieces: Iterable[Sequence[FirmDay]]) -> list[FirmDay]:
    """Pieces of several records as one: each cut to begin and end with nothing open."""
    joined: list[FirmDay] = []
    for piece in pieces:
        first = next((i for i, day in enumerate(piece) if day.flat), len(piece))
        last = max((i for i, day in enumerate(piece) if day.ends_flat), default=-1)
        joined += piece[first : last + 1]
    return joined
