"""Which clock a server's times follow, detected from fresh ticks. Pure.

A tick's time is the server's wall clock. Right after a tick the difference to UTC is the server's
offset, give or take the time that the tick took. Offsets are whole half hours; a fixed one would be
wrong twice a year, so the clock is one of the known rules, and which ones fit is checked again with
every fresh tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from engine.clock import Clock
from engine.types import Millis

_HALF_HOUR = 1800
_TOLERANCE = 120
"""Seconds by which a fresh tick may be older, or the machine's clock wrong."""

_FRESH = 30_000
"""Milliseconds within which a tick that moved counts as fresh."""

_SURE_AFTER = 3
"""Fresh ticks in a row that must agree before a rule that they contradict is given up: after an
outage a terminal may show ticks that are hours old."""

Name = TypeVar("Name", bound=str)

ToServer = Callable[[int], int]
"""From seconds UTC to seconds of a server's clock."""


class ServerClock(Generic[Name]):
    """What is known of a server's clock; `candidates` are rules by name, the usual one first."""

    def __init__(self, candidates: Mapping[Name, ToServer]) -> None:
        self._candidates = dict(candidates)
        self._fitting = list(candidates)
        self._last_tick = 0
        self._seen_at: Millis = 0
        self._contrary = (0, 0)  # an offset that no rule so far explains, and how often it came
        self.certain = False
        self.problem = "no fresh tick has come yet"

    @property
    def rule(self) -> Name:
        """The rule that is taken: the first that fits every fresh tick so far."""
        return self._fitting[0]

    def at(self, moment: Millis) -> int:
        """The server's clock at `moment` (ms UTC), in seconds."""
        return self._candidates[self.rule](moment // 1000)

    def tick(self, tick_time: int, now: Millis) -> None:
        """Take the time of the last tick (server's seconds) at `now` into account.

        Only a tick that is new and came soon after the last look proves anything.
        """
        fresh = tick_time > self._last_tick and self._last_tick and now - self._seen_at <= _FRESH
        self._last_tick, self._seen_at = max(tick_time, self._last_tick), now
        if fresh:
            self._calibrate(tick_time, now // 1000)

    def _calibrate(self, tick_time: int, utc: int) -> None:
        offset = round((tick_time - utc) / _HALF_HOUR) * _HALF_HOUR
        if abs(tick_time - utc - offset) > _TOLERANCE:
            self.certain = False
            self.problem = (
                f"a fresh tick is {tick_time - utc} s from UTC, which is no whole half hour: "
                "set this machine's clock"
            )
            return
        fitting = [n for n, rule in self._candidates.items() if rule(utc) - utc == offset]
        if not fitting:
            self.certain = False
            self.problem = f"no known clock is {offset / 3600:+g} h from UTC now"
            return
        kept = [name for name in self._fitting if name in fitting]
        if not kept and not self._insists(offset):
            self.certain = False
            self.problem = f"a fresh tick is {offset / 3600:+g} h from UTC, which is new"
            return
        self._fitting = kept or fitting
        self._contrary = (0, 0)
        self.certain, self.problem = True, ""

    def _insists(self, offset: int) -> bool:
        """Whether so many ticks in a row showed this offset that it is believed."""
        known, times = self._contrary
        times = times + 1 if known == offset else 1
        self._contrary = (offset, times)
        return times >= _SURE_AFTER


class ServerTime:
    """The server's clock: ahead of ours by the most that any tick was.

    A tick is never younger than the server's own time, and most of them are hardly older.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: Millis | None = None

    def seen(self, tick_time: int) -> None:
        """A tick with this time, in seconds of the server's clock, was the last one just now."""
        ahead = tick_time * 1000 - self._clock.now()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)

    def at(self, moment: Millis) -> int:
        """A time as seconds of the server's clock; UTC until a tick was seen."""
        return (moment + (self._ahead or 0)) // 1000
