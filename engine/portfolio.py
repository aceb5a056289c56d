"""What every actor may look at: last ticks and values, open positions, account figures.

One actor keeps it, attached to the bus before all others, so that every handler sees the state as
of the event it handles. The others only read.
"""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.types import USD, Cents, Points, Side, SymbolSpec, Units

ADOPTED = "adopted"
"""The strategy of a position that was taken over from a session with another one, or an unknown
one: its stop, its target and the rules on the account act on it, no strategy does."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """An open position as the engine knows it; `swap` is what it has accrued so far."""

    ticket: int
    symbol: str
    side: Side
    volume: Units
    entry: Points
    first_stop: Points
    stop_loss: Points
    take_profit: Points
    signal_id: str
    strategy_id: str
    commission: Cents
    swap: Cents = 0


class Portfolio:
    """Last tick and last valuation by symbol, open positions by ticket, last account figures.

    `currency` is that of the account. `marked` are positions that stand at the venue under the
    session's mark and are not in its books, by ticket.
    """

    def __init__(self, specs: dict[str, SymbolSpec]) -> None:
        self.specs = specs
        self.ticks: dict[str, ev.Tick] = {}
        self.valuations: dict[str, ev.SymbolValuation] = {}
        self.positions: dict[int, Position] = {}
        self.marked: dict[int, Position] = {}
        self.account = ev.AccountSeen(0, 0, 0)
        self.currency = USD

    def routes(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.Tick: self.on_tick,
            ev.SymbolValuation: self.on_valuation,
            ev.SwapSeen: self.on_swap,
            ev.AccountSeen: self.on_account,
            ev.AccountUpdated: self.on_account_updated,
            ev.SessionResumed: self.on_account_updated,
            ev.AttemptStarted: self.on_attempt,
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
            ev.StopModified: self.on_modified,
            ev.ReconciliationMismatch: self.on_venue_differs,
        }

    def replay_routes(self) -> ev.Routes:
        """What brings it back from recorded events: all but prices, which are old by then.

        What symbols were worth is kept: open positions go on being judged by it until the venue
        tells it anew, and nothing is opened on a value that is old.
        """
        return {kind: handler for kind, handler in self.routes().items() if kind is not ev.Tick}

    def on_symbol(self, symbol: str) -> Position | None:
        """The oldest open position of `symbol` that a strategy may manage, or None."""
        for position in self.positions.values():
            if position.symbol == symbol and position.strategy_id != ADOPTED:
                return position
        return None

    def on_started(self, started: ev.SessionStarted) -> None:
        self.account = ev.AccountSeen.of(started.account)
        self.currency = started.currency

    def on_tick(self, tick: ev.Tick) -> None:
        self.ticks[tick.symbol] = tick

    def on_valuation(self, valuation: ev.SymbolValuation) -> None:
        self.valuations[valuation.symbol] = valuation

    def on_swap(self, seen: ev.SwapSeen) -> None:
        position = self.positions[seen.position]
        self.positions[seen.position] = msgspec.structs.replace(position, swap=seen.swap)

    def on_account(self, seen: ev.AccountSeen) -> None:
        self.account = seen

    def on_account_updated(self, updated: ev.AccountUpdated | ev.SessionResumed) -> None:
        self.account = ev.AccountSeen.of(updated.account)

    def on_attempt(self, started: ev.AttemptStarted) -> None:
        """A fresh balance: whatever was seen of the account before is over."""
        self.account = ev.AccountSeen.of(started.account)

    def on_venue_differs(self, mismatch: ev.ReconciliationMismatch) -> None:
        self.marked = {
            item.ticket: _marked(item)
            for item in mismatch.marked
            if item.ticket not in self.positions
        }

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self.marked.pop(opened.position, None)
        self.positions[opened.position] = Position(
            ticket=opened.position,
            symbol=opened.symbol,
            side=opened.side,
            volume=opened.volume,
            entry=opened.price,
            first_stop=opened.stop_loss,
            stop_loss=opened.stop_loss,
            take_profit=opened.take_profit,
            signal_id=opened.signal_id,
            strategy_id=opened.strategy_id,
            commission=opened.commission,
        )

    def on_closed(self, closed: ev.PositionClosed) -> None:
        if closed.remaining:
            position = self.positions[closed.position]
            paid = closed.net - closed.profit - closed.commission - closed.swap
            self.positions[closed.position] = msgspec.structs.replace(
                position,
                volume=closed.remaining,
                commission=position.commission - paid,
                swap=position.swap - closed.swap,
            )
        else:
            del self.positions[closed.position]

    def on_modified(self, modified: ev.StopModified) -> None:
        position = self.positions[modified.position]
        self.positions[modified.position] = msgspec.structs.replace(
            position, stop_loss=modified.stop_loss, take_profit=modified.take_profit
        )


def _marked(item: ev.MarkedPosition) -> Position:
    """What its mark alone tells of a position; its mark stands for the signal."""
    return Position(
        ticket=item.ticket,
        symbol=item.symbol,
        side=item.side,
        volume=item.volume,
        entry=item.entry,
        first_stop=item.stop_loss,
        stop_loss=item.stop_loss,
        take_profit=item.take_profit,
        signal_id=item.comment,
        strategy_id="",
        commission=0,
    )
