"""What a strategy is, and the actor that runs one.

A strategy sees closed bars of one symbol, one at a time, and the state of that symbol; it answers
with at most one decision. It keeps indicators, nothing else: positions and prices are given to it.

To write one of your own, write a class as `Strategy` describes and a preset whose `strategy` names
it (`my_file.py:MyClass`, beside the preset); `signals/strategies/sma_cross.py` is a small example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec

from engine import events as ev
from engine.bars import PreparedBars
from engine.bus import Bus
from engine.exits import exit_terms
from engine.portfolio import Portfolio, Position
from engine.trading import HaltCause
from engine.types import LONG, Millis, Points, Side, SymbolSpec, Units, units
from signals.failure import FROM_OUTSIDE, StrategyFailed, failed
from signals.market_data.bars import TIMEFRAME_SECONDS
from signals.scan import ChunkScan, deciding, scan_of

Lots = Annotated[float, msgspec.Meta(gt=0)] | Literal["by_risk"]
"""A preset's `lots`: the volume of every order, or that risk sizes each by its stop."""


def volume_of(lots: Lots) -> Units:
    """The volume that `lots` fixes, however small; 0 to let risk size the order."""
    return 0 if lots == "by_risk" else max(units(lots), 1)


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


class Exit(msgspec.Struct, frozen=True):
    """Close the open position.

    `reverse_with` makes it a reversal: it is asked for the entry once the position is known to be
    closed, with the symbol as it is at that moment.
    """

    reason: str
    reverse_with: Callable[[View], Enter | None] | None = None


class MoveStop(msgspec.Struct, frozen=True):
    """Move the stop loss of the open position."""

    stop_loss: Points
    reason: str


Decision = Enter | Exit | MoveStop


class Strategy(Protocol):
    """One strategy on one symbol.

    A class also has `parameters_type`, a msgspec Struct of the preset's parameters, and is made as
    `Class(spec, parameters)`. One that defines `scan_columns` (see `signals.scan`) is spared the
    bars of a history at which it cannot decide anything.
    """

    timeframes: tuple[str, ...]
    """The bars it wants, such as ("M15", "H1"); at equal time the longer ones come first."""

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        """Take a closed bar and decide; None to do nothing."""


StrategyFactory = Callable[[SymbolSpec], Strategy]


class Reversal(msgspec.Struct, frozen=True):
    """An entry that waits until `position` is closed, as long as the bar of its decision lasts."""

    position: int
    bar: ev.BarClosed
    until: Millis
    enter: Callable[[View], Enter | None]


