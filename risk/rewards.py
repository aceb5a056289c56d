"""Rewards of an earned account: at their time the firm pays the profit out."""

from __future__ import annotations

from engine import events as ev
from risk.challenge import ChallengeActor


class Rewards:
    """Lets the objectives' account be paid when a reward of the calendar is due."""

    def __init__(self, challenge_actor: ChallengeActor | None) -> None:
        """Without objectives nothing is paid."""
        self._actor = challenge_actor

    def routes(self) -> ev.Routes:
        return {ev.RewardDue: self.on_due}

    def on_due(self, _due: ev.RewardDue) -> None:
        if self._actor is not None:
            self._actor.pay_out()
