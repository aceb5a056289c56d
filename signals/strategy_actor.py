"""The actor that runs a strategy on each symbol and raises what it decides as signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from engine import events as ev
from engine.bars import PreparedBars
from engine.bus import Bus
from engine.exits import exit_terms
from engine.portfolio import Portfolio
from engine.trading import HaltCause
from engine.types import LONG, Millis, SymbolSpec
from signals import scan as scanning
from signals import strategy as contract
from signals.failure import FROM_OUTSIDE, StrategyFailed, failed
from signals.market_data.bars import TIMEFRAME_SECONDS
from signals.scan import ChunkScan, ColumnScanner, deciding, scan_of
from signals.strategy import (
    Decision,
    Enter,
    Exit,
    Strategy,
    StrategyFactory,
    View,
    insist_on_types,
)

_OURS: Final = frozenset({__file__, contract.__file__, scanning.__file__})
"""The files that call a strategy; a failure is detected by the lines of others."""


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
        symbol = bar.symbol
        strategy = None if self._out else self._strategies.get(symbol)
        if strategy is None:
            return
        scan = self._scans.get(symbol)
        try:
            if bar.timeframe not in strategy.timeframes:
                return
            view = self._view(symbol)
            decision = strategy.on_bar(bar, view) if scan is None else scan.decide(bar, view)
            insist_on_types(decision)
            if decision is None:
                return
            signal = _signal(self._strategy_id, bar, view, decision)
        except FROM_OUTSIDE as error:
            raise self._failed(symbol, error, strategy) from error
        if isinstance(decision, Exit) and decision.reverse_with is not None:
            until = _end_of_slot(bar, self._bus.time)
            self._reversals[symbol] = Reversal(
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
            insist_on_types(entry)
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
            try:
                if bar.timeframe in strategy.timeframes:
                    tick = ev.Tick(bar.symbol, bar.close, bar.close)
                    strategy.on_bar(bar, View(spec, tick, None))
            except FROM_OUTSIDE as error:
                raise self._failed(bar.symbol, error) from error

    def scanned(self, symbol: str, chunks: Iterable[PreparedBars]) -> Iterator[PreparedBars]:
        """The chunks of a history, each with the scan of the symbol's strategy if it has one."""
        strategy = self._strategies.get(symbol)
        scan = self._scan_of(symbol, strategy)
        for bars in chunks:
            if bars.past and scan is None:
                self._look_back(symbol, bars)
            elif scan is not None and strategy is not None:
                try:
                    columns, decisive = scan(bars), deciding(bars, strategy.timeframes)
                except FROM_OUTSIDE as error:
                    raise self._failed(symbol, error) from error
                bars.scan = ChunkScan(
                    columns,
                    decisive,
                    lambda: self._portfolio.on_symbol(symbol),
                    lambda entered: self._scans.update({symbol: entered}),
                    lambda error: self._failed(symbol, error),
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

    def _scan_of(self, symbol: str, strategy: Strategy | None) -> ColumnScanner | None:
        try:
            return scan_of(strategy)
        except FROM_OUTSIDE as error:
            raise self._failed(symbol, error) from error

    def _made(self, factory: StrategyFactory, spec: SymbolSpec) -> Strategy:
        try:
            return factory(spec)
        except FROM_OUTSIDE as error:
            raise self._failed(spec.name, error) from error

    def _failed(self, symbol: str, error: BaseException, asked: object = None) -> StrategyFailed:
        return failed(self._strategy_id, symbol, error, _OURS, asked)


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
