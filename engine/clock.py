"""Time as a port: the one place of the kernel that may look at a clock."""

from __future__ import annotations

import time
from typing import Protocol

from engine.types import Millis

_NANOS_PER_MILLI = 1_000_000


class Clock(Protocol):
    """Gives the time in milliseconds since the epoch, UTC."""

    def now(self) -> Millis: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Millis:
        return time.time_ns() // _NANOS_PER_MILLI


class VirtualClock:
    """A clock that stands still until it is moved; it never goes back."""

    def __init__(self, start: Millis = 0) -> None:
        self._now = start

    def now(self) -> Millis:
        return self._now

    def advance_to(self, moment: Millis) -> None:
        """Move to `moment`; raises ValueError for a step back."""
        if moment < self._now:
            raise ValueError(f"a virtual clock cannot step back from {self._now} to {moment}")
        self._now = moment
