"""What is at stake now: open positions, orders in flight, and what is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from engine import events as ev
from engine.portfolio import Market, Position
from engine.types import Cents, Limits, Side
from risk import exposure, valuation


class Reservation(msgspec.Struct, frozen=True):
    """What an approved order will add once it is filled: it counts as open from its approval on.

    `worst` is what it may lose, allowances included.
    """

    symbol: str
    side: Side
    worst: Cents
    margin: Cents


class Totals(NamedTuple):
    """The sums that a decision on one symbol needs.

    `standing` and `on_symbol` count positions, orders in flight and what is not ours; money is what
    they may lose at worst and what orders in flight will bind, never negative.
    """

    standing: int
    on_symbol: int
    worst_open: Cents
    worst_in_flight: Cents
    margin_in_flight: Cents


_NOTHING_AT_STAKE: Final = Totals(0, 0, 0, 0, 0)


class Stakes:
    """Reservations by order id, exposure that is not ours, closings under way, and their sums."""

    def __init__(self, market: Market, limits: Limits) -> None:
        self._market = market
        self._limits = limits
        self.reserved: dict[int, Reservation] = {}
        self.foreign: tuple[ev.ForeignExposure, ...] = ()
        self._closing: dict[int, int] = {}  # position by the id of the order that closes it

    def reserve(self, approved: ev.OrderApproved) -> None:
        """Count an approved entry as open."""
        order = approved.order
        self.reserved[order.order_id] = Reservation(
            order.symbol, order.side, approved.worst or approved.risk, approved.margin
        )

    def release(self, order_id: int) -> None:
        """The order is a position now, or nothing."""
        self.reserved.pop(order_id, None)
        self._closing.pop(order_id, None)

    def leave(self, order: ev.OrderIntent) -> bool:
        """Note that an order closes its position; False when another one does already.

        One whose outcome is unknown counts: it is never sent a second time.
        """
        if order.position in self._closing.values():
            return False
        self._closing[order.order_id] = order.position
        return True

    def left(self, position: int) -> None:
        """The position was closed, or a part of it: it may be closed again."""
        for order_id in [item for item, closed in self._closing.items() if closed == position]:
            del self._closing[order_id]

    def count(self) -> int:
        """Positions, orders in flight and what is not ours."""
        return len(self._market.positions) + len(self.reserved) + len(self.foreign)

    def totals(self, symbol: str) -> Totals:
        """All sums at once."""
        if not self.reserved and not self._market.positions and not self.foreign:
            return _NOTHING_AT_STAKE
        return Totals(
            self.count(),
            self._count_on(symbol),
            self.worst_open(),
            self._worst_in_flight(),
            sum(item.margin for item in self.reserved.values()),
        )

    def _count_on(self, symbol: str) -> int:
        symbols = [position.symbol for position in self._market.positions.values()]
        symbols += [item.symbol for item in self.reserved.values()]
        symbols += [item.symbol for item in self.foreign]
        return symbols.count(symbol)

    def worst_open(self) -> Cents:
        """What open positions, and those that are not ours, may still lose; never negative."""
        own = sum(self._worst_of(position) for position in self._market.positions.values())
        return own + sum(item.risk for item in self.foreign)

    def worst(self) -> Cents:
        """What all of it may lose together."""
        return self.worst_open() + self._worst_in_flight()

    def _worst_in_flight(self) -> Cents:
        return sum(item.worst for item in self.reserved.values())

    def each(self) -> Iterator[exposure.Stake]:
        """What is open, in flight or not ours, on symbols that the session knows."""
        specs = self._market.specs
        for position in self._market.positions.values():
            spec = specs[position.symbol]
            yield exposure.Stake(spec, position.side, self._worst_of(position))
        for item in self.reserved.values():
            yield exposure.Stake(specs[item.symbol], item.side, item.worst)
        for other in self.foreign:
            if other.symbol in specs:
                yield exposure.Stake(specs[other.symbol], other.side, other.risk)

    def _worst_of(self, position: Position) -> Cents:
        market = self._market
        spec, tick = market.specs[position.symbol], market.ticks.get(position.symbol)
        return exposure.worst_of_position(
            self._limits,
            spec,
            position,
            spec.spread_floor if tick is None else tick.ask - tick.bid,
            market.account.balance,
            valuation.rate_of(spec, market.values.get(spec.name)),
        )
