"""A moving-average cross with ATR stop and target and a fixed volume: a strategy in a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np

from engine.bars import PreparedBars
from engine.events import BarClosed
from engine.money import half
from engine.portfolio import Position
from engine.types import LONG, SHORT, Side, SymbolSpec
from signals.scan import RowIndex, closings_of
from signals.strategies.indicators import (
    AverageTrueRange,
    AverageTrueRanges,
    CrossGap,
    CrossGaps,
    Gaps,
)
from signals.strategy import Decision, Enter, Exit, Lots, View, volume_of


class SmaCrossParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `config/presets/sma_cross.yaml` sets."""

    sma_fast: Annotated[int, msgspec.Meta(ge=1)]
    sma_slow: Annotated[int, msgspec.Meta(ge=1)]
    atr_period: Annotated[int, msgspec.Meta(ge=1)]
    stop_atr: Annotated[float, msgspec.Meta(gt=0)]
    target_atr: Annotated[float, msgspec.Meta(gt=0)]
    lots: Lots
    on_opposite: Literal["close", "ignore", "reverse"] = "close"


class SmaCross:
    """Enters on a cross, leaves or reverses on the opposite one; stop and target do the rest."""

    parameters_type = SmaCrossParameters
    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec, parameters: SmaCrossParameters) -> None:
        self._parameters = parameters
        self._cross = CrossGap(parameters.sma_fast, parameters.sma_slow)
        self._atr = AverageTrueRange(parameters.atr_period)
        self._history: tuple[CrossGaps, AverageTrueRanges] | None = None

    def on_bar(self, bar: BarClosed, view: View) -> Decision | None:
        self._cross.push(bar.close)
        self._atr.push(bar.high, bar.low, bar.close)
        side = _crossed(self._cross.previous, self._cross.value)
        return None if side is None else _decided(side, self._atr.value, view, self._parameters)

    def scan_columns(self, bars: PreparedBars) -> CrossScan:
        """Take the next chunk of a history in columns."""
        if self._history is None:
            self._history = (
                CrossGaps(self._parameters.sma_fast, self._parameters.sma_slow),
                AverageTrueRanges(self._parameters.atr_period),
            )
        crosses, ranges = self._history
        m15 = closings_of(bars, "M15")
        gaps = crosses.push(m15.close)
        return CrossScan(gaps, ranges.push(m15.high, m15.low, m15.close), self._parameters)


class CrossScan:
    """The crosses of a chunk, each a decision unless the position open has its side."""

    def __init__(self, gaps: Gaps, atr: Sequence[float], parameters: SmaCrossParameters) -> None:
        self._atr = atr
        self._parameters = parameters
        long = (gaps.previous <= 0) & (gaps.value > 0)
        short = (gaps.previous >= 0) & (gaps.value < 0)
        sides = long.astype(np.int64) - short.astype(np.int64)
        sides[: max(gaps.known + 1, 0)] = 0
        self._sides = sides.data  # read one by one
        self._crosses = RowIndex(sides != 0)
        self._against = {side: RowIndex(sides == -side) for side in (LONG, SHORT)}

    def next(self, index: int, position: Position | None) -> int:
        places = self._crosses if position is None else self._against[position.side]
        return places.next(index)

    def decide(self, index: int, view: View) -> Decision | None:
        sign = self._sides[index]
        if not sign:
            return None
        return _decided(LONG if sign > 0 else SHORT, self._atr[index], view, self._parameters)


def _crossed(previous: int | None, now: int | None) -> Side | None:
    if previous is None or now is None:
        return None
    if previous <= 0 < now:
        return LONG
    return SHORT if previous >= 0 > now else None


def _decided(side: Side, atr: float, view: View, parameters: SmaCrossParameters) -> Decision | None:
    """What a cross towards `side` leads to."""
    if view.position is None:
        return _entry(side, atr, view, parameters)
    if view.position.side is side or parameters.on_opposite == "ignore":
        return None
    if parameters.on_opposite == "close":
        return Exit("OPPOSITE")
    return Exit("OPPOSITE", lambda now: _entry(side, atr, now, parameters))


def _entry(side: Side, atr: float, view: View, parameters: SmaCrossParameters) -> Enter:
    entry = view.tick.ask if side is LONG else view.tick.bid
    return Enter(
        side=side,
        stop_loss=entry - side * half(parameters.stop_atr * atr),
        take_profit=entry + side * half(parameters.target_atr * atr),
        reason="cross",
        volume=volume_of(parameters.lots),
    )
