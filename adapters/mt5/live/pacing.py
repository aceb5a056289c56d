"""When a live feed looks again: by the clock, or one move of a market in lockstep at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.mt5.api.errors import SnapshotFailed, TerminalError
from adapters.mt5.execution.venue import Venue
from adapters.mt5.live.feed import Pacing
from engine.clock import Clock, VirtualClock
from engine.types import Millis

_FAR = 1 << 61
STAND_STILL = 0
_END_OF_BAR = "end"


class ByTheClock:
    """Looks every `seconds`, until `until` (ms UTC; None: for ever)."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        until: Millis | None,
        sleep: Callable[[float], Awaitable[None]],
        stopped: Callable[[], bool],
    ) -> None:
        """`sleep` waits so many seconds, less when a stop is asked for; `stopped` tells it."""
        self._clock = clock
        self._seconds = seconds
        self._until = until
        self._sleep = sleep
        self.stopped = stopped

    async def wait(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def next(self) -> bool:
        if self._until is not None and self._clock.now() >= self._until:
            return False
        await self._sleep(self._seconds)
        return True

    def day_limit(self) -> Millis:
        return self._clock.now()


class Prepared:
    """Another pacing with something to be done before each observation, such as reading a file."""

    def __init__(self, inner: Pacing, prepare: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._prepare = prepare
        self.wait = inner.wait
        self.stopped = inner.stopped
        self.day_limit = inner.day_limit

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
        stopped: Callable[[], bool],
        *,
        resumed: bool = False,
    ) -> None:
        """`to_utc` turns seconds of the server's clock into seconds UTC."""
        self.stopped = stopped
        self._look_first = resumed
        self._venue = venue
        self._clock = clock
        self._to_utc = to_utc
        self._move = ""

    async def next(self) -> bool:
        until = STAND_STILL if self._look_first else _FAR
        try:
            progress = await self._venue.ask(lambda host: host.call("paper_advance", until, 1))
        except (TerminalError, SnapshotFailed):
            self._look_first = True
            return True  # the observation that follows finds the host gone and recovers it
        if progress is None or not (progress[1] or self._look_first):
            return False
        self._look_first = False
        self._move = progress[4]
        moment = moment_of(progress[0], self._to_utc)
        self._clock.advance_to(max(moment, self._clock.now()))
        return True

    async def wait(self, _seconds: float) -> None:
        """Nothing passes while the market stands still."""

    def day_limit(self) -> Millis:
        """What is due when a bar ends waits for the next one's opening."""
        now = self._clock.now()
        return now - 1 if self._move == _END_OF_BAR else now
