"""The risk actor: day starts, risk in flight, halts. It owns the trading state.

What it decides is decided by the pure functions of `risk.limits`; here is only what must be
remembered between two decisions.
"""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.bus import Bus
from engine.exits import Exits
from engine.limit_table import LIMIT_HITS, ContextPart, action_of, needed_parts
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.standing import WEEKEND_REASON
from engine.trading import HaltCause, Trading
from engine.types import Cents, LimitAction, Limits, amount
from risk import limits as rules
from risk.challenge import ChallengeActor
from risk.context import RiskContext
from risk.counters import TradeCounters
from risk.exposure_book import ExposureBook
from risk.loss_floors import LossFloors
from risk.news import exit_objection
from risk.symbol_modes import SymbolModes
from risk.ticks import on_ticks
from risk.trading_control import Flattening, TradingControl
from risk.valuation import JudgedValuation, current_valuation, judged


class RiskActor:
    """Vets order intents, tests equity against the floors, halts and releases trading."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        orders: OrderManager,
        limits: Limits,
        challenge_actor: ChallengeActor | None = None,
    ) -> None:
        """`challenge_actor` follows a firm's objectives; attach it to the bus after this actor."""
        self._bus = bus
        self._challenge_actor = challenge_actor
        self._portfolio = portfolio
        self._limits = limits
        self._checks = rules.checks_in_force(limits)
        needed = needed_parts(limits)
        self._needs_counts = ContextPart.COUNTS in needed
        self._needs_concentration = ContextPart.CONCENTRATION in needed
        self._needs_floors = ContextPart.FIRM_FLOORS in needed
        self._orders = orders
        self._exposures = ExposureBook(portfolio, orders, limits)
        self._signals: set[str] = set()
        self.control = TradingControl(bus, portfolio, orders)
        self._flattening = Flattening(
            portfolio, Exits(bus, portfolio, orders), limits, self.control, challenge_actor
        )
        self.losses = LossFloors(limits)
        self.peak_positions = 0
        self._counters = TradeCounters()
        self._parts: dict[int, Cents] = {}  # what closed parts of open positions made
        self._day_turned = False
        self._broker_valued = False
        self._symbol_modes = SymbolModes()
        self._valuations: dict[str, JudgedValuation] = {}

    def routes(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.SymbolValuation: self.on_valuation,
            ev.OrderIntent: self.on_intent,
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
            ev.AccountSeen: self.on_account,
            ev.ResetDue: self.on_reset,
            ev.SymbolModeSeen: lambda e: self._symbol_modes.on_seen(e),
            ev.ReconciliationMismatch: self.on_mismatch,
            ev.UserCommanded: self.on_user,
            ev.AttemptStarted: self.on_attempt_started,
            ev.AttemptEnded: self.on_attempt_ended,
            ev.WeekendDue: self.on_weekend,
            ev.LedgerUpdated: self.on_ledger,
            ev.OrphansAdopted: self.on_adopted,
            **self.control.routes(),
        }

    def replay_routes(self) -> ev.Routes:
        """What brings day starts, risk in flight, halts and drawdowns back from recorded events."""
        return {
            ev.SessionStarted: self.on_started,
            ev.SymbolValuation: self.on_valuation,
            ev.DayRolled: self._apply_day,
            ev.LedgerUpdated: self._apply_ledger,
            ev.AttemptStarted: self._apply_attempt,
            ev.AccountSeen: self._apply_seen,
            ev.OrderApproved: self._apply_approved,
            ev.OrderDenied: self._apply_denied,
            ev.PositionOpened: self._apply_opened,
            ev.PositionClosed: self._apply_closed,
            ev.ReconciliationMismatch: self._apply_external,
            ev.OrphansAdopted: self.on_adopted,
            **self.control.replay_routes(),
            ev.SymbolModeSeen: lambda e: self._symbol_modes.on_seen(e),
            ev.WeekendDue: self._flattening.apply_weekend,
        }

    def _apply_attempt(self, started: ev.AttemptStarted) -> None:
        if not self._by_ledger:
            self._begin_at(started.account)

    def _apply_ledger(self, seen: ev.LedgerUpdated) -> None:
        """Day start, baseline and counts of the account, whichever session made them."""
        own = seen.figures.own
        if own is not None and own.day_start is not None:
            self.losses.day_starts_at(own.day_start)
        if seen.baseline is not None:
            self.losses.count_from(seen.baseline)
        today, last_loss = (own.orders_today or 0, own.last_loss) if own else (0, None)
        self._counters.adopt(today, seen.symbols, seen.entries, last_loss)
        self._signals.update(seen.signals)

    def _apply_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if order.terms.action is ev.OPEN:
            self._signals.add(order.terms.signal_id)
            self._counters.ordered(order.terms.symbol, self._bus.time)

    def _apply_denied(self, denied: ev.OrderDenied) -> None:
        if denied.order.problem is None and denied.order.terms.action is ev.OPEN:
            self._signals.add(denied.order.terms.signal_id)

    def _apply_seen(self, seen: ev.AccountSeen) -> None:
        self.losses.test(seen.equity)
        if self._challenge_actor is not None:
            self._day_turned = False

    def _apply_day(self, rolled: ev.DayRolled) -> None:
        self._turn_at(rolled.day_start)
        self._day_turned = True
        self.losses.test(rolled.account.equity)

    def _apply_opened(self, opened: ev.PositionOpened) -> None:
        """Each deal of an order of ours was followed by an equity test that is not on record."""
        self._count_positions()
        if opened.order_id:
            self.losses.test(opened.account.equity)

    def _apply_closed(self, closed: ev.PositionClosed) -> None:
        self.on_closed(closed)
        if closed.order_id:
            self.losses.test(closed.account.equity)

    def _apply_external(self, mismatch: ev.ReconciliationMismatch) -> None:
        self._exposures.external = mismatch.external

    def figures(self) -> ev.SessionFigures:
        """The extremes so far, and the loss of the current day that is already realised."""
        return ev.SessionFigures(
            max_drawdown_fraction=self.losses.drawdowns.drawdown,
            max_daily_loss_fraction=self.losses.drawdowns.daily_loss,
            daily_realized_loss=max(0, self.losses.day_start - self._portfolio.account.balance),
            peak_positions=self.peak_positions,
        )

    @property
    def trading(self) -> Trading:
        """Whether trading is halted, and why."""
        return self.control.trading

    @property
    def risk_of_one_order(self) -> Cents:
        """What an order of the current size may lose, in cents."""
        return int(self._limits.per_trade_risk_fraction * self.losses.day_start)

    def equity_band(self) -> tuple[Cents, Cents]:
        """Equity above the first and up to the second figure leads to nothing when tested.

        It is no new peak and above every floor. It may deepen the extremes; of several such tests
        the lowest alone does the same to them.
        """
        low = self.losses.highest
        if self._challenge_actor is not None:
            # The moment of its smallest buffer is recorded, so a new low is not skipped.
            kept = rules.firm_reserve(self._limits, self._challenge_actor.state.initial) or 0
            low = max(low, self._challenge_actor.uneventful_low(kept))
        return low, self.losses.drawdowns.peak

    # --- the session and its days ---

    def on_started(self, started: ev.SessionStarted) -> None:
        self._broker_valued = started.broker_valued
        self.losses.start(started.account)
        self._counters = TradeCounters()

    def on_valuation(self, seen: ev.SymbolValuation) -> None:
        self._valuations[seen.symbol] = judged(self._portfolio.specs[seen.symbol], seen)

    def _begin_at(self, account: ev.Account) -> None:
        self.losses.begin_at(account)
        self._counters = TradeCounters()

    def on_ledger(self, seen: ev.LedgerUpdated) -> None:
        """Stand where the account stands: what earlier sessions lost and halted counts here."""
        self._apply_ledger(seen)
        account = self.control.account()
        for cause in seen.halts:
            detail = "an earlier session of this account has halted trading"
            self.control.halt(cause, account, detail)
        if seen.suspended:
            self.control.halt(HaltCause.LEDGER, account, seen.suspended)
        else:
            self.control.checked_again(HaltCause.LEDGER, account, "the account's ledger is clear")
        self._breached(account)

    @property
    def _by_ledger(self) -> bool:
        """Whether the account's ledger tells where the firm's challenge stands."""
        actor = self._challenge_actor
        return actor is not None and actor.challenge.by_ledger

    def on_reset(self, reset: ev.ResetDue) -> None:
        self._turn_at(reset.balance)
        self._day_turned = True
        account = ev.Account(balance=reset.balance, equity=reset.equity, margin=reset.margin)
        self._bus.publish(
            ev.DayRolled(
                date=reset.date,
                day_start=self.losses.day_start,
                floor=rules.day_floor(self._limits, self.losses.day_start),
                account=account,
                worst=None
                if self._challenge_actor is None
                else self._challenge_actor.lows.worst_today,
            )
        )
        self.control.change(self.trading.reset(), account, detail="a new trading day")
        self._test(ev.AccountSeen.of(account))

    def _turn_at(self, balance: Cents) -> None:
        self._counters.turn()
        self.losses.day_starts_at(balance)

    # --- the firm's objectives ---

    def on_attempt_started(self, started: ev.AttemptStarted) -> None:
        """A fresh account: a fresh day start, and nothing of the last one keeps trading halted.

        One that the ledger tells of goes on from there.
        """
        if self._by_ledger:
            return
        self._begin_at(started.account)
        detail = f"attempt {started.attempt} begins, {started.name}"
        self.control.change(Trading(), started.account, detail=detail)

    def on_attempt_ended(self, ended: ev.AttemptEnded) -> None:
        if ended.outcome is ev.AttemptOutcome.BREACHED:
            detail = f"{ended.cause}: {ended.detail}"
            self.control.halt(HaltCause.FIRM_BREACH, ended.account, detail)
        elif ended.outcome not in (ev.AttemptOutcome.STOPPED, ev.AttemptOutcome.REWARDED):
            detail = f"phase {ended.phase} is passed"
            self.control.halt(HaltCause.TARGET_REACHED, ended.account, detail)

    def on_weekend(self, weekend: ev.WeekendDue) -> None:
        """Before the week closes: no entry is left waiting, and what is open is closed."""
        self._flattening.apply_weekend(weekend)
        if self._flattening.due_for_weekend:
            self.control.halt(HaltCause.DAY_LIMIT, self.control.account(), "the week closes soon")
            self._flattening.flatten(WEEKEND_REASON)

    # --- equity tests ---

    def on_account(self, seen: ev.AccountSeen) -> None:
        firm = self._challenge_actor
        if firm is None:
            self._test(seen)
            return
        breach = firm.breach(seen)
        if not firm.running or (breach and breach.final):
            self.losses.test(seen.equity)  # it is over: nothing to guard
            return
        self._test(seen)
        if breach is not None:
            limit = amount(breach.limit, self._portfolio.currency)
            detail = f"the firm's daily limit of {limit}"
            self.control.halt(HaltCause.DAILY_LOSS, seen.figures, detail)
        self._test_firm_floor(seen, firm)

    def _test_firm_floor(self, seen: ev.AccountSeen, firm: ChallengeActor) -> None:
        """Act before the firm does: at its floor and our reserve, and on a new day at once when
        what is open could lose more than the new floor leaves.
        """
        kept = rules.firm_reserve(self._limits, firm.state.initial)
        turned, self._day_turned = self._day_turned, False
        if kept is None:
            return
        floor = firm.state.floor + kept
        if seen.equity <= floor:
            detail = f"equity at or below {amount(floor, self._portfolio.currency)}"
            self._act("firm_floor", seen.figures, detail)
        elif turned and seen.balance - self._exposures.worst() <= floor:
            self._flattening.flatten()

    def _test(self, seen: ev.AccountSeen) -> None:
        if self.losses.test(seen.equity):
            self._breached(seen.figures)

    def _breached(self, account: ev.Account) -> None:
        for limit, least in self.losses.hit(account.equity):
            told = amount(least, self._portfolio.currency)
            self._act(limit, account, f"equity at or below {told}")

    # --- orders ---

    def on_intent(self, order: ev.OrderIntent) -> None:
        spec = self._portfolio.specs.get(order.terms.symbol)
        if spec is not None and spec.tick_size is not msgspec.UNSET:
            order = on_ticks(order, spec.tick_size)
        if order.terms.action is not ev.OPEN:
            self._manage(order)
            return
        if order.problem is not None:
            self._bus.publish(rules.deny_known(order, order.problem, self.control.account()))
            return
        if order.terms.symbol in self._symbol_modes.restricted:
            objection = self._symbol_modes.objection(order)
            if objection is not None:
                self._bus.publish(rules.denied(order, objection, self.control.account()))
                return
        verdict = rules.vet(order, self._context(order), self._checks)
        self._signals.add(order.terms.signal_id)
        if isinstance(verdict, ev.OrderApproved):
            self._counters.ordered(order.terms.symbol, self._bus.time)
            self._orders.approve(verdict)
        else:
            self._bus.publish(verdict)
            self._act(str(verdict.reason), verdict.account, verdict.detail)

    def _manage(self, order: ev.OrderIntent) -> None:
        position = self._portfolio.positions.get(order.terms.position)
        verdict = rules.manage(order, self._limits, position.stop_loss if position else 0)
        firm, now = self._challenge_actor, self._bus.time
        if order.terms.action is ev.MODIFY:
            verdict = self.control.level_changes.objection(order, now) or verdict
        if firm and (held := exit_objection(firm, self._portfolio, order.terms, now)) is not None:
            verdict = held
        first = self._orders.closing.get(order.terms.position)
        if order.terms.action is ev.CLOSE and first != order.order_id:
            detail = f"position {order.terms.position} is being closed already"
            verdict = ev.DenyReason.DUPLICATE_INTENT, detail
        if isinstance(verdict, ev.OrderApproved):
            self._orders.approve(verdict)
        else:
            self._bus.publish(rules.denied(order, verdict, self.control.account()))

    def _act(self, limit: str, account: ev.Account, detail: str) -> None:
        """Do what is declared for a limit that was hit."""
        action = action_of(self._limits, limit)
        if action is LimitAction.DENY:
            return
        cause = LIMIT_HITS[limit].cause(action)
        known = cause in self.trading.causes
        self.control.halt(cause, account, detail)
        if action is LimitAction.FLATTEN and not known:
            self._flattening.flatten()

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self._count_positions()
        self._flattening.on_opened(opened)

    def _count_positions(self) -> None:
        self.peak_positions = max(self.peak_positions, len(self._portfolio.positions))

    def on_closed(self, closed: ev.PositionClosed) -> None:
        """A position is over once its last part is closed; then its whole life counts."""
        self.control.level_changes.over(closed.position)
        net = self._parts.pop(closed.position, 0) + closed.net
        if closed.remaining:
            self._parts[closed.position] = net
        elif net < 0:
            self._counters.closed_with_loss(self._bus.time)

    def on_adopted(self, adopted: ev.OrphansAdopted) -> None:
        """What earlier sessions closed of a position belongs to its life."""
        self._parts.update({item.ticket: item.realized for item in adopted.positions})

    def on_mismatch(self, mismatch: ev.ReconciliationMismatch) -> None:
        """External orders and positions count as risk; what cannot be explained latches."""
        self._exposures.external = mismatch.external
        if mismatch.mismatches:
            cause, detail = HaltCause.RECONCILIATION_MISMATCH, "; ".join(mismatch.mismatches)
            self.control.halt(cause, self.control.account(), detail)

    def on_user(self, command: ev.UserCommanded) -> None:
        """The user pauses trading and clears what is latched, but no breach of the firm's.

        While equity is below one of our floors, that latches again at once.
        """
        if command.action is ev.UserAction.STOP:
            return  # the session ends; the next one stands as this one did
        if command.action is ev.UserAction.RESUME:
            final = HaltCause.FIRM_BREACH in self.trading.causes
            trading = self.trading if final else self.trading.resume()
            self.control.change(trading, self.control.account(), detail=command.reason)
            self._breached(self.control.account())
        else:
            self.control.halt(HaltCause.PAUSED, self.control.account(), command.reason)

    def _context(self, order: ev.OrderIntent) -> RiskContext:
        terms, portfolio, losses = order.terms, self._portfolio, self.losses
        symbol, firm, now = terms.symbol, self._challenge_actor, self._bus.time
        totals, value = self._exposures.totals(symbol), self._valuations.get(symbol)
        spec = portfolio.specs[symbol]
        concentrated, floors, objection = self._needs_concentration, None, None
        if firm:
            in_flight = len(self._orders.in_flight)
            objection = firm.objection(spec, totals.positions - in_flight, in_flight)
            floors = firm.floors(portfolio.account) if self._needs_floors else None
        # More than 15 keywords would be built as a mapping first, at ten times the cost.
        return RiskContext(
            self._limits,
            spec,
            portfolio.ticks[symbol],
            portfolio.account,
            losses.day_start,
            losses.starting_balance,
            not self.control.trading.causes,
            terms.signal_id in self._signals,
            totals.positions,
            totals.on_symbol,
            without_stop=totals.without_stop,
            stops_worst=-totals.worst_open,
            risk_in_flight=totals.worst_in_flight,
            margin_in_flight=totals.margin_in_flight,
            valuation=current_valuation(spec, value, now, broker_valued=self._broker_valued),
            counts=self._counters.counts(now) if self._needs_counts else None,
            concentration=self._exposures.concentration(symbol) if concentrated else None,
            firm_floors=floors,
            firm_objection=objection,
            currency=portfolio.currency,
        )
