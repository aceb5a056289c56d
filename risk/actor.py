"""The risk actor: anchors, reservations, halts. It owns the trading state.

What it decides is decided by the pure functions of `risk.limits`; here is only what must be
remembered between two decisions.
"""

from __future__ import annotations

from math import floor

from engine import events as ev
from engine.bus import Bus
from engine.portfolio import Market
from engine.trading import HaltCause, Trading
from engine.types import Cents, LimitAction, Limits
from risk import exposure, firm_limits, valuation
from risk import limits as rules
from risk.challenge import Evaluation
from risk.counters import Extremes, Tally
from risk.exits import FLATTEN_REASON, WEEKEND_REASON, closings
from risk.exposure_book import Reservation, Stakes


class RiskActor:
    """Vets order intents, tests equity against the floors, halts and releases trading."""

    def __init__(
        self, bus: Bus, market: Market, limits: Limits, evaluation: Evaluation | None = None
    ) -> None:
        """`evaluation` follows a firm's objectives; attach it to the bus after this actor."""
        self._bus = bus
        self._evaluation = evaluation
        self._market = market
        self._limits = limits
        self._guarded = evaluation is not None or firm_limits.wanted(limits)
        self._stakes = Stakes(market, limits)
        self._signals: set[str] = set()
        self.trading = Trading()
        self.anchor: Cents = 0
        self.starting_balance: Cents = 0
        self.peak_positions = 0
        self.extremes = Extremes(1)
        self._tally = Tally()
        self._day_floor: Cents = 0
        self._max_floor: Cents | None = None
        self._day_turned = False
        self._valued = False

    def routes(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.OrderIntent: self.on_intent,
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
            ev.OrderRejected: self.on_rejected,
            ev.OrderUnknown: self.on_unknown,
            ev.OrderCancelled: lambda e: self._stakes.release(e.order_id),
            ev.AccountSeen: self.on_account,
            ev.ResetDue: self.on_reset,
            ev.LinkChanged: self.on_link,
            ev.ConditionSeen: self.on_condition,
            ev.VenueDiffers: self.on_venue_differs,
            ev.UserCommanded: self.on_user,
            ev.AttemptStarted: self.on_attempt_started,
            ev.AttemptEnded: self.on_attempt_ended,
            ev.WeekendDue: self.on_weekend,
        }

    def restoring(self) -> ev.Routes:
        """What brings anchors, reservations, halts and extremes back from recorded events."""
        return {
            ev.SessionStarted: self.on_started,
            ev.DayRolled: self._remember_day,
            ev.AttemptStarted: lambda e: self._begin_at(e.account),
            ev.AccountSeen: self._remember_seen,
            ev.OrderApproved: self._remember_approved,
            ev.OrderDenied: self._remember_denied,
            ev.PositionOpened: self._remember_opened,
            ev.PositionClosed: self._remember_closed,
            ev.OrderRejected: lambda e: self._stakes.release(e.order_id),
            ev.OrderCancelled: lambda e: self._stakes.release(e.order_id),
            ev.VenueDiffers: self._remember_foreign,
            ev.TradingStateChanged: self._remember_state,
        }

    def _remember_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if order.action is ev.OPEN:
            self._signals.add(order.signal_id)
            self._stakes.reserve(approved)
            self._tally.ordered(self._bus.time)
        elif order.action is ev.CLOSE:
            self._stakes.leave(order)

    def _remember_denied(self, denied: ev.OrderDenied) -> None:
        if denied.order.problem is None and denied.order.action is ev.OPEN:
            self._signals.add(denied.order.signal_id)

    def _remember_seen(self, seen: ev.AccountSeen) -> None:
        self.extremes.test(seen.equity, self.anchor)
        if self._evaluation is not None:
            self._day_turned = False

    def _remember_day(self, rolled: ev.DayRolled) -> None:
        self._turn_at(rolled.anchor)
        self._day_turned = True
        self.extremes.test(rolled.account.equity, self.anchor)

    def _remember_opened(self, opened: ev.PositionOpened) -> None:
        """Every deal of an order of ours was followed by an equity test, which is not on record."""
        self.on_opened(opened)
        self.extremes.test(opened.account.equity, self.anchor)

    def _remember_closed(self, closed: ev.PositionClosed) -> None:
        self.on_closed(closed)
        if closed.order_id:
            self.extremes.test(closed.account.equity, self.anchor)

    def _remember_foreign(self, differs: ev.VenueDiffers) -> None:
        self._stakes.foreign = differs.foreign

    def _remember_state(self, changed: ev.TradingStateChanged) -> None:
        self.trading = Trading(changed.causes)

    @property
    def reserved(self) -> dict[int, Reservation]:
        """What approved orders that are not over will add, by order id."""
        return dict(self._stakes.reserved)

    def figures(self) -> ev.Figures:
        """The extremes so far, and the loss of the current day that is already realised."""
        return ev.Figures(
            max_drawdown_fraction=self.extremes.drawdown,
            max_daily_loss_fraction=self.extremes.daily_loss,
            daily_realized_loss=max(0, self.anchor - self._market.account.balance),
            peak_positions=self.peak_positions,
        )

    @property
    def risk_of_one_order(self) -> Cents:
        """What an order of the current size may lose, in cents."""
        return int(self._limits.per_trade_risk_fraction * self.anchor)

    @property
    def floors(self) -> dict[str, Cents]:
        """The own floors under equity by name, in cents."""
        floors = {"today": self._day_floor}
        if self._max_floor is not None:
            floors["overall"] = self._max_floor
        return floors

    def quiet_band(self) -> tuple[Cents, Cents]:
        """Equity above the first and up to the second figure leads to nothing when tested.

        It is no new peak and above every floor. It may deepen the extremes; of several such tests
        the lowest alone does the same to them.
        """
        low = self._day_floor
        if self._max_floor is not None and self._max_floor > low:
            low = self._max_floor
        if self._evaluation is not None:
            # The moment of its least room is recorded, so a new low is not passed over.
            kept = firm_limits.reserve(self._limits, self.starting_balance) or 0
            low = max(low, self._evaluation.quiet_low(kept))
        return low, self.extremes.peak

    # --- the session and its days ---

    def on_started(self, started: ev.SessionStarted) -> None:
        self._valued = started.valued
        self.extremes = Extremes(started.account.equity)
        self._begin_at(started.account)

    def _begin_at(self, account: ev.Account) -> None:
        """Anchors of an account that starts with these figures, floating profit excluded."""
        self.extremes.peak = account.equity
        self._tally = Tally()
        self.starting_balance = account.balance
        overall = rules.max_loss_floor(self._limits, self.starting_balance)
        self._max_floor = None if overall is None else floor(overall + rules.TOLERANCE)
        self._anchor_at(account.balance)

    def on_reset(self, reset: ev.ResetDue) -> None:
        self._turn_at(reset.balance)
        self._day_turned = True
        account = ev.Account(balance=reset.balance, equity=reset.equity, margin=reset.margin)
        self._bus.publish(
            ev.DayRolled(
                date=reset.date,
                anchor=self.anchor,
                floor=rules.day_floor(self._limits, self.anchor),
                account=account,
                worst=None if self._evaluation is None else self._evaluation.seen.worst_today,
            )
        )
        self._change(self.trading.reset(), account, detail="a new trading day")
        self._test(ev.AccountSeen.of(account))

    def _turn_at(self, balance: Cents) -> None:
        self._tally.turn()
        self._anchor_at(balance)

    def _anchor_at(self, balance: Cents) -> None:
        self.anchor = balance
        self._day_floor = floor(rules.day_floor(self._limits, balance) + rules.TOLERANCE)

    # --- the firm's objectives ---

    def on_attempt_started(self, started: ev.AttemptStarted) -> None:
        """A fresh account: fresh anchors, and nothing of the last one keeps trading halted."""
        self._begin_at(started.account)
        detail = f"attempt {started.attempt} begins, {started.name}"
        self._change(Trading(), started.account, detail=detail)

    def on_attempt_ended(self, ended: ev.AttemptEnded) -> None:
        if ended.outcome is ev.AttemptOutcome.BREACHED:
            detail = f"{ended.cause}: {ended.detail}"
            self._halt(HaltCause.FIRM_BREACH, ended.account, detail)
        elif ended.outcome is not ev.AttemptOutcome.STOPPED:
            self._halt(HaltCause.TARGET_REACHED, ended.account, f"phase {ended.phase} is passed")

    def on_weekend(self, weekend: ev.WeekendDue) -> None:
        """Before the week closes: no entry is left waiting, and what is open is closed."""
        if self._evaluation is not None and self._evaluation.must_be_flat(weekend):
            self._halt(HaltCause.DAY_LIMIT, self._account(), "the week closes soon")
            self._flatten(WEEKEND_REASON)

    # --- equity tests ---

    def on_account(self, seen: ev.AccountSeen) -> None:
        firm = self._evaluation
        if firm is None:
            self._test(seen)
            return
        breach = firm.breach(seen)
        if not firm.running or (breach and breach.final):
            self.extremes.test(seen.equity, self.anchor)  # the attempt is over: nothing to guard
            return
        self._test(seen)
        if breach is not None:
            detail = f"the firm's daily limit of {breach.limit / 100:.2f} USD"
            self._halt(HaltCause.DAILY_LOSS, seen.figures, detail)
        self._guard_floor(seen, firm)

    def _guard_floor(self, seen: ev.AccountSeen, firm: Evaluation) -> None:
        """Act before the firm does: at its floor and our reserve, and on a new day at once when
        what is open could lose more than the new floor leaves.
        """
        kept = firm_limits.reserve(self._limits, self.starting_balance)
        turned, self._day_turned = self._day_turned, False
        if kept is None:
            return
        floor = firm.standing.floor + kept
        if seen.equity <= floor:
            detail = f"equity at or below {floor / 100:.2f} USD"
            self._act("firm_floor", seen.figures, detail)
        elif turned and seen.balance - self._stakes.worst() <= floor:
            self._flatten()

    def _test(self, seen: ev.AccountSeen) -> None:
        self.extremes.test(seen.equity, self.anchor)
        if seen.equity <= self._day_floor or (
            self._max_floor is not None and seen.equity <= self._max_floor
        ):
            self._breached(seen.figures)

    def _breached(self, account: ev.Account) -> None:
        if account.equity <= self._day_floor:
            detail = f"equity at or below {self._day_floor / 100:.2f} USD"
            self._act("daily_loss", account, detail)
        if self._max_floor is not None and account.equity <= self._max_floor:
            detail = f"equity at or below {self._max_floor / 100:.2f} USD"
            self._act("max_loss", account, detail)

    # --- orders ---

    def on_intent(self, order: ev.OrderIntent) -> None:
        if order.action is not ev.OPEN:
            self._manage(order)
            return
        if order.problem is not None:
            self._bus.publish(rules.deny_known(order, order.problem, self._account()))
            return
        verdict = rules.vet(order, self._desk(order))
        self._signals.add(order.signal_id)
        if isinstance(verdict, ev.OrderApproved):
            self._stakes.reserve(verdict)
            self._tally.ordered(self._bus.time)
        self._bus.publish(verdict)
        if isinstance(verdict, ev.OrderDenied):
            self._halt_for(verdict)

    def _manage(self, order: ev.OrderIntent) -> None:
        position = self._market.positions.get(order.position)
        verdict = rules.manage(order, self._limits, position.stop_loss if position else 0)
        if order.action is ev.CLOSE and not self._stakes.leave(order):
            detail = f"position {order.position} is being closed already"
            verdict = ev.DenyReason.DUPLICATE_INTENT, detail
        if isinstance(verdict, ev.OrderApproved):
            self._bus.publish(verdict)
        else:
            reason, detail = verdict
            self._bus.publish(
                ev.OrderDenied(order=order, reason=reason, detail=detail, account=self._account())
            )

    def _halt_for(self, denied: ev.OrderDenied) -> None:
        self._act(str(denied.reason), denied.account, denied.detail)

    def _act(self, limit: str, account: ev.Account, detail: str) -> None:
        """Do what is declared for a limit that was hit."""
        action = firm_limits.action_of(self._limits, limit)
        if action is LimitAction.DENY:
            return
        cause = firm_limits.cause_of(limit, action)
        known = cause in self.trading.causes
        self._halt(cause, account, detail)
        if action is LimitAction.FLATTEN and not known:
            self._flatten()

    def _flatten(self, reason: str = FLATTEN_REASON) -> None:
        for signal in closings(self._market, reason):
            self._bus.publish(signal)

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self._stakes.release(opened.order_id)
        count = len(self._market.positions)
        if count > self.peak_positions:
            self.peak_positions = count

    def on_closed(self, closed: ev.PositionClosed) -> None:
        self._stakes.left(closed.position)
        if closed.net < 0:
            self._tally.lost(self._bus.time)

    def on_rejected(self, rejected: ev.OrderRejected) -> None:
        self._stakes.release(rejected.order_id)
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
        self._stakes.foreign = differs.foreign
        if differs.unexplained:
            self._halt(HaltCause.UNEXPLAINED, self._account(), "; ".join(differs.unexplained))

    def on_user(self, command: ev.UserCommanded) -> None:
        """The user pauses trading and clears what is latched, but no breach of the firm's.

        While equity is below one of our floors, that latches again at once.
        """
        if command.action is ev.UserAction.RESUME:
            final = HaltCause.FIRM_BREACH in self.trading.causes
            trading = self.trading if final else self.trading.resume()
            self._change(trading, self._account(), detail=command.reason)
            self._breached(self._account())
        else:
            self._halt(HaltCause.PAUSED, self._account(), command.reason)

    def on_condition(self, seen: ev.ConditionSeen) -> None:
        """Nothing new leaves while prices do not come or the time is not certain."""
        if seen.holds:
            self._halt(seen.cause, self._account(), seen.detail)
        else:
            trading = self.trading.checked_again(seen.cause)
            self._change(trading, self._account(), detail=seen.detail)

    def _desk(self, order: ev.OrderIntent) -> rules.Desk:
        stakes, market = self._stakes.totals(order.symbol), self._market
        spec, value = market.specs[order.symbol], market.values.get(order.symbol)
        return rules.Desk(
            limits=self._limits,
            spec=spec,
            tick=market.ticks[order.symbol],
            account=self._account(),
            anchor=self.anchor,
            starting_balance=self.starting_balance,
            trading_active=not self.trading.causes,
            known_signal=order.signal_id in self._signals,
            positions=stakes.standing,
            positions_on_symbol=stakes.on_symbol,
            stops_worst=-stakes.worst_open,
            risk_in_flight=stakes.worst_in_flight,
            margin_in_flight=stakes.margin_in_flight,
            worth=valuation.worth_of(spec, value, self._bus.time, told=self._valued),
            guard=self._view(order) if self._guarded else firm_limits.NOTHING_TO_GUARD,
        )

    def _view(self, order: ev.OrderIntent) -> firm_limits.View:
        now, stakes = self._bus.time, list(self._stakes.each())
        firm, objection = None, None
        if self._evaluation is not None:
            account, in_flight = self._market.account, len(self._stakes.reserved)
            firm = self._evaluation.floors(account)
            objection = self._evaluation.objection(
                self._market.specs[order.symbol], self._stakes.count() - in_flight, in_flight
            )
        return firm_limits.View(
            now=now,
            orders_hour=self._tally.orders_hour(now),
            orders_day=self._tally.orders_day,
            last_loss=self._tally.last_loss,
            symbol_worst=sum(item.worst for item in stakes if item.spec.name == order.symbol),
            currencies=exposure.on_currencies(stakes),
            firm=firm,
            objection=objection,
        )

    def _account(self) -> ev.Account:
        return self._market.account.figures

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
