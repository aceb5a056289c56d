"""The paper account: quotes, positions, deals, balance, margin and equity, in integer units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.mt5 import contract as mt5
from adapters.paper.matching import Bar, Exit, ExitReason, exit_in, worst_price
from engine import money
from engine.types import UNITS_PER_LOT, Cents, Conversion, Millis, Points, Side, SymbolSpec, Units


@dataclass(slots=True)
class PaperPosition:
    """An open position; `opened` is on the server's clock, in milliseconds."""

    ticket: int
    spec: SymbolSpec
    side: Side
    volume: Units
    entry: Points
    stop: Points
    target: Points
    margin: Cents
    opened: Millis
    updated: Millis
    magic: int
    comment: str
    swap: Cents = 0
    cents_per_point: int = field(init=False)

    def __post_init__(self) -> None:
        self.cents_per_point = _whole_cents_per_point(self.spec, self.volume)

    def profit(self, bid: Points, ask: Points) -> Cents:
        """Floating profit at the tick."""
        price = bid if self.side is Side.LONG else ask
        if self.cents_per_point:
            return (price - self.entry) * self.side * self.cents_per_point
        return money.profit(self.spec, self.side, self.volume, self.entry, price, bid, ask)


def _whole_cents_per_point(spec: SymbolSpec, volume: Units) -> int:
    """Cents that a point is worth when that is a whole number, else 0: then profits are rounded."""
    if spec.conversion is not Conversion.NONE:
        return 0
    worth, rest = divmod(volume * spec.contract * 100, UNITS_PER_LOT * 10**spec.digits)
    return 0 if rest else worth


@dataclass(slots=True, frozen=True)
class PaperDeal:
    """A deal; `profit`, `commission` and `swap` carry the sign of the account statement."""

    ticket: int
    order: int
    position: int
    time: Millis
    kind: int
    entry: int
    reason: int
    symbol: str = ""
    volume: Units = 0
    price: Points = 0
    profit: Cents = 0
    commission: Cents = 0
    swap: Cents = 0
    magic: int = 0
    comment: str = ""


_EXIT_REASONS = {
    ExitReason.STOP: (mt5.DEAL_REASON_SL, "sl"),
    ExitReason.TARGET: (mt5.DEAL_REASON_TP, "tp"),
}


