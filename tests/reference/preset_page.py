"""The M15 preset and the replay's execution model, written a second time from their page alone.

It shares no code with the engine, so that an agreement of the two says something. Everything is
kept as plain as the page: one list of events in their total order, one loop, sums taken anew.
Prices are integer points, money is integer cents, times are seconds; slippage and swap are 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tests.reference.preset_bars import (
    TABLE,
    Clock,
    Columns,
    Market,
    Position,
    Spec,
    commission,
    half,
    margin,
    prague_midnights,
    profit,
)

__all__ = ["TABLE", "Columns", "Outcome", "Position", "Row", "Spec", "half", "run"]

TOLERANCE = 1e-6  # cents, of every threshold
RISK_SLACK = 5  # cents by which an order's risk may exceed its allowance
SCALE = {"A": 1.5, "B": 0.75, "C": 0.0, "UNKNOWN": 0.5}
RANGE, RESET, OPEN = 0, 1, 2  # the order of events at equal times


class Row(NamedTuple):
    """A line of the log. Cells without a meaning for the event are 0, 0.0 or "".

    A FILTER row has lots if the check that failed comes after the sizing.
    """

    time: int  # UTC
    event: str
    ticket: int
    symbol: str
    direction: str
    lots: float
    price: int  # points; of a MODIFY the new stop, of a FILTER the tick refused
    reason: str
    profit: int
    commission: int  # what it does to the balance: negative or 0
    balance: int


@dataclass
class Outcome:
    """What a run left: the log and the figures of the summary."""

    log: list[Row] = field(default_factory=list)
    balance: int = 0
    equity: int = 0
    denials: Counter[str] = field(default_factory=Counter)
    signals: int = 0
    open_positions: list[Position] = field(default_factory=list)
    max_drawdown_fraction: float = 0.0
    max_daily_loss_fraction: float = 0.0
    daily_realized_loss: int = 0
    trades: int = 0
    wins: int = 0


# ---- The account, the strategy's acts and the vetting of its entries


@dataclass
class Limits:
    max_positions: int
    per_trade: float
    daily: float
    max_loss: float | None
    trades: int | None


class Book:
    """The account and everything that changes it, one method per kind of event."""

    def __init__(self, markets: list[Market], limits: Limits, start: int) -> None:
        self.markets = {market.symbol: market for market in markets}
        self.limits = limits
        self.start = self.balance = self.day_start = self.peak = start
        self.out = Outcome()
        self.positions: list[Position] = []  # in order of tickets
        self.entries = 0
        self.halts: set[str] = set()
        self.now = 0

    # -- events

    def bar_opens(self, m: Market, i: int) -> None:
        closed = m.start_bar(i)
        self.test()
        if closed and len(m.closes) > 50:
            self.decide(m)

    def bar_ranges(self, m: Market, i: int) -> None:
        if self.positions:
            self.test(m, i)
        for p in [p for p in self.positions if p.symbol == m.symbol]:
            found = m.exit_of(p, i)
            if found:
                self.close(p, *found)
        m.tick(m.close[i])
        self.test()

    def day_resets(self) -> None:
        self.day_start = self.balance
        self.halts.discard("daily_loss")
        self.write("RESET")
        self.test()

    def finished(self) -> bool:
        """True once the last trade that `limit_trades` allowed has been closed."""
        limit = self.limits.trades
        return limit is not None and 0 < limit <= self.entries and not self.positions

    # -- equity

    def worth(self, p: Position, price: int) -> int:
        m = self.markets[p.symbol]
        return profit(m.spec, p.side, p.entry, price, p.lots, m.spread)

    def equity(self, worst: Market | None = None, i: int = 0) -> int:
        """Cents; with `worst`, its positions stand at their worst price of bar `i`."""
        total = self.balance
        for p in self.positions:
            m = self.markets[p.symbol]
            price = m.worst_of(p, i) if m is worst else m.bid if p.side > 0 else m.ask
            total += self.worth(p, price)
        return total

    def test(self, worst: Market | None = None, i: int = 0) -> None:
        equity = self.equity(worst, i) if self.positions else self.balance
        out = self.out
        self.peak = max(self.peak, equity)
        if equity < self.peak:
            fall = (self.peak - equity) / self.peak
            out.max_drawdown_fraction = max(out.max_drawdown_fraction, fall)
        if equity < self.day_start:
            lost = (self.day_start - equity) / self.day_start
            out.max_daily_loss_fraction = max(out.max_daily_loss_fraction, lost)
        for cause, floor in self.floors():
            if equity <= floor + TOLERANCE:
                self.halt(cause)

    def floors(self) -> Iterator[tuple[str, float]]:
        yield "daily_loss", self.day_start * (1 - self.limits.daily)
        if self.limits.max_loss is not None:
            yield "max_loss", self.start * (1 - self.limits.max_loss)

    def halt(self, cause: str) -> None:
        if cause not in self.halts:
            self.halts.add(cause)
            self.write("HALT", reason=cause)

    # -- strategy

    def decide(self, m: Market) -> None:
        side, variant = m.signal()
        held = [p for p in self.positions if p.symbol == m.symbol]
        for p in held:
            if side == -p.side:
                self.close(p, m.bid if p.side > 0 else m.ask, "OPPOSITE")
                self.test()
            else:
                self.trail(m, p)
        if side and not held:
            self.consider(m, side, variant)

    def trail(self, m: Market, p: Position) -> None:
        close = m.closes[-1]
        if p.side > 0:
            move = close - p.entry
            stop = max(p.entry, close - half(m.atr), p.stop)
            allowed = stop < m.bid
        else:
            move = p.entry - (close + m.spread)
            stop = min(p.entry, close + m.spread + half(m.atr), p.stop)
            allowed = stop > m.ask
        if 2 * move >= 3 * abs(p.entry - p.first_stop) and stop != p.stop and allowed:
            p.stop = stop
            self.write("MODIFY", p, price=stop, reason="TRAIL")

    def consider(self, m: Market, side: int, variant: str) -> None:
        """Filter an entry as the strategy does, then vet, size and fill it."""
        limit = self.limits.trades
        if m.session() == "ASIA" or m.trend(side) == "COUNTER_TREND":
            return
        if limit is not None and self.entries >= limit:
            return
        self.out.signals += 1
        entry = m.ask if side > 0 else m.bid
        stop, target = entry - side * half(1.5 * m.atr), entry + side * half(3 * m.atr)
        order = Position(0, m.symbol, side, 0.0, entry, stop, target, stop, 0, 0)
        reason = self.vet(m, order)
        if reason:
            self.out.denials[reason] += 1
            self.write("FILTER", order, price=entry, reason=reason)
            if reason in ("daily_loss", "max_loss"):
                self.halt(reason)
            return
        self.fill(order, variant)

    # -- sizing and vetting

    def vet(self, m: Market, order: Position) -> str:
        """Give `order` its volume and name the first check that it fails, or ""."""
        if self.halts:
            return "halted"
        if len(self.positions) >= self.limits.max_positions:
            return "max_positions"
        price = m.bid if order.side > 0 else m.ask
        to_stop, to_target = (price - order.stop) * order.side, (order.target - price) * order.side
        if min(to_stop, to_target) < max(1, m.spec.stops_level):
            return "invalid_stops"
        lots = self.volume(m, order)
        if lots < m.spec.lots[0]:
            return "below_min_volume"
        order.lots, order.paid = lots, commission(m.spec, lots)
        order.margin = margin(m.spec, lots, order.entry)
        risk = 2 * order.paid - self.worth(order, order.stop)
        if risk > self.limits.per_trade * self.day_start + RISK_SLACK + TOLERANCE:
            return "per_trade_risk"
        worst = self.balance - risk + sum(min(0, self.at_stop(p)) for p in self.positions)
        for cause, floor in self.floors():
            if worst < floor - TOLERANCE:
                return cause
        free = self.equity() - sum(p.margin for p in self.positions)
        return "margin" if order.margin > free else ""

    def volume(self, m: Market, order: Position) -> float:
        """Lots that the risk budget buys, before the minimum."""
        f, (_, step, most) = self.limits.per_trade, m.spec.lots
        gain = profit(m.spec, order.side, order.entry, order.stop, 1.0, m.spread)
        loss = 2 * commission(m.spec, 1.0) - gain
        budget = min(f * SCALE["UNKNOWN"] * self.equity(), f * self.day_start)
        return min(round(math.floor(budget / loss / step + 1e-9) * step, 8), most)

    def at_stop(self, p: Position) -> int:
        return self.worth(p, p.stop) - commission(self.markets[p.symbol].spec, p.lots)

    # -- deals

    def fill(self, p: Position, variant: str) -> None:
        self.entries += 1
        p.ticket = self.entries
        self.positions.append(p)
        self.balance -= p.paid
        self.write("OPEN", p, price=p.entry, reason=variant, paid=-p.paid)
        self.test()

    def close(self, p: Position, price: int, reason: str) -> None:
        gain, cost = self.worth(p, price), commission(self.markets[p.symbol].spec, p.lots)
        self.positions.remove(p)
        self.balance += gain - cost
        self.out.trades += 1
        self.out.wins += gain - cost - p.paid > 0
        self.write("CLOSE", p, price=price, reason=reason, gain=gain, paid=-cost)

    def write(
        self,
        event: str,
        p: Position | None = None,
        *,
        price: int = 0,
        reason: str = "",
        gain: int = 0,
        paid: int = 0,
    ) -> None:
        who = (0, "", "", 0.0)
        if p is not None:
            who = (p.ticket, p.symbol, "long" if p.side > 0 else "short", round(p.lots, 2))
        self.out.log.append(Row(self.now, event, *who, price, reason, gain, paid, self.balance))


# ---- The run


def timeline(markets: list[Market]) -> Iterator[tuple[int, int, int, int]]:
    """(UTC seconds, kind, rank, bar) of every event, in the page's total order."""
    blocks = []
    for rank, m in enumerate(markets):
        opens, bars = np.array(m.utc, dtype=np.int64), np.arange(len(m.utc))
        for kind, times in ((RANGE, opens + m.period), (OPEN, opens)):
            blocks.append(np.stack([times, np.full_like(times, kind), bars * 0 + rank, bars]))
    first = min(m.utc[0] for m in markets)
    last = max(m.utc[-1] + m.period for m in markets)
    resets = np.array(prague_midnights(first, last), dtype=np.int64)
    blocks.append(np.stack([resets, resets * 0 + RESET, resets * 0, resets * 0]))
    events = np.concatenate(blocks, axis=1)
    order = np.lexsort((events[2], events[1], events[0]))
    return zip(*(column[order].tolist() for column in events), strict=True)


