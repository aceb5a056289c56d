"""The actor that follows a firm's objectives: attempts, phases, days, breaches and passes.

What the rules mean is decided by the pure functions of `risk.objectives`; here is only what must be
remembered between two events. On an account that can begin anew (`FreshAccount`), an attempt that
is over is wound up - what is open is closed at the tick, pending entries are cancelled by the halt
that risk declares - and the next phase or attempt starts on a fresh balance.
"""

from __future__ import annotations

import enum

import msgspec

from engine import events as ev
from engine.bus import Bus
from engine.calendar import resets, trading_date
from engine.events import AttemptOutcome
from engine.exits import Exits
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.ports import FreshAccount
from engine.rules import Calendar, Phase, RuleSet, without_ends
from engine.trading import HaltCause, Trading, TradingState
from engine.types import Cents, SymbolSpec, amount, figure
from risk import objectives as obj
from risk import restrictions
from risk.buffer import AttemptLows, buffers, loss_buffer
from risk.standing import joined, standing

END_REASON = "ATTEMPT_END"
"""Why positions are closed when their attempt is over."""


_ENDS = (HaltCause.FIRM_BREACH, HaltCause.TARGET_REACHED)
"""What risk halts with when a phase is over: from then on nothing new is opened."""


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rules are followed, from which phase (from 0) on, and whether again after an end.

    `initial_balance` is what the phase began with, in cents, where that is not the balance at the
    session's start (None): on an account that is under way. With `by_ledger` neither counts: the
    account's ledger (`LedgerUpdated`) tells where it stands.

    An `endless` one keeps the firm's restrictions, calendar and days, but nothing ends it: neither
    a limit nor a target, nor what is open over a weekend. Odds are made of such a session.
    """

    rules: RuleSet
    first_phase: int = 0
    repeat: bool = False
    calendar: Calendar = Calendar()
    initial_balance: Cents | None = None
    by_ledger: bool = False
    endless: bool = False

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that an attempt can go through, the first one included."""
        return self.rules.phases[self.first_phase :]


class _Stage(enum.Enum):
    STARTING = enum.auto()  # recorded; figures of the old balance may still be on their way
    RUNNING = enum.auto()
    ENDED = enum.auto()  # recorded; risk has not halted yet
    WINDING_UP = enum.auto()  # halted; what is open is being closed
    DONE = enum.auto()