class PaperAccount:
    """A hedging account in USD. Slippage moves every fill against the order.

    `held` counts the open positions of each symbol; `margin` is what they bind, as fixed when each
    was opened.
    """

    def __init__(
        self, specs: dict[str, SymbolSpec], balance: Cents, *, slippage: Points = 0
    ) -> None:
        self.specs = specs
        self.balance = balance
        self.now: Millis = 0
        self.bids: dict[str, Points] = {}
        self.asks: dict[str, Points] = {}
        self.quoted: dict[str, Millis] = {}
        self.positions: dict[int, PaperPosition] = {}
        self.margin: Cents = 0
        self.held = dict.fromkeys(specs, 0)
        self.deals: list[PaperDeal] = []
        self._deals_of: dict[int, list[PaperDeal]] = {}
        self._slippage = slippage
        self._orders = 0
        self._book(PaperDeal(1, 0, 0, 0, mt5.DEAL_TYPE_BALANCE, 0, 0, profit=balance), 0)

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
            symbol = position.spec.name
            total += position.profit(self.bids[symbol], self.asks[symbol]) + position.swap
        return total

    def worst_equity(self, symbol: str, bar: Bar) -> Cents:
        """Equity with each position of `symbol` at its worst of `bar`, the others at their tick."""
        total = self.balance
        for position in self.positions.values():
            spec = position.spec
            if spec.name == symbol:
                price = worst_price(position.side, position.stop, bar)
                if exit_in(position.side, position.stop, 0, bar):
                    price = self._slipped(price, -position.side)
                total += money.profit_at(
                    spec, position.side, position.volume, position.entry, price, bar.spread
                )
            else:
                total += position.profit(self.bids[spec.name], self.asks[spec.name])
            total += position.swap
        return total

    def deals_of(self, position: int) -> list[PaperDeal]:
        """All deals of a position, oldest first."""
        return self._deals_of.get(position, [])

    # --- trading ---

    def next_order(self) -> int:
        """A fresh order ticket."""
        self._orders += 1
        return self._orders

    def open(
        self,
        symbol: str,
        side: Side,
        volume: Units,
        stop: Points,
        target: Points,
        magic: int,
        comment: str,
    ) -> PaperDeal:
        """Open a position at the tick; its ticket is that of the order."""
        spec = self.specs[symbol]
        order = self.next_order()
        price = self._slipped(
            self.asks[symbol] if side is Side.LONG else self.bids[symbol], int(side)
        )
        self.positions[order] = PaperPosition(
            order, spec, side, volume, price, stop, target,
            money.margin(spec, volume, price), self.now, self.now, magic, comment,
        )  # fmt: skip
        self.held[symbol] += 1
        self.margin += self.positions[order].margin
        deal = PaperDeal(
            len(self.deals) + 1, order, order, self.now,
            mt5.DEAL_TYPE_BUY if side is Side.LONG else mt5.DEAL_TYPE_SELL,
            mt5.DEAL_ENTRY_IN, mt5.DEAL_REASON_EXPERT, symbol, volume, price,
            0, -money.commission(spec, volume), 0, magic, comment,
        )  # fmt: skip
        self._book(deal, deal.commission)
        return deal

    def close(self, position: PaperPosition, magic: int, comment: str) -> PaperDeal:
        """Close a position at the tick."""
        symbol = position.spec.name
        bid, ask = self.bids[symbol], self.asks[symbol]
        long = position.side is Side.LONG
        price = self._slipped(bid if long else ask, -position.side)
        profit = money.profit(
            position.spec, position.side, position.volume, position.entry, price, bid, ask
        )
        return self._leave(position, price, profit, mt5.DEAL_REASON_EXPERT, magic, comment)

    def play(self, symbol: str, bar: Bar) -> int:
        """Let the bar's range hit stops and targets, in order of tickets; returns how many."""
        hits = list(self._hits(symbol, bar))
        for position, hit in hits:
            reason, word = _EXIT_REASONS[hit.reason]
            level = position.stop if hit.reason is ExitReason.STOP else position.target
            price = self._slipped(hit.price, -position.side)
            profit = money.profit_at(
                position.spec, position.side, position.volume, position.entry, price, bar.spread
            )
            comment = f"[{word} {position.spec.price(level):.{position.spec.digits}f}]"
            self._leave(position, price, profit, reason, position.magic, comment)
        return len(hits)

    def _hits(self, symbol: str, bar: Bar) -> Iterator[tuple[PaperPosition, Exit]]:
        for ticket in sorted(self.positions):
            position = self.positions[ticket]
            if position.spec.name == symbol:
                hit = exit_in(position.side, position.stop, position.target, bar)
                if hit is not None:
                    yield position, hit

    def _leave(
        self,
        position: PaperPosition,
        price: Points,
        profit: Cents,
        reason: int,
        magic: int,
        comment: str,
    ) -> PaperDeal:
        del self.positions[position.ticket]
        self.held[position.spec.name] -= 1
        self.margin -= position.margin
        deal = PaperDeal(
            len(self.deals) + 1, self.next_order(), position.ticket, self.now,
            mt5.DEAL_TYPE_SELL if position.side is Side.LONG else mt5.DEAL_TYPE_BUY,
            mt5.DEAL_ENTRY_OUT, reason, position.spec.name, position.volume, price, profit,
            -money.commission(position.spec, position.volume), position.swap, magic, comment,
        )  # fmt: skip
        self._book(deal, profit + deal.commission + deal.swap)
        return deal

    def _book(self, deal: PaperDeal, amount: Cents) -> None:
        self.balance += amount
        self.deals.append(deal)
        if deal.position:
            self._deals_of.setdefault(deal.position, []).append(deal)

    def _slipped(self, price: Points, bought: int) -> Points:
        """`price` moved against an order that buys (`bought` > 0) or sells."""
        return price + self._slippage if bought > 0 else price - self._slippage