def run(
    bars: dict[str, Columns],
    *,
    clock: Clock,
    max_positions: int = 2,
    per_trade_risk_fraction: float = 0.004,
    daily_loss_fraction: float = 0.02,
    max_loss_fraction: float | None = None,
    limit_trades: int | None = None,
    starting_cents: int = 10_000_000,
    specs: dict[str, Spec] = TABLE,
) -> Outcome:
    """Replay the preset over the feed bars of some symbols, ranked in the order of `specs`.

    Raises ValueError for a symbol that `specs` lacks, for bars out of order, and for prices with
    more digits than the symbol's.
    """
    unknown = sorted(set(bars) - set(specs))
    if unknown or not bars:
        raise ValueError(f"bars of {unknown or 'no symbol'}; known symbols are {list(specs)}")
    markets = [Market(s, spec, bars[s], clock) for s, spec in specs.items() if s in bars]
    limits = Limits(
        max_positions, per_trade_risk_fraction, daily_loss_fraction, max_loss_fraction, limit_trades
    )
    book = Book(markets, limits, starting_cents)
    for now, kind, rank, i in timeline(markets):
        book.now = now
        if kind == RANGE:
            book.bar_ranges(markets[rank], i)
        elif kind == OPEN:
            book.bar_opens(markets[rank], i)
        else:
            book.day_resets()
        if book.finished():
            break
    out = book.out
    out.balance, out.equity, out.open_positions = book.balance, book.equity(), book.positions
    out.daily_realized_loss = max(0, book.day_start - book.balance)
    return out
