"""The exposure now: open positions, orders in flight, and external ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from engine import events as ev
from engine.portfolio import Portfolio, Position
from engine.types import Cents, Limits, Side
from risk import exposure, valuation


class InFlightRisk(msgspec.Struct, frozen=True):
    """What an approved order will add once it is filled: it counts as open from its approval on.

    `worst` is what it may lose, allowances included.
    """

    symbol: str
    side: Side
    worst: Cents
    margin: Cents


class Totals(NamedTuple):
    """The sums that a decision on one symbol needs.

    `positions` and `on_symbol` count positions, orders in flight and what is not ours; money is
    what they may lose at worst and what orders in flight will bind, never negative.
    """

    positions: int
    on_symbol: int
    worst_open: Cents
    worst_in_flight: Cents
    margin_in_flight: Cents


_NO_EXPOSURE: Final = Totals(0, 0, 0, 0, 0)


class ExposureBook:
    """Reservations by order id, exposure that is not ours, closings under way, and their sums."""

    def __init__(self, portfolio: Portfolio, limits: Limits) -> None:
        self._portfolio = portfolio
        self._limits = limits
        self.reserved: dict[int, InFlightRisk] = {}
        self.external: tuple[ev.ExternalExposure, ...] = ()
        self._closing: dict[int, int] = {}  # position by the id of the order that closes it

    def reserve(self, approved: ev.OrderApproved) -> None:
        """Count an approved entry as open."""
        order = approved.order
        self.reserved[order.order_id] = InFlightRisk(
            order.terms.symbol, order.terms.side, approved.worst or approved.risk, approved.margin
        )

    def release(self, order_id: int) -> None:
        """The order is a position now, or nothing."""
        self.reserved.pop(order_id, None)
        self._closing.pop(order_id, None)

    def start_closing(self, order: ev.OrderIntent) -> bool:
        """Note that an order closes its position; False when another one does already.

        One whose outcome is unknown counts: it is never sent a second time.
        """
        if order.terms.position in self._closing.values():
            return False
        self._closing[order.order_id] = order.terms.position
        return True

    def finish_closing(self, position: int) -> None:
        """The position was closed, or a part of it: it may be closed again."""
        for order_id in [item for item, closed in self._closing.items() if closed == position]:
            del self._closing[order_id]

    def count(self) -> int:
        """Positions, orders in flight and what is not ours."""
        return len(self._portfolio.positions) + len(self.reserved) + len(self.external)

    def totals(self, symbol: str) -> Totals:
        """All sums at once."""
        if not self.reserved and not self._portfolio.positions and not self.external:
            return _NO_EXPOSURE
        return Totals(
            self.count(),
            self._count_on(symbol),
            self.worst_open(),
            self._worst_in_flight(),
            sum(item.margin for item in self.reserved.values()),
        )

    def _count_on(self, symbol: str) -> int:
        symbols = [position.symbol for position in self._portfolio.positions.values()]
        symbols += [item.symbol for item in self.reserved.values()]
        symbols += [item.symbol for item in self.external]
        return symbols.count(symbol)

    def worst_open(self) -> Cents:
        """What open positions, and those that are not ours, may still lose; never negative."""
        own = sum(self._worst_of(position) for position in self._portfolio.positions.values())
        return own + sum(item.risk for item in self.external)

    def worst(self) -> Cents:
        """What all of it may lose together."""
        return self.worst_open() + self._worst_in_flight()

    def _worst_in_flight(self) -> Cents:
        return sum(item.worst for item in self.reserved.values())

    def each(self) -> Iterator[exposure.Exposure]:
        """What is open, in flight or not ours, on symbols that the session knows."""
        specs = self._portfolio.specs
        for position in self._portfolio.positions.values():
            spec = specs[position.symbol]
            yield exposure.Exposure(spec, position.side, self._worst_of(position))
        for item in self.reserved.values():
            yield exposure.Exposure(specs[item.symbol], item.side, item.worst)
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
