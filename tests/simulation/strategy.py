"""A strategy for simulations: it enters, leaves and protects often, by the bars alone."""

from __future__ import annotations

from engine import events as ev
from engine.types import Side, SymbolSpec
from signals.strategy import Decision, Enter, Exit, MoveStop, View

_ENTERS = 3
_LEAVES = 6
_PROTECTS = 3


class RandomStrategy:
    """Decides by the digits of a bar's prices: as good as chance, and the same at every run."""

    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec) -> None:
        """There is nothing to set."""

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        draw = bar.open * 7 + bar.high * 3 + bar.low + bar.close * 11
        if view.position is None:
            return self._enter(draw, view) if draw % _ENTERS == 0 else None
        if draw % _LEAVES == 0:
            return Exit("OPPOSITE")
        if draw % _PROTECTS == 1:
            return self._protect(draw, view)
        return None

    def _enter(self, draw: int, view: View) -> Enter:
        side = Side.LONG if draw // 7 % 2 else Side.SHORT
        entry = view.tick.ask if side is Side.LONG else view.tick.bid
        stop = 40 + draw // 11 % 80
        return Enter(
            side=side,
            stop_loss=entry - side * (stop + view.tick.ask - view.tick.bid),
            take_profit=entry + side * (stop * 2),
            reason="restless",
            scale=0.25 + draw % 4 / 4,
        )

    def _protect(self, draw: int, view: View) -> MoveStop | None:
        position = view.position
        if position is None:
            return None
        closing = view.tick.bid if position.side is Side.LONG else view.tick.ask
        stop = closing - position.side * (20 + draw % 30)
        better = (stop - position.stop_loss) * position.side > 0
        return MoveStop(stop, "TRAIL") if better else None
