"""A trade while its records come. Pure."""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.result.parts import LevelChange, PartialClose, TradeRecord
from engine.types import Cents, Millis, Points


class RunningTrade(msgspec.Struct):
    """A trade while its records come; `waited` and the like are those of its order."""

    opened: ev.PositionOpened
    time: Millis
    requested: Points
    planned_risk: Cents
    waited: Millis | None
    initial_risk: Cents | None
    attempt: int
    levels: list[LevelChange]
    parts: list[PartialClose]

    def record(
        self, adverse: Points | None, favourable: Points | None, spread: Points | None
    ) -> TradeRecord:
        """The trade as it stands."""
        event, parts = self.opened, self.parts
        gross = swap = net = volume = 0
        for part in parts:
            gross += part.profit
            swap += part.swap
            net += part.net
            volume += part.volume
        return TradeRecord(
            position=event.position,
            symbol=event.symbol,
            side=event.side,
            volume=event.volume,
            opened=self.time,
            open_price=event.price,
            open_commission=event.commission,
            stop_loss=event.stop_loss,
            take_profit=event.take_profit,
            strategy_id=event.strategy_id,
            signal_id=event.signal_id,
            variant=event.reason,
            requested=self.requested,
            planned_risk=self.planned_risk,
            initial_risk=self.initial_risk,
            spread=spread,
            waited=self.waited,
            attempt=self.attempt,
            parts=tuple(parts),
            levels=tuple(self.levels),
            gross=gross,
            swap=swap,
            net=net,
            remaining=event.volume - volume,
            mae=adverse,
            mfe=favourable,
        )
