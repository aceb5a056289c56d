"""A moving-average cross with ATR stop and target and a fixed volume: a strategy in a page."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.events import BarClosed
from engine.money import half
from engine.types import Side, SymbolSpec
from signals.indicators import AverageTrueRange, CrossGap
from signals.strategy import Decision, Enter, Leave, Lots, View, volume_of


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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

    parameters_type = Parameters
    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec, parameters: Parameters) -> None:
        self._parameters = parameters
        self._cross = CrossGap(parameters.sma_fast, parameters.sma_slow)
        self._atr = AverageTrueRange(parameters.atr_period)

    def on_bar(self, bar: BarClosed, view: View) -> Decision | None:
        self._cross.push(bar.close)
        self._atr.push(bar.high, bar.low, bar.close)
        side = self._crossed()
        if side is None:
            return None
        atr = self._atr.value
        if view.position is None:
            return self._entry(side, atr, view)
        if view.position.side is side or self._parameters.on_opposite == "ignore":
            return None
        if self._parameters.on_opposite == "close":
            return Leave("OPPOSITE")
        return Leave("OPPOSITE", lambda now: self._entry(side, atr, now))

    def _entry(self, side: Side, atr: float, view: View) -> Enter:
        entry = view.tick.ask if side is Side.LONG else view.tick.bid
        return Enter(
            side=side,
            stop_loss=entry - side * half(self._parameters.stop_atr * atr),
            take_profit=entry + side * half(self._parameters.target_atr * atr),
            reason="cross",
            volume=volume_of(self._parameters.lots),
        )

    def _crossed(self) -> Side | None:
        previous, now = self._cross.previous, self._cross.value
        if previous is None or now is None:
            return None
        if previous <= 0 < now:
            return Side.LONG
        return Side.SHORT if previous >= 0 > now else None
