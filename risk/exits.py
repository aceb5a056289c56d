"""Closing what is open because risk wants it closed, the ordinary way: as signals."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.exit_signal import leaving
from engine.portfolio import Market, Position

FLATTEN_REASON = "FLATTEN"
"""Why positions are closed when a limit is hit whose action is to close everything."""

WEEKEND_REASON = "WEEKEND"
"""Why positions are closed before a weekend over which nothing may stay open."""


def closing(market: Market, position: Position, reason: str) -> ev.SignalRaised:
    """The signal that closes `position` at its symbol's last tick."""
    tick = market.ticks.get(position.symbol)
    return leaving(position, tick, reason, mark=f":{reason}")


def closings(market: Market, reason: str) -> Iterator[ev.SignalRaised]:
    """One signal for each open position, in the order in which they were opened."""
    for position in list(market.positions.values()):
        yield closing(market, position, reason)
