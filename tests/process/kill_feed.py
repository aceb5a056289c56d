"""A script on a market that moves: what each plan does has its own time of the market's clock.

Because every step plays the market up to a time that the plan alone decides, a session that was
killed and goes on meets the same prices as one that nobody disturbed.
"""

from __future__ import annotations

from typing import Any

from adapters.mt5.api.errors import TerminalError
from adapters.mt5.live.script import ScriptedEntry, ScriptFeed
from adapters.paper.terminal.spec import MADE_UP_START
from engine import events as ev
from engine.types import Millis, Points, Side

SWING = 300
"""Points by which the market falls in the first half hour and rises in the second."""

STRATEGY = "kill"

MARKET = "market"  # an entry now
WAIT = "wait"  # an entry that waits 40 points away and is met within two minutes
TRAIL = "trail"  # an entry now, its stop moved nearer

_AWAY: Points = 40
_NEARER: Points = 50
_MINUTE: Millis = 60_000
_EVERY = 10
_ENTERED, _MET, _LEFT = 1, 4, 7  # minutes of a plan's ten
_DAY: Millis = 24 * 60 * _MINUTE


def _plan(number: int, side: Side, reason: str, **more: Any) -> ScriptedEntry:
    terms = {"stop": 400, "volume": 1_000, **more}
    return ScriptedEntry(
        name=str(number), symbol="EURUSD", side=side, reason=reason, strategy_id=STRATEGY, **terms
    )


PLANS = (
    _plan(1, Side.SHORT, TRAIL),
    _plan(2, Side.LONG, WAIT),
    _plan(3, Side.LONG, MARKET, stop=50),  # the falling market stops it out
    _plan(4, Side.LONG, TRAIL, volume=0),
    _plan(5, Side.SHORT, WAIT),
    _plan(6, Side.LONG, MARKET, target=40),  # the rising market brings it to its target
)


def _moment(number: int, minute: int) -> Millis:
    return MADE_UP_START * 1000 + ((number - 1) * _EVERY + minute) * _MINUTE


class MovingFeed(ScriptFeed):
    """The shipped script with a market that moves, entries that wait and stops that are moved."""

    def __init__(self, *args: Any, raised: frozenset[str] = frozenset(), **more: Any) -> None:
        super().__init__(*args, raised=raised, **more)
        self._number = max((int(mark.rpartition(":")[2]) for mark in raised), default=0)

    async def _tidy(self) -> None:
        """What an earlier part entered is left when it would have been; the market goes on."""
        if self._number:
            await self._play(_LEFT)
        await super()._tidy()

    async def _enter(self, plan: ScriptedEntry) -> str:
        self._number = int(plan.name)
        await self._play(_ENTERED)
        if plan.reason == WAIT:
            signal_id = await self._enter_later(plan)
        else:
            signal_id = await super()._enter(plan)
        await self._venue.settled()
        await self._play(_MET)
        if plan.reason == TRAIL:
            await self._protect(signal_id)
        return signal_id

    async def _enter_later(self, plan: ScriptedEntry) -> str:
        tick = await self._snapshot_of(plan.symbol)
        spec = self._portfolio.specs[plan.symbol]
        entry = (tick.ask if plan.side is Side.LONG else tick.bid) - plan.side * _AWAY
        signal = ev.UserSignal(
            line=0,
            time=self._bus.time,
            symbol=plan.symbol,
            side=plan.side,
            stop_loss=spec.price(entry - plan.side * plan.stop),
            entry_price=spec.price(entry),
            expires=self._bus.time + _DAY,
            reason=plan.reason,
            strategy_id=plan.mark,
            volume=0.1,
        )
        self._bus.feed(ev.SignalDue(signal))
        return signal.signal_id

    async def _protect(self, signal_id: str) -> None:
        await self._snapshot_of("EURUSD")
        for position in list(self._portfolio.positions.values()):
            if position.signal_id != signal_id:
                continue
            self._bus.publish(
                ev.SignalRaised(
                    terms=ev.OrderTerms(
                        signal_id=f"{signal_id}:trail",
                        strategy_id=position.strategy_id,
                        symbol=position.symbol,
                        action=ev.Action.MODIFY,
                        side=position.side,
                        reason="TRAIL",
                        price=self._portfolio.ticks[position.symbol].bid,
                        stop_loss=position.stop_loss + position.side * _NEARER,
                        take_profit=position.take_profit,
                        volume=position.volume,
                        position=position.ticket,
                    ),
                )
            )

    async def _close(self, symbol: str, signal_id: str) -> None:
        await self._play(_LEFT)
        await super()._close(symbol, signal_id)

    async def _play(self, minute: int) -> None:
        """Let the market move up to this minute of the current plan's time."""
        until = _moment(self._number, minute)
        try:
            await self._venue.ask(lambda terminal: terminal.call("paper_advance", until))
        except TerminalError:
            await self._venue.recover(self._gateway)
            await self._venue.ask(lambda terminal: terminal.call("paper_advance", until))
