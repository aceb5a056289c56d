"""The user of a simulated session: pauses it, closes everything, and resumes after a look."""

from __future__ import annotations

from collections import Counter
from random import Random

from adapters.paper.broker.account import PaperAccount
from engine.trading import TradingState
from scripts.app.sessions.commands import SessionCommands
from scripts.app.sessions.live_actors import LiveActors
from scripts.app.sessions.loss_buffer import unseen

_HOW_OFTEN = (0.0, 0.005, 0.02)
_RESUMES = (0.0, 0.1, 0.5)


class User:
    """Commands the engine between two looks, as often as the seed says; `done` counts what.

    Who resumes has looked at the terminal: he waits while it shows an order that the engine calls
    unknown, since the engine is about to find it, too.
    """

    def __init__(self, rng: Random, account: PaperAccount) -> None:
        self._rng = rng
        self._account = account
        self._often = rng.choice(_HOW_OFTEN)
        self._resumes = rng.choice(_RESUMES)
        self.idle = False
        self.done: Counter[str] = Counter()

    def act(self, actors: LiveActors) -> bool:
        """A moment at which something may be ordered, and whether it was.

        Raises what publishing raises.
        """
        name = "" if self.idle else self._choice(actors)
        if name:
            commands = SessionCommands(
                actors.bus, actors.clock, lambda: None, lambda: None, unseen=lambda: unseen(actors)
            )
            self.done[name] += getattr(commands, name)("looked at the terminal").done
        return bool(name)

    def _choice(self, actors: LiveActors) -> str:
        if self._rng.random() < self._often:
            return self._rng.choice(("pause", "flatten"))
        resumes = self._would_resume(actors) and self._rng.random() < self._resumes
        return "resume" if resumes else ""

    def _would_resume(self, actors: LiveActors) -> bool:
        if actors.risk.trading.state is not TradingState.LATCHED:
            return False
        unknown = tuple(f"-{order.order_id}" for order in actors.gateway.unresolved)
        return not unknown or not any(comment.endswith(unknown) for comment in self._comments())

    def _comments(self) -> list[str]:
        account = self._account
        return [
            item.comment
            for items in (account.deals, account.orders.values(), account.positions.values())
            for item in items
        ]
