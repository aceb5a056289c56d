"""The exposure now: open positions, orders in flight, and external ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine import events as ev
from engine.orders import OrderManager
from engine.portfolio import Portfolio, Position
from engine.types import Cents, Limits
from risk import exposure, valuation


class Totals(NamedTuple):
    """The sums that a decision on one symbol needs.

    `positions` and `on_symbol` count positions and orders in flight, and of external ones those
    with our own mark; money is what all of them may lose at worst and what orders in flight will
    bind, never negative. `without_stop` is the ticket of an own position without a stop, 0 where
    each has one.
    """

    positions: int
    on_symbol: int
    worst_open: Cents
    worst_in_flight: Cents
    margin_in_flight: Cents
    without_stop: int = 0


_NO_EXPOSURE: Final = Totals(0, 0, 0, 0, 0)


class ExposureBook:
    """What positions, entries in flight and external exposure add up to; `external` is kept here.

    An approved entry counts as open until it is a position or nothing.
    """

    def __init__(self, portfolio: Portfolio, orders: OrderManager, limits: Limits) -> None:
        self._portfolio = portfolio
        self._in_flight = orders.in_flight
        self._limits = limits
        self.external: tuple[ev.ExternalExposure, ...] = ()

    def count(self) -> int:
        """Positions and orders in flight, other sessions' of ours included.

        Those of other hands are risk alone: how many they open is no limit of ours.
        """
        marked = sum(item.ours for item in self.external)
        return len(self._portfolio.positions) + len(self._in_flight) + marked

    def totals(self, symbol: str) -> Totals:
        """All sums at once."""
        if not self._in_flight and not self._portfolio.positions and not self.external:
            return _NO_EXPOSURE
        return Totals(
            self.count(),
            self._count_on(symbol),
            self.worst_open(),
            self._worst_in_flight(),
            sum(item.margin for item in self._in_flight.values()),
            next((p.ticket for p in self._portfolio.positions.values() if not p.stop_loss), 0),
        )

    def _count_on(self, symbol: str) -> int:
        symbols = [position.symbol for position in self._portfolio.positions.values()]
        symbols += [item.order.terms.symbol for item in self._in_flight.values()]
        symbols += [item.symbol for item in self.external if item.ours]
        return symbols.count(symbol)

    def worst_open(self) -> Cents:
        """What open positions, and those that are not ours, may still lose; never negative."""
        own = sum(self._worst_of(position) for position in self._portfolio.positions.values())
        return own + sum(item.risk for item in self.external)

    def worst(self) -> Cents:
        """What all of it may lose together."""
        return self.worst_open() + self._worst_in_flight()

    def _worst_in_flight(self) -> Cents:
        return sum(item.worst or item.risk for item in self._in_flight.values())

    def concentration(self, symbol: str) -> exposure.Concentration:
        """How what may be lost gathers on `symbol` and on each currency."""
        return exposure.concentration(self.each(), symbol)

    def each(self) -> Iterator[exposure.Exposure]:
        """What is open, in flight or not ours, on symbols that the session knows."""
        specs = self._portfolio.specs
        for position in self._portfolio.positions.values():
            spec = specs[position.symbol]
            yield exposure.Exposure(spec, position.side, self._worst_of(position))
        for item in self._in_flight.values():
            terms, worst = item.order.terms, item.worst or item.risk
            yield exposure.Exposure(specs[terms.symbol], terms.side, worst)
        for other in self.external:
            if other.symbol in specs:
                yield exposure.Exposure(specs[other.symbol], other.side, other.risk)

    def _worst_of(self, position: Position) -> Cents:
        portfolio = self._portfolio
        spec, tick = portfolio.specs[position.symbol], portfolio.ticks.get(position.symbol)
        return exposure.worst_of_position(
            self._limits,
            spec,
            position,
            spec.spread_floor if tick is None else tick.ask - tick.bid,
            portfolio.account.balance,
            valuation.rate_of(spec, portfolio.valuations.get(spec.name)),
        )
