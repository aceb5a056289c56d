"""A strategy's decisions over bars, asked as the engine asks it, and the bars to ask it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np

from engine.bars import ClosedBars, PreparedBars
from engine.events import BarClosed, Tick
from engine.portfolio import Position
from engine.types import SymbolSpec, Units
from signals.failure import FROM_OUTSIDE, message_of
from signals.scan import ColumnScan, deciding, scan_of
from signals.strategy import (
    Decision,
    Enter,
    Exit,
    MoveStop,
    Strategy,
    StrategyFactory,
    View,
    insist_on_types,
)

HELD = 48
"""Bars after which a position that is not closed by the strategy is gone: stops are not played."""

Signature = tuple[object, ...]


class Made(msgspec.Struct, frozen=True):
    """A decision: the opening of the bar it was made on (ms UTC), the feed's row, what it was."""

    time: int
    row: int
    what: Signature


class StrategyRaised(Exception):
    """Raised when the strategy's code failed while it was asked; its cause is the failure.

    `time` is the opening of the bar (ms UTC) that it was asked about, None where it was about none:
    when the strategy is made, or given its columns.
    """

    def __init__(self, time: int | None, error: BaseException) -> None:
        super().__init__(time, error)
        self.time, self.reason = time, error

    def __str__(self) -> str:
        return message_of(self.reason)


class _Book:
    """The position that follows from decisions alone."""

    def __init__(self, spec: SymbolSpec, sized: Units) -> None:
        self._spec, self._sized = spec, sized or spec.volume_min
        self._number = 0
        self._since = 0
        self.position: Position | None = None

    def view(self, bars: PreparedBars, row: int) -> View:
        bid = bars.open.item(row)
        tick = Tick(self._spec.name, bid, bid + bars.spread.item(row))
        return View(self._spec, tick, self.position)

    def before(self, index: int) -> None:
        """A bar is to be decided on: what was held for long enough is gone."""
        if self.position is not None and index - self._since >= HELD:
            self.position = None

    @property
    def until(self) -> int | None:
        """The index of the bar at which the position is gone; None without one."""
        return None if self.position is None else self._since + HELD

    def take(self, decision: Decision, index: int, view: View) -> None:
        if isinstance(decision, Exit):
            self.position = None
        elif isinstance(decision, Enter) and self.position is None:
            self._number, self._since = self._number + 1, index
            self.position = _opened(decision, view, self._number, self._sized)
        elif isinstance(decision, MoveStop) and self.position is not None:
            self.position = msgspec.structs.replace(self.position, stop_loss=decision.stop_loss)


def _opened(decision: Enter, view: View, number: int, sized: Units) -> Position:
    return Position(
        ticket=number,
        symbol=view.spec.name,
        side=decision.side,
        volume=decision.volume or sized,
        entry=view.tick.ask if decision.side > 0 else view.tick.bid,
        first_stop=decision.stop_loss,
        stop_loss=decision.stop_loss,
        take_profit=decision.take_profit,
        signal_id=str(number),
        strategy_id="check",
        commission=0,
    )


def signature(decision: Decision, view: View) -> Signature:
    """What a decision says, so that two can be compared."""
    if isinstance(decision, Exit) and decision.reverse_with is not None:
        entry = decision.reverse_with(msgspec.structs.replace(view, position=None))
        return ("Exit", decision.reason, None if entry is None else signature(entry, view))
    return (type(decision).__name__, *msgspec.structs.astuple(decision))


def by_bars(
    factory: StrategyFactory, spec: SymbolSpec, bars: PreparedBars, sized: Units = 0
) -> list[Made]:
    """Decisions when the strategy is given bar after bar. Raises StrategyRaised.

    `sized` is the volume of a position whose decision leaves it to risk (0: the smallest).
    """
    strategy, book, found = _made(factory, spec), _Book(spec, sized), list[Made]()
    index, deciding_on = 0, min(strategy.timeframes, key=_length)
    for row, closed in bars.closed.items():
        for bar in closed:
            if bar.timeframe not in strategy.timeframes:
                continue
            book.before(index)
            view = book.view(bars, row)
            decision = _on_bar(strategy, bar, view)
            if decision is not None:
                found.append(Made(bar.time, row, _what(decision, view, bar.time)))
                book.take(decision, index, view)
            index += bar.timeframe == deciding_on
    return found


_UNITS = {"M": 1, "H": 60, "D": 1440, "W": 10080}


def _length(timeframe: str) -> int:
    return _UNITS[timeframe[0]] * int(timeframe[1:])


def _made(factory: StrategyFactory, spec: SymbolSpec) -> Strategy:
    try:
        return factory(spec)
    except FROM_OUTSIDE as error:
        raise StrategyRaised(None, error) from error


def _on_bar(strategy: Strategy, bar: BarClosed, view: View) -> Decision | None:
    try:
        decision = strategy.on_bar(bar, view)
        insist_on_types(decision)
    except FROM_OUTSIDE as error:
        raise StrategyRaised(bar.time, error) from error
    return decision


