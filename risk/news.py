"""News on accounts that forbid trading around it: exits that are held back, and violations.

A firm with such a rule means every deal: an opening, a close, a stop or target that is filled. What
we decide ourselves we can keep out of a window: entries are denied (`risk.restrictions`), and exits
of a strategy, or at the time that a signal names, are held until the window is over. What protects
the account is not held: a limit that was hit, the end of the week or of the attempt, the user's own
order. Whatever is dealt in a window nevertheless is recorded as a violation, with its cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine import events as ev
from engine.bus import Bus
from engine.exits import exit_terms
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.standing import STANDING_REASONS
from engine.types import Millis
from risk import restrictions
from risk.challenge import END_REASON, ChallengeActor
from risk.restrictions import Objection, instant

NEWS: Final = "news"
"""The rule's name in a violation."""

NEVER: Final[Millis] = 1 << 62

PROTECTIVE: Final = STANDING_REASONS | {END_REASON}
"""Reasons of exits that are sent whatever the news."""

_CAUSES: Final = {"SL": "stop", "TP": "target", "STOP_OUT": "stop_out"}


def exit_objection(
    actor: ChallengeActor, portfolio: Portfolio, terms: ev.OrderTerms, now: Millis
) -> Objection | None:
    """Why an exit is held back now; None for what protects the account, and outside of windows."""
    if terms.action is not ev.CLOSE or terms.reason in PROTECTIVE or not actor.running:
        return None
    spec = portfolio.specs[terms.symbol]
    found = restrictions.news_objection(actor.phase, actor.challenge.calendar, spec, now)
    if found is None:
        return None
    until = restrictions.news_over(actor.phase, actor.challenge.calendar, spec, now)
    reason, why = found
    return (
        reason,
        f"{why}: the exit is held until after {instant(until - 1)}; protective exits are not",
    )


class HeldExit(NamedTuple):
    """An exit that waits for the first price after `until`."""

    terms: ev.OrderTerms
    until: Millis


