"""The live feed: observes a terminal again and again and puts what it sees on the bus.

Between two observations it waits as its `Pacing` says: some seconds of real time, or one move of a
market in lockstep. Everything else is the same, so that a session can be checked against a replay.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Final, Protocol

import anyio.to_thread
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import LinkDown, SnapshotFailed, TerminalError
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.observation import BarRequest, MarketSnapshot, Quote
from adapters.mt5.execution.symbol_specs import symbol_mode
from adapters.mt5.execution.valuation import ValuationSchedule
from adapters.mt5.execution.venue import Venue
from adapters.mt5.live.attempt import attempted
from adapters.mt5.live.bar_watch import BarWatch, past_of
from adapters.mt5.live.days import Days
from adapters.mt5.live.feed_watch import FeedState, FeedWatch
from adapters.mt5.live.release import TransientRelease
from adapters.mt5.live.server_clock import ServerClock
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.portfolio import Portfolio
from engine.trading import HaltCause
from engine.types import Cents, Millis

_MANY_BARS = 200
"""Bars whose preparation would take the loop longer than a tick may wait."""

_LONGEST_WAIT = 60.0
"""Seconds between two attempts to bring a lost link back, at most."""

_UNHEARD: Final[Callable[[str], object]] = str
"""Where nobody reads what is said."""


class Pacing(Protocol):
    """When to look again."""

    async def next(self) -> bool:
        """Wait until the next observation is due; False when the session is over."""

    async def wait(self, seconds: float) -> None:
        """Wait before the next attempt to bring the link back; less when a stop is asked for."""

    def stopped(self) -> bool:
        """Whether a stop was asked for."""

    def over(self) -> bool:
        """Whether the session's time is over, whatever the link does."""

    def day_limit(self) -> Millis:
        """Until which moment (ms UTC) days are turned at this observation."""

    def signal_limit(self) -> Millis:
        """Until which moment (ms UTC) signals are due at this observation."""

    def worst(self) -> ev.AccountSeen | None:
        """The account's figures at the worst of a bar; then they are all that there is to see."""


class LedgerNews(Protocol):
    """What looks at the account's ledger (`scripts.app.account.watch.LedgerWatch`)."""

    async def news(self, balance: Cents, *, turns: bool) -> ev.LedgerUpdated | None:
        """The account's standing where it changed; always where the day `turns`."""


