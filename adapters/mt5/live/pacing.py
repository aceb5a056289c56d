"""When a live feed looks again: by the clock, or one move of a market in lockstep at a time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from adapters.mt5.api.errors import SnapshotFailed, TerminalError
from adapters.mt5.execution.remote import RemoteTerminal
from adapters.mt5.execution.venue import Venue
from adapters.mt5.live.feed import Pacing
from engine import events as ev
from engine.clock import Clock, VirtualClock
from engine.types import Millis

STAND_STILL = 0
_END_OF_BAR = "end"
_NO_OPENING = (_END_OF_BAR, "midnight", "pause")
_NOTHING: Millis = -1


class ByTheClock:
    """Looks every `seconds`, until the market ends or the user's own time is over."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        until: Millis | None,
        sleep: Callable[[float], Awaitable[None]],
        stopped: Callable[[], bool],
        duration: float | None = None,
    ) -> None:
        """The market ends at `until` (ms UTC of its clock), the session after `duration` seconds
        from now, however fast that clock runs; None: never.

        `sleep` waits so many seconds, less when a stop is asked for; `stopped` tells it.
        """
        self._ends = math.inf if duration is None else anyio.current_time() + duration
        self._clock = clock
        self._seconds = seconds
        self._until = until
        self._sleep = sleep
        self.stopped = stopped

    async def wait(self, seconds: float) -> None:
        await self._sleep(max(0.0, min(seconds, self._ends - anyio.current_time())))

    async def next(self) -> bool:
        if self.over():
            return False
        await self.wait(self._seconds)
        return True

    def over(self) -> bool:
        ended = self._until is not None and self._clock.now() >= self._until
        return ended or anyio.current_time() >= self._ends

    def day_limit(self) -> Millis:
        return self._clock.now()

    def signal_limit(self) -> Millis:
        return self._clock.now()

    def worst(self) -> ev.AccountSeen | None:
        """A market by the clock has ticks instead."""


class Prepared:
    """Another pacing with something to be done before each observation, such as reading a file."""

    def __init__(self, inner: Pacing, prepare: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._prepare = prepare
        self.wait = inner.wait
        self.stopped = inner.stopped
        self.over = inner.over
        self.day_limit = inner.day_limit
        self.signal_limit = inner.signal_limit
        self.worst = inner.worst

    async def next(self) -> bool:
        goes_on = await self._inner.next()
        if goes_on:
            await self._prepare()
        return goes_on


def moment_of(server: Millis, to_utc: Callable[[int], int]) -> Millis:
    """A moment of the server's clock in ms UTC; `to_utc` turns its seconds into seconds UTC."""
    return to_utc(server // 1000) * 1000 + server % 1000


class Lockstep:
    """Moves a hosted paper market on request; the session's clock shows the market's time.

    After a resumption or a lost host it looks first: what the last move led to was not seen.
    """

    def __init__(
        self,
        venue: Venue,
        clock: VirtualClock,
        to_utc: Callable[[int], int],
        turn: Callable[[], Millis],
        stopped: Callable[[], bool],
        *,
        resumed: bool = False,
        until: Millis | None = None,
    ) -> None:
        """`to_utc` turns seconds of the server's clock into seconds UTC; `turn` tells when (server
        ms) the market must stand still for a day or week that ends; the session is over at `until`
        (ms UTC of the market's time)."""
        self._turn = turn
        self._worst: ev.AccountSeen | None = None
        self._until = until
        self.stopped = stopped
        self._look_first = resumed
        self._venue = venue
        self._clock = clock
        self._to_utc = to_utc
        self._move = ""

    def over(self) -> bool:
        return self._until is not None and self._clock.now() >= self._until

    async def next(self) -> bool:
        if self.over():
            return False
        try:
            step = await self._venue.ask(self._move_on)
        except (TerminalError, SnapshotFailed):
            self._look_first, self._worst = True, None
            return True  # the observation that follows finds the host gone and recovers it
        if step is None or step[2] == "over":
            return False
        self._look_first = False
        server, _, self._move, figures = step
        self._worst = None if figures is None else ev.AccountSeen(*figures)
        self._clock.advance_to(max(moment_of(server, self._to_utc), self._clock.now()))
        return True

    def _move_on(self, host: RemoteTerminal) -> Any:
        """One move, or none where the last one was not looked at yet."""
        if not self._look_first:
            return host.call("paper_step", self._turn())
        progress = host.call("paper_advance", STAND_STILL, 1)
        return None if progress is None else (progress[0], "", "", None)

    async def wait(self, _seconds: float) -> None:
        """Nothing passes while the market stands still."""

    def day_limit(self) -> Millis:
        """What is due when a bar ends waits for the next one's opening."""
        now = self._clock.now()
        return now - 1 if self._move == _END_OF_BAR else now

    def signal_limit(self) -> Millis:
        """Signals meet the first opening from their time on, as in a replay."""
        return _NOTHING if self._move in _NO_OPENING else self._clock.now()

    def worst(self) -> ev.AccountSeen | None:
        """What the last move showed, where it was that of a bar's worst."""
        return self._worst
