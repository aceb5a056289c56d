"""A firm's objectives: pure functions over what happens to an account.

`ChallengeState` is what must be remembered of one phase; every function returns a new one or an
answer. Money is integer cents: a limit that falls between two cents is rounded up, against the
account.

The rules (of FTMO's published objectives; other firms differ in the data only):

1. The day's limit hangs on the account's figure at the reset and is frozen until the next one.
2. The overall limit is static, or follows the best end of a day and never falls.
3. Both are tested at every change of equity, and at the reset itself against the new limits.
4. A phase is passed when the target is reached on the balance, nothing is open, enough days were
   traded, enough of them closed a profit that counts, and no day's share of the profit is too
   large. A breach beats a pass.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from engine.fields import AttemptOutcome
from engine.rules import (
    WHOLE,
    AmountBase,
    BreachAt,
    Calendar,
    DailyLoss,
    DayStartBasis,
    MaxLoss,
    Measured,
    Mode,
    Phase,
    RuleAction,
    RuleSet,
)
from engine.types import Cents

DAILY_LOSS = "daily_loss"
MAX_LOSS = "max_loss"
WEEKEND = "weekend"
INACTIVITY = "inactivity"


class ChallengeState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a phase stands. `high` is the best end of a day so far, for a trailing limit.

    `day_balance` is the balance at the day's start; `best_day` and `good_days` are the largest
    profit of a day that is over and the sum of all profitable ones; `profitable_days` is how many
    of those the phase counts. `requests` and `positions` are those of the running day; `opened`
    tells whether it is a trading day already. `paid_in` is what was paid in since the first trade:
    it raises floors and target, so that it is never room. `idle` counts the days in a row that are
    over and saw no opening.
    """

    phase: int
    initial: Cents
    date: str
    day_start: Cents
    day_limit: Cents
    max_limit: Cents
    high: Cents
    day_balance: Cents
    days: int = 1
    trading_days: int = 0
    opened: bool = False
    best_day: Cents = 0
    good_days: Cents = 0
    requests: int = 0
    positions: int = 0
    paid_in: Cents = 0
    profitable_days: int = 0
    idle: int = 0

    @property
    def floor(self) -> Cents:
        """The higher of the two limits: the one in force."""
        return max(self.day_limit, self.max_limit)


class Breach(msgspec.Struct, frozen=True):
    """A limit that was broken, and whether that ends the attempt or the day."""

    rule: str
    limit: Cents
    figure: Cents
    action: RuleAction

    @property
    def final(self) -> bool:
        """Whether it ends the attempt."""
        return self.action is RuleAction.FAIL


def share(amount: Cents, percent: int) -> Cents:
    """`percent` (1/100 percent) of an amount, rounded down to a cent."""
    return amount * percent // WHOLE


def day_start_of(day_start: DayStartBasis, balance: Cents, equity: Cents) -> Cents:
    """The figure that a limit hangs on, of the account's two at the reset."""
    if day_start is DayStartBasis.BALANCE:
        return balance
    return equity if day_start is DayStartBasis.EQUITY else max(balance, equity)


def day_limit(rule: DailyLoss, initial: Cents, day_start: Cents) -> Cents:
    """The day's limit under its start."""
    base = initial if rule.amount_base is AmountBase.INITIAL else day_start
    return day_start - share(base, rule.percent)


def max_limit(rule: MaxLoss, initial: Cents, high: Cents) -> Cents:
    """The overall limit, when `high` is the best end of a day so far (at least `initial`)."""
    if rule.mode is Mode.STATIC:
        return initial - share(initial, rule.percent)
    trailing = high - share(initial, rule.percent)
    return trailing if rule.lock is None else min(trailing, share(initial, rule.lock))


def new_phase(
    rules: RuleSet, phase: int, initial: Cents, date: str, balance: Cents | None = None
) -> ChallengeState:
    """The first day of `phase` (from 0) of an account that starts with `initial`.

    Of an account that is under way, with another `balance` by now, the day's start and the best
    end of a day are not known: the higher of the two figures stands for both, which sets the
    stricter limits.
    """
    balance = initial if balance is None else balance
    day_start = max(initial, balance)
    return ChallengeState(
        phase=phase,
        initial=initial,
        date=date,
        day_start=day_start,
        day_limit=day_limit(rules.daily, initial, day_start),
        max_limit=max_limit(rules.maximum, initial, day_start),
        high=day_start,
        day_balance=balance,
    )


def next_day(
    rules: RuleSet, state: ChallengeState, date: str, balance: Cents, equity: Cents
) -> ChallengeState:
    """The day `date` begins: figures are frozen, limits set anew. Test equity right after it."""
    day_start = day_start_of(rules.daily.day_start, balance, equity)
    high = max(state.high, day_start_of(rules.maximum.trails, balance, equity))
    profit = balance - state.day_balance
    return ChallengeState(
        phase=state.phase,
        initial=state.initial,
        date=date,
        day_start=day_start,
        day_limit=day_limit(rules.daily, state.initial, day_start),
        max_limit=max_limit(rules.maximum, state.initial, high) + state.paid_in,
        high=high,
        day_balance=balance,
        days=state.days + 1,
        trading_days=state.trading_days,
        best_day=max(state.best_day, profit),
        good_days=state.good_days + max(0, profit),
        paid_in=state.paid_in,
        profitable_days=state.profitable_days + counts(rules, state, profit),
        idle=0 if state.opened else state.idle + 1,
    )


def expired(rules: RuleSet, state: ChallengeState) -> bool:
    """Whether the phase is over because nothing was opened for too long."""
    most = rules.phases[state.phase].inactive_days
    return 0 < most < state.idle


