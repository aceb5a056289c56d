"""A feed that enters planned orders now, one after another, and closes each after a while.

It serves the smoke test (one order) and signals that are executed on a demo account: the same bus,
risk and gateway as everywhere, only the moments come from here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import msgspec

from adapters.mt5.api.errors import SnapshotFailed, TerminalError
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.valuation import BrokerValuation, ValuationSchedule
from adapters.mt5.execution.venue import Venue
from adapters.mt5.live.days import Days
from adapters.mt5.live.feed import LedgerNews
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.portfolio import Portfolio
from engine.trading import HaltCause, Trading
from engine.types import Points, Side, SymbolSpec, Units, lots

_CLOSES = 2
_LOOKS = 5
_BETWEEN_LOOKS = 1.0  # seconds; a venue's history may lag behind


class ScriptedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to make at the market's price of the moment.

    `stop` and `target` are distances in points (`target` 0: none); `volume` 0 lets risk size it.
    """

    name: str
    symbol: str
    side: Side
    stop: Points
    target: Points = 0
    scale: float = 1.0
    volume: Units = 0
    reason: str = "script"
    strategy_id: str = "script"

    @property
    def mark(self) -> str:
        """What its signal is known by: no other plan of the session has it."""
        return f"{self.strategy_id}:{self.name}"


class ScriptQuote(msgspec.Struct, frozen=True):
    """Tick, account figures, the terminal's own valuation, if it has one, what the symbol lets be
    opened, and why no order may leave now ("": it may)."""

    tick: ev.Tick
    account: ev.AccountSeen
    valuation: BrokerValuation | None = None
    mode: ev.SymbolModeSeen | None = None
    objection: str = ""


