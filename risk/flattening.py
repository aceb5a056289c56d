"""When everything must be closed, and what opens all the same from an order that had left."""

from __future__ import annotations

from engine import events as ev
from engine.exits import Exits
from engine.limit_table import flattening_causes
from engine.portfolio import Portfolio
from engine.standing import FLATTEN_REASON, WEEKEND_REASON
from engine.types import Limits
from risk.challenge import ChallengeActor
from risk.trading_control import TradingControl


class Flattening:
    """Closes what is open for a limit or a weekend, and what is filled after that."""

    def __init__(
        self,
        portfolio: Portfolio,
        exits: Exits,
        limits: Limits,
        control: TradingControl,
        challenge_actor: ChallengeActor | None,
    ) -> None:
        self._portfolio = portfolio
        self._exits = exits
        self._control = control
        self._challenge_actor = challenge_actor
        self._causes = flattening_causes(limits)
        self._weekend: ev.WeekendDue | None = None

    def apply_weekend(self, weekend: ev.WeekendDue) -> None:
        """Remember the weekend that comes."""
        self._weekend = weekend

    @property
    def due_for_weekend(self) -> bool:
        """Whether nothing may be open any more before the week closes."""
        actor, weekend = self._challenge_actor, self._weekend
        return actor is not None and weekend is not None and actor.must_be_flat(weekend)

    def flatten(self, reason: str = FLATTEN_REASON) -> None:
        """Close every open position."""
        self._exits.close_all(reason)

    def on_opened(self, opened: ev.PositionOpened) -> None:
        """Close what was filled although everything had to be closed already."""
        if self._causes.intersection(self._control.trading.causes):
            reason = FLATTEN_REASON
        elif self.due_for_weekend:
            reason = WEEKEND_REASON
        else:
            return
        position = self._portfolio.positions[opened.position]
        self._exits.close(position, reason, f"{position.signal_id}:{reason}")
