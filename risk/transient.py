"""Rejections of the moment: how many are too many. Pure.

Each suspends new orders; so many within so long are no accident any more and latch.
"""

from __future__ import annotations

from collections import deque

from engine.types import Millis

TOO_MANY = 3
WITHIN: Millis = 3_600_000
"""An hour."""


class TransientRejections:
    """When the last rejections of the moment were."""

    def __init__(self) -> None:
        self._times: deque[Millis] = deque(maxlen=TOO_MANY)

    def add(self, now: Millis) -> None:
        self._times.append(now)

    def too_many(self, now: Millis) -> bool:
        """Whether those up to `now`, the last one included, are too many."""
        return len(self._times) == TOO_MANY and now - self._times[0] <= WITHIN
