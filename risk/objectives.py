"""A firm's objectives: pure functions over what happens to an account.

`Standing` is what must be remembered of one phase; every function returns a new one or an answer.
Money is integer cents: a limit that falls between two cents is rounded up, against the account.

The rules (of FTMO's published objectives; other firms differ in the data only):

1. The day's limit hangs on the account's figure at the reset and is frozen until the next one.
2. The overall limit is static, or follows the best end of a day and never falls.
3. Both are tested at every change of equity, and at the reset itself against the new limits.
4. A phase is passed when the target is reached on the balance, nothing is open, enough days were
   traded and no day's share of the profit is too large. A breach beats a pass.
"""

from __future__ import annotations

import msgspec

from engine.rules import (
    WHOLE,
    AmountBase,
    Anchor,
    BreachAt,
    DailyLoss,
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


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a phase stands. `high` is the best end of a day so far, for a trailing limit.

    `day_balance` is the balance at the day's start; `best_day` and `good_days` are the largest
    profit of a day that is over and the sum of all profitable ones. `requests` and `positions` are
    those of the running day; `opened` tells whether it is a trading day already.
    """

    phase: int
    initial: Cents
    date: str
    anchor: Cents
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


def anchored(anchor: Anchor, balance: Cents, equity: Cents) -> Cents:
    """The figure that a limit hangs on, of the account's two at the reset."""
    if anchor is Anchor.BALANCE:
        return balance
    return equity if anchor is Anchor.EQUITY else max(balance, equity)


def day_limit(rule: DailyLoss, initial: Cents, anchor: Cents) -> Cents:
    """The day's limit under its anchor."""
    base = initial if rule.amount_base is AmountBase.INITIAL else anchor
    return anchor - share(base, rule.percent)


def max_limit(rule: MaxLoss, initial: Cents, high: Cents) -> Cents:
    """The overall limit, when `high` is the best end of a day so far (at least `initial`)."""
    if rule.mode is Mode.STATIC:
        return initial - share(initial, rule.percent)
    trailing = high - share(initial, rule.percent)
    return trailing if rule.lock is None else min(trailing, share(initial, rule.lock))


def begun(
    rules: RuleSet, phase: int, initial: Cents, date: str, balance: Cents | None = None
) -> Standing:
    """The first day of `phase` (from 0) of an account that starts with `initial`.

    Of an account that is under way, with another `balance` by now, the day's start and the best
    end of a day are not known: the higher of the two figures stands for both, which sets the
    stricter limits.
    """
    balance = initial if balance is None else balance
    anchor = max(initial, balance)
    return Standing(
        phase=phase,
        initial=initial,
        date=date,
        anchor=anchor,
        day_limit=day_limit(rules.daily, initial, anchor),
        max_limit=max_limit(rules.maximum, initial, anchor),
        high=anchor,
        day_balance=balance,
    )


def turned(
    rules: RuleSet, standing: Standing, date: str, balance: Cents, equity: Cents
) -> Standing:
    """The day `date` begins: figures are frozen, limits set anew. Test equity right after it."""
    anchor = anchored(rules.daily.anchor, balance, equity)
    high = max(standing.high, anchored(rules.maximum.trails, balance, equity))
    profit = balance - standing.day_balance
    return Standing(
        phase=standing.phase,
        initial=standing.initial,
        date=date,
        anchor=anchor,
        day_limit=day_limit(rules.daily, standing.initial, anchor),
        max_limit=max_limit(rules.maximum, standing.initial, high),
        high=high,
        day_balance=balance,
        days=standing.days + 1,
        trading_days=standing.trading_days,
        best_day=max(standing.best_day, profit),
        good_days=standing.good_days + max(0, profit),
    )


def opened(standing: Standing) -> Standing:
    """A position was opened: that makes a trading day of today."""
    return msgspec.structs.replace(
        standing,
        positions=standing.positions + 1,
        opened=True,
        trading_days=standing.trading_days + (not standing.opened),
    )


def requested(standing: Standing, count: int = 1) -> Standing:
    """`count` more requests went to the server: every send, change and cancel, refused or not."""
    return msgspec.structs.replace(standing, requests=standing.requests + count)


def breach_of(rules: RuleSet, standing: Standing, balance: Cents, equity: Cents) -> Breach | None:
    """The limit that these figures break; the one that ends the attempt before one that pauses."""
    maximum, daily = rules.maximum, rules.daily
    figure = _figure(maximum.measured_on, balance, equity)
    if _broken(maximum.breach_at, figure, standing.max_limit):
        return Breach(MAX_LOSS, standing.max_limit, figure, RuleAction.FAIL)
    figure = _figure(daily.measured_on, balance, equity)
    if _broken(daily.breach_at, figure, standing.day_limit):
        return Breach(DAILY_LOSS, standing.day_limit, figure, daily.action)
    return None


def _figure(measured: Measured, balance: Cents, equity: Cents) -> Cents:
    return equity if measured is Measured.EQUITY else balance


def _broken(breach_at: BreachAt, figure: Cents, limit: Cents) -> bool:
    return figure <= limit if breach_at is BreachAt.TOUCH else figure < limit


def target(phase: Phase, initial: Cents) -> Cents | None:
    """The balance that passes the phase (rounded up to a cent); None where there is no target."""
    return None if phase.target is None else initial - share(-initial, phase.target)


def best_day_share(standing: Standing, balance: Cents) -> float | None:
    """The best day's part of the profit of all profitable days; None while no day has made any.

    Today counts as if it ended with this balance.
    """
    best, good = _best(standing, balance)
    return best / good if good else None


def _best(standing: Standing, balance: Cents) -> tuple[Cents, Cents]:
    today = balance - standing.day_balance
    return max(standing.best_day, today), standing.good_days + max(0, today)


def missing(rules: RuleSet, standing: Standing, balance: Cents, *, flat: bool) -> tuple[str, ...]:
    """What still keeps the phase from being passed; empty when it is passed (unless breached)."""
    phase = rules.phases[standing.phase]
    wanted = target(phase, standing.initial)
    gates = []
    if wanted is None:
        gates.append("no_target")
    elif balance < wanted:
        gates.append("target")
    if not flat:
        gates.append("flat")
    if standing.trading_days < phase.trading_days:
        gates.append("trading_days")
    best, good = _best(standing, balance)
    if phase.best_day is not None and best * WHOLE > good * phase.best_day:
        gates.append("best_day")
    return tuple(gates)
