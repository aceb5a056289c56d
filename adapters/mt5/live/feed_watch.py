"""Whether prices come: the market is open, closed, or the feed is mute. Pure.

A closed market is quiet and nothing is wrong. A feed that stays connected but goes mute while the
market should be open is dangerous: positions are held blindly, so new orders stop. How long a
silence is one is learned from the feed's own pace: where a price comes every second, some seconds.
"""

from __future__ import annotations

import enum
from collections import deque

from engine.types import Millis

MUTE_AFTER: Millis = 300_000
"""How long no symbol may tick while the market is open: longer than the pause at the server's
midnight, shorter than a bar."""

SOONEST_MUTE: Millis = 15_000
"""No silence is shorter, however fast the feed: a terminal may take seconds to catch up."""

_PACE_OF = 100
"""Pauses between ticks from which the usual pace is known; a quiet hour follows a busy one, so not
more."""

_KNOWN_FROM = 15
"""Pauses that must have been seen before any pace is believed."""

_TIMES = 8
"""A silence so many times as long as the longest of the usual pauses is none of them."""

_LONGEST_STEP: Millis = 10_000
"""Between two observations further apart nobody watched: only so much of it counts as silence."""

_DAY = 86_400
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday being 0
_FRIDAY, _SUNDAY = 4, 6
_CLOSE = 23 * 3600 + 50 * 60
_OPEN = 15 * 60
"""Some minutes around the server's midnight many feeds pause on every day of the week."""


class FeedState(enum.StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    MUTE = "mute"


def weekend(server: int) -> bool:
    """Whether `server` (seconds of the server's clock) lies between Friday's close and Monday.

    Servers of forex brokers keep New York's week: it ends on Friday at their midnight. Some minutes
    at both ends count to the weekend, since symbols stop and start at times of their own.
    """
    weekday = (server // _DAY + _EPOCH_WEEKDAY) % 7
    second = server % _DAY
    if weekday == _FRIDAY:
        return second >= _CLOSE
    return weekday in (_FRIDAY + 1, _SUNDAY) or (weekday == 0 and second < _OPEN)


def around_midnight(server: int) -> bool:
    """Whether `server` (seconds) lies in the minutes in which feeds pause daily."""
    return not _OPEN <= server % _DAY < _CLOSE


class UsualPace:
    """How long the pauses between two ticks of a feed usually are, in milliseconds."""

    def __init__(self) -> None:
        self._pauses: deque[Millis] = deque(maxlen=_PACE_OF)
        self._silent: Millis = 0
        self._looked_at: Millis | None = None

    @property
    def mute_after(self) -> Millis:
        """The silence from which the feed is mute."""
        if len(self._pauses) < _KNOWN_FROM:
            return MUTE_AFTER
        return min(MUTE_AFTER, max(SOONEST_MUTE, _TIMES * max(self._pauses)))

    def observed(self, now: Millis, *, ticked: bool) -> None:
        """Take another observation into account."""
        if self._looked_at is not None:
            self._silent += min(now - self._looked_at, _LONGEST_STEP)
        self._looked_at = now
        if ticked:
            if self._silent < self.mute_after:  # else it was no pause of the feed's
                self._pauses.append(self._silent)
            self._silent = 0

    def rest(self) -> None:
        """The market is closed or pauses: silence means nothing."""
        self._silent = 0

    def mute(self) -> bool:
        """Whether the silence up to the last look is longer than any usual pause."""
        return len(self._pauses) >= _KNOWN_FROM and self._silent >= self.mute_after


class FeedWatch:
    """Follows the last tick of all symbols together."""

    def __init__(self, now: Millis) -> None:
        self._ticked_at = now
        self._pace = UsualPace()
        self.state = FeedState.OPEN

    @property
    def silent_after(self) -> Millis:
        """The silence from which the feed is mute now."""
        return self._pace.mute_after

    def judge(self, now: Millis, server: int, *, ticked: bool) -> FeedState:
        """The state at `now` (ms UTC, `server` seconds), `ticked` when any price is new."""
        self._pace.observed(now, ticked=ticked)
        if weekend(server) or around_midnight(server):
            self._pace.rest()
        if ticked:
            self._ticked_at = now
            self.state = FeedState.OPEN
        elif weekend(server):
            self._ticked_at = now
            self.state = FeedState.CLOSED
        elif now - self._ticked_at >= MUTE_AFTER or self._pace.mute():
            self.state = FeedState.MUTE
        return self.state
