"""backtrader: M1 resampled to M15, brackets as orders, fills at the next M1 bar's opening."""

from __future__ import annotations

import backtrader as bt
from common import ATR_BARS, CASH, FAST, SLOW, STOP_ATR, TARGET_ATR, UNITS, answer, task


class Rules(bt.Strategy):
    params = (("storm", False),)

    def __init__(self) -> None:
        closes = self.data1.close
        self.cross = bt.ind.CrossOver(
            bt.ind.SMA(closes, period=FAST), bt.ind.SMA(closes, period=SLOW)
        )
        self.atr = bt.ind.ATR(self.data1, period=ATR_BARS)
        self.seen = self.side = self.trades = 0
        self.last = 0.0
        self.children: list = []
        self.turn = -1

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        if len(self.data1) == self.seen:
            return
        self.seen = len(self.data1)
        if self.p.storm:
            self.turn = -self.turn
            self.close(self.data0)
            (self.buy if self.turn > 0 else self.sell)(self.data0, size=UNITS)
            return
        want = int(self.cross[0]) if self.seen > SLOW else 0
        size = self.getposition(self.data0).size
        if want and size == 0:
            self.enter(want)
        elif want and want * size < 0:
            for child in self.children:
                self.cancel(child)
            self.close(self.data0)

    def enter(self, side: int) -> None:
        """Stop and target from the last close: the opening is not known yet."""
        price, atr = self.data0.close[0], self.atr[0]
        bracket = self.buy_bracket if side > 0 else self.sell_bracket
        orders = bracket(
            data=self.data0,
            size=UNITS,
            exectype=bt.Order.Market,
            stopprice=price - side * STOP_ATR * atr,
            limitprice=price + side * TARGET_ATR * atr,
        )
        self.children = orders[1:]

    def notify_trade(self, trade: bt.Trade) -> None:
        if trade.isclosed:
            self.trades += 1
            self.last = bt.num2date(trade.dtclose).timestamp()


if __name__ == "__main__":
    what = task()
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH)
    # A currency on margin: a position binds no cash.
    cerebro.broker.setcommission(commission=0.0, margin=1.0, mult=1.0, stocklike=False)
    feed = bt.feeds.GenericCSVData(
        dataname=str(what.bars), dtformat=1, timeframe=bt.TimeFrame.Minutes, compression=1,
        datetime=0, open=1, high=2, low=3, close=4, volume=5, openinterest=-1,
    )  # fmt: skip
    cerebro.adddata(feed)
    cerebro.resampledata(feed, timeframe=bt.TimeFrame.Minutes, compression=15)
    cerebro.addstrategy(Rules, storm=what.storm)
    (ran,) = cerebro.run()
    answer(
        what, "backtrader", bars=len(ran.data0), trades=ran.trades, last=ran.last,
        balance=cerebro.broker.getvalue(),
    )  # fmt: skip
