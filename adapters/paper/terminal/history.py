"""The functions of the package that show positions, waiting orders and the account's history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount, PaperDeal, PaperOrder, PaperPosition
from adapters.paper.terminal.calling import Surface, function, group_filter, seconds
from engine.types import LONG, lots

Moment = int | float | datetime


class HistoryFunctions(Surface):
    """Positions, orders and deals, as they are and as they were."""

    # --- now

    @function
    def positions_total(self) -> int | None:
        return len(self.account.positions)

    @function
    def positions_get(self, **where: Any) -> tuple[mt5.TradePosition, ...] | None:
        """All positions, or those of `symbol=`, of `group=` or with `ticket=`."""
        positions = self.account.positions
        if not where:
            return tuple(self._position(position) for position in positions.values())
        chosen = _choice(where)
        return tuple(
            self._position(position)
            for position in positions.values()
            if chosen(position.ticket, position.spec.name)
        )

    @function
    def orders_total(self) -> int | None:
        return len(self.account.orders)

    @function
    def orders_get(self, **where: Any) -> tuple[mt5.TradeOrder, ...] | None:
        """All waiting orders, or those of `symbol=`, of `group=` or with `ticket=`."""
        chosen = _choice(where)
        return tuple(
            _order(order, self.account)
            for order in self.account.orders.values()
            if chosen(order.ticket, order.spec.name)
        )

    # --- before

    @function
    def history_orders_total(self, since: Moment, until: Moment, /) -> int | None:
        span = Span.of(since, until)
        return sum(span.holds(order.done) for order in self.account.order_history)

    @function
    def history_orders_get(self, *span: Moment, **where: Any) -> tuple[mt5.TradeOrder, ...] | None:
        """Orders that are over: by `ticket=`, by `position=`, or that ended between two dates."""
        pending = self.account.pending
        found: Sequence[PaperOrder]
        if span:
            between = Span.of(*span)
            chosen = _symbols(where)
            found = [
                order
                for order in pending.history
                if between.holds(order.done) and chosen(order.spec.name)
            ]
        elif "ticket" in where:
            found = pending.ended(where["ticket"])
        else:
            found = pending.ended_of(where["position"])
        return tuple(_order(order, self.account) for order in found)

    @function
    def history_deals_total(self, since: Moment, until: Moment, /) -> int | None:
        span = Span.of(since, until)
        return sum(span.holds(deal.time) for deal in self.account.deals)

    @function
    def history_deals_get(self, *span: Moment, **where: Any) -> tuple[mt5.TradeDeal, ...] | None:
        """Deals: by `ticket=` (an order's), by `position=`, or made between two dates."""
        deals = self.account.deals
        found: Sequence[PaperDeal]
        if span:
            between = Span.of(*span)
            chosen = _symbols(where)
            found = [deal for deal in deals if between.holds(deal.time) and chosen(deal.symbol)]
        elif "ticket" in where:
            ticket = where["ticket"]
            found = self.account.deals_by(ticket)
        else:
            found = self.account.deals_of(where["position"])
        return tuple([self._deal(deal) for deal in found])

    # --- structs

    def _position(self, position: PaperPosition) -> mt5.TradePosition:
        spec = position.spec
        bid, ask = self.account.bids[spec.name], self.account.asks[spec.name]
        long, rate = position.side is LONG, self.account.converter.rate_of(spec)
        return mt5.TradePosition(
            (
                position.ticket, position.opened // 1000, position.opened,
                position.updated // 1000, position.updated,
                mt5.POSITION_TYPE_BUY if long else mt5.POSITION_TYPE_SELL,
                position.magic, position.identifier, position.reason, lots(position.volume),
                spec.price(position.entry), spec.price(position.stop),
                spec.price(position.target), spec.price(bid if long else ask),
                position.swap / 100, position.profit(bid, ask, rate) / 100, spec.name,
                position.comment, "",
            )
        )  # fmt: skip

    def _deal(self, deal: PaperDeal) -> mt5.TradeDeal:
        spec = self.account.known.get(deal.symbol)
        made: mt5.TradeDeal = mt5.TradeDeal.made(
            (
                deal.ticket, deal.order, deal.time // 1000, deal.time, deal.kind, deal.entry,
                deal.magic, deal.position, deal.reason, lots(deal.volume),
                spec.price(deal.price) if spec else 0.0, deal.commission / 100, deal.swap / 100,
                deal.profit / 100, 0.0, deal.symbol, deal.comment, "",
            )
        )  # fmt: skip
        return made


def _order(order: PaperOrder, account: PaperAccount) -> mt5.TradeOrder:
    spec = order.spec
    current = (account.asks if order.side is LONG else account.bids).get(spec.name, 0)
    return mt5.TradeOrder(
        (
            order.ticket, order.setup // 1000, order.setup, order.done // 1000, order.done,
            order.expiration, order.kind, order.time_type, order.filling, order.state,
            order.magic, order.position, 0, order.reason, lots(order.volume),
            lots(order.volume - order.filled), spec.price(order.price), spec.price(order.stop),
            spec.price(order.target), spec.price(current), 0.0, spec.name, order.comment, "",
        )
    )  # fmt: skip


# --- what is asked for


class Span(NamedTuple):
    """Two dates in seconds of the server's clock, both included."""

    first: int
    last: int

    @classmethod
    def of(cls, *bounds: Any) -> Span:
        first, last = bounds
        return cls(seconds(first), seconds(last))

    def holds(self, moment: int) -> bool:
        """Whether `moment`, in milliseconds, lies in it."""
        return self.first <= moment // 1000 <= self.last


def _choice(where: dict[str, Any]) -> Callable[[int, str], bool]:
    """Which ticket and symbol are asked for: the ticket counts first, then symbol, then group."""
    if "ticket" in where:
        wanted = where["ticket"]
        return lambda ticket, _: ticket == wanted
    if "symbol" in where:
        symbol = where["symbol"]
        return lambda _, name: name == symbol
    if "group" in where:
        belongs = group_filter(where["group"])
        return lambda _, name: belongs(name)
    return lambda _ticket, _name: True


def _symbols(where: dict[str, Any]) -> Callable[[str], bool]:
    """The filter of `group=`; without it everything, deals without a symbol included."""
    if "group" in where:
        return group_filter(where["group"])
    return lambda _: True