def counts(rules: RuleSet, state: ChallengeState, profit: Cents) -> bool:
    """Whether a day that closes this profit is one of those that the phase asks for."""
    phase = rules.phases[state.phase]
    return phase.profitable_days > 0 and profit * WHOLE >= state.initial * phase.profitable_percent


class FirmFloors(msgspec.Struct, frozen=True):
    """The firm's floor in force, and the one that the next reset would set on today's figures.

    `initial` is what the challenge began with.
    """

    today: Cents
    next: Cents
    initial: Cents


def firm_floors(rules: RuleSet, state: ChallengeState, balance: Cents, equity: Cents) -> FirmFloors:
    """Both floors that a worst case must stay above.

    The next one hangs on the figures at the reset: if every stop is hit after it, it is that of
    today's balance (or equity, where the firm starts the day from it), and of today's high.
    """
    turned = next_day(rules, state, state.date, balance, equity)
    return FirmFloors(state.floor, turned.floor, state.initial)


def opened(state: ChallengeState) -> ChallengeState:
    """A position was opened: that makes a trading day of today."""
    return msgspec.structs.replace(
        state,
        positions=state.positions + 1,
        opened=True,
        trading_days=state.trading_days + (not state.opened),
    )


def requested(state: ChallengeState, count: int = 1) -> ChallengeState:
    """`count` more requests went to the server: every send, change and cancel, refused or not."""
    return msgspec.structs.replace(state, requests=state.requests + count)


def breach_of(
    rules: RuleSet, state: ChallengeState, balance: Cents, equity: Cents
) -> Breach | None:
    """The limit that these figures break; the one that ends the attempt before one that pauses."""
    maximum, daily = rules.maximum, rules.daily
    figure = _figure(maximum.measured_on, balance, equity)
    if _broken(maximum.breach_at, figure, state.max_limit):
        return Breach(MAX_LOSS, state.max_limit, figure, RuleAction.FAIL)
    figure = _figure(daily.measured_on, balance, equity)
    if _broken(daily.breach_at, figure, state.day_limit):
        return Breach(DAILY_LOSS, state.day_limit, figure, daily.action)
    return None


def _figure(measured: Measured, balance: Cents, equity: Cents) -> Cents:
    return equity if measured is Measured.EQUITY else balance


def _broken(breach_at: BreachAt, figure: Cents, limit: Cents) -> bool:
    return figure <= limit if breach_at is BreachAt.TOUCH else figure < limit


def target(phase: Phase, initial: Cents) -> Cents | None:
    """The balance that passes the phase (rounded up to a cent); None where there is no target."""
    return None if phase.target is None else initial - share(-initial, phase.target)


def target_of(rules: RuleSet, state: ChallengeState) -> Cents | None:
    """The balance that passes the running phase, what was paid in included."""
    wanted = target(rules.phases[state.phase], state.initial)
    return None if wanted is None else wanted + state.paid_in


def best_day_share(state: ChallengeState, balance: Cents) -> float | None:
    """The best day's part of the profit of all profitable days; None while no day has made any.

    Today counts as if it ended with this balance.
    """
    best, good = _best(state, balance)
    return best / good if good else None


def _best(state: ChallengeState, balance: Cents) -> tuple[Cents, Cents]:
    today = balance - state.day_balance
    return max(state.best_day, today), state.good_days + max(0, today)


def unproven(phase: Phase, calendar: Calendar) -> tuple[str, ...]:
    """The rules that bear on passing the phase and that nobody has judged.

    Those that are not modelled, and a rule of news of which no calendar tells.
    """
    if phase.news_minutes and not calendar.news:
        return (*phase.unproven, "news (no calendar was given)")
    return phase.unproven


def passed_as(
    rules: RuleSet, state: ChallengeState, left_out: Collection[str]
) -> tuple[AttemptOutcome, str]:
    """How a phase ends that has all it asks for, and what keeps that from being proved.

    `left_out` are the rules that nobody has judged in the attempt's phases until now.
    """
    more = any(phase.target is not None for phase in rules.phases[state.phase + 1 :])
    if not left_out:
        return AttemptOutcome.PHASE_PASSED if more else AttemptOutcome.PASSED, ""
    outcome = AttemptOutcome.PHASE_NOT_PROVEN if more else AttemptOutcome.NOT_PROVEN
    return outcome, f"not judged: {'; '.join(left_out)}"


def after_reward(rules: RuleSet, before: ChallengeState, begun: ChallengeState) -> ChallengeState:
    """Where the phase stands that has `begun` anew after a reward.

    Its limits are those of a first day; only a rule may keep a trailing floor where it was.
    """
    if not rules.maximum.keeps_after_reward:
        return begun
    return msgspec.structs.replace(begun, high=before.high, max_limit=before.max_limit)


def missing(
    rules: RuleSet, state: ChallengeState, balance: Cents, *, flat: bool
) -> tuple[str, ...]:
    """What still keeps the phase from being passed; empty when it is passed (unless breached)."""
    phase = rules.phases[state.phase]
    wanted = target_of(rules, state)
    gates = []
    if wanted is None:
        gates.append("no_target")
    elif balance < wanted:
        gates.append("target")
    if not flat:
        gates.append("flat")
    if state.trading_days < phase.trading_days:
        gates.append("trading_days")
    today = counts(rules, state, balance - state.day_balance)
    if state.profitable_days + today < phase.profitable_days:
        gates.append("profitable_days")
    best, good = _best(state, balance)
    if phase.best_day is not None and best * WHOLE > good * phase.best_day:
        gates.append("best_day")
    return tuple(gates)
