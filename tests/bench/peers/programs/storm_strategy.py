"""The strategy of "storm" for the replay: every M15 bar reverses the position."""

from __future__ import annotations

import msgspec

from engine.events import BarClosed
from engine.types import Side, SymbolSpec
from signals.strategy import Decision, Enter, Exit, View

FAR = 2_000  # points: an order needs a stop; this one is not reached within a quarter of an hour
VOLUME = 1_000  # 0.10 lot


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


class Storm:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, _spec: SymbolSpec, _parameters: Parameters) -> None:
        self._side = Side.SHORT

    def on_bar(self, _bar: BarClosed, view: View) -> Decision | None:
        self._side = self._side.opposite
        if view.position is None:
            return self._enter(view)
        return Exit("TURN", self._enter)

    def _enter(self, view: View) -> Enter:
        side = self._side
        entry = view.tick.ask if side is Side.LONG else view.tick.bid
        return Enter(
            side=side, stop_loss=entry - side * FAR, take_profit=0, reason="storm", volume=VOLUME
        )
