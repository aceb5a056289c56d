"""nautilus_trader: the low-level engine, M15 bars made inside of it, brackets as linked orders.

Bars carry last prices, so bid and ask are the same. A market order meets the close of the minute
that ended, which is the price before the next opening.
"""

from __future__ import annotations

import warnings
from decimal import Decimal

import pandas as pd
from common import ATR_BARS, CASH, FAST, SLOW, STOP_ATR, TARGET_ATR, UNITS, answer, task
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import DataEngineConfig, LoggingConfig
from nautilus_trader.indicators import AverageTrueRange, MovingAverageType, SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, OrderType
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
INSTRUMENT = TestInstrumentProvider.default_fx_ccy("EUR/USD", VENUE)
M1 = BarType.from_str(f"{INSTRUMENT.id}-1-MINUTE-LAST-EXTERNAL")
M15_INSIDE = BarType.from_str(f"{INSTRUMENT.id}-15-MINUTE-LAST-INTERNAL@1-MINUTE-EXTERNAL")
M15 = M15_INSIDE.standard()


class Rules(Strategy):
    def __init__(self, storm: bool) -> None:
        super().__init__()
        self.storm = storm
        self.fast, self.slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
        self.atr = AverageTrueRange(ATR_BARS, MovingAverageType.WILDER)
        self.gap: float | None = None
        self.turn = -1

    def on_start(self) -> None:
        for indicator in (self.fast, self.slow, self.atr):
            self.register_indicator_for_bars(M15, indicator)
        self.subscribe_bars(M1)
        self.subscribe_bars(M15_INSIDE)

    def on_bar(self, bar: Bar) -> None:
        if bar.bar_type != M15:
            return
        if self.storm:
            self.turn = -self.turn
            self.close_all_positions(INSTRUMENT.id)
            self.submit_order(self.order_factory.market(
                INSTRUMENT.id, self.order_side(self.turn), INSTRUMENT.make_qty(UNITS)
            ))  # fmt: skip
            return
        want = self.crossed()
        if not want:
            return
        if self.portfolio.is_flat(INSTRUMENT.id):
            self.enter(want, float(bar.close))
        elif self.portfolio.is_net_long(INSTRUMENT.id) != (want > 0):
            self.cancel_all_orders(INSTRUMENT.id)
            self.close_all_positions(INSTRUMENT.id)

    def crossed(self) -> int:
        if not self.slow.initialized:
            return 0
        before, self.gap = self.gap, self.fast.value - self.slow.value
        if before is None:
            return 0
        if before <= 0 < self.gap:
            return 1
        return -1 if before >= 0 > self.gap else 0

    def order_side(self, side: int) -> OrderSide:
        return OrderSide.BUY if side > 0 else OrderSide.SELL

    def enter(self, side: int, price: float) -> None:
        atr = self.atr.value
        self.submit_order_list(self.order_factory.bracket(
            instrument_id=INSTRUMENT.id,
            order_side=self.order_side(side),
            quantity=INSTRUMENT.make_qty(UNITS),
            entry_order_type=OrderType.MARKET,
            sl_trigger_price=INSTRUMENT.make_price(price - side * STOP_ATR * atr),
            tp_price=INSTRUMENT.make_price(price + side * TARGET_ATR * atr),
            tp_post_only=False,
        ))  # fmt: skip


def minutes(path) -> list:
    frame = pd.read_csv(path, usecols=range(5), index_col="time")
    frame.index = pd.to_datetime(frame.index + 60, unit="s", utc=True)  # a bar's time is its end
    return BarDataWrangler(M1, INSTRUMENT).process(frame, default_volume=1_000_000.0)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # it uses names that the installed pandas will drop
    what = task()
    quiet = LoggingConfig(log_level="ERROR", bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(
        logging=quiet,
        data_engine=DataEngineConfig(time_bars_build_with_no_updates=False),  # weekends have none
        run_analysis=False,
    ))  # fmt: skip
    engine.add_venue(
        VENUE, OmsType.HEDGING, AccountType.MARGIN, [Money(CASH, USD)], base_currency=USD,
        default_leverage=Decimal(100), bar_execution=True,
    )  # fmt: skip
    engine.add_instrument(INSTRUMENT)
    bars = minutes(what.bars)
    engine.add_data(bars)
    engine.add_strategy(Rules(what.storm))
    engine.run()
    closed = engine.cache.positions_closed()
    account = engine.cache.account_for_venue(VENUE)
    answer(
        what, "nautilus-trader", bars=len(bars), trades=len(closed),
        last=max(position.ts_closed for position in closed) / 1e9,
        balance=float(account.balance_total(USD)),
    )  # fmt: skip
