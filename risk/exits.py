"""Closing what is open because risk wants it closed, the ordinary way: as signals."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.exit_signal import close_signal
from engine.portfolio import Portfolio, Position

FLATTEN_REASON = "FLATTEN"
"""Why positions are closed when a limit is hit whose action is to close everything."""

WEEKEND_REASON = "WEEKEND"
"""Why positions are closed before a weekend over which nothing may stay open."""


def closing(portfolio: Portfolio, position: Position, reason: str) -> ev.SignalRaised:
    """The signal that closes `position` at its symbol's last tick."""
    tick = portfolio.ticks.get(position.symbol)
    return close_signal(position, tick, reason, mark=f":{reason}")


def closings(portfolio: Portfolio, reason: str) -> Iterator[ev.SignalRaised]:
    """One signal for each open position, in the order in which they were opened."""
    for position in list(portfolio.positions.values()):
        yield closing(portfolio, position, reason)
