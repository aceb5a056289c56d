"""A moving-average cross with ATR stop and target and a fixed volume: a strategy in a page."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.events import BarClosed
from engine.money import half
from engine.types import Side, SymbolSpec, units
from signals.indicators import AverageTrueRange, CrossGap
from signals.strategy import Decision, Enter, Leave, View


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `config/presets/sma_cross.yaml` sets."""

    sma_fast: Annotated[int, msgspec.Meta(ge=1)]
    sma_slow: Annotated[int, msgspec.Meta(ge=1)]
    atr_period: Annotated[int, msgspec.Meta(ge=1)]
    stop_atr: Annotated[float, msgspec.Meta(gt=0)]
    target_atr: Annotated[float, msgspec.Meta(gt=0)]
    lots: Annotated[float, msgspec.Meta(gt=0)]


class SmaCross:
    """Enters on a cross, leaves on the opposite one; stop and target do the rest."""

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
        if view.position is not None:
            return Leave("OPPOSITE") if view.position.side is not side else None
        entry = view.tick.ask if side is Side.LONG else view.tick.bid
        return Enter(
            side=side,
            stop_loss=entry - side * half(self._parameters.stop_atr * self._atr.value),
            take_profit=entry + side * half(self._parameters.target_atr * self._atr.value),
            reason="cross",
            volume=units(self._parameters.lots),
        )

    def _crossed(self) -> Side | None:
        previous, now = self._cross.previous, self._cross.value
        if previous is None or now is None:
            return None
        if previous <= 0 < now:
            return Side.LONG
        return Side.SHORT if previous >= 0 > now else None
