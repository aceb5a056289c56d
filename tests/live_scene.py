"""A live feed over a paper terminal in this process, for tests: moved step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import NotSent
from adapters.mt5.execution.remote import LiveRouter
from adapters.mt5.execution.venue import Venue
from adapters.mt5.host.client import AsyncTerminal, CallResult, TerminalClient, answer_of
from adapters.mt5.host.wire import RpcReply, Trouble
from adapters.mt5.live.bar_watch import BarWatch
from adapters.mt5.live.days import Days
from adapters.mt5.live.feed import LiveFeed
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.market import PaperMarket
from engine import events as ev
from engine.clock import VirtualClock
from engine.types import Millis
from signals.market_data.bars import BarPreparer
from tests.builders import EURUSD
from tests.paper_terminals import account_at_ticks, told
from tests.venue_steps import REQUESTS, live

M15 = 900
MONDAY = 1_736_121_600
"""2025-01-06 00:00, in seconds; server and UTC are the same here."""


def rates(count: int, first: int = MONDAY) -> Any:
    """M15 bars, each 10 points above the one before."""
    made = np.zeros(count, dtype=mt5.rates_dtype())
    made["time"] = first + M15 * np.arange(count)
    opens = 1.1 + 0.0001 * np.arange(count)
    made["open"], made["close"] = opens, opens + 0.0001
    made["low"], made["high"] = opens - 0.00005, opens + 0.00015
    made["tick_volume"] = 4
    return made


def watch() -> BarWatch:
    preparer = BarPreparer(EURUSD, lambda seconds: seconds, timeframes=("M15", "H1"))
    return BarWatch("EURUSD", "EURUSD", preparer)


class Client:
    """A client whose terminal is in this process; it fails at `down` calls, the package refuses
    the arguments of the function `refused`, and the terminal fails the function `failing`."""

    def __init__(self, terminal: PaperTerminal) -> None:
        self.terminal = terminal
        self.down = 0
        self.refused = self.failing = ""

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        del deadline
        if self.down:
            self.down -= 1
            raise NotSent(f"{function}: there is no terminal host; restart it")
        if function == self.refused:
            raised = RpcReply(id=1, trouble=Trouble.RAISED, detail="SystemError: no C long")
            return answer_of(function, raised, *args, **kwargs)
        if function == self.failing:
            return CallResult(function, None, (-1, "Terminal: Call failed"))
        value = getattr(self.terminal, function)(*args, **kwargs)
        return CallResult(function, value, self.terminal.last_error())

    def restart(self) -> None:
        """The next call finds out."""

    def close(self) -> None:
        """There is nothing to end."""


class Scene:
    """A live feed over recorded bars; each step of `steps` is done before a look."""

    def __init__(
        self, count: int, *, resets: Iterator[tuple[Millis, str]] | None = None, **options: Any
    ) -> None:
        self.account = account_at_ticks()
        self.market = PaperMarket(self.account, {"EURUSD": rates(count)})
        self.client = Client(PaperTerminal(self.account, bars=self.market))
        self.live = live()
        self.clock = VirtualClock(MONDAY * 1000)
        self.line = AsyncTerminal(cast("TerminalClient", self.client))
        info = told(self.client.terminal.account_info())
        self.venue = Venue(
            self.live.parts.bus, self.live.parts.journal, self.line, self.clock,
            router=LiveRouter(REQUESTS, info),
        )  # fmt: skip
        self.fed: list[Any] = []
        kinds = (
            ev.Tick, ev.SymbolValuation, ev.SwapSeen, ev.BarClosed, ev.WarmedUp, ev.ResetDue,
            ev.LinkChanged,
        )  # fmt: skip
        self.live.parts.bus.attach(dict.fromkeys(kinds, self.fed.append))
        self.stops = self.out_of_time = False
        self.waited: list[float] = []
        self.slices = 0
        self.on_wait: Callable[[], None] | None = None
        self.at_the_end: Callable[[], None] | None = None  # then the feed is closed, too
        self._steps: Iterator[Callable[[], None]] = iter(())
        self.feed = LiveFeed(
            self.live.parts.bus, self.live.parts.portfolio, self.live.gateway, self.venue,
            self.clock, [watch()], self,
            Days(self.live.parts.bus, iter([(1 << 60, "")]) if resets is None else resets),
            **options,
        )  # fmt: skip

    async def next(self) -> bool:
        step = next(self._steps, None)
        if step is not None:
            step()
        return step is not None

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        assert len(self.waited) < 1_000, "it tries for ever, and nothing ends it"
        if self.on_wait is not None:
            self.on_wait()

    def stopped(self) -> bool:
        return self.stops

    def over(self) -> bool:
        return self.out_of_time

    def day_limit(self) -> Millis:
        return self.clock.now()

    def signal_limit(self) -> Millis:
        return self.clock.now()

    def worst(self) -> ev.AccountSeen | None:
        """Its market shows no bar's worst."""

    def to(self, bar: int) -> Callable[[], None]:
        """Until the `bar`-th bar (from 0) has just opened."""

        def move() -> None:
            moment = (MONDAY + bar * M15) * 1000
            self.market.advance(moment)
            self.clock.advance_to(moment)

        return move

    def play(self, *steps: Callable[[], None]) -> Sequence[ev.Record]:
        self._steps = iter(steps)

        async def run() -> None:
            try:
                async for _ in self.feed.slices():
                    self.slices += 1
                if self.at_the_end is not None:
                    self.at_the_end()
                    await self.feed.aclose()
            finally:
                self.venue.abandon()
                await self.line.close()

        asyncio.run(run())
        return self.live.parts.journal.records

    def bars(self) -> list[tuple[int, bool]]:
        """The M15 bars that were fed, by number, and whether they were late."""
        bars = self.of(ev.BarClosed)
        return [
            ((bar.time // 1000 - MONDAY) // M15, bar.late) for bar in bars if bar.timeframe == "M15"
        ]

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.fed if isinstance(item, kind)]