class ChallengeActor:
    """One account under one firm's rules."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        orders: OrderManager,
        challenge: Challenge,
        account: FreshAccount | None = None,
    ) -> None:
        """Without an `account` that can begin anew, the first end of a phase is the last."""
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders
        self._exits = Exits(bus, portfolio, orders)
        self._account = account
        self.challenge = challenge
        self.rules = without_ends(challenge.rules) if challenge.endless else challenge.rules
        self.attempt = 0
        self.initial: Cents = 0
        self.state = obj.new_phase(self.rules, challenge.first_phase, 0, "")
        self.lows = AttemptLows(0, 0, 0)
        self._stage = _Stage.RUNNING
        self._last: ev.AttemptEnded | None = None
        self._latched = ""
        self._left_out: dict[str, None] = {}  # of the attempt's phases until now

    def routes(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.LedgerUpdated: self.on_ledger,
            ev.AttemptStarted: self.on_attempt_started,
            ev.AttemptEnded: self.on_ended,
            ev.TradingStateChanged: self.on_trading,
            ev.AccountSeen: self.on_account,
            ev.ResetDue: self.on_reset,
            ev.WeekendDue: self.on_weekend,
            ev.PositionOpened: self.on_opened,
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderCancelled: self.on_cancelled,
        }

    def replay_routes(self) -> ev.Routes:
        """The recorded events from which the state of the running phase is rebuilt.

        For an account that cannot begin anew; nothing is published.
        """
        return {
            ev.SessionStarted: self._apply_start,
            ev.LedgerUpdated: self._apply_ledger,
            ev.AttemptStarted: self._apply_attempt,
            ev.AttemptEnded: self.on_ended,
            ev.DayRolled: self._apply_day,
            ev.AccountSeen: self._look,
            ev.TradingStateChanged: self.on_trading,
            ev.PositionOpened: self.on_opened,
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderCancelled: self.on_cancelled,
        }

    def _apply_start(self, started: ev.SessionStarted) -> None:
        self.initial = self._initial(started)

    def _initial(self, started: ev.SessionStarted) -> Cents:
        named = self.challenge.initial_balance
        return started.account.balance if named is None else named

    def _apply_attempt(self, started: ev.AttemptStarted) -> None:
        self.attempt = started.attempt
        if self.challenge.by_ledger:
            self._stage = _Stage.RUNNING
            return
        balance = started.account.balance
        self._stand(started.phase - 1, started.date, balance, balance)
        self._stage = _Stage.RUNNING

    def _apply_day(self, rolled: ev.DayRolled) -> None:
        self._turn(rolled.date, rolled.account.balance, rolled.account.equity)

    @property
    def phase(self) -> Phase:
        return self.rules.phases[self.state.phase]

    @property
    def running(self) -> bool:
        """Whether a phase is being judged; not while one ends and the next begins."""
        return self._stage is _Stage.RUNNING

    @property
    def over(self) -> bool:
        """Whether no further attempt is to be made."""
        return self._stage is _Stage.DONE

    def uneventful_low(self, kept: Cents) -> Cents:
        """Equity above it breaks no limit, keeps the reserve, and is no new low when tested."""
        least = max(self.lows.min_buffer, kept)
        return max(self.state.floor + least, self.lows.worst_today)

    def breach(self, account: ev.AccountSeen) -> obj.Breach | None:
        """What these figures break, or None; nothing once the phase is over."""
        if self.challenge.endless or not self.running:
            return None
        return obj.breach_of(self.rules, self.state, account.balance, account.equity)

    def objection(
        self, spec: SymbolSpec, positions: int, in_flight: int
    ) -> restrictions.Objection | None:
        """What the firm's trading restrictions have against an entry now."""
        rules, now = self.rules.restrictions, self._bus.time
        return (
            restrictions.count_objection(rules, self.state, positions, in_flight)
            or restrictions.gap_objection(rules, self.challenge.calendar, now)
            or restrictions.news_objection(self.phase, self.challenge.calendar, spec, now)
        )

    def floors(self, account: ev.AccountSeen) -> obj.FirmFloors:
        """The floor in force, and the one that the next reset would set on these figures."""
        return obj.firm_floors(self.rules, self.state, account.balance, account.equity)

    def loss_buffer(self, account: ev.Account, order_risk: Cents) -> ev.LossBuffer:
        """The account's loss buffer at this moment; see `risk.buffer`."""
        reset, _ = next(resets(self.rules.reset_zone, self._bus.time, self.rules.reset_hour))
        return loss_buffer(
            self.rules,
            self.state,
            self.lows,
            account,
            attempt=self.attempt,
            order_risk=order_risk,
            reset_in=reset - self._bus.time,
            flat=not self._portfolio.positions,
        )

    # --- attempts ---

    def on_started(self, started: ev.SessionStarted) -> None:
        if self.challenge.by_ledger:
            self._stage = _Stage.STARTING  # until the ledger has told
            return
        self.initial = self._initial(started)
        self._begin(self.challenge.first_phase, 0, started.account.balance)

    def on_ledger(self, seen: ev.LedgerUpdated) -> None:
        """Stand where the account stands; the first time that begins the attempt."""
        self._apply_ledger(seen)
        if not self.initial or self.attempt or not self.challenge.by_ledger:
            return
        self.attempt = 1
        self._announce(self._portfolio.account.figures)

    def _apply_ledger(self, seen: ev.LedgerUpdated) -> None:
        initial = seen.figures.initial
        if not self.challenge.by_ledger or initial is None:
            return
        if self._stage not in (_Stage.STARTING, _Stage.RUNNING):
            return
        self.initial = initial
        told = standing(self.rules, seen.figures, initial, seen.balance)
        if self.attempt:
            self.state = joined(self.state, told)
            return
        self.state = told
        account = self._portfolio.account
        room = min(buffers(self.rules, told, account.balance, account.equity))
        self.lows = AttemptLows(room, account.equity, self._bus.time)

    def _begin(self, phase: int, deposit: Cents, balance: Cents) -> None:
        """Start `phase` on `balance`; the first one of a course starts another attempt."""
        if phase == self.challenge.first_phase:
            self.attempt += 1
            self._left_out = {}
        zone, hour = self.rules.reset_zone, self.rules.reset_hour
        date = trading_date(zone, hour, self._bus.time)
        worst = min(self.lows.worst_today, balance) if deposit else balance
        self._stand(phase, date, balance, worst)
        self._stage = _Stage.STARTING
        self._latched = ""
        self._announce(ev.Account(balance=balance, equity=balance), deposit)

    def _announce(self, account: ev.Account, deposit: Cents = 0) -> None:
        state = self.state
        self._bus.publish(
            ev.AttemptStarted(
                attempt=self.attempt,
                phase=state.phase + 1,
                name=self.phase.name,
                date=state.date,
                account=account,
                day_limit=state.day_limit,
                max_limit=state.max_limit,
                target=obj.target_of(self.rules, state),
                deposit=deposit,
            )
        )

    def _stand(self, phase: int, date: str, balance: Cents, worst: Cents) -> obj.ChallengeState:
        """The first moment of a phase; `worst` is the day's lowest equity until now."""
        state = self.state = obj.new_phase(self.rules, phase, self.initial, date, balance)
        self.lows = AttemptLows(balance - state.floor, worst, self._bus.time)
        return state

    def _end(
        self, outcome: AttemptOutcome, account: ev.Account, cause: str = "", detail: str = ""
    ) -> None:
        self._stage = _Stage.ENDED
        state = self.state
        self._last = ev.AttemptEnded(
            attempt=self.attempt,
            phase=state.phase + 1,
            outcome=outcome,
            account=account,
            days=state.days,
            trading_days=state.trading_days,
            min_buffer=self.lows.min_buffer,
            min_buffer_at=self.lows.min_buffer_at,
            cause=cause,
            detail=detail,
        )
        self._bus.publish(self._last)

    def on_attempt_started(self, _: ev.AttemptStarted) -> None:
        self._stage = _Stage.RUNNING

    def on_ended(self, ended: ev.AttemptEnded) -> None:
        if self._account is None:
            self._stage = _Stage.DONE
        elif ended.outcome is AttemptOutcome.STOPPED:
            self._wind_up(self._account)  # trading is latched already

    def on_trading(self, changed: ev.TradingStateChanged) -> None:
        halted = changed.state is not TradingState.ACTIVE
        if halted:
            # The gateway takes every waiting entry back: one request each.
            self.state = obj.requested(self.state, self._pending_entries())
        if self.running:
            latched = changed.state is TradingState.LATCHED
            self._latched = str(Trading(changed.causes).reason) if latched else ""
            self._stop_if_flat(changed.account)
        elif changed.cause in _ENDS and self._stage is _Stage.ENDED and self._account is not None:
            self._wind_up(self._account)

    def _stop_if_flat(self, account: ev.Account) -> None:
        """What is latched by our own limits, with nothing open, neither passes nor fails any more.

        That is an end where nobody is there to resume: on an account that can begin anew. Pending
        entries are still to be cancelled then: winding up waits for that.
        """
        if (
            self._account is not None
            and self._latched
            and not self._portfolio.positions
            and not account.margin
        ):
            self._end(AttemptOutcome.STOPPED, account, self._latched, "trading stays halted")

    def _wind_up(self, account: FreshAccount) -> None:
        self._stage = _Stage.WINDING_UP
        standing = account.open_positions()
        for position in list(self._portfolio.positions.values()):
            if position.ticket in standing:
                self._exits.close(position, END_REASON, f"{position.signal_id}:{END_REASON}")
        self._go_on()

    def _go_on(self) -> None:
        """Once nothing is left of the phase: the next one, another attempt, or the end."""
        account = self._account
        if account is None or self._last is None:
            return
        if self._portfolio.positions or not account.idle():
            return
        if self._last.outcome in (AttemptOutcome.PHASE_PASSED, AttemptOutcome.PHASE_NOT_PROVEN):
            self._begin(self.state.phase + 1, account.reset_balance(self.initial), self.initial)
        elif self.challenge.repeat:
            self._begin(
                self.challenge.first_phase, account.reset_balance(self.initial), self.initial
            )
        else:
            self._stage = _Stage.DONE

    # --- what happens to the account ---

    def on_account(self, seen: ev.AccountSeen) -> None:
        if self._stage is _Stage.WINDING_UP:
            self._go_on()
        if not self.running:
            return
        self._look(seen)
        breach = self.breach(seen)
        if breach is not None and breach.final:
            unit = self._portfolio.currency
            detail = f"{amount(breach.figure, unit)}, limit {figure(breach.limit, unit)}"
            self._end(AttemptOutcome.BREACHED, seen.figures, breach.rule, detail)
        elif not self._portfolio.positions and not seen.margin:
            self._pass_or_stop(seen)

    def _look(self, seen: ev.AccountSeen) -> None:
        room = min(buffers(self.rules, self.state, seen.balance, seen.equity))
        self.lows.test(room, seen.equity, self._bus.time)

    def _pass_or_stop(self, seen: ev.AccountSeen) -> None:
        if not obj.missing(self.rules, self.state, seen.balance, flat=True):
            self._left_out |= dict.fromkeys(obj.unproven(self.phase, self.challenge.calendar))
            outcome, detail = obj.passed_as(self.rules, self.state, self._left_out)
            self._end(outcome, seen.figures, detail=detail)
        else:
            self._stop_if_flat(seen.figures)

    def pay_out(self) -> None:
        """A reward is due: an account that is flat, and can be, begins anew."""
        account, seen, before = self._account, self._portfolio.account, self.state
        earned = self.running and not self._latched and self.phase.target is None
        if account is None or not earned or self.challenge.endless:
            return
        if seen.balance <= self.initial or self._portfolio.positions or not account.idle():
            return
        told = f"{amount(seen.balance - self.initial, self._portfolio.currency)} paid out"
        self._end(AttemptOutcome.REWARDED, seen.figures, detail=told)
        deposit = account.reset_balance(self.initial)
        self._stand(before.phase, before.date, self.initial, self.initial)
        self.state = obj.after_reward(self.rules, before, self.state)
        self._stage = _Stage.STARTING
        self._announce(ev.Account(balance=self.initial, equity=self.initial), deposit)

    def on_reset(self, reset: ev.ResetDue) -> None:
        if self._stage is _Stage.DONE:
            return
        self._turn(reset.date, reset.balance, reset.equity)
        if self.running and obj.expired(self.rules, self.state):
            told, seen = f"nothing was opened for {self.state.idle} days", self._portfolio.account
            self._end(AttemptOutcome.BREACHED, seen.figures, obj.INACTIVITY, told)
        # Tested by everyone against the new day's limits.
        self._bus.feed(ev.AccountSeen(reset.balance, reset.equity, reset.margin))

    def must_be_flat(self, weekend: ev.WeekendDue) -> bool:
        """Whether it is time to close what is open before the week closes."""
        lead = self.phase.flat_minutes * restrictions.MINUTE
        now = self._bus.time
        return self.running and weekend.closes - lead <= now < weekend.closes

    def _turn(self, date: str, balance: Cents, equity: Cents) -> None:
        self.state = obj.next_day(self.rules, self.state, date, balance, equity)
        self.lows.worst_today = equity

    def on_weekend(self, weekend: ev.WeekendDue) -> None:
        ruled = self.running and self.phase.flat_minutes > 0 and not self.challenge.endless
        if ruled and self._portfolio.positions and self._bus.time >= weekend.closes:
            self._end(
                AttemptOutcome.BREACHED,
                self._portfolio.account.figures,
                obj.WEEKEND,
                f"{len(self._portfolio.positions)} open when the week closed",
            )

    # --- counts ---

    def on_opened(self, opened: ev.PositionOpened) -> None:
        if opened.order_id:  # what was taken over was opened, and counted, before
            self.state = obj.opened(self.state)
        if self._stage is not _Stage.WINDING_UP or self._account is None:
            return
        if opened.position in self._account.open_positions():
            position = self._portfolio.positions[opened.position]
            self._exits.close(position, END_REASON, f"{position.signal_id}:{END_REASON}")

    def on_submitted(self, _submitted: ev.OrderSubmitted) -> None:
        self.state = obj.requested(self.state)

    def _pending_entries(self) -> int:
        """Entries that wait at the venue: each is cancelled there when trading halts."""
        working = self._orders.working.values()
        return sum(1 for live in working if live.order.terms.entry_price)

    def on_cancelled(self, _cancelled: ev.OrderCancelled) -> None:
        if self._stage is _Stage.WINDING_UP:
            self._go_on()
