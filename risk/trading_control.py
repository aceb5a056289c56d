"""The trading state: what halts trading, what releases it again, and what closes everything.

`RiskActor` decides on limits; here the causes to halt are kept and their changes published.
"""

from __future__ import annotations

from engine import events as ev
from engine.bus import Bus
from engine.exits import Exits
from engine.limit_table import flattening_causes
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.standing import FLATTEN_REASON, WEEKEND_REASON
from engine.trading import HaltCause, Trading
from engine.types import Limits
from risk.challenge import ChallengeActor
from risk.level_changes import LevelChanges
from risk.transient import TransientRejections


class LostLevels:
    """Changes of levels of unknown outcome, and whether they alone have latched trading.

    Nothing can be open or lost because of one: once the venue shows what became of it, nobody need
    look. An entry or a close of unknown outcome is the user's, however it ends.
    """

    def __init__(self, orders: OrderManager) -> None:
        self._orders = orders
        self._lost: set[int] = set()
        self._others = False

    def unknown(self, unknown: ev.OrderUnknown) -> None:
        """The outcome of one more order is unknown."""
        live = self._orders.unknown.get(unknown.order_id)
        if live is not None and live.order.terms.action is ev.MODIFY:
            self._lost.add(unknown.order_id)
        else:
            self._others = True

    def forget(self, order_id: int) -> bool:
        """Whether with this order the last one is found, and there was no other kind."""
        if order_id not in self._lost:
            return False
        self._lost.discard(order_id)
        return not self._lost and not self._others

    def over(self, trading: Trading) -> None:
        """Once nothing of unknown outcome halts any more, it begins anew."""
        if HaltCause.UNKNOWN_OUTCOME not in trading.causes:
            self._lost.clear()
            self._others = False


class TradingControl:
    """Keeps `trading` and publishes each change of it."""

    def __init__(self, bus: Bus, portfolio: Portfolio, orders: OrderManager) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self.trading = Trading()
        self._transient = TransientRejections()
        self.level_changes = LevelChanges()
        self._levels = LostLevels(orders)

    def routes(self) -> ev.Routes:
        """Its part of what `RiskActor` handles."""
        return {
            ev.OrderRejected: self.on_rejected,
            ev.StopModified: self.on_modified,
            ev.OrderUnknown: self.on_unknown,
            ev.OrderCancelled: lambda e: self.resolved(e.order_id),
            ev.LinkChanged: self.on_link,
            ev.ConditionSeen: self.on_condition,
        }

    def replay_routes(self) -> ev.Routes:
        """The recorded events from which it is rebuilt."""
        return {
            ev.TradingStateChanged: self.apply,
            ev.OrderRejected: self.apply_rejected,
            ev.StopModified: self._apply_modified,
            ev.OrderUnknown: self._levels.unknown,
            ev.OrderCancelled: self._apply_cancelled,
        }

    def apply(self, changed: ev.TradingStateChanged) -> None:
        """Take over a recorded state."""
        self.trading = Trading(changed.causes)
        self._levels.over(self.trading)

    def account(self) -> ev.Account:
        """The account's last known figures."""
        return self._portfolio.account.figures

    def apply_rejected(self, rejected: ev.OrderRejected) -> None:
        """Count a rejection of the moment; let a position's levels rest."""
        if rejected.effect is ev.RejectionEffect.SUSPEND:
            self._transient.add(self._bus.time)
        elif rejected.effect is ev.RejectionEffect.LEVELS:
            self.level_changes.refused(rejected.position, self._bus.time)

    def on_rejected(self, rejected: ev.OrderRejected) -> None:
        """A rejection halts: for the moment, or, with too many of them, until released."""
        self.apply_rejected(rejected)
        cause, detail = HaltCause.REJECTION, rejected.message
        if rejected.effect is ev.RejectionEffect.LEVELS:
            return
        if rejected.effect is ev.RejectionEffect.SUSPEND:
            if self._transient.too_many(self._bus.time):
                detail = f"{detail}; the third such answer within an hour"
            else:
                cause = HaltCause.TRANSIENT_REJECTION
        self.halt(cause, rejected.account, detail)

    def on_modified(self, modified: ev.StopModified) -> None:
        """The venue took a change of levels: they need not rest, and may be those looked for."""
        self.level_changes.over(modified.position)
        self.resolved(modified.order_id)

    def _apply_cancelled(self, cancelled: ev.OrderCancelled) -> None:
        self._levels.forget(cancelled.order_id)

    def _apply_modified(self, modified: ev.StopModified) -> None:
        self.level_changes.over(modified.position)
        self._levels.forget(modified.order_id)

    def on_unknown(self, unknown: ev.OrderUnknown) -> None:
        # It stays in flight: what may exist at the venue is charged as risk.
        self._levels.unknown(unknown)
        self.halt(HaltCause.UNKNOWN_OUTCOME, unknown.account, unknown.message)

    def resolved(self, order_id: int) -> None:
        """An order is over: the last change of levels of unknown outcome may be found with it."""
        if self._levels.forget(order_id):
            detail = "the change of levels of unknown outcome is found again"
            self.change(self.trading.found_again(), self.account(), detail=detail)

    def on_link(self, link: ev.LinkChanged) -> None:
        """Nothing new leaves while the link is down; it is released once it was checked again."""
        if link.up:
            self.checked_again(HaltCause.LINK, self.account(), link.detail)
        else:
            self.halt(HaltCause.LINK, self.account(), link.detail)

    def on_condition(self, seen: ev.ConditionSeen) -> None:
        """Nothing new leaves while prices do not come or the time is not certain."""
        if seen.holds:
            self.halt(seen.cause, self.account(), seen.detail)
        else:
            self.checked_again(seen.cause, self.account(), seen.detail)

    def halt(self, cause: HaltCause, account: ev.Account, detail: str) -> None:
        """Halt for one more cause."""
        self.change(self.trading.halt(cause), account, cause=cause, detail=detail)

    def checked_again(self, cause: HaltCause, account: ev.Account, detail: str) -> None:
        """Release what halted trading by itself for as long as it held."""
        self.change(self.trading.checked_again(cause), account, detail=detail)

    def change(
        self,
        trading: Trading,
        account: ev.Account,
        *,
        cause: HaltCause | None = None,
        detail: str = "",
    ) -> None:
        """Go over to `trading`; nothing is published where it is the same as before."""
        if trading == self.trading:
            return
        self.trading = trading
        self._levels.over(trading)
        self._bus.publish(
            ev.TradingStateChanged(
                state=trading.state,
                account=account,
                cause=cause,
                causes=trading.causes,
                detail=detail,
            )
        )


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
        causes = self._control.trading.causes
        if causes and self._causes.intersection(causes):
            reason = FLATTEN_REASON
        elif self.due_for_weekend:
            reason = WEEKEND_REASON
        else:
            return
        position = self._portfolio.positions[opened.position]
        self._exits.close(position, reason, f"{position.signal_id}:{reason}")
