"""backtesting.py: signals over columns first, as it recommends; fills at the next opening."""

from __future__ import annotations

import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from common import ATR_BARS, CASH, FAST, M15, SLOW, STOP_ATR, TARGET_ATR, UNITS, answer, task


def advice(minutes: pd.DataFrame) -> pd.DataFrame:
    """Per M15 bar: the cross (1, -1, 0) and the ATR, at the row of its last minute."""
    slot = minutes.index.as_unit("s").asi8 // M15
    grouped = minutes.groupby(slot)
    bars = grouped.agg({"High": "max", "Low": "min", "Close": "last"})
    before = bars.Close.shift(fill_value=bars.Close.iloc[0])
    ranges = bars.High.combine(before, max) - bars.Low.combine(before, min)
    gap = bars.Close.rolling(FAST).mean() - bars.Close.rolling(SLOW).mean()
    gap = gap.where(gap.abs() > 1e-12, 0.0)
    up, down = (gap.shift() <= 0) & (gap > 0), (gap.shift() >= 0) & (gap < 0)
    rows = minutes.groupby(slot).tail(1).index
    atr = ranges.ewm(alpha=1 / ATR_BARS, adjust=False).mean()
    found = pd.DataFrame({"cross": up.astype(float) - down, "atr": atr})
    return found.set_index(rows).assign(closed=1.0).reindex(minutes.index, fill_value=0.0)


class Rules(Strategy):
    storm = False
    told: pd.DataFrame

    def init(self) -> None:
        self.cross, self.atr, self.closed = (
            self.I(self.told[name].to_numpy, name=name, plot=False)
            for name in ("cross", "atr", "closed")
        )
        self.turn = -1

    def next(self) -> None:
        if self.storm:
            if self.closed[-1]:
                self.turn = -self.turn
                self.position.close()
                (self.buy if self.turn > 0 else self.sell)(size=UNITS)
            return
        side = self.cross[-1]
        if not side:
            return
        if self.position:
            if self.position.is_long != (side > 0):
                self.position.close()
            return
        price, atr = self.data.Close[-1], self.atr[-1]
        order = self.buy if side > 0 else self.sell
        order(size=UNITS, sl=price - side * STOP_ATR * atr, tp=price + side * TARGET_ATR * atr)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="backtesting")  # positions left open at the end
    what = task()
    minutes = pd.read_csv(what.bars, usecols=range(6), index_col="time")
    minutes.index = pd.to_datetime(minutes.index, unit="s")
    minutes.columns = ["Open", "High", "Low", "Close", "Volume"]
    Rules.told, Rules.storm = advice(minutes), what.storm
    test = Backtest(minutes, Rules, cash=CASH, commission=0, spread=0, margin=0.01)
    stats = test.run()
    trades = stats["_trades"]
    answer(
        what, "backtesting", bars=len(minutes), trades=len(trades),
        last=trades.ExitTime.max().timestamp(),
        balance=CASH + float(trades.PnL.sum()),
    )  # fmt: skip