class StrategyActor:
    """Feeds each symbol's strategy with its bars and publishes what it decides as signals.

    Without a `factory` no strategy runs and bars are let pass.

    A reversal is two signals: the close at once, the entry when the close is confirmed and the
    account is known again. So risk counts the old position until it is gone and judges the entry
    by what the old one came to, at a venue that answers later as in a replay.
    """

    def __init__(
        self, bus: Bus, portfolio: Portfolio, strategy_id: str, factory: StrategyFactory | None
    ) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._strategy_id = strategy_id
        self._strategies: dict[str, Strategy] = {}
        self._scans: dict[str, ChunkScan] = {}
        self._reversals: dict[str, Reversal] = {}
        self._confirmed: list[Reversal] = []
        self._out = False
        if factory is not None:
            self._strategies = {
                name: self._made(factory, spec) for name, spec in portfolio.specs.items()
            }

    def routes(self) -> ev.Routes:
        return {
            ev.BarClosed: self.on_bar,
            ev.WarmedUp: self.on_warmed_up,
            ev.PositionClosed: self.on_closed,
            ev.AccountSeen: self.on_account,
            ev.ConditionSeen: self.on_condition,
        }

    def on_condition(self, seen: ev.ConditionSeen) -> None:
        """A strategy that hung again and again is not asked any more; positions are managed."""
        if seen.cause is HaltCause.STRATEGY:
            self._out = seen.holds

    def on_bar(self, bar: ev.BarClosed) -> None:
        strategy = None if self._out else self._strategies.get(bar.symbol)
        if strategy is None or bar.timeframe not in strategy.timeframes:
            return
        view = self._view(bar.symbol)
        scan = self._scans.get(bar.symbol)
        try:
            decision = strategy.on_bar(bar, view) if scan is None else scan.decide(bar, view)
            _insist_on_types(decision)
            if decision is None:
                return
            signal = _signal(self._strategy_id, bar, view, decision)
        except FROM_OUTSIDE as error:
            raise self._failed(bar.symbol, error, strategy) from error
        if isinstance(decision, Exit) and decision.reverse_with is not None:
            until = _end_of_slot(bar, self._bus.time)
            self._reversals[bar.symbol] = Reversal(
                signal.terms.position, bar, until, decision.reverse_with
            )
        self._bus.publish(signal)

    def on_closed(self, closed: ev.PositionClosed) -> None:
        """What an entry waited for; it is raised when the account is known after this deal."""
        waiting = self._reversals.get(closed.symbol)
        if waiting is None or waiting.position != closed.position or closed.remaining:
            return
        del self._reversals[closed.symbol]
        self._confirmed.append(waiting)

    def on_account(self, _seen: ev.AccountSeen) -> None:
        """Every deal is followed by an equity test: then risk can judge what comes next."""
        while self._confirmed:
            self._enter(self._confirmed.pop(0))

    def _enter(self, reversal: Reversal) -> None:
        """Raise the entry, unless the bar of its decision is over."""
        symbol = reversal.bar.symbol
        view = self._view(symbol)
        try:
            entry = reversal.enter(view)
            _insist_on_types(entry)
        except FROM_OUTSIDE as error:
            raise self._failed(symbol, error, reversal.enter) from error
        if entry is None:
            return
        signal = _signal(self._strategy_id, reversal.bar, view, entry)
        if self._bus.time < reversal.until and view.position is None:
            self._bus.publish(signal)
            return
        late = ev.SignalDropped(
            signal_id=signal.terms.signal_id, symbol=symbol, reason="reversal_late"
        )
        self._bus.publish(late)

    def _view(self, symbol: str) -> View:
        portfolio = self._portfolio
        return View(portfolio.specs[symbol], portfolio.ticks[symbol], portfolio.on_symbol(symbol))

    def on_warmed_up(self, past: ev.WarmedUp) -> None:
        """Let a strategy see bars of the past; what it would have done is not done."""
        strategy = self._strategies.get(past.symbol)
        if strategy is None:
            return
        spec = self._portfolio.specs[past.symbol]
        for bar in (ev.BarClosed(past.symbol, *row) for row in past.bars):
            if bar.timeframe in strategy.timeframes:
                tick = ev.Tick(bar.symbol, bar.close, bar.close)
                try:
                    strategy.on_bar(bar, View(spec, tick, None))
                except FROM_OUTSIDE as error:
                    raise self._failed(bar.symbol, error) from error

    def scanned(self, symbol: str, chunks: Iterable[PreparedBars]) -> Iterator[PreparedBars]:
        """The chunks of a history, each with the scan of the symbol's strategy if it has one."""
        strategy = self._strategies.get(symbol)
        scan = scan_of(strategy)
        for bars in chunks:
            if bars.past and scan is None:
                self._look_back(symbol, bars)
            elif scan is not None and strategy is not None:
                try:
                    columns = scan(bars)
                except FROM_OUTSIDE as error:
                    raise self._failed(symbol, error) from error
                bars.scan = ChunkScan(
                    columns,
                    deciding(bars, strategy.timeframes),
                    lambda: self._portfolio.on_symbol(symbol),
                    lambda entered: self._scans.update({symbol: entered}),
                )
            yield bars

    def warmed(self, symbol: str, chunks: Iterable[PreparedBars]) -> Iterator[PreparedBars]:
        """The chunks of a history whose strategy is asked bar by bar; it sees those of the past."""
        for bars in chunks:
            if bars.past:
                self._look_back(symbol, bars)
            yield bars

    def _look_back(self, symbol: str, bars: PreparedBars) -> None:
        rows = (bar for closed in bars.closed.values() for bar in closed)
        past = tuple(
            (bar.timeframe, bar.time, bar.open, bar.high, bar.low, bar.close) for bar in rows
        )
        self.on_warmed_up(ev.WarmedUp(symbol, past))

    def _made(self, factory: StrategyFactory, spec: SymbolSpec) -> Strategy:
        try:
            return factory(spec)
        except FROM_OUTSIDE as error:
            raise self._failed(spec.name, error) from error

    def _failed(self, symbol: str, error: BaseException, asked: object = None) -> StrategyFailed:
        return failed(self._strategy_id, symbol, error, __file__, asked)


