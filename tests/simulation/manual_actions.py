"""Manual actions at the simulated venue, independent of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount, PaperPosition

_HOW_OFTEN = (0.0, 0.0, 0.003, 0.015)
_NEAREST, _FARTHEST = 15, 150
_NO_STOP = 0.05
_LARGEST_DEPOSIT = 50_000


class ManualActions:
    """Acts at random moments, as often as the seed says; `done` counts what it did."""

    def __init__(self, rng: Random, account: PaperAccount) -> None:
        self._rng = rng
        self._account = account
        self._often = rng.choice(_HOW_OFTEN)
        self._deeds: list[tuple[str, Callable[[], bool]]] = [
            ("levels_moved", self._move_levels),
            ("part_closed", self._close_part),
            ("order_removed", self._remove_order),
            ("deposit", self._deposit),
        ]
        self.idle = False
        self.done: Counter[str] = Counter()

    def act(self) -> None:
        """A moment at which something may be done."""
        if not self.idle and self._rng.random() < self._often:
            name, deed = self._rng.choice(self._deeds)
            self.done[name] += deed()

    def _any_position(self) -> PaperPosition | None:
        positions = list(self._account.positions.values())
        return self._rng.choice(positions) if positions else None

    def _move_levels(self) -> bool:
        position = self._any_position()
        if position is None:
            return False
        prices = self._account.bids if position.side > 0 else self._account.asks
        price = prices[position.spec.name]
        away = self._rng.randint(_NEAREST, _FARTHEST) * position.side
        position.stop = 0 if self._rng.random() < _NO_STOP else price - away
        position.target = self._rng.choice((0, position.target, price + away))
        position.updated = self._account.now
        return True

    def _close_part(self) -> bool:
        position = self._any_position()
        if position is None or position.volume <= position.spec.volume_min:
            return False
        step = position.spec.volume_step
        part = self._rng.randrange(step, position.volume, step)
        self._account.close(position, 0, "", part, reason=mt5.DEAL_REASON_CLIENT)
        return True

    def _remove_order(self) -> bool:
        account = self._account
        waiting = [o for o in account.orders.values() if o.state == mt5.ORDER_STATE_PLACED]
        if not waiting:
            return False
        account.pending.end(self._rng.choice(waiting), mt5.ORDER_STATE_CANCELED, account.now)
        return True

    def _deposit(self) -> bool:
        self._account.deposit(self._rng.randint(-_LARGEST_DEPOSIT, _LARGEST_DEPOSIT))
        return True
