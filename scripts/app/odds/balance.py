"""Whether a strategy's decisions depend on the balance, tried at other balances.

Nothing gives a strategy the account's figures, but the volume of a position that risk sized follows
the balance, and code can look round. Its days would be other ones wherever a path stands otherwise,
so none may be put in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

import msgspec

from engine import events as ev
from engine.types import Millis
from scripts.app.terms.replay_terms import Terms
from scripts.app.trials.day_run import run_days
from scripts.app.trials.errors import explained_replay

FACTORS = (2.0, 0.5)
"""Of the balance: further apart than any attempt's own comes."""


class TradingStep(msgspec.Struct, frozen=True):
    """One step of a run without its money: when (ms UTC), whether it is a decision, and what."""

    time: Millis
    decision: bool
    what: tuple[object, ...]


class StepLog:
    """The steps of one run in order; `routes` are to be followed."""

    def __init__(self) -> None:
        self.steps: list[TradingStep] = []
        self._now: Callable[[], Millis] = lambda: 0

    def routes(self, now: Callable[[], Millis]) -> ev.Routes:
        self._now = now
        return {
            ev.SignalRaised: self._signal,
            ev.OrderDenied: self._denied,
            ev.PositionOpened: self._opened,
            ev.PositionClosed: self._closed,
            ev.TradingStateChanged: self._state,
        }

    def _take(self, *what: object, decision: bool = False) -> None:
        self.steps.append(TradingStep(self._now(), decision, what))

    def _signal(self, raised: ev.SignalRaised) -> None:
        terms = raised.terms
        # The volume of a close is that of its position.
        volume = terms.volume if terms.action is ev.OPEN else 0
        self._take(
            terms.strategy_id, terms.symbol, str(terms.action), terms.side, terms.reason,
            terms.stop_loss, terms.take_profit, terms.scale, volume, decision=True,
        )  # fmt: skip

    def _denied(self, denied: ev.OrderDenied) -> None:
        self._take("denied", denied.order.order_id, str(denied.reason))

    def _opened(self, opened: ev.PositionOpened) -> None:
        self._take("opened", opened.position, opened.side, opened.price)

    def _closed(self, closed: ev.PositionClosed) -> None:
        self._take("closed", closed.position, closed.reason, closed.price)

    def _state(self, changed: ev.TradingStateChanged) -> None:
        self._take("state", str(changed.state), *map(str, changed.causes))


def reads_balance(terms: Terms, steps: Sequence[TradingStep]) -> Millis | None:
    """When the strategy first decided otherwise with another balance; None where it never did.

    `steps` are those of a run under `terms`. Raises AppError where a run fails.
    """
    for factor in FACTORS:
        log = StepLog()
        other = replace(terms, starting_balance=round(terms.starting_balance * factor))
        with explained_replay():
            run_days(other, follow=log.routes)
        at = first_other_decision(steps, log.steps)
        if at is not None:
            return at
    return None


def first_other_decision(one: Sequence[TradingStep], other: Sequence[TradingStep]) -> Millis | None:
    """The time of the first difference of two runs, if it is a decision; else None.

    An order that only one balance could bear, or a limit that only one met, comes before all that
    follows from it: after that nothing can be said.
    """
    for a, b in zip_longest(one, other):
        if a != b:
            first = min((step for step in (a, b) if step is not None), key=lambda step: step.time)
            at_once = [step for step in (a, b) if step is not None and step.time == first.time]
            return first.time if all(step.decision for step in at_once) else None
    return None
