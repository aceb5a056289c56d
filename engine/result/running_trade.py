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
        # By place: of so many words Python makes a dictionary first, at ten times the cost.
        return TradeRecord(
            event.position, event.symbol, event.side, event.volume,
            self.time, event.price, event.commission, event.stop_loss, event.take_profit,
            event.strategy_id, event.signal_id, event.reason,
            self.requested, self.planned_risk, self.initial_risk, spread, self.waited,
            self.attempt, tuple(parts), tuple(self.levels),
            gross, swap, net, event.volume - volume, adverse, favourable,
        )  # fmt: skip
