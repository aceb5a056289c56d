"""basana: an async exchange of coins; no bars but those given and no indicators.

It has no stop or target that belongs to a position, so the strategy looks at every minute and
closes at the next opening. A short borrows what it sells.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import basana as bs
from basana.backtesting import exchange, lending, liquidity
from basana.core.event_sources import csv
from common import CASH, STOP_ATR, TARGET_ATR, UNITS, Cross, Slots, answer, task

PAIR = bs.Pair("EUR", "USD")
MINUTE = timedelta(minutes=1)
AMOUNT = Decimal(UNITS)


class Rows(csv.RowParser):
    def parse_row(self, row_dict: dict) -> list:
        begin = datetime.fromtimestamp(int(row_dict["time"]), timezone.utc)
        prices = (Decimal(row_dict[name]) for name in ("open", "high", "low", "close"))
        bar = bs.Bar(begin, PAIR, *prices, Decimal(row_dict["tick_volume"]), MINUTE)
        return [bs.BarEvent(begin + MINUTE, bar)]


class Rules:
    def __init__(self, venue: exchange.Exchange, storm: bool) -> None:
        self.venue, self.storm = venue, storm
        self.slots, self.cross = Slots(), Cross()
        self.side = self.trades = self.bars = 0
        self.last = 0.0
        self.stop = self.target = 0.0
        self.turn = -1

    async def on_bar(self, event: bs.BarEvent) -> None:
        bar = event.bar
        moment = int(bar.begin.timestamp())
        self.bars += 1
        high, low, close = float(bar.high), float(bar.low), float(bar.close)
        if self.side and not self.storm:
            await self.watch(high, low, moment)
        for closed in self.slots.push(moment, high, low, close):
            await self.decide(closed, close, moment)

    async def decide(self, closed: tuple, close: float, moment: int) -> None:
        if self.storm:
            self.turn = -self.turn
            if self.side:
                await self.leave(moment)
            await self.enter(self.turn, close)
            return
        want = self.cross.push(*closed)
        if want and not self.side:
            await self.enter(want, close)
        elif want and want != self.side:
            await self.leave(moment)

    async def watch(self, high: float, low: float, moment: int) -> None:
        lost = low <= self.stop if self.side > 0 else high >= self.stop
        won = high >= self.target if self.side > 0 else low <= self.target
        if lost or won:
            await self.leave(moment)

    async def enter(self, side: int, close: float) -> None:
        self.side = side
        self.stop = close - side * STOP_ATR * self.cross.atr
        self.target = close + side * TARGET_ATR * self.cross.atr
        await self.order(side)

    async def leave(self, moment: int) -> None:
        await self.order(-self.side)
        self.side = 0
        self.trades, self.last = self.trades + 1, float(moment)

    async def order(self, side: int) -> None:
        operation = bs.OrderOperation.BUY if side > 0 else bs.OrderOperation.SELL
        await self.venue.create_market_order(
            operation, PAIR, AMOUNT, auto_borrow=True, auto_repay=True
        )


async def run(what) -> tuple:
    dispatcher = bs.backtesting_dispatcher()
    free = lending.MarginLoanConditions("USD", Decimal(0), timedelta(days=1), Decimal(0))
    venue = exchange.Exchange(
        dispatcher,
        {"USD": Decimal(CASH)},
        liquidity_strategy_factory=liquidity.InfiniteLiquidity,
        default_pair_info=bs.PairInfo(2, 5),
        lending_strategy=lending.MarginLoans("USD", Decimal("0.1"), free),
    )
    venue.set_symbol_precision("USD", 5)
    venue.set_symbol_precision("EUR", 2)
    rules = Rules(venue, what.storm)
    venue.add_bar_source(csv.EventSource(str(what.bars), Rows(), sort=False))
    venue.subscribe_to_bar_events(PAIR, rules.on_bar)
    await dispatcher.run()
    balances = await venue.get_balances()
    _, ask = await venue.get_bid_ask(PAIR)
    euros = balances["EUR"].total if "EUR" in balances else Decimal(0)
    return rules, float(balances["USD"].total + euros * ask)


if __name__ == "__main__":
    what = task()
    rules, balance = asyncio.run(run(what))
    answer(what, "basana", bars=rules.bars, trades=rules.trades, last=rules.last, balance=balance)
