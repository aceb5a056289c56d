"""The FTMO M15 preset as a strategy: its rules (`ftmo_m15_rules`) fed by its indicators."""

from __future__ import annotations

from engine.bars import PreparedBars
from engine.events import BarClosed
from engine.types import SymbolSpec
from signals.strategies.ftmo_m15_rules import MS_PER_HOUR, Features, FtmoM15Parameters, decide
from signals.strategies.ftmo_m15_scan import FeatureColumns, PresetScan
from signals.strategies.indicators import AverageTrueRange, CrossGap
from signals.strategy import Decision, View


class FtmoM15:
    """The preset on one symbol, bar by bar or over columns."""

    parameters_type = FtmoM15Parameters
    timeframes: tuple[str, ...] = ("M15", "H1")

    def __init__(self, spec: SymbolSpec, parameters: FtmoM15Parameters) -> None:
        self._spec = spec
        self._parameters = parameters
        self._index = -1
        self._cross = CrossGap(parameters.sma_fast, parameters.sma_slow)
        self._trend = CrossGap(parameters.trend_sma_fast, parameters.trend_sma_slow)
        self._atr = AverageTrueRange(parameters.atr_period)
        self._history: FeatureColumns | None = None

    def scan_columns(self, bars: PreparedBars) -> PresetScan:
        """Take the next chunk of a history in columns."""
        if self._history is None:
            self._history = FeatureColumns(self._parameters)
        return PresetScan(self._history.push(bars), self._parameters)

    def on_bar(self, bar: BarClosed, view: View) -> Decision | None:
        if bar.timeframe == "H1":
            self._trend.push(bar.close)
            return None
        return decide(self.features(bar), view, self._parameters)

    def features(self, bar: BarClosed) -> Features:
        """Take the closed M15 bar into the indicators and give what the rules look at."""
        self._index += 1
        self._cross.push(bar.close)
        self._atr.push(bar.high, bar.low, bar.close)
        return Features(
            self._index,
            bar.close,
            self._cross.value,
            self._cross.previous,
            self._cross.slow.total,
            self._atr.value,
            self._trend.value,
            bar.time // MS_PER_HOUR % 24,
        )
