"""backtesting.py: signals over columns first, as it recommends; fills at the next opening."""

from __future__ import annotations

import warnings

import pandas as pd
from backtesting import Backtest
from backtesting_rules import CrossRules, average_ranges, crosses
from common import CASH, FAST, M15, SLOW, UNITS, answer, task


def advice(minutes: pd.DataFrame) -> pd.DataFrame:
    """Per M15 bar: the cross and the ATR, at the row of its last minute."""
    slot = minutes.index.as_unit("s").asi8 // M15
    grouped = minutes.groupby(slot)
    bars = grouped.agg({"High": "max", "Low": "min", "Close": "last"})
    rows = minutes.groupby(slot).tail(1).index
    found = pd.DataFrame({"cross": crosses(bars.Close, FAST, SLOW), "atr": average_ranges(bars)})
    return found.set_index(rows).assign(closed=1.0).reindex(minutes.index, fill_value=0.0)


class Rules(CrossRules):
    storm = False
    told: pd.DataFrame

    def init(self) -> None:
        self.cross, self.atr, self.closed = (
            self.I(self.told[name].to_numpy, name=name, plot=False)
            for name in ("cross", "atr", "closed")
        )
        self.turn = -1

    def next(self) -> None:
        if not self.storm:
            super().next()
        elif self.closed[-1]:
            self.turn = -self.turn
            self.position.close()
            (self.buy if self.turn > 0 else self.sell)(size=UNITS)


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