def _what(decision: Decision, view: View, time: int) -> Signature:
    try:
        return signature(decision, view)
    except FROM_OUTSIDE as error:
        raise StrategyRaised(time, error) from error


def scans(factory: StrategyFactory, spec: SymbolSpec) -> bool:
    """Whether the strategy's own class scans columns."""
    return scan_of(_made(factory, spec)) is not None


def by_scan(
    factory: StrategyFactory, spec: SymbolSpec, bars: PreparedBars, sized: Units = 0
) -> list[Made]:
    """Decisions when it is given columns. Raises StrategyRaised."""
    strategy, book, found = _made(factory, spec), _Book(spec, sized), list[Made]()
    scan = scan_of(strategy)
    if scan is None:
        raise TypeError(f"{type(strategy).__name__} has no scan_columns of its own")
    closed = deciding(bars, strategy.timeframes)
    try:
        columns = scan(bars)
    except FROM_OUTSIDE as error:
        raise StrategyRaised(None, error) from error
    for index in _proposed(columns, closed, book):
        row, time = closed.rows[index], closed.time.item(index)
        view = book.view(bars, row)
        try:
            decision = columns.decide(index, view)
            insist_on_types(decision)
        except FROM_OUTSIDE as error:
            raise StrategyRaised(time, error) from error
        if decision is not None:
            found.append(Made(time, row, _what(decision, view, time)))
            book.take(decision, index, view)
    return found


def _proposed(columns: ColumnScan, closed: ClosedBars, book: _Book) -> Iterator[int]:
    """The bars that the scan proposes, as positions come and go."""
    index, count = 0, len(closed)
    while index < count:
        book.before(index)
        gone = book.until
        found = _next(columns, closed, index, book.position)
        if gone is not None and found >= gone:
            index = gone  # from here on it is asked without a position
            book.before(index)
            found = _next(columns, closed, index, book.position)
        if found >= count:
            return
        book.before(found)
        yield found
        index = found + 1


def _next(columns: ColumnScan, closed: ClosedBars, index: int, position: Position | None) -> int:
    """The next bar that the scan proposes; where it fails, the bar is the first one asked for."""
    try:
        return columns.next(index, position)
    except FROM_OUTSIDE as error:
        first = min(index, len(closed) - 1)
        raise StrategyRaised(closed.time.item(first), error) from error


def decisions(
    factory: StrategyFactory, spec: SymbolSpec, bars: PreparedBars, sized: Units = 0
) -> list[Made]:
    """As a replay asks: by columns where the strategy scans, else bar after bar."""
    return (by_scan if scans(factory, spec) else by_bars)(factory, spec, bars, sized)


# --- bars to ask it with --------------------------------------------------------------------------


def until_row(bars: PreparedBars, row: int) -> PreparedBars:
    """What is known when `row` opens: the rows before it, and of itself the opening alone."""
    stop = row + 1
    part = {name: getattr(bars, name)[:stop].copy() for name in _COLUMNS}
    for name in ("high", "low", "close"):
        part[name][row] = part["open"][row]
    closings = tuple(
        _closings(one, slice(0, int(np.searchsorted(one.row, stop)))) for one in bars.closings
    )
    return PreparedBars(**part, closings=closings)


def from_row(bars: PreparedBars, row: int) -> PreparedBars:
    """The bars from `row` on, as if there had been none before."""
    part = {name: getattr(bars, name)[row:].copy() for name in _COLUMNS}
    closings = []
    for one in bars.closings:
        first = int(np.searchsorted(one.row, row + 1))
        kept = _closings(one, slice(first, len(one)))
        closings.append(replace(kept, row=kept.row - row))
    return PreparedBars(**part, closings=tuple(closings))


def moved(bars: PreparedBars, milliseconds: int) -> PreparedBars:
    """The same bars so much later."""
    part = {name: getattr(bars, name).copy() for name in _COLUMNS}
    part["time"] += milliseconds
    part["server"] += milliseconds // 1000
    closings = tuple(replace(one, time=one.time + milliseconds) for one in bars.closings)
    return PreparedBars(**part, closings=closings)


def mirrored(bars: PreparedBars) -> PreparedBars:
    """Every move turned round: what rose falls by as much."""
    part = {name: getattr(bars, name).copy() for name in _COLUMNS}
    twice = 2 * int(max(bars.high.max(), 1))
    part["open"], part["close"] = twice - bars.open, twice - bars.close
    part["high"], part["low"] = twice - bars.low, twice - bars.high
    closings = tuple(
        replace(
            one, open=twice - one.open, close=twice - one.close, high=twice - one.low,
            low=twice - one.high,
        )
        for one in bars.closings
    )  # fmt: skip
    return PreparedBars(**part, closings=closings)


_COLUMNS = ("time", "server", "open", "high", "low", "close", "spread")


def _closings(one: ClosedBars, part: slice) -> ClosedBars:
    names = ("row", "time", "open", "high", "low", "close")
    columns = {name: getattr(one, name)[part].copy() for name in names}
    return ClosedBars(one.symbol, one.timeframe, **columns)
