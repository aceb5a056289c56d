"""Sessions beyond a script's: stops that are moved, entries that wait. Put in a script's place.

They go on whatever happens, so that only risk and gateway keep an order from leaving after a halt.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from adapters.mt5.api.errors import SnapshotFailed, TerminalError
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.venue import Venue
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.portfolio import Portfolio, Position
from engine.types import Points, Side

SWING = 300
"""Points by which the market falls in the first half hour and rises in the second."""

_HALF_HOUR = 30 * 60_000
_HOUR = 2 * _HALF_HOUR
_AWAY = 200  # points between the market and a waiting entry
_STOP = 1_000
_LOOKS = 3


class Kind(enum.StrEnum):
    """What a session does with its orders."""

    SCRIPT = "script"  # the shipped script: market entries, closed after a while
    MODIFY = "modify"  # an entry whose stop is moved twice
    WAIT = "wait"  # a waiting entry each way, filled by the market


class StepFeed:
    """Carries out the steps of one kind of session; made with the arguments of a `ScriptFeed`.

    `advance` plays the paper market for so many milliseconds.
    """

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        gateway: Gateway,
        venue: Venue,
        clock: Clock,
        *_: Any,
        kind: Kind,
        advance: Callable[[int], Awaitable[None]],
        quote: Callable[[str], Awaitable[Any]],
        **_more: Any,
    ) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._gateway = gateway
        self._venue = venue
        self._clock = clock
        self._advance = advance
        self._quote = quote
        self._steps = self._modify if kind is Kind.MODIFY else self._wait

    def routes(self) -> ev.Routes:
        return {}

    async def slices(self) -> AsyncGenerator[None, None]:
        async for _ in self._steps():
            yield

    async def aclose(self) -> None:
        await self._venue.settled()
        self._venue.close()

    async def _modify(self) -> AsyncGenerator[None, None]:
        """An entry, its stop nearer by 50 and 100 points, and its end."""
        signal = await self._enter("1", Side.LONG)
        yield
        for nearer in (50, 100):
            await self._protect(signal, nearer)
            yield
        await self._leave(signal)
        yield

    async def _wait(self) -> AsyncGenerator[None, None]:
        """A limit below the market and then one above it; each is met within half an hour."""
        for name, side in (("1", Side.LONG), ("2", Side.SHORT)):
            signal = await self._enter(name, side, waiting=True)
            yield
            await self._play()
            await self._settle()
            yield
            await self._leave(signal)
            yield

    # --- single steps ---

    async def _enter(self, name: str, side: Side, *, waiting: bool = False) -> str:
        tick = await self._look()
        spec = self._portfolio.specs[tick.symbol]
        away = _AWAY if waiting else 0
        price = (tick.ask if side is Side.LONG else tick.bid) - side * away
        signal = ev.UserSignal(
            line=0,
            time=self._bus.time,
            symbol=tick.symbol,
            side=side,
            stop_loss=spec.price(price - side * _STOP),
            entry_price=spec.price(price) if waiting else None,
            expires=self._bus.time + 24 * _HOUR if waiting else None,
            strategy_id=f"steps:{name}",
            volume=0.1,
        )
        self._bus.feed(ev.SignalDue(signal))
        await self._settle()
        return signal.signal_id

    async def _protect(self, signal: str, nearer: Points) -> None:
        await self._look()
        for position in self._held(signal):
            stop = position.stop_loss + position.side * nearer
            self._bus.publish(
                ev.SignalRaised(
                    terms=ev.OrderTerms(
                        signal_id=f"{signal}:{nearer}",
                        strategy_id=position.strategy_id,
                        symbol=position.symbol,
                        action=ev.Action.MODIFY,
                        side=position.side,
                        reason="TRAIL",
                        price=self._portfolio.ticks[position.symbol].bid,
                        stop_loss=stop,
                        take_profit=position.take_profit,
                        volume=position.volume,
                        position=position.ticket,
                    ),
                )
            )
        await self._settle()

    async def _leave(self, signal: str) -> None:
        """Close the signal's position; once more if it is refused."""
        for _ in range(2):
            if not self._held(signal):
                return
            await self._look()
            self._bus.feed(ev.ExitDue(signal))
            await self._settle()

    def _held(self, signal: str) -> list[Position]:
        return [item for item in self._portfolio.positions.values() if item.signal_id == signal]

    async def _settle(self) -> None:
        """Let the replies come, and look as often as a running session would before it goes on."""
        await self._venue.settled()
        for _ in range(_LOOKS):
            await self._venue.recover(self._gateway)
            await self._venue.settled()  # what a look led to: orders that are taken back

    async def _look(self) -> ev.Tick:
        try:
            quote = await self._quote("EURUSD")
        except (TerminalError, SnapshotFailed):
            await self._settle()
            quote = await self._quote("EURUSD")
        self._bus.time, self._bus.bar = self._clock.now(), None
        self._bus.feed(quote.tick)
        if quote.worth is not None:
            self._bus.feed(quote.worth.at("EURUSD", self._bus.time))
        self._bus.feed(quote.account)
        tick: ev.Tick = quote.tick
        return tick

    async def _play(self) -> None:
        try:
            await self._advance(_HALF_HOUR)
        except TerminalError:
            await self._settle()
            await self._advance(_HALF_HOUR)
