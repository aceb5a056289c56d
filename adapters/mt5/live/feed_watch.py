"""Whether prices come: the market is open, closed, or the feed is mute. Pure.

A closed market is quiet and nothing is wrong. A feed that stays connected but goes mute while the
market should be open is dangerous: positions are held blindly, so new orders stop.
"""

from __future__ import annotations

import enum

from engine.types import Millis

MUTE_AFTER: Millis = 300_000
"""How long no symbol may tick while the market is open: longer than the pause at the server's
midnight, shorter than a bar."""

_DAY = 86_400
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, Monday being 0
_FRIDAY, _SUNDAY = 4, 6
_CLOSE = 23 * 3600 + 50 * 60
_OPEN = 15 * 60


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


class FeedWatch:
    """Follows the last tick of all symbols together."""

    def __init__(self, now: Millis) -> None:
        self._ticked_at = now
        self.state = FeedState.OPEN

    def judge(self, now: Millis, server: int, *, ticked: bool) -> FeedState:
        """The state at `now` (ms UTC, `server` seconds), `ticked` when any price is new."""
        if ticked:
            self._ticked_at = now
            self.state = FeedState.OPEN
        elif weekend(server):
            self._ticked_at = now
            self.state = FeedState.CLOSED
        elif now - self._ticked_at >= MUTE_AFTER:
            self.state = FeedState.MUTE
        return self.state
