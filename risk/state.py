"""The risk actor: anchors, reservations, halts. It owns the trading state.

What it decides is decided by the pure functions of `risk.limits`; here is only what must be
remembered between two decisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor

import msgspec

from engine import events as ev
from engine import money
from engine.bus import Bus
from engine.market import Market, Position
from engine.trading import HaltCause, Trading
from engine.types import Cents, Limits
from risk import limits as rules


class Reservation(msgspec.Struct, frozen=True):
    """What an approved order will add once it is filled: it counts as open from its approval on."""

    symbol: str
    risk: Cents
    margin: Cents


class Extremes:
    """Largest drawdown from the peak and largest loss of a day, over every equity test."""

    def __init__(self, starting_equity: Cents) -> None:
        self.peak = starting_equity
        self.drawdown = 0.0
        self.daily_loss = 0.0

    def test(self, equity: Cents, anchor: Cents) -> None:
        """Take one equity test into account."""
        if equity > self.peak:
            self.peak = equity
        else:
            drawdown = (self.peak - equity) / self.peak
            if drawdown > self.drawdown:
                self.drawdown = drawdown
        if equity < anchor:
            loss = (anchor - equity) / anchor
            if loss > self.daily_loss:
                self.daily_loss = loss

    def lowest_seen(self, anchor: Cents) -> tuple[Cents, Cents]:
        """Equity above both deepens neither figure; a cent of margin covers the rounding."""
        return (
            ceil(self.peak * (1 - self.drawdown)) + 1,
            ceil(anchor * (1 - self.daily_loss)) + 1,
        )


class RiskActor:
    """Vets order intents, tests equity against the floors, halts and releases trading."""

    def __init__(self, bus: Bus, market: Market, limits: Limits) -> None:
        self._bus = bus
        self._market = market
        self._limits = limits
        self._reserved: dict[int, Reservation] = {}
        self._signals: set[str] = set()
        self._foreign: tuple[ev.ForeignExposure, ...] = ()
        self.trading = Trading()
        self.anchor: Cents = 0
        self.starting_balance: Cents = 0
        self.peak_positions = 0
        self.extremes = Extremes(1)
        self._day_floor: Cents = 0
        self._max_floor: Cents | None = None

    def routes(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.OrderIntent: self.on_intent,
            ev.PositionOpened: self.on_opened,
            ev.OrderRejected: self.on_rejected,
            ev.OrderUnknown: self.on_unknown,
            ev.OrderCancelled: lambda e: self._release(e.order_id),
            ev.AccountSeen: self.on_account,
            ev.ResetDue: self.on_reset,
            ev.LinkChanged: self.on_link,
            ev.ConditionSeen: self.on_condition,
            ev.VenueDiffers: self.on_venue_differs,
            ev.UserCommanded: self.on_user,
        }

    def restoring(self) -> ev.Routes:
        """What brings anchors, reservations, halts and extremes back from recorded events."""
        return {
            ev.SessionStarted: self.on_started,
            ev.DayRolled: lambda e: self._anchor_at(e.anchor),
            ev.AccountSeen: lambda e: self.extremes.test(e.equity, self.anchor),
            ev.OrderApproved: self._remember_approved,
            ev.OrderDenied: self._remember_denied,
            ev.PositionOpened: self.on_opened,
            ev.OrderRejected: lambda e: self._release(e.order_id),
            ev.OrderCancelled: lambda e: self._release(e.order_id),
            ev.VenueDiffers: self._remember_foreign,
            ev.TradingStateChanged: self._remember_state,
        }

    def _remember_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if order.action is ev.Action.OPEN:
            self._signals.add(order.signal_id)
            self._reserve(approved)

    def _remember_denied(self, denied: ev.OrderDenied) -> None:
        if denied.order.problem is None:
            self._signals.add(denied.order.signal_id)

    def _remember_foreign(self, differs: ev.VenueDiffers) -> None:
        self._foreign = differs.foreign

    def _remember_state(self, changed: ev.TradingStateChanged) -> None:
        self.trading = Trading(changed.causes)

    def figures(self) -> ev.Figures:
        """The extremes so far, and the loss of the current day that is already realised."""
        return ev.Figures(
            max_drawdown_fraction=self.extremes.drawdown,
            max_daily_loss_fraction=self.extremes.daily_loss,
            daily_realized_loss=max(0, self.anchor - self._market.account.balance),
            peak_positions=self.peak_positions,
        )

    def quiet_band(self) -> tuple[Cents, Cents]:
        """Equity above the first and up to the second figure changes nothing when tested.

        It is no new peak, no deeper drawdown or daily loss than seen, and above every floor.
        """
        lows = [self._day_floor, *self.extremes.lowest_seen(self.anchor)]
        if self._max_floor is not None:
            lows.append(self._max_floor)
        return max(lows), self.extremes.peak

    # --- the session and its days ---

    def on_started(self, started: ev.SessionStarted) -> None:
        self.starting_balance = started.account.balance
        self.extremes = Extremes(started.account.equity)
        overall = rules.max_loss_floor(self._limits, self.starting_balance)
        self._max_floor = None if overall is None else floor(overall + rules.TOLERANCE)
        self._anchor_at(started.account.balance)

    def on_reset(self, reset: ev.ResetDue) -> None:
        self._anchor_at(reset.balance)
        account = ev.Account(balance=reset.balance, equity=reset.equity, margin=reset.margin)
        self._bus.publish(
            ev.DayRolled(
                date=reset.date,
                anchor=self.anchor,
                floor=rules.day_floor(self._limits, self.anchor),
                account=account,
            )
        )
        self._change(self.trading.reset(), account, detail="a new trading day")
        self._test(account)

    def _anchor_at(self, balance: Cents) -> None:
        self.anchor = balance
        self._day_floor = floor(rules.day_floor(self._limits, balance) + rules.TOLERANCE)

    # --- equity tests ---

    def on_account(self, seen: ev.AccountSeen) -> None:
        self.extremes.test(seen.equity, self.anchor)
        if seen.equity <= self._day_floor or (
            self._max_floor is not None and seen.equity <= self._max_floor
        ):
            self._breached(seen.figures)

    def _test(self, account: ev.Account) -> None:
        self.on_account(ev.AccountSeen.of(account))

    def _breached(self, account: ev.Account) -> None:
        if account.equity <= self._day_floor:
            self._halt(
                HaltCause.DAILY_LOSS, account, f"equity at or below {self._day_floor / 100:.2f} USD"
            )
        if self._max_floor is not None and account.equity <= self._max_floor:
            self._halt(
                HaltCause.MAX_LOSS, account, f"equity at or below {self._max_floor / 100:.2f} USD"
            )

    # --- orders ---

    def on_intent(self, order: ev.OrderIntent) -> None:
        if order.action is not ev.Action.OPEN:
            self._bus.publish(rules.manage(order))
            return
        if order.problem is not None:
            self._bus.publish(rules.deny_known(order, order.problem, self._account()))
            return
        verdict = rules.vet(order, self._desk(order))
        self._signals.add(order.signal_id)
        if isinstance(verdict, ev.OrderApproved):
            self._reserve(verdict)
        self._bus.publish(verdict)
        if isinstance(verdict, ev.OrderDenied):
            self._halt_for(verdict)

    def _halt_for(self, denied: ev.OrderDenied) -> None:
        cause = {
            ev.DenyReason.DAILY_LOSS: HaltCause.DAILY_LOSS,
            ev.DenyReason.MAX_LOSS: HaltCause.MAX_LOSS,
        }.get(denied.reason)
        if cause is not None:
            self._halt(cause, denied.account, denied.detail)

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self._release(opened.order_id)
        self.peak_positions = max(self.peak_positions, len(self._market.positions))

    def on_rejected(self, rejected: ev.OrderRejected) -> None:
        self._release(rejected.order_id)
        self._halt(HaltCause.REJECTION, rejected.account, rejected.message)

    def on_unknown(self, unknown: ev.OrderUnknown) -> None:
        # Its reservation stays: what may exist at the venue is charged as risk.
        self._halt(HaltCause.UNKNOWN_OUTCOME, unknown.account, unknown.message)

    def on_link(self, link: ev.LinkChanged) -> None:
        """Nothing new leaves while the link is down; it is released once it was checked again."""
        if link.up:
            trading = self.trading.checked_again(HaltCause.LINK)
            self._change(trading, self._account(), detail=link.detail)
        else:
            self._halt(HaltCause.LINK, self._account(), link.detail)

    def on_venue_differs(self, differs: ev.VenueDiffers) -> None:
        """What is not ours counts as risk; what cannot be explained latches."""
        self._foreign = differs.foreign
        if differs.unexplained:
            self._halt(HaltCause.UNEXPLAINED, self._account(), "; ".join(differs.unexplained))

    def on_user(self, command: ev.UserCommanded) -> None:
        """The user pauses trading and clears what is latched; a floor still holds after that."""
        if command.action is ev.UserAction.RESUME:
            self._change(self.trading.resume(), self._account(), detail=command.reason)
        else:
            self._halt(HaltCause.PAUSED, self._account(), command.reason)

    def _reserve(self, approved: ev.OrderApproved) -> None:
        self._reserved[approved.order.order_id] = Reservation(
            approved.order.symbol, approved.risk, approved.margin
        )

    def on_condition(self, seen: ev.ConditionSeen) -> None:
        """Nothing new leaves while prices do not come or the time is not certain."""
        if seen.holds:
            self._halt(seen.cause, self._account(), seen.detail)
        else:
            trading = self.trading.checked_again(seen.cause)
            self._change(trading, self._account(), detail=seen.detail)

    def _release(self, order_id: int) -> None:
        self._reserved.pop(order_id, None)

    def _desk(self, order: ev.OrderIntent) -> rules.Desk:
        reserved = self._reserved.values()
        positions = self._market.positions.values()
        return rules.Desk(
            limits=self._limits,
            spec=self._market.specs[order.symbol],
            tick=self._market.ticks[order.symbol],
            account=self._account(),
            anchor=self.anchor,
            starting_balance=self.starting_balance,
            trading_active=self.trading.active,
            known_signal=order.signal_id in self._signals,
            positions=len(positions) + len(reserved) + len(self._foreign),
            positions_on_symbol=_count(positions, order.symbol)
            + _count(reserved, order.symbol)
            + _count(self._foreign, order.symbol),
            stops_worst=self._stops_worst() - sum(item.risk for item in self._foreign),
            risk_in_flight=sum(item.risk for item in reserved),
            margin_in_flight=sum(item.margin for item in reserved),
        )

    def _account(self) -> ev.Account:
        return self._market.account.figures

    def _stops_worst(self) -> Cents:
        worst = 0
        for position in self._market.positions.values():
            spec = self._market.specs[position.symbol]
            tick = self._market.ticks[position.symbol]
            at_stop = money.profit_at(
                spec,
                position.side,
                position.volume,
                position.entry,
                position.stop_loss,
                tick.ask - tick.bid,
            )
            worst += min(0, at_stop - money.commission(spec, position.volume))
        return worst

    # --- the trading state ---

    def _halt(self, cause: HaltCause, account: ev.Account, detail: str) -> None:
        self._change(self.trading.halt(cause), account, cause=cause, detail=detail)

    def _change(
        self,
        trading: Trading,
        account: ev.Account,
        *,
        cause: HaltCause | None = None,
        detail: str = "",
    ) -> None:
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


def _count(items: Iterable[Position | Reservation | ev.ForeignExposure], symbol: str) -> int:
    return sum(1 for item in items if item.symbol == symbol)
