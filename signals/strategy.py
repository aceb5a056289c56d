"""What a strategy is, and the actor that runs one.

A strategy sees closed bars of one symbol, one at a time, and the state of that symbol; it answers
with at most one decision. It keeps indicators, nothing else: positions and prices are given to it.

To write one of your own, write a class as `Strategy` describes and a preset whose `strategy` names
it (`my_file.py:MyClass`, beside the preset); `signals/sma_cross.py` is a small example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from engine import events as ev
from engine.bus import Bus
from engine.market import Market, Position
from engine.types import Points, Side, SymbolSpec, Units


class View(msgspec.Struct, frozen=True, gc=False):
    """The symbol at the moment of a decision: the tick that orders meet, the open position."""

    spec: SymbolSpec
    tick: ev.Tick
    position: Position | None


class Enter(msgspec.Struct, frozen=True, kw_only=True):
    """Open a position; `scale` multiplies the risk per trade, `reason` is the signal's tag.

    `volume` fixes the size (units of 1/10,000 lot); 0 lets risk size the order.
    """

    side: Side
    stop_loss: Points
    take_profit: Points
    reason: str
    scale: float = 1.0
    volume: Units = 0
    note: str = ""


class Leave(msgspec.Struct, frozen=True):
    """Close the open position."""

    reason: str


class Protect(msgspec.Struct, frozen=True):
    """Move the stop loss of the open position."""

    stop_loss: Points
    reason: str


Decision = Enter | Leave | Protect


class Strategy(Protocol):
    """One strategy on one symbol.

    A class also has `parameters_type`, a msgspec Struct of the preset's parameters, and is made as
    `Class(spec, parameters)`.
    """

    timeframes: tuple[str, ...]
    """The bars it wants, such as ("M15", "H1"); at equal time the longer ones come first."""

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        """Take a closed bar and decide; None to do nothing."""


StrategyFactory = Callable[[SymbolSpec], Strategy]


class StrategyFailed(Exception):
    """Raised when a strategy's own code fails; names the strategy and the symbol."""


class StrategyActor:
    """Feeds each symbol's strategy with its bars and publishes what it decides as signals.

    Without a `factory` no strategy runs and bars are let pass.
    """

    def __init__(
        self, bus: Bus, market: Market, strategy_id: str, factory: StrategyFactory | None
    ) -> None:
        self._bus = bus
        self._market = market
        self._strategy_id = strategy_id
        self._strategies: dict[str, Strategy] = {}
        if factory is not None:
            self._strategies = {
                name: self._made(factory, spec) for name, spec in market.specs.items()
            }

    def routes(self) -> ev.Routes:
        return {ev.BarClosed: self.on_bar}

    def on_bar(self, bar: ev.BarClosed) -> None:
        strategy = self._strategies.get(bar.symbol)
        if strategy is None or bar.timeframe not in strategy.timeframes:
            return
        view = View(
            self._market.specs[bar.symbol],
            self._market.ticks[bar.symbol],
            self._market.on_symbol(bar.symbol),
        )
        try:
            decision = strategy.on_bar(bar, view)
        except Exception as error:
            raise self._failed(bar.symbol, error) from error
        if decision is not None:
            self._bus.publish(_signal(self._strategy_id, bar, view, decision))

    def warm_up(self, bars: Iterable[ev.BarClosed]) -> None:
        """Let the strategies see bars of the past; what they would have done is not done."""
        for bar in bars:
            strategy = self._strategies.get(bar.symbol)
            if strategy is not None and bar.timeframe in strategy.timeframes:
                spec = self._market.specs[bar.symbol]
                tick = ev.Tick(bar.symbol, bar.close, bar.close)
                try:
                    strategy.on_bar(bar, View(spec, tick, None))
                except Exception as error:
                    raise self._failed(bar.symbol, error) from error

    def _made(self, factory: StrategyFactory, spec: SymbolSpec) -> Strategy:
        try:
            return factory(spec)
        except Exception as error:
            raise self._failed(spec.name, error) from error

    def _failed(self, symbol: str, error: Exception) -> StrategyFailed:
        return StrategyFailed(
            f"strategy {self._strategy_id} failed on {symbol}: {type(error).__name__}: {error}"
        )


def _signal(strategy_id: str, bar: ev.BarClosed, view: View, decision: Decision) -> ev.SignalRaised:
    signal_id = f"{strategy_id}:{bar.symbol}:{bar.timeframe}:{bar.time // 1000}"
    if isinstance(decision, Enter):
        long = decision.side is Side.LONG
        return ev.SignalRaised(
            signal_id=signal_id,
            strategy_id=strategy_id,
            symbol=bar.symbol,
            action=ev.Action.OPEN,
            side=decision.side,
            reason=decision.reason,
            price=view.tick.ask if long else view.tick.bid,
            stop_loss=decision.stop_loss,
            take_profit=decision.take_profit,
            scale=decision.scale,
            volume=decision.volume,
            problem=ev.DenyReason.EXPIRED if bar.late else None,
            note=decision.note,
        )
    position = view.position
    if position is None:
        raise ValueError(f"{strategy_id} wants to manage a position of {bar.symbol}: none is open")
    leaving = isinstance(decision, Leave)
    return ev.SignalRaised(
        signal_id=signal_id,
        strategy_id=strategy_id,
        symbol=bar.symbol,
        action=ev.Action.CLOSE if leaving else ev.Action.MODIFY,
        side=position.side,
        reason=decision.reason,
        price=view.tick.bid if position.side is Side.LONG else view.tick.ask,
        stop_loss=position.stop_loss if isinstance(decision, Leave) else decision.stop_loss,
        take_profit=position.take_profit,
        volume=position.volume,
        position=position.ticket,
    )
