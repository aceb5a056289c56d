"""A firm's rules as data: what an evaluation asks for and what ends it.

Percentages are integers of 1/100 percent (500 is 5 %), so that no limit depends on how a float
rounds. What the rules mean is decided by the pure functions of `risk.objectives` and
`risk.restrictions`; where the numbers come from, by the files in `config/rules`.
"""

from __future__ import annotations

import enum

import msgspec

from engine.types import Millis

WHOLE = 10_000
"""100 % in units of 1/100 percent."""


class DayStartBasis(enum.StrEnum):
    """Which of the account's figures at the reset a limit hangs on."""

    BALANCE = "balance"
    EQUITY = "equity"
    LARGER = "larger"  # the larger of the two


class AmountBase(enum.StrEnum):
    """What the percentage of a limit is taken of."""

    INITIAL = "initial"
    DAY_START = "anchor"


class Measured(enum.StrEnum):
    """The figure that must stay above a limit."""

    EQUITY = "equity"
    BALANCE = "balance"


class Mode(enum.StrEnum):
    """Whether the overall floor stands still or follows the best end of a day."""

    STATIC = "static"
    TRAILING_END_OF_DAY = "trailing_end_of_day"


class BreachAt(enum.StrEnum):
    """Whether reaching a limit is a breach already (touch) or only falling below it (cross)."""

    TOUCH = "touch"
    CROSS = "cross"


class RuleAction(enum.StrEnum):
    """What a daily limit does: end the attempt, or stop entries until the next reset."""

    FAIL = "fail"
    PAUSE = "pause"


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts below."""


class DailyLoss(_Rule, frozen=True, kw_only=True):
    """The most that a day may lose from its start."""

    percent: int
    day_start: DayStartBasis = DayStartBasis.BALANCE
    amount_base: AmountBase = AmountBase.INITIAL
    measured_on: Measured = Measured.EQUITY
    breach_at: BreachAt = BreachAt.CROSS
    action: RuleAction = RuleAction.FAIL


class MaxLoss(_Rule, frozen=True, kw_only=True):
    """The most that an attempt may lose: from the initial balance, or from its best end of a day.

    `trails` is the figure at the reset that a trailing floor follows; `lock` is the height, in
    1/100 percent of the initial balance, above which it does not rise (None: nowhere). A reward
    takes a trailing floor back to where it began, unless it `keeps_after_reward` its height.
    """

    percent: int
    mode: Mode = Mode.STATIC
    trails: DayStartBasis = DayStartBasis.BALANCE
    lock: int | None = None
    keeps_after_reward: bool = False
    measured_on: Measured = Measured.EQUITY
    breach_at: BreachAt = BreachAt.CROSS


class Phase(_Rule, frozen=True, kw_only=True):
    """One stage. A stage without target is never passed: it is the account that was earned.

    `best_day` is the largest share, in 1/100 percent, that one day may have of the profit of all
    profitable days; it only delays a pass. `news_minutes` before and after listed news nothing may
    be opened. With `flat_minutes` nothing may be open when the week closes: so long before it what
    is open is closed (0: no such rule). So many `profitable_days` must each close a profit of at
    least `profitable_percent` of the initial balance. `unproven` names the firm's rules that decide
    a pass and that nobody here can judge: the phase is then never passed, only not proven.
    After more than `inactive_days` days in a row without an opening it expires (0: never).
    """

    name: str
    target: int | None = None
    trading_days: int = 0
    best_day: int | None = None
    news_minutes: int = 0
    flat_minutes: int = 0
    profitable_days: int = 0
    profitable_percent: int = 0
    unproven: tuple[str, ...] = ()
    inactive_days: int = 0


class WeeklyClosure(_Rule, frozen=True, kw_only=True):
    """The market's weekly pause: minutes since Monday 00:00 in `zone`, from `closes` to `opens`."""

    zone: str
    closes: int
    opens: int


class TradingRestrictions(_Rule, frozen=True, kw_only=True):
    """How an account may be used, beside money; None: no such rule.

    No position is opened within `gap_minutes` before a closure of at least `closure_minutes`.
    """

    open_orders: int | None = None
    positions_a_day: int | None = None
    requests_a_day: int | None = None
    gap_minutes: int = 0
    closure_minutes: int = 0
    week: WeeklyClosure | None = None


class RuleSet(_Rule, frozen=True, kw_only=True):
    """All rules of one programme. The trading day turns at `reset_hour` o'clock in `reset_zone`.

    `left_out` names what the firm judges by itself and no figure decides: it goes with a pass.
    """

    name: str
    title: str
    reset_zone: str
    daily: DailyLoss
    maximum: MaxLoss
    phases: tuple[Phase, ...]
    restrictions: TradingRestrictions = TradingRestrictions()
    reset_hour: int = 0
    left_out: tuple[str, ...] = ()


class News(_Rule, frozen=True, kw_only=True):
    """A scheduled release; it moves symbols with one of `currencies` (none named: every symbol)."""

    time: Millis
    currencies: tuple[str, ...] = ()


class Closure(_Rule, frozen=True, kw_only=True):
    """A pause of the market from `start` to `end`, ms UTC."""

    start: Millis
    end: Millis


class Calendar(_Rule, frozen=True, kw_only=True):
    """Known news, closures beside the weekly one, and rewards (ms UTC), each in order of time."""

    news: tuple[News, ...] = ()
    closures: tuple[Closure, ...] = ()
    rewards: tuple[Millis, ...] = ()


_FAR = 1_000 * WHOLE
"""A loss that no account reaches: a thousand times its initial balance."""


def without_ends(rules: RuleSet) -> RuleSet:
    """The rules with limits that nothing reaches and without targets; the rest as it is."""
    phases = tuple(
        msgspec.structs.replace(phase, target=None, inactive_days=0) for phase in rules.phases
    )
    return msgspec.structs.replace(
        rules, daily=DailyLoss(percent=_FAR), maximum=MaxLoss(percent=_FAR), phases=phases
    )
