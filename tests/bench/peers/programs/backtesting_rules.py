"""The crossing strategy for backtesting.py, over columns first, as it recommends."""

from __future__ import annotations

import pandas as pd
from backtesting import Strategy
from common import ATR_BARS, STOP_ATR, TARGET_ATR, UNITS


def crosses(closes: pd.Series, fast: int, slow: int) -> pd.Series:
    """Per bar: the cross (1, -1, 0) of the two averages."""
    gap = closes.rolling(fast).mean() - closes.rolling(slow).mean()
    gap = gap.where(gap.abs() > 1e-12, 0.0)
    up, down = (gap.shift() <= 0) & (gap > 0), (gap.shift() >= 0) & (gap < 0)
    return up.astype(float) - down


def average_ranges(bars: pd.DataFrame) -> pd.Series:
    """Per bar: the ATR."""
    before = bars.Close.shift(fill_value=bars.Close.iloc[0])
    ranges = bars.High.combine(before, max) - bars.Low.combine(before, min)
    return ranges.ewm(alpha=1 / ATR_BARS, adjust=False).mean()


class CrossRules(Strategy):
    """Enters at a cross and leaves at an opposite one; `init` makes `cross` and `atr`."""

    def next(self) -> None:
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