class ScriptFeed:
    """Carries out plans; ends early when trading is halted or an order's outcome is not known.

    A pause of the user's is waited for. `quote` asks the terminal for tick and account of a symbol;
    `sleep` waits so many seconds, less when a stop is asked for; `trading` tells whether orders may
    leave; `hold` is how long a position is kept, `pace` the pause before the next plan.
    """

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        gateway: Gateway,
        venue: Venue,
        clock: Clock,
        plans: Sequence[ScriptedEntry],
        *,
        quote: Callable[[str], Awaitable[ScriptQuote]],
        sleep: Callable[[float], Awaitable[None]],
        hold: float,
        pace: float,
        trading: Callable[[], Trading],
        days: Days | None = None,
        raised: frozenset[str] = frozenset(),
        ledger: LedgerNews | None = None,
    ) -> None:
        """`raised` are plans that an earlier part of the session has entered
        (`ScriptedEntry.mark`)."""
        self._bus = bus
        self._portfolio = portfolio
        self._gateway = gateway
        self._venue = venue
        self._clock = clock
        self._plans = [plan for plan in plans if plan.mark not in raised]
        self._quote = quote
        self._sleep = sleep
        self._hold = hold
        self._pace = pace
        self._trading = trading
        self._days = days
        self._ledger = ledger
        self._valuations = ValuationSchedule()
        self._objection = ""
        self._modes: dict[str, ev.SymbolModeSeen] = {}
        self.done = 0

    async def slices(self) -> AsyncGenerator[None, None]:
        await self._tidy()
        if self._in_doubt():
            return
        for plan in self._plans:
            if self._is_over():
                return
            if self.done:
                await self._sleep(self._pace)
                yield  # a stop that was asked for meanwhile takes effect before anything is opened
            while self._is_paused():
                await self._sleep(_BETWEEN_LOOKS)
                yield
            if self._is_over():
                return
            # From here to the next yield nothing stops the session: what is opened is closed.
            signal_id = await self._enter(plan)
            await self._venue.settled()
            await self._resolve()
            if self._is_open(signal_id):
                await self._sleep(self._hold)
            await self._close(plan.symbol, signal_id)
            self.done += 1
            yield
            if self._in_doubt():
                return

    async def aclose(self) -> None:
        """Let requests under way come back, then take no more."""
        await self._venue.settled()
        self._venue.close()

    async def _tidy(self) -> None:
        """Compare with the terminal, and close what an earlier part of the session left open."""
        for symbol in sorted({order.terms.symbol for order in self._gateway.unresolved}):
            await self._snapshot_of(symbol)  # traces are looked for by the server's clock
        await self._recover()
        await self._resolve()
        for position in list(self._portfolio.positions.values()):
            await self._close(position.symbol, position.signal_id)

    async def _resolve(self) -> None:
        """Look a few times for what became of orders: of unknown outcome, or accepted only."""
        for _ in range(_LOOKS):
            if not self._in_doubt():
                return
            await self._recover()
            await self._sleep(_BETWEEN_LOOKS)

    async def _recover(self) -> None:
        """Compare with the terminal, and let closes come back that this sent again."""
        await self._venue.recover(self._gateway)
        await self._venue.settled()

    def _is_paused(self) -> bool:
        return HaltCause.PAUSED in self._trading().causes

    def _is_over(self) -> bool:
        """Whether trading is halted for a reason that is not waited for."""
        return not (self._trading().active or self._is_paused())

    def _in_doubt(self) -> bool:
        """Whether an order may still be executed, or already is: no other takes its place."""
        return bool(self._gateway.unresolved or self._gateway.snapshot_query().orders)

    async def _enter(self, plan: ScriptedEntry) -> str:
        spec = self._portfolio.specs[plan.symbol]
        tick = await self._snapshot_of(plan.symbol)
        signal = _anchored(plan, spec, tick, self._bus.time)
        self._bus.feed(ev.SignalDue(signal))
        return signal.signal_id

    async def _close(self, symbol: str, signal_id: str) -> None:
        """Close the signal's position; once more if that was refused or it was filled late.

        The venue may have closed it meanwhile: a request to close it again would be refused.
        """
        await self._recover()
        for _ in range(_CLOSES):
            if not self._is_open(signal_id):
                return
            await self._exit(symbol, signal_id)
            await self._venue.settled()
            await self._recover()
            await self._resolve()
            if self._in_doubt():
                return

    async def _exit(self, symbol: str, signal_id: str) -> None:
        await self._snapshot_of(symbol)
        self._bus.feed(ev.ExitDue(signal_id))

    async def _snapshot_of(self, symbol: str) -> ev.Tick:
        try:
            quote = await self._quote(symbol)
        except (TerminalError, SnapshotFailed):
            await self._recover()
            quote = await self._quote(symbol)
        now = self._clock.now()
        standing = None
        if self._ledger is not None and self._days is not None:
            turns = self._days.is_due(now)
            standing = await self._ledger.news(quote.account.balance, turns=turns)
        self._bus.time, self._bus.bar = self._clock.now(), None
        if self._days is not None:
            self._days.turn(now, quote.account)
        if standing is not None:
            self._bus.feed(standing)
        self._check(quote)
        self._bus.feed(quote.tick)
        valuation = self._valuations.news(
            self._portfolio.specs[symbol], quote.valuation, self._bus.time
        )
        if valuation is not None:
            self._bus.feed(valuation)
        self._bus.feed(quote.account)
        return quote.tick

    def _check(self, quote: ScriptQuote) -> None:
        """Tell what has changed of what terminal, account and symbol allow."""
        if quote.objection != self._objection:
            holds, self._objection = bool(quote.objection), quote.objection
            detail = quote.objection or "checked again"
            self._bus.feed(ev.ConditionSeen(HaltCause.TERMINAL, holds, detail))
        mode = quote.mode
        if mode is not None and self._modes.get(mode.symbol) != mode:
            self._modes[mode.symbol] = mode
            self._bus.feed(mode)

    def _is_open(self, signal_id: str) -> bool:
        return any(item.signal_id == signal_id for item in self._portfolio.positions.values())


def _anchored(plan: ScriptedEntry, spec: SymbolSpec, tick: ev.Tick, now: int) -> ev.UserSignal:
    """The plan's distances laid on the current tick: from the ask for a buy, the bid for a sell."""
    entry = tick.ask if plan.side is Side.LONG else tick.bid
    target = entry + plan.side * plan.target if plan.target else None
    return ev.UserSignal(
        line=0,
        time=now,
        symbol=plan.symbol,
        side=plan.side,
        stop_loss=spec.price(entry - plan.side * plan.stop),
        take_profit=None if target is None else spec.price(target),
        reason=plan.reason,
        strategy_id=plan.mark,
        risk_scale=plan.scale,
        volume=lots(plan.volume) if plan.volume else None,
    )
