"""pyeventbt: an event queue over M1 and M15 bars, with stop and target on each order.

It reads a CSV layout of its own, which is written before the clock starts, and charges 2.50 a lot
and side.
"""

from __future__ import annotations

import csv
import logging
import tempfile
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
from common import ATR_BARS, CASH, FAST, SLOW, STOP_ATR, TARGET_ATR, UNITS, answer, task
from pyeventbt import (
    FixedSizingConfig,
    PassthroughRiskConfig,
    SignalEvent,
    Strategy,
    StrategyTimeframes,
)
from pyeventbt.events.events import OrderType, SignalType
from pyeventbt.indicators import ATR, SMA
from pyeventbt.strategy.core.account_currencies import AccountCurrencies

SYMBOL, MAGIC = "EURUSD", "1"
QUARTER = StrategyTimeframes.FIFTEEN_MIN
BARS = SLOW * 4
"""How many M15 bars it looks back on: the ATR of a window forgets what is older."""


def prepared(bars: Path, folder: Path) -> int:
    """The bars in the layout that the library reads; returns their number."""
    count = 0
    target = folder / f"{SYMBOL}.csv"
    with bars.open(newline="") as source, target.open("w", newline="") as out:
        for row in csv.DictReader(source):
            when = datetime.fromtimestamp(int(row["time"]), timezone.utc)
            prices = ",".join(row[name] for name in ("open", "high", "low", "close"))
            out.write(f"{when:%Y.%m.%d,%H:%M:%S},{prices},{row['tick_volume']},0,0\n")
            count += 1
    return count


class Rules:
    def __init__(self, storm: bool) -> None:
        self.storm, self.turn = storm, -1

    def on_bar(self, event, modules) -> list:
        if event.timeframe != QUARTER:
            return []
        held = modules.PORTFOLIO.get_number_of_strategy_open_positions_by_symbol(SYMBOL)
        if self.storm:
            self.turn = -self.turn
            if held["TOTAL"]:
                modules.EXECUTION_ENGINE.close_all_strategy_positions()
            return [self.signal(event, modules, self.turn, 0.0, 0.0)]
        bars = modules.DATA_PROVIDER.get_latest_bars(SYMBOL, QUARTER, BARS)
        if bars is None or bars.height < SLOW + 1:
            return []
        high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
        gap = SMA.compute(close, FAST)[-2:] - SMA.compute(close, SLOW)[-2:]
        side = 1 if gap[0] <= 0 < gap[1] else -1 if gap[0] >= 0 > gap[1] else 0
        if not side or held["LONG" if side > 0 else "SHORT"]:
            return []
        if held["TOTAL"]:
            modules.EXECUTION_ENGINE.close_all_strategy_positions()
            return []
        # Wilder's smoothing over 14 bars is an exponential one over 27.
        atr = ATR.compute(high, low, close, 2 * ATR_BARS - 1, "ema")[-1]
        if np.isnan(atr):
            return []
        price = float(close[-1])
        return [self.signal(event, modules, side, price - side * STOP_ATR * atr,
                            price + side * TARGET_ATR * atr)]  # fmt: skip

    def signal(self, event, modules, side: int, stop: float, target: float) -> SignalEvent:
        tick = modules.DATA_PROVIDER.get_latest_tick(SYMBOL)
        return SignalEvent(
            symbol=SYMBOL,
            time_generated=event.datetime + QUARTER.to_timedelta(),
            strategy_id=MAGIC,
            signal_type=SignalType.BUY if side > 0 else SignalType.SELL,
            order_type=OrderType.MARKET,
            order_price=tick["ask" if side > 0 else "bid"],
            sl=Decimal(f"{stop:.5f}"),
            tp=Decimal(f"{target:.5f}"),
        )


def run(folder: Path, storm: bool):
    strategy = Strategy(logging_level=logging.CRITICAL)
    rules = Rules(storm)
    frames = [StrategyTimeframes.ONE_MIN, QUARTER]
    strategy.custom_signal_engine(strategy_id=MAGIC, strategy_timeframes=frames)(rules.on_bar)
    strategy.configure_predefined_sizing_engine(FixedSizingConfig(volume=Decimal(UNITS) / 100_000))
    strategy.configure_predefined_risk_engine(PassthroughRiskConfig())
    return strategy.backtest(
        strategy_id=MAGIC, initial_capital=CASH, account_currency=AccountCurrencies.USD,
        symbols_to_trade=[SYMBOL], csv_dir=str(folder), backtest_name="bench",
        end_date=datetime(2100, 1, 1), export_backtest_parquet=False,
    )  # fmt: skip


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    what = task()
    with tempfile.TemporaryDirectory() as made:
        count = prepared(what.bars, Path(made))
        what = what.restarted()
        results = run(Path(made), what.storm)
        closed = results.trades[results.trades.DEAL == "OUT"]
        answer(
            what, "pyeventbt", bars=count, trades=len(closed),
            last=closed.TIME_GENERATED.max().timestamp(),
            balance=float(results.pnl.BALANCE.iloc[-1]),
        )  # fmt: skip
