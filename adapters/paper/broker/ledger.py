"""The books of a paper account: positions, orders, deals and the balance that they make up."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.conversion import Converter
from adapters.paper.broker.index import Index
from adapters.paper.broker.pending import PendingOrders
from adapters.paper.broker.records import PaperDeal, PaperOrder, PaperPosition
from engine import money
from engine.types import (
    FROM_BROKER,
    LONG,
    USD,
    Cents,
    Millis,
    Points,
    Side,
    SymbolSpec,
    Units,
    booked,
    decimals,
)


class Ledger:
    """Positions, orders and deals in one currency; knows what was dealt at which price, not why.

    Hedging, or with `netting` one position per symbol. `held` counts the open positions of each
    symbol; `margin` is what they bind, as fixed when each was opened. `orders` are the waiting ones
    by ticket, `order_history` those that are over. `bids` and `asks` are the last ticks. `specs`
    are the symbols on offer, `known` those of earlier deals as well.
    """

    def __init__(
        self, specs: dict[str, SymbolSpec], balance: Cents, *, netting: bool, currency: str = USD
    ) -> None:
        self.currency = currency
        self.decimals = decimals(currency)
        """Of its amounts: deals in a currency without any are booked in whole units."""
        self.specs = specs
        self.known = dict(specs)
        self.balance = balance
        self.netting = netting
        self.bids: dict[str, Points] = {}
        self.asks: dict[str, Points] = {}
        self.converter = Converter(specs, self.bids, self.asks, currency)
        self.now: Millis = 0
        self.positions: dict[int, PaperPosition] = {}
        self.margin: Cents = 0
        self.held = dict.fromkeys(specs, 0)
        self.deals: list[PaperDeal] = []
        self.pending = PendingOrders()
        self.orders = self.pending.live
        self.order_history = self.pending.history
        self._by_position = Index(self.deals, attrgetter("position"))
        self._by_order = Index(self.deals, attrgetter("order"))
        self._tickets = 0
        self._book(PaperDeal(1, 0, 0, 0, mt5.DEAL_TYPE_BALANCE, 0, 0, profit=balance), 0)

    def take_over(
        self,
        deals: Iterable[PaperDeal],
        positions: Iterable[PaperPosition],
        orders: Iterable[PaperOrder],
        history: Iterable[PaperOrder],
    ) -> None:
        """Go on with the books of an earlier run; the balance follows from its deals."""
        self.balance = 0
        self.deals.clear()
        self._by_position.begin_anew()
        self._by_order.begin_anew()
        for deal in deals:
            self._book(deal, deal.profit + deal.commission + deal.swap)
        self.positions.clear()
        self.positions.update({position.ticket: position for position in positions})
        self.margin = sum(position.margin for position in self.positions.values())
        for symbol in self.held:
            self.held[symbol] = sum(item.spec.name == symbol for item in self.positions.values())
        self.orders.clear()
        self.orders.update({order.ticket: order for order in orders})
        self.pending.take_over(history)
        self._tickets = max(
            (order.ticket for order in (*self.order_history, *self.orders.values())), default=0
        )

    def deposit(self, amount: Cents) -> None:
        """Book a balance deal; a negative amount is a withdrawal."""
        deal = PaperDeal(
            len(self.deals) + 1, 0, 0, self.now, mt5.DEAL_TYPE_BALANCE, 0, 0, profit=amount
        )
        self._book(deal, amount)

    def next_order(self) -> int:
        """A fresh order ticket."""
        self._tickets += 1
        return self._tickets

    def deals_of(self, position: int) -> tuple[PaperDeal, ...]:
        """All deals of a position (by its identifier), oldest first."""
        return self._by_position.of(position)

    def deals_by(self, order: int) -> tuple[PaperDeal, ...]:
        """All deals that an order (by its ticket) led to, oldest first."""
        return self._by_order.of(order)

    def position_on(self, symbol: str) -> PaperPosition | None:
        """The oldest position of `symbol`; on a netting account the only one."""
        for position in self.positions.values():
            if position.spec.name == symbol:
                return position
        return None

    def margin_for(self, spec: SymbolSpec, side: Side, volume: Units, price: Points) -> Cents:
        """Margin that a deal would bind beyond what is bound now; below 0 when it frees some."""
        held = self.position_on(spec.name) if self.netting else None
        rate = self.converter.rate_of(spec) if spec.conversion is FROM_BROKER else None
        if held is None:
            return money.margin(spec, volume, price, rate)
        if held.side is side:
            entry = _average(held, volume, price)
            return money.margin(spec, held.volume + volume, entry, rate) - held.margin
        left = volume - held.volume
        at = price if left > 0 else held.entry
        return money.margin(spec, abs(left), at, rate) - held.margin

    def _enter(
        self, order: PaperOrder, side: Side, price: Points, bid: Points, ask: Points
    ) -> PaperDeal:
        """The order, of this side, becomes a deal at `price` while the tick is `bid` and `ask`."""
        held = self.position_on(order.spec.name) if self.netting else None
        if held is not None:
            return self._net(held, order, price, bid, ask)
        self._hold(order, side, price, order.volume, order.ticket)
        fee = -money.commission(order.spec, order.volume)
        return self._deal(order, side, order.ticket, mt5.DEAL_ENTRY_IN, price, fee)

    def _net(
        self, held: PaperPosition, order: PaperOrder, price: Points, bid: Points, ask: Points
    ) -> PaperDeal:
        if held.side is order.side:
            margin = held.margin
            entry = _average(held, order.volume, price)
            rate = self.converter.rate_of(held.spec)
            held.resize(held.volume + order.volume, entry, self.now, rate)
            held.stop, held.target = order.stop or held.stop, order.target or held.target
            self.margin += held.margin - margin
            fee = -money.commission(order.spec, order.volume)
            return self._deal(order, held.side, held.identifier, mt5.DEAL_ENTRY_IN, price, fee)
        volume = min(order.volume, held.volume)
        rate = self.converter.rate_of(held.spec)
        profit = money.profit(held.spec, held.side, volume, held.entry, price, bid, ask, rate)
        if volume == order.volume:
            return self._close(held, order, price, profit)
        self._drop(held)
        side, identifier = order.side, held.identifier
        self._hold(order, side, price, order.volume - volume, identifier)
        entry, fee = mt5.DEAL_ENTRY_INOUT, -money.commission(order.spec, order.volume)
        return self._deal(order, side, identifier, entry, price, fee, profit, held.swap)

    def _hold(
        self, order: PaperOrder, side: Side, price: Points, volume: Units, identifier: int
    ) -> None:
        spec = order.spec
        rate = self.converter.rate_of(spec) if spec.conversion is FROM_BROKER else None
        position = self.positions[order.ticket] = PaperPosition(
            order.ticket, spec, side, volume, price, order.stop, order.target,
            money.margin(spec, volume, price, rate),
            self.now, self.now, order.magic, order.comment, 0, identifier, order.reason,
        )  # fmt: skip
        position.cents_per_point = money.cents_per_point(spec, volume)
        self.held[spec.name] += 1
        self.margin += position.margin

    def _drop(self, position: PaperPosition) -> None:
        del self.positions[position.ticket]
        self.held[position.spec.name] -= 1
        self.margin -= position.margin

    def _closing(
        self, position: PaperPosition, volume: Units, reason: int, magic: int, comment: str
    ) -> PaperOrder:
        return PaperOrder(
            self.next_order(), position.spec,
            mt5.ORDER_TYPE_SELL if position.side is LONG else mt5.ORDER_TYPE_BUY,
            volume, 0, 0, 0, magic, comment, self.now, reason, position=position.identifier,
        )  # fmt: skip

    def _close(
        self, position: PaperPosition, order: PaperOrder, price: Points, profit: Cents
    ) -> PaperDeal:
        """`order` closes the position or a part of it; its share of the swap is realised."""
        left = position.volume - order.volume
        swap = position.swap
        if left:
            swap = money.ratio(swap * order.volume, position.volume)
            position.swap -= swap
            margin = position.margin
            rate = self.converter.rate_of(position.spec)
            position.resize(left, position.entry, self.now, rate)
            self.margin += position.margin - margin
        else:
            self._drop(position)
        fee = -money.commission(order.spec, order.volume)
        return self._deal(
            order, order.side, position.identifier, mt5.DEAL_ENTRY_OUT, price, fee, profit, swap
        )

    def _deal(
        self,
        order: PaperOrder,
        side: Side,
        position: int,
        entry: int,
        price: Points,
        fee: Cents,
        profit: Cents = 0,
        swap: Cents = 0,
    ) -> PaperDeal:
        spec = order.spec
        if not self.decimals:
            profit, fee, swap = (booked(amount, self.currency) for amount in (profit, fee, swap))
        deal = PaperDeal(
            len(self.deals) + 1, order.ticket, position, self.now,
            mt5.DEAL_TYPE_BUY if side is LONG else mt5.DEAL_TYPE_SELL,
            entry, order.reason, spec.name, order.volume, price, profit, fee, swap,
            order.magic, order.comment,
        )  # fmt: skip
        self.balance += profit + fee + swap
        self.deals.append(deal)
        self.pending.fill(order, position, self.now)
        return deal

    def _book(self, deal: PaperDeal, amount: Cents) -> None:
        self.balance += amount
        self.deals.append(deal)


def _average(held: PaperPosition, volume: Units, price: Points) -> Points:
    """The entry of a netting position that grows, rounded to a point against it."""
    paid = held.entry * held.volume + price * volume
    total = held.volume + volume
    return -(-paid // total) if held.side is LONG else paid // total
