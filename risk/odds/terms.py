"""A firm's rules in the form in which they are played over many paths at once."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.rules import (
    WHOLE,
    AmountBase,
    BreachAt,
    DayStartBasis,
    Measured,
    Mode,
    RuleAction,
    RuleSet,
)
from engine.types import Cents
from risk import objectives
from risk.odds.table import Flags, Ints


class NoTarget(ValueError):
    """Raised when rules have no phase with a target: nothing can be passed."""


class PhaseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One phase: `target` is the balance to reach; `best_day` is in 1/100 percent.

    `max_days` is the number of firm days after which a phase that is not passed has failed. So many
    `profitable_days` must each close a profit of at least `profitable_percent` (1/100 percent) of
    the initial balance. It expires after more than `inactive_days` in a row without an opening
    (0: never). `unproven` are rules that bear on a pass and that nobody has judged.
    """

    name: str
    target: Cents
    trading_days: int = 0
    best_day: int | None = None
    max_days: int | None = None
    profitable_days: int = 0
    profitable_percent: int = 0
    inactive_days: int = 0
    unproven: tuple[str, ...] = ()


class OddsTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt must do and must not, for an account of `initial` cents."""

    rules: RuleSet
    initial: Cents
    phases: tuple[PhaseTerms, ...]

    @property
    def needs_equity(self) -> bool:
        """Whether a limit depends on the equity at a reset."""
        return self.rules.daily.day_start is not DayStartBasis.BALANCE or (
            self.trails and self.rules.maximum.trails is not DayStartBasis.BALANCE
        )

    @property
    def trails(self) -> bool:
        """Whether the overall limit follows the account."""
        return self.rules.maximum.mode is Mode.TRAILING_END_OF_DAY

    @property
    def pauses(self) -> bool:
        """Whether the day's limit stops entries until the reset and does not end the attempt."""
        return self.rules.daily.action is RuleAction.PAUSE

    @property
    def daily_on_balance(self) -> bool:
        """Whether the day's limit is tested on the balance."""
        return self.rules.daily.measured_on is Measured.BALANCE

    @property
    def overall_on_balance(self) -> bool:
        """Whether the overall limit is tested on the balance."""
        return self.rules.maximum.measured_on is Measured.BALANCE

    @property
    def asks_for_best_day(self) -> bool:
        """Whether a phase limits the share of the best day."""
        return any(phase.best_day is not None for phase in self.phases)

    @property
    def asks_for_profitable_days(self) -> bool:
        """Whether a phase asks for days that close a certain profit."""
        return any(phase.profitable_days for phase in self.phases)

    @property
    def expires(self) -> bool:
        """Whether a phase is over when nothing is opened for too long."""
        return any(phase.inactive_days for phase in self.phases)

    @property
    def unproven(self) -> tuple[str, ...]:
        """The rules that bear on a pass and that are not judged here, each once."""
        return tuple(dict.fromkeys(name for phase in self.phases for name in phase.unproven))

    def expired(self, phase: Ints, idle: Ints) -> Flags:
        """Which of these phases are over, after so many days in a row without an opening."""
        most = np.array([one.inactive_days for one in self.phases])[phase]
        over: Flags = (most > 0) & (idle > most)
        return over

    def profitable(self, phase: Ints, profit: Ints) -> Ints:
        """1 for each day with this profit that its phase counts as profitable, else 0."""
        asked = np.array([one.profitable_days for one in self.phases])[phase] > 0
        least = np.array([one.profitable_percent for one in self.phases])[phase] * self.initial
        return (asked & (profit * WHOLE >= least)).astype(np.int64)

    def trailed(self, high: Ints, balance: Ints, equity: Ints) -> Ints:
        """The best end of a day so far, once another one has ended with these figures."""
        return np.maximum(high, _basis(self.rules.maximum.trails, balance, equity))

    def daily_floor(self, balance: Ints, equity: Ints) -> Ints:
        """Below this figure the day's limit is broken, when the day begins with these figures."""
        rule = self.rules.daily
        basis = _basis(rule.day_start, balance, equity)
        touch = _touch(rule.breach_at)
        if rule.amount_base is AmountBase.INITIAL:
            return basis - objectives.share(self.initial, rule.percent) + touch
        return basis - basis * rule.percent // WHOLE + touch

    def overall_floor(self, high: Ints) -> Ints:
        """Below this figure the overall limit is broken, when `high` is the best end of a day."""
        rule = self.rules.maximum
        room = objectives.share(self.initial, rule.percent)
        touch = _touch(rule.breach_at)
        if not self.trails:
            return np.full_like(high, self.initial - room + touch)
        floor = high - room
        if rule.lock is not None:
            floor = np.minimum(floor, objectives.share(self.initial, rule.lock))
        return floor + touch


def _touch(breach_at: BreachAt) -> int:
    """Whole cents: reaching a limit is the same as falling below one that is a cent higher."""
    return int(breach_at is BreachAt.TOUCH)


def _basis(anchor: DayStartBasis, balance: Ints, equity: Ints) -> Ints:
    if anchor is DayStartBasis.BALANCE:
        return balance
    return equity if anchor is DayStartBasis.EQUITY else np.maximum(balance, equity)


def terms_of(
    rules: RuleSet, initial: Cents, *, first_phase: int = 0, max_days: int | None = None
) -> OddsTerms:
    """The phases from `first_phase` (from 0) on that have a target, up to the first without.

    `max_days` limits every phase. Raises NoTarget when the first one has none.
    """
    phases = []
    for phase in rules.phases[first_phase:]:
        target = objectives.target(phase, initial)
        if target is None:
            break
        phases.append(
            PhaseTerms(
                name=phase.name,
                target=target,
                trading_days=phase.trading_days,
                best_day=phase.best_day,
                max_days=max_days,
                profitable_days=phase.profitable_days,
                profitable_percent=phase.profitable_percent,
                inactive_days=phase.inactive_days,
                unproven=phase.unproven,
            )
        )
    if not phases:
        names = ", ".join(phase.name for phase in rules.phases[first_phase:]) or "none"
        raise NoTarget(f"rules {rules.name}: no target to reach in the phases left ({names})")
    return OddsTerms(rules=rules, initial=initial, phases=tuple(phases))
