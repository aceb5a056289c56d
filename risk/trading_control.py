"""The trading state: what halts trading, what releases it again, and what closes everything.

`RiskActor` decides on limits; here the causes to halt are kept and their changes published.
"""

from __future__ import annotations

from engine import events as ev
from engine.bus import Bus
from engine.exits import Exits
from engine.limit_table import flattening_causes
from engine.portfolio import Portfolio
from engine.standing import FLATTEN_REASON, WEEKEND_REASON
from engine.trading import HaltCause, Trading
from engine.types import Limits
from risk.challenge import ChallengeActor
from risk.transient import TransientRejections


class TradingControl:
    """Keeps `trading` and publishes each change of it."""

    def __init__(self, bus: Bus, portfolio: Portfolio) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self.trading = Trading()
        self._transient = TransientRejections()

    def routes(self) -> ev.Routes:
        """Its part of what `RiskActor` handles."""
        return {
            ev.OrderUnknown: self.on_unknown,
            ev.LinkChanged: self.on_link,
            ev.ConditionSeen: self.on_condition,
        }

    def apply(self, changed: ev.TradingStateChanged) -> None:
        """Take over a recorded state."""
        self.trading = Trading(changed.causes)

    def account(self) -> ev.Account:
        """The account's last known figures."""
        return self._portfolio.account.figures

    def apply_rejected(self, rejected: ev.OrderRejected) -> None:
        """Count a rejection of the moment."""
        if rejected.effect is ev.RejectionEffect.SUSPEND:
            self._transient.add(self._bus.time)

    def rejected(self, rejected: ev.OrderRejected) -> None:
        """A counted rejection halts: for the moment, or, with too many of them, until released."""
        cause, detail = HaltCause.REJECTION, rejected.message
        if rejected.effect is ev.RejectionEffect.SUSPEND:
            if self._transient.too_many(self._bus.time):
                detail = f"{detail}; the third such answer within an hour"
            else:
                cause = HaltCause.TRANSIENT_REJECTION
        self.halt(cause, rejected.account, detail)

    def on_unknown(self, unknown: ev.OrderUnknown) -> None:
        # It stays in flight: what may exist at the venue is charged as risk.
        self.halt(HaltCause.UNKNOWN_OUTCOME, unknown.account, unknown.message)

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
        if self._causes.intersection(self._control.trading.causes):
            reason = FLATTEN_REASON
        elif self.due_for_weekend:
            reason = WEEKEND_REASON
        else:
            return
        position = self._portfolio.positions[opened.position]
        self._exits.close(position, reason, f"{position.signal_id}:{reason}")