_TYPES: Final[dict[type, tuple[tuple[str, Any, str], ...]]] = {
    Enter: (
        ("side", Side, "engine.types.Side"),
        ("stop_loss", int, "an int, in points"),
        ("take_profit", int, "an int, in points"),
        ("reason", str, "a str"),
        ("scale", int | float, "a number"),
        ("volume", int, "an int, in units"),
        ("note", str, "a str"),
    ),
    Exit: (("reason", str, "a str"),),
    MoveStop: (("stop_loss", int, "an int, in points"), ("reason", str, "a str")),
}


def _insist_on_types(decision: object) -> None:
    """Raises TypeError for a decision that would mean something else than it says.

    Nothing else looks at the types of what a user's code answers: a `side` of 1 would sell.
    """
    if decision is None:
        return
    fields = _TYPES.get(type(decision))
    if fields is None:
        raise TypeError(f"{decision!r} is no decision: Enter, Leave, Protect or None is wanted")
    for name, kind, wanted in fields:
        value = getattr(decision, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}: {wanted} is wanted")


def _end_of_slot(bar: ev.BarClosed, now: Millis) -> Millis:
    """When the bar ends within which `bar` was seen to be closed; bars may be missing between."""
    period = TIMEFRAME_SECONDS[bar.timeframe] * 1000
    return bar.time + ((now - bar.time) // period + 1) * period


def _signal(strategy_id: str, bar: ev.BarClosed, view: View, decision: Decision) -> ev.SignalRaised:
    signal_id = f"{strategy_id}:{bar.symbol}:{bar.timeframe}:{bar.time // 1000}"
    if isinstance(decision, Enter):
        long = decision.side is LONG
        return ev.SignalRaised(
            terms=ev.OrderTerms(
                signal_id=signal_id,
                strategy_id=strategy_id,
                symbol=bar.symbol,
                action=ev.OPEN,
                side=decision.side,
                reason=decision.reason,
                price=view.tick.ask if long else view.tick.bid,
                stop_loss=decision.stop_loss,
                take_profit=decision.take_profit,
                scale=decision.scale,
                volume=decision.volume,
            ),
            problem=ev.DenyReason.EXPIRED if bar.late else None,
            note=decision.note,
        )
    position = view.position
    if position is None:
        raise ValueError(f"{strategy_id} wants to manage a position of {bar.symbol}: none is open")
    if isinstance(decision, Exit):
        terms = exit_terms(
            position, view.tick, decision.reason, signal_id=signal_id, strategy_id=strategy_id
        )
        return ev.SignalRaised(terms=terms)
    return ev.SignalRaised(
        terms=ev.OrderTerms(
            signal_id=signal_id,
            strategy_id=strategy_id,
            symbol=bar.symbol,
            action=ev.MODIFY,
            side=position.side,
            reason=decision.reason,
            price=view.tick.bid if position.side is LONG else view.tick.ask,
            stop_loss=decision.stop_loss,
            take_profit=position.take_profit,
            volume=position.volume,
            position=position.ticket,
        )
    )