class LiveFeed:
    """Feeds a session from a terminal.

    `told` are the last bars that an earlier part of the session received, by symbol and timeframe:
    those after them are news, all others only warm up.
    """

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        gateway: Gateway,
        venue: Venue,
        clock: Clock,
        watches: Sequence[BarWatch],
        pacing: Pacing,
        days: Days,
        *,
        due: Callable[[], Iterable[ev.SignalDue | ev.ExitDue | ev.HeldExitDue]] = tuple,
        told: Mapping[tuple[str, str], Millis] = MappingProxyType({}),
        server: ServerClock[Any] | None = None,
        release: TransientRelease | None = None,
        ledger: LedgerNews | None = None,
        warn: Callable[[str], object] = _UNHEARD,
    ) -> None:
        """With a `server` clock prices and time are watched; in lockstep both are certain.

        A `release` says what is checked before an answer of the moment is over.
        """
        self._release = release
        self._bus = bus
        self._portfolio = portfolio
        self._gateway = gateway
        self._venue = venue
        self._clock = clock
        self._watches = watches
        self._pacing = pacing
        self._days = days
        self._due = due
        self._warm = False
        self._reported_bars = told
        self._account = ev.AccountSeen(0, 0, 0)
        self._valuations = ValuationSchedule()
        self._server = server
        self._ledger = ledger
        self._watch = FeedWatch(clock.now())
        self._reported: dict[HaltCause, bool] = {}
        self._modes: dict[str, ev.SymbolModeSeen] = {}
        self._last_ticks: dict[str, tuple[float, float, int]] = {}
        self._linked = False
        self._warn = warn
        self._failed_looks = 0

    async def slices(self) -> AsyncGenerator[None, None]:
        # At first the account is compared, before anything is done.
        while not self._linked or await self._pacing.next():
            linked, self._linked = self._linked, False  # whatever ends the session here
            if linked:
                self._linked = await self._observe() and await self._check_again()
            if not self._linked:
                try:
                    async with aclosing(self._recovery()) as attempts:
                        async for _ in attempts:
                            yield
                except LinkDown:
                    if self._pacing.over():
                        return
                    yield  # a stop that was asked for is an orderly end
                    raise
                self._linked = True
            await self._venue.settled()
            yield

    async def aclose(self) -> None:
        """Let requests under way come back and look at what they led to, then take no more."""
        try:
            await self._venue.settled()
            if self._linked and self._server is not None:  # in lockstep nothing moves meanwhile
                await self._look_back()
        finally:
            self._venue.close()

    async def _look_back(self) -> None:
        """Take what no look has shown yet: a venue may show the money of a close later than it.

        What a standing intent asks for again is sent and waited for.
        """
        why = ""
        try:
            seen = await self._venue.observe((), self._gateway.snapshot_query())
        except (TerminalError, SnapshotFailed) as error:
            why = f"no look at the account when the session ended: {error}"
        self._bus.time, self._bus.bar = self._clock.now(), None
        if why:
            self._bus.feed(ev.LinkChanged(up=False, detail=why))
            return
        if self._gateway.has_changes(seen.snapshot):
            self._bus.feed(seen.snapshot)
        account = ev.AccountSeen.of(seen.snapshot.account)
        if account.balance != self._portfolio.account.figures.balance:
            self._test_equity(account)
        await self._venue.settled()

    async def _observe(self) -> bool:
        """Look once and take what is seen; False when the terminal does not answer."""
        worst = self._pacing.worst()
        if worst is not None:
            self._see_worst(worst)
            return True
        gaps = [self._request(watch) for watch in self._watches]
        query = self._gateway.snapshot_query()
        try:
            seen = await self._venue.observe(gaps, query)
            while seen.worst is not None:
                self._see_worst(seen.worst)
                await self._venue.settled()
                seen = await self._venue.observe(gaps, self._gateway.snapshot_query())
        except (TerminalError, SnapshotFailed) as error:
            self._look_failed(str(error))
            return False
        closed = [await self._closed(*pair) for pair in self._pairs(seen)]
        limit = self._pacing.day_limit()
        standing = await self._standing(seen, limit)
        self._bus.time, self._bus.bar = self._clock.now(), None
        self._take(seen, closed, limit, standing)
        return True

    def _look_failed(self, why: str) -> None:
        """A look that fails although the account answers: nothing is known of the market, so after
        the second in a row nothing new leaves, until a whole one succeeds."""
        if self._server is None and not self._warm:
            return  # a recorded market whose first prices are still to come
        self._failed_looks += 1
        if self._failed_looks == 1:
            self._warn(f"a look at the terminal failed: {why}")
        else:
            self._bus.time, self._bus.bar = self._clock.now(), None
            self._tell(HaltCause.FEED, holds=True, detail=f"no look at the market: {why}")

    def _looked(self) -> None:
        if self._failed_looks and self._server is None and self._reported.get(HaltCause.FEED):
            self._tell(HaltCause.FEED, holds=False, detail="")  # else its prices tell
        self._failed_looks = 0

    def _see_worst(self, worst: ev.AccountSeen) -> None:
        """Test the account where its positions were at their worst, before the range is played."""
        self._bus.time, self._bus.bar = self._clock.now(), None
        self._account = worst
        self._bus.feed(worst)

    async def _check_again(self) -> bool:
        """Check whether what the venue refused for the moment would pass now; False when the
        terminal does not answer."""
        probe = None if self._release is None else self._release.due(self._clock.now())
        if self._release is None or probe is None:
            return True
        try:
            retcode = await self._venue.check(*probe)
        except TerminalError as error:
            self._look_failed(str(error))
            return False
        now = self._bus.time = self._clock.now()
        if retcode is None:
            self._warn("order_check says nothing to an order like the one refused: asked later")
        self._release.checked(now, mt5.RES_E_FAIL if retcode is None else retcode)
        return True

    async def _standing(self, seen: MarketSnapshot, limit: Millis) -> ev.LedgerUpdated | None:
        """What the account's ledger has to tell now; a new day is set right by it."""
        if self._ledger is None:
            return None
        turns = self._days.is_due(limit)
        return await self._ledger.news(seen.snapshot.account.balance, turns=turns)

    def _request(self, watch: BarWatch) -> BarRequest:
        """What is asked about a symbol: what it is worth only now and then."""
        spec = self._portfolio.specs[watch.symbol]
        wanted = self._valuations.is_due(spec, self._clock.now())
        return watch.request._replace(spec=spec) if wanted else watch.request

    async def _recovery(self) -> AsyncGenerator[None, None]:
        """Bring the link back, however long that takes; trading is suspended meanwhile.

        Yields after each attempt, so that a failure is published before the next one. Raises
        LinkDown once a stop is asked for or the time is over.
        """
        pacing = self._pacing
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(LinkDown),
            wait=wait_random_exponential(multiplier=1, max=_LONGEST_WAIT),
            stop=lambda _state: pacing.stopped() or pacing.over(),
            sleep=pacing.wait,
            reraise=True,
        ):
            with attempt:
                await self._attempt()
            yield

    async def _attempt(self) -> None:
        """One attempt, given up when the time is over: a terminal that never answers must not keep
        a session from its end. What still runs in the worker thread ends with its deadline."""
        pacing = self._pacing
        recovery = self._venue.recover(self._gateway)
        if not await attempted(recovery, lambda: pacing.over() or pacing.stopped()):
            raise LinkDown("the link to the terminal is lost: no answer when the session ended")

    def _pairs(self, seen: MarketSnapshot) -> Iterable[tuple[BarWatch, Quote]]:
        return zip(self._watches, seen.quotes, strict=True)

    async def _closed(self, watch: BarWatch, quoted: Quote) -> list[ev.BarClosed] | None:
        """The bars that have closed; many of them are made in a thread, the loop does not wait."""
        bars = quoted.bars
        if bars is None:
            return None
        if len(bars) < _MANY_BARS:
            return list(watch.closed(bars))
        return await anyio.to_thread.run_sync(lambda: list(watch.closed(bars)))

    def _take(
        self,
        seen: MarketSnapshot,
        closed: Sequence[list[ev.BarClosed] | None],
        limit: Millis,
        standing: ev.LedgerUpdated | None,
    ) -> None:
        self._looked()
        account = ev.AccountSeen.of(seen.snapshot.account)
        self._days.turn(limit, account)
        if standing is not None:
            self._bus.feed(standing)
        self._check_permissions(seen)
        if self._server is not None:
            self._check_conditions(self._server, seen)
        if self._gateway.has_changes(seen.snapshot):
            self._bus.feed(seen.snapshot)
        self._swaps(seen.snapshot.positions)
        for watch, quoted in self._pairs(seen):
            self._tick(watch.symbol, quoted)
            self._value(watch.symbol, quoted)
        self._test_equity(account)
        for watch, bars in zip(self._watches, closed, strict=True):
            if bars is not None:
                self._bars(watch.symbol, bars)
        self._warm = True
        for item in self._due():
            self._bus.feed(item)

    @property
    def state(self) -> FeedState:
        """Whether prices come."""
        return self._watch.state

    def _check_permissions(self, seen: MarketSnapshot) -> None:
        """Suspend trading while terminal or account forbid it; learn what symbols allow."""
        objection, modes = seen.conditions
        self._tell(HaltCause.TERMINAL, bool(objection), objection)
        for watch, trade_mode in zip(self._watches, modes, strict=True):
            mode = symbol_mode(watch.symbol, trade_mode)
            if mode != self._modes.get(watch.symbol):
                self._modes[watch.symbol] = mode
                self._bus.feed(mode)

    def _check_conditions(self, server: ServerClock[Any], seen: MarketSnapshot) -> None:
        """Suspend trading while prices do not come or the server's clock is not certain."""
        now = self._bus.time
        newest = max(quoted.tick.time for quoted in seen.quotes)
        server.tick(newest, now)
        new = [self._is_new(*pair) for pair in self._pairs(seen)]  # each one is remembered
        state = self._watch.judge(now, server.at(now), ticked=any(new))
        silent = f"no price has come for {self._watch.silent_after // 1000} seconds"
        self._tell(HaltCause.FEED, state is FeedState.MUTE, silent)
        if state is not FeedState.CLOSED:
            self._tell(HaltCause.CLOCK, not server.certain, server.problem)

    def _is_new(self, watch: BarWatch, quoted: Quote) -> bool:
        """Whether a tick came since the last look: one at the same price is one, too."""
        tick = quoted.tick
        now, before = (tick.bid, tick.ask, tick.time_msc), self._last_ticks.get(watch.symbol)
        self._last_ticks[watch.symbol] = now
        return now != before

    def _tell(self, cause: HaltCause, holds: bool, detail: str) -> None:
        if holds != self._reported.get(cause):  # at first in any case: it may hold from before
            self._reported[cause] = holds
            self._bus.feed(ev.ConditionSeen(cause, holds, detail if holds else "checked again"))

    def _tick_of(self, symbol: str, quoted: Quote) -> ev.Tick:
        points = self._portfolio.specs[symbol].points
        return ev.Tick(symbol, points(quoted.tick.bid), points(quoted.tick.ask))

    def _tick(self, symbol: str, quoted: Quote) -> None:
        tick = self._tick_of(symbol, quoted)
        priced = tick.bid > 0 and tick.ask > 0  # a symbol that was just selected has no price yet
        if priced and self._portfolio.ticks.get(symbol) != tick:
            self._bus.feed(tick)

    def _swaps(self, standing: Sequence[ev.VenuePosition]) -> None:
        """What our positions have accrued; others' count as risk as a whole."""
        known = self._portfolio.positions
        for position in standing:
            ours = known.get(position.ticket)
            if ours is not None and ours.swap != position.swap:
                self._bus.feed(ev.SwapSeen(position.ticket, position.swap))

    def _value(self, symbol: str, quoted: Quote) -> None:
        spec = self._portfolio.specs[symbol]
        valuation = self._valuations.news(spec, quoted.valuation, self._bus.time)
        if valuation is not None:
            self._bus.feed(valuation)

    def _test_equity(self, account: ev.AccountSeen) -> None:
        if account != self._account:
            self._account = account
            self._bus.feed(account)

    def _bars(self, symbol: str, closed: list[ev.BarClosed]) -> None:
        if not self._warm:
            past = tuple(past_of(bar) for bar in closed if not self._is_news(bar))
            self._bus.feed(ev.WarmedUp(symbol, past))
            closed = [bar for bar in closed if self._is_news(bar)]
        for bar in closed:
            self._bus.feed(bar)

    def _is_news(self, bar: ev.BarClosed) -> bool:
        told = self._reported_bars.get((bar.symbol, bar.timeframe))
        return told is not None and bar.time > told
