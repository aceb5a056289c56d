"""Changes of levels that the venue refused as too late: that position's rest for a while. Pure.

The price has come so near that the venue acts by itself. The old levels stay in force; to ask again
with every bar or tick would only be refused again, and says nothing about entries elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from engine import events as ev
from engine.types import Millis

FIRST: Millis = 30_000
LONGEST: Millis = 3_600_000
"""The first rest, in milliseconds; each further one is twice as long, up to the longest."""


class _Rest(NamedTuple):
    until: Millis
    length: Millis


class LevelChanges:
    """The positions whose levels rest, by ticket."""

    def __init__(self) -> None:
        self._rests: dict[int, _Rest] = {}

    def refused(self, position: int, now: Millis) -> None:
        before = self._rests.get(position)
        length = FIRST if before is None else min(2 * before.length, LONGEST)
        self._rests[position] = _Rest(now + length, length)

    def over(self, position: int) -> None:
        """The venue took a change, or the position is closed."""
        self._rests.pop(position, None)

    def objection(self, order: ev.OrderIntent, now: Millis) -> tuple[ev.DenyReason, str] | None:
        """Why a change of levels must wait, or None."""
        rest = self._rests.get(order.terms.position)
        if order.terms.action is not ev.MODIFY or rest is None or now >= rest.until:
            return None
        left = -(-(rest.until - now) // 1000)
        return (
            ev.DenyReason.LEVELS_SUSPENDED,
            f"the venue refused the last change of position {order.terms.position} as too late; "
            f"its levels stay as they are for {left} s",
        )
