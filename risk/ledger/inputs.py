"""What the ledger is computed from: the terminal's deals, our journals' figures, the profile."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from engine.account.history import (
    AccountNow,
    HistoryDeal,
    Observation,
    OpenPosition,
    PastOrder,
    PriceBar,
)
from engine.rules import RuleSet
from engine.types import Cents, Millis
from risk.ledger.words import money


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a challenge as of the reset `as_of` (ms UTC), where the history begins later."""

    as_of: Millis
    high: Cents | None = None
    trading_days: int = 0
    profitable_days: int = 0
    best_day: Cents = 0
    good_days: Cents = 0


class ChallengeStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What the profile states of the challenge; what is None follows from the history.

    `started` is a moment (ms UTC): for a firm's date, that day's reset (`days.reset_of`).
    """

    rules: str
    initial: Cents | None = None
    started: Millis | None = None
    phase: str | None = None
    accept_transfers: bool = False
    carried: Carried | None = None


class ClockRule(msgspec.Struct, frozen=True):
    """How the server's wall clock is read since a moment (ms UTC); times in seconds.

    `to_utc` gives the first reading of an hour that the clock shows twice.
    """

    since: Millis
    to_utc: Callable[[int], int]
    to_server: Callable[[int], int]


ProfitOf = Callable[[str, int, Decimal, Decimal], Decimal | None]
"""Money (in the account's currency, major units) that a move of the price earns: of a symbol, for
a signed volume in 1e-8 lots, between two prices; None where nobody can tell."""


class PastBars(msgspec.Struct, frozen=True, kw_only=True):
    """The terminal's bars by symbol, of one length, and what turns prices into money.

    `points` is the size of a point by symbol.
    """

    minutes: int
    by_symbol: Mapping[str, Sequence[PriceBar]]
    points: Mapping[str, Decimal]
    profit: ProfitOf


class TradingDay(enum.StrEnum):
    """What makes a trading day: something opened, something closed, or something held."""

    OPENED = "opened"
    CLOSED = "closed"
    HELD = "held"


class ProfitBasis(enum.StrEnum):
    """What a day's profit is: closed in it, the change of equity, or of what it opened."""

    CLOSED = "closed"
    EQUITY = "equity"
    OPENED = "opened"


class Compare(enum.StrEnum):
    """Whether a day that makes exactly the percentage counts."""

    AT_LEAST = "at_least"
    ABOVE = "above"


class ProfitableDays(msgspec.Struct, frozen=True, kw_only=True):
    """How many days must make at least so much (1/100 percent of the initial balance)."""

    days: int
    percent: int
    basis: ProfitBasis = ProfitBasis.CLOSED
    compare: Compare = Compare.AT_LEAST


class DayRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a firm counts days; `profitable` by phase, as `RuleSet.phases`, or empty."""

    trading_day: TradingDay = TradingDay.OPENED
    profitable: tuple[ProfitableDays | None, ...] = ()


def day_rules(rules: RuleSet) -> DayRules:
    """How the days of these rules are counted."""
    return DayRules(
        profitable=tuple(
            ProfitableDays(days=phase.profitable_days, percent=phase.profitable_percent)
            if phase.profitable_days
            else None
            for phase in rules.phases
        )
    )


class FirmRules(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rules are followed; `phase` is the one named on the command line, if one is."""

    rules: RuleSet
    days: DayRules = DayRules()
    phase: str | None = None


class OwnDay(msgspec.Struct, frozen=True, kw_only=True):
    """When our own limits' day turns: at `hour` o'clock in `zone`."""

    zone: str
    hour: int = 0


class LedgerInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one fold needs.

    `stored` are deals told earlier and `told_since` (server ms) is how far back this read asked;
    `stored_opening` is the opening found when the account was last settled. Moments of
    `observed`, `watched` (from, to), `requests` and `approvals` come from our journals. `baseline`
    is since when the largest loss counts from which balance.
    """

    now: Millis
    account: AccountNow
    deals: Sequence[HistoryDeal]
    positions: Sequence[OpenPosition] = ()
    orders: Sequence[PastOrder] = ()
    magic: int
    clock: Sequence[ClockRule]
    own_day: OwnDay
    firm: FirmRules | None = None
    statement: ChallengeStatement | None = None
    stored: Sequence[HistoryDeal] = ()
    told_since: int = 0
    stored_opening: Cents | None = None
    observed: Sequence[Observation] = ()
    watched: Sequence[tuple[Millis, Millis]] = ()
    requests: Sequence[Millis] = ()
    approvals: Sequence[Millis] = ()
    baseline: tuple[Millis, Cents] | None = None
    bars: PastBars | None = None

    def money(self, cents: Cents) -> str:
        """An amount of the account as a person reads it."""
        return money(cents, self.account.currency)
