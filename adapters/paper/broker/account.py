"""The paper account and its market: quotes, equity, orders at the tick, and what bars do.

Money and prices are integers (cents, points); times are milliseconds of the server's clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.ledger import Ledger
from adapters.paper.broker.matching import (
    Bar,
    ExitReason,
    LevelHit,
    furthest_price,
    level_hit,
    since_entry,
    worst_price,
)
from adapters.paper.broker.records import PaperDeal as PaperDeal
from adapters.paper.broker.records import PaperOrder as PaperOrder
from adapters.paper.broker.records import PaperPosition as PaperPosition
from adapters.paper.broker.swap import swap_of
from engine import money
from engine.types import LONG, USD, Cents, Millis, Points, Rate, Side, SymbolSpec, Units

_EXIT_REASONS = {
    ExitReason.STOP: (mt5.DEAL_REASON_SL, "sl"),
    ExitReason.TARGET: (mt5.DEAL_REASON_TP, "tp"),
}


class PaperAccount(Ledger):
    """A hedging account, or with `netting` one that holds one position per symbol.

    Its specs say how each symbol's money becomes the account's `currency`. Slippage (points) moves
    every fill against the order, except that of a limit order. `stop_out` is the margin level in
    percent below which the server closes positions; None: it never does.
    """

    def __init__(
        self,
        specs: dict[str, SymbolSpec],
        balance: Cents,
        *,
        slippage: Points = 0,
        netting: bool = False,
        stop_out: int | None = None,
        currency: str = USD,
    ) -> None:
        super().__init__(specs, balance, netting=netting, currency=currency)
        self.stop_out = stop_out
        self.quoted: dict[str, Millis] = {}
        self._slippage = slippage
        # Positions filled in the bar that is being played, with the bid of that moment.
        self._entered: dict[int, Points] = {}

    # --- prices ---

    def quote(self, symbol: str, bid: Points, ask: Points, now: Millis) -> None:
        """A new tick; `now` is the server's clock in milliseconds."""
        self.now = self.quoted[symbol] = now
        self.bids[symbol] = bid
        self.asks[symbol] = ask

    # --- figures ---

    def equity(self) -> Cents:
        """Balance plus each position's profit at its closing side, rounded per position."""
        total = self.balance
        for position in self.positions.values():
            symbol, worth = position.spec.name, position.cents_per_point
            bid, ask = self.bids[symbol], self.asks[symbol]
            if worth:  # nearly always; as `profit` has it, which a replay would call for each bar
                price = bid if position.side is LONG else ask
                total += (price - position.entry) * position.side * worth + position.swap
            else:
                rate = self.converter.rate_of(position.spec)
                total += position.profit(bid, ask, rate) + position.swap
        return total

    def worst_equity(self, symbol: str, bar: Bar) -> Cents:
        """Equity with each position of `symbol` at its worst of `bar`, the others at their tick."""
        total = self.balance
        for position in self.positions.values():
            total += self._worst_profit(position, symbol, bar) + position.swap
        return total

    def _worst_profit(self, position: PaperPosition, symbol: str, bar: Bar) -> Cents:
        spec = position.spec
        rate = self.converter.rate_of(spec)
        if spec.name != symbol:
            return position.profit(self.bids[spec.name], self.asks[spec.name], rate)
        seen = self._seen(position, bar) if self._entered else bar
        hit = level_hit(position.side, position.stop, 0, seen)
        if hit is None:
            price = furthest_price(position.side, seen)
        else:
            price = self._slipped(hit.price, -position.side)
        return _as_tick(position, price, bar.spread, rate)

    def affords(self, spec: SymbolSpec, side: Side, volume: Units, price: Points) -> bool:
        """Whether the free margin suffices for a deal; one that binds nothing more always may."""
        needed = self.margin_for(spec, side, volume, price)
        return needed <= 0 or needed <= self.equity() - self.margin

    # --- market orders ---

    def open(
        self,
        symbol: str,
        side: Side,
        volume: Units,
        stop: Points,
        target: Points,
        magic: int,
        comment: str,
        reason: int = mt5.ORDER_REASON_EXPERT,
    ) -> PaperDeal:
        """Deal at the tick; a position that it opens has the order's ticket."""
        self._tickets += 1
        order = PaperOrder(
            self._tickets, self.specs[symbol],
            mt5.ORDER_TYPE_BUY if side is LONG else mt5.ORDER_TYPE_SELL,
            volume, 0, stop, target, magic, comment, self.now, reason,
        )  # fmt: skip
        return self._enter_at_tick(order, side)

    def close(
        self,
        position: PaperPosition,
        magic: int,
        comment: str,
        volume: Units | None = None,
        reason: int = mt5.ORDER_REASON_EXPERT,
    ) -> PaperDeal:
        """Close `volume` of a position (None: all of it) at the tick."""
        order = self._closing(position, volume or position.volume, reason, magic, comment)
        return self._close_at_tick(position, order)

    def execute(self, order: PaperOrder) -> PaperDeal | None:
        """Carry out a market order that was in flight; None when what it is to close is gone."""
        if not order.position:
            return self._enter_at_tick(order, order.side)
        for position in self.positions.values():
            if position.identifier == order.position and position.volume >= order.volume:
                return self._close_at_tick(position, order)
        self.pending.end(order, mt5.ORDER_STATE_REJECTED, self.now)
        return None

    def _enter_at_tick(self, order: PaperOrder, side: Side) -> PaperDeal:
        bid, ask = self.bids[order.spec.name], self.asks[order.spec.name]
        order.price = self._slipped(ask if side is LONG else bid, side)
        return self._enter(order, side, order.price, bid, ask)

    def _close_at_tick(self, position: PaperPosition, order: PaperOrder) -> PaperDeal:
        spec = position.spec
        bid, ask = self.bids[spec.name], self.asks[spec.name]
        order.price = self._slipped(bid if position.side is LONG else ask, -position.side)
        rate = self.converter.rate_of(spec)
        if order.volume == position.volume:
            profit = position.profit_at(order.price, bid, ask, rate)
        else:
            profit = money.profit(
                spec, position.side, order.volume, position.entry, order.price, bid, ask, rate
            )
        return self._close(position, order, order.price, profit)

    # --- what the market does ---

    def play(self, symbol: str, bar: Bar) -> int:
        """Let the bar's range meet orders, then stops and targets, each in order of tickets.

        The symbol's last tick is taken for the bar's opening, whose time ends expired orders.
        Returns how many fills, exits and ends of orders there were.
        """
        happened = self.fill_orders(symbol, bar) if self.orders else 0
        hits = list(self._hits(symbol, bar))
        for position, hit in hits:
            reason, word = _EXIT_REASONS[hit.reason]
            level = position.stop if hit.reason is ExitReason.STOP else position.target
            comment = f"[{word} {position.spec.price(level):.{position.spec.digits}f}]"
            self._exit(position, hit.price, bar.spread, reason, comment)
        self._entered.clear()
        if self.stop_out is not None:
            happened += self._stop_out(symbol, bar, self.stop_out)
        return happened + len(hits)

    def match_tick(self, symbol: str) -> int:
        """Let the symbol's last tick meet orders, stops and targets; returns as `play` does."""
        bid = self.bids[symbol]
        return self.play(symbol, Bar(bid, bid, bid, bid, self.asks[symbol] - bid))

    def fill_orders(self, symbol: str, bar: Bar) -> int:
        """The first part of `play`: fill what `bar` reaches, end what has expired.

        Whoever looks at `worst_equity` between this and `play` sees the new positions in it.
        """
        due = list(self.pending.due(symbol, bar, self.quoted.get(symbol, self.now)))
        for order, price in due:
            if price is None:
                self.pending.end(order, mt5.ORDER_STATE_EXPIRED, self.now)
            else:
                self._trigger(order, price, bar.spread)
        return len(due)

    def post_swap(self, symbol: str, nights: int) -> None:
        """Charge each position of `symbol` the swap of `nights` nights; a close realises it."""
        for position in self.positions.values():
            if position.spec.name == symbol:
                position.swap += swap_of(
                    position.spec, position.side, position.volume, nights,
                    self.bids[symbol], self.asks[symbol], self.converter.rate_of(position.spec),
                )  # fmt: skip

    def _trigger(self, order: PaperOrder, price: Points, spread: Points) -> None:
        side = order.side
        bid = price - spread if side is LONG else price
        paid = price if order.limit else self._slipped(price, side)
        if not self.affords(order.spec, side, order.volume, paid):
            order.refusal = mt5.TRADE_RETCODE_REJECT_CANCEL
            self.pending.end(order, mt5.ORDER_STATE_REJECTED, self.now)
            return
        self._enter(order, side, paid, bid, bid + spread)
        if order.ticket in self.positions:
            self._entered[order.ticket] = bid

    def _seen(self, position: PaperPosition, bar: Bar) -> Bar:
        """The bar as the position saw it: a position that was filled in it did not see it open."""
        bid = self._entered.get(position.ticket)
        return bar if bid is None else since_entry(bar, bid)

    def _hits(self, symbol: str, bar: Bar) -> Iterator[tuple[PaperPosition, LevelHit]]:
        for ticket in sorted(self.positions):
            position = self.positions[ticket]
            if position.spec.name == symbol:
                target, seen = position.target, bar
                if ticket in self._entered:
                    target, seen = 0, self._seen(position, bar)
                hit = level_hit(position.side, position.stop, target, seen)
                if hit is not None:
                    yield position, hit

    def _stop_out(self, symbol: str, bar: Bar, percent: int) -> int:
        """Close the worst position, again and again, until the bar's worst keeps the level."""
        closed = 0
        while self.positions:
            equity = self.worst_equity(symbol, bar)
            if equity * 100 >= percent * self.margin:
                break
            comment = f"[so {equity / self.margin:.2%}]"
            position = min(
                self.positions.values(), key=lambda item: self._worst_profit(item, symbol, bar)
            )
            if position.spec.name == symbol:
                price = worst_price(position.side, position.stop, bar)
                self._exit(position, price, bar.spread, mt5.DEAL_REASON_SO, comment)
            else:
                self.close(position, position.magic, comment, reason=mt5.DEAL_REASON_SO)
            closed += 1
        return closed

    def _exit(
        self, position: PaperPosition, price: Points, spread: Points, reason: int, comment: str
    ) -> None:
        """The server closes a position at `price`, when that price is the tick of its side."""
        price, spec = self._slipped(price, -position.side), position.spec
        rate = self.converter.rate_of(spec)
        profit = _as_tick(position, price, spread, rate)
        order = self._closing(position, position.volume, reason, position.magic, comment)
        order.price = price
        self._close(position, order, price, profit)

    def _slipped(self, price: Points, bought: int) -> Points:
        """`price` moved against an order that buys (`bought` > 0) or sells."""
        return price + self._slippage if bought > 0 else price - self._slippage


def _as_tick(position: PaperPosition, price: Points, spread: Points, rate: Rate | None) -> Cents:
    """The position's profit at `price` when that price itself is the tick of its side."""
    if position.side is LONG:
        return position.profit_at(price, price, price + spread, rate)
    return position.profit_at(price, price - spread, price, rate)