class NewsRestriction:
    """Holds exits out of news windows and records what was dealt in one."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        orders: OrderManager,
        challenge_actor: ChallengeActor | None,
    ) -> None:
        """Without objectives nothing is held and nothing violated."""
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders
        self._actor = challenge_actor
        self._held: dict[int, HeldExit] = {}
        self._looked: Millis = 0

    def routes(self) -> ev.Routes:
        return {
            ev.OrderDenied: self.on_denied,
            ev.PositionClosed: self._forget,
            ev.HeldExitDue: self.on_due,
            ev.RewardDue: self.on_reward,
            **self._deals(),
            **self._looks(),
        }

    def replay_routes(self) -> ev.Routes:
        """What brings held exits back from recorded events."""
        return {
            ev.OrderDenied: self.on_denied,
            ev.PositionClosed: self._forget,
            ev.HeldExitDue: self._apply_due,
            **self._looks(),
        }

    def _deals(self) -> ev.Routes:
        """What is dealt is judged only where a phase has the rule."""
        if not self.in_force:
            return {}
        return {ev.PositionOpened: self.on_opened, ev.PositionClosed: self.on_closed}

    def _looks(self) -> ev.Routes:
        """Looks at the account matter to who has the rule alone: they are many."""
        return {ev.AccountSeen: self._see} if self.in_force else {}

    @property
    def in_force(self) -> bool:
        """Whether any phase has the rule, and the calendar any news."""
        actor = self._actor
        if actor is None or not actor.challenge.calendar.news:
            return False
        return any(phase.news_minutes for phase in actor.challenge.phases)

    def _see(self, _seen: ev.AccountSeen) -> None:
        self._looked = self._bus.time

    def on_reward(self, _due: ev.RewardDue) -> None:
        """What else the calendar has: a reward."""
        if self._actor is not None:
            self._actor.pay_out()

    # --- exits that are held ---

    def next_time(self, symbol: str) -> Millis:
        """When an exit of `symbol` is held no longer; NEVER where none is."""
        return min(
            (held.until for held in self._held.values() if held.terms.symbol == symbol),
            default=NEVER,
        )

    def due(self, symbol: str, now: Millis) -> Iterator[ev.HeldExitDue]:
        """The exits of `symbol` that are held no longer, in the order in which they were asked."""
        for position, held in list(self._held.items()):
            if held.terms.symbol == symbol and held.until <= now:
                yield ev.HeldExitDue(position)

    def all_due(self, now: Millis) -> Iterator[ev.HeldExitDue]:
        """Those of all symbols."""
        for position, held in list(self._held.items()):
            if held.until <= now:
                yield ev.HeldExitDue(position)

    def on_denied(self, denied: ev.OrderDenied) -> None:
        """An exit was held back: it is asked for again, once, when the window is over."""
        terms, actor = denied.order.terms, self._actor
        if denied.reason is not ev.DenyReason.NEWS_WINDOW or terms.action is not ev.CLOSE:
            return
        if actor is None or terms.position in self._held:
            return
        spec = self._portfolio.specs[terms.symbol]
        calendar = actor.challenge.calendar
        until = restrictions.news_over(actor.phase, calendar, spec, self._bus.time)
        self._held[terms.position] = HeldExit(terms, until)

    def on_due(self, due: ev.HeldExitDue) -> None:
        """Close the position now, unless somebody else did or is about to."""
        held = self._held.pop(due.position, None)
        position = self._portfolio.positions.get(due.position)
        if held is None or position is None or due.position in self._orders.closing:
            return
        tick = self._portfolio.ticks.get(position.symbol)
        terms = exit_terms(
            position,
            tick,
            held.terms.reason,
            signal_id=held.terms.signal_id,
            strategy_id=held.terms.strategy_id,
        )
        self._bus.publish(ev.SignalRaised(terms=terms, note="held until the news were over"))

    def _apply_due(self, due: ev.HeldExitDue) -> None:
        self._held.pop(due.position, None)

    def _forget(self, closed: ev.PositionClosed) -> None:
        if not closed.remaining:
            self._held.pop(closed.position, None)

    # --- what was dealt in a window ---

    def on_opened(self, opened: ev.PositionOpened) -> None:
        if opened.order_id:  # what was taken over was opened before
            self._judge(opened, "open", self._within_bar(self._bus.time))

    def on_closed(self, closed: ev.PositionClosed) -> None:
        """A close by the venue happened at some time since the last look at the account."""
        self._forget(closed)
        latest = self._bus.time if closed.order_id or not self._looked else self._looked
        self._judge(closed, _CAUSES.get(closed.reason, "close"), self._within_bar(latest))

    def _within_bar(self, otherwise: Millis) -> Millis:
        """What a bar's range shows happened at any time in it; nobody knows when."""
        bar = self._bus.bar
        return otherwise if bar is None else bar[1]

    def _judge(
        self, deal: ev.PositionOpened | ev.PositionClosed, cause: str, since: Millis
    ) -> None:
        actor, now = self._actor, self._bus.time
        if actor is None or not actor.running:
            return
        spec, calendar = self._portfolio.specs[deal.symbol], actor.challenge.calendar
        items = restrictions.news_between(actor.phase, calendar, spec, since, now)
        item = next(items, None)
        if item is None:
            return
        when = (
            f"at {instant(now)}" if since == now else f"between {instant(since)} and {instant(now)}"
        )
        detail = (
            f"{deal.symbol} {cause} ({deal.reason}) {when}, within {actor.phase.news_minutes} "
            f"minutes of news for {restrictions.moved_by(item)} at {instant(item.time)}"
        )
        self._bus.publish(
            ev.RuleViolated(
                attempt=actor.attempt,
                phase=actor.state.phase + 1,
                rule=NEWS,
                cause=cause,
                symbol=deal.symbol,
                position=deal.position,
                since=since,
                detail=detail,
            )
        )
