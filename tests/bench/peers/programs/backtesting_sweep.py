"""backtesting.py's `optimize`: every core, its own indicators over columns, heat map included."""

from __future__ import annotations

import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from common import ATR_BARS, CASH, FASTS, SLOWS, STOP_ATR, TARGET_ATR, UNITS, swept, task


def advice(closes: pd.Series, fast: int, slow: int) -> pd.Series:
    """Per bar: the cross (1, -1, 0) of the two averages."""
    gap = closes.rolling(fast).mean() - closes.rolling(slow).mean()
    gap = gap.where(gap.abs() > 1e-12, 0.0)
    up, down = (gap.shift() <= 0) & (gap > 0), (gap.shift() >= 0) & (gap < 0)
    return up.astype(float) - down


class Rules(Strategy):
    fast = FASTS[0]
    slow = SLOWS[0]

    def init(self) -> None:
        closes = self.data.Close.s
        self.cross = self.I(lambda: advice(closes, self.fast, self.slow).to_numpy(), plot=False)

    def next(self) -> None:
        side = self.cross[-1]
        if not side:
            return
        if self.position:
            if self.position.is_long != (side > 0):
                self.position.close()
            return
        price, atr = self.data.Close[-1], self.data.Atr[-1]
        order = self.buy if side > 0 else self.sell
        order(size=UNITS, sl=price - side * STOP_ATR * atr, tp=price + side * TARGET_ATR * atr)


def with_atr(bars: pd.DataFrame) -> pd.DataFrame:
    """It is the same for all parameter sets, so it is made once."""
    before = bars.Close.shift(fill_value=bars.Close.iloc[0])
    ranges = bars.High.combine(before, max) - bars.Low.combine(before, min)
    return bars.assign(Atr=ranges.ewm(alpha=1 / ATR_BARS, adjust=False).mean())


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # positions left open at the end, of each run
    what = task()
    bars = pd.read_csv(what.bars, usecols=range(6), index_col="time")
    bars.index = pd.to_datetime(bars.index, unit="s")
    bars.columns = ["Open", "High", "Low", "Close", "Volume"]
    test = Backtest(with_atr(bars), Rules, cash=CASH, commission=0, spread=0, margin=0.01)
    _, heat = test.optimize(
        fast=list(FASTS), slow=list(SLOWS), maximize="Equity Final [$]", return_heatmap=True
    )
    finals = {tuple(map(int, place)): float(final) for place, final in heat.items()}
    swept(what, "backtesting", finals)
