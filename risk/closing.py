"""Closing what is open because risk wants it closed, the ordinary way: as signals."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.market import Market, Position

FLATTEN_REASON = "FLATTEN"
"""Why positions are closed when a limit is hit whose action is to close everything."""

WEEKEND_REASON = "WEEKEND"
"""Why positions are closed before a weekend over which nothing may stay open."""


def closing(market: Market, position: Position, reason: str) -> ev.SignalRaised:
    """The signal that closes `position` at its symbol's last tick."""
    tick = market.ticks[position.symbol]
    return ev.SignalRaised(
        signal_id=f"{position.signal_id}:{reason}",
        strategy_id=position.strategy_id,
        symbol=position.symbol,
        action=ev.Action.CLOSE,
        side=position.side,
        reason=reason,
        price=tick.bid if position.side > 0 else tick.ask,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        volume=position.volume,
        position=position.ticket,
    )


def closings(market: Market, reason: str) -> Iterator[ev.SignalRaised]:
    """One signal for each open position, in the order in which they were opened."""
    for position in list(market.positions.values()):
        yield closing(market, position, reason)
