"""backtesting.py's `optimize`: every core, its own indicators over columns, heat map included."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
from backtesting import Backtest
from backtesting_rules import CrossRules, average_ranges, crosses
from common import CASH, FASTS, SLOWS, swept, task


class Rules(CrossRules):
    fast = FASTS[0]
    slow = SLOWS[0]

    def init(self) -> None:
        closes = self.data.Close.s
        self.cross = self.I(lambda: crosses(closes, self.fast, self.slow).to_numpy(), plot=False)

    @property
    def atr(self) -> Any:
        """It is the same for all parameter sets, so it was made once; as far as the bar played."""
        return self.data.Atr


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # positions left open at the end, of each run
    what = task()
    bars = pd.read_csv(what.bars, usecols=range(6), index_col="time")
    bars.index = pd.to_datetime(bars.index, unit="s")
    bars.columns = ["Open", "High", "Low", "Close", "Volume"]
    test = Backtest(
        bars.assign(Atr=average_ranges(bars)), Rules, cash=CASH, commission=0, spread=0, margin=0.01
    )
    _, heat = test.optimize(
        fast=list(FASTS), slow=list(SLOWS), maximize="Equity Final [$]", return_heatmap=True
    )
    finals = {tuple(map(int, place)): float(final) for place, final in heat.items()}
    swept(what, "backtesting", finals)
