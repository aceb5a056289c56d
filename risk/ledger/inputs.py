"""What the ledger is computed from: the terminal's deals, our journals' figures, the profile."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.rules import RuleSet
from engine.types import Cents, Millis


class DealType(enum.IntEnum):
    """`ENUM_DEAL_TYPE` as MT5 numbers it, as far as the ledger tells one type from another."""

    BUY = 0
    SELL = 1
    BALANCE = 2
    CREDIT = 3
    CORRECTION = 5
    BONUS = 6


class Entry(enum.IntEnum):
    """`ENUM_DEAL_ENTRY`: whether a deal opens, closes, reverses, or closes by an opposite one."""

    IN = 0
    OUT = 1
    INOUT = 2
    OUT_BY = 3


SERVER_REASONS = frozenset({4, 5, 6, 7, 8, 9})
"""`ENUM_DEAL_REASON` of what the server did by itself: stop loss, take profit, stop out, rollover,
variation margin, split. Nobody sent a request for it."""


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """A deal as MT5 tells it: money in the account's currency, times the server's wall clock."""

    ticket: int
    time_msc: int
    type: int
    entry: int = 0
    order: int = 0
    magic: int = 0
    position_id: int = 0
    reason: int = 0
    volume: float = 0.0
    price: float = 0.0
    commission: float = 0.0
    swap: float = 0.0
    profit: float = 0.0
    fee: float = 0.0
    symbol: str = ""
    comment: str = ""
    external_id: str = ""

    @property
    def trade(self) -> bool:
        """Whether it bought or sold something."""
        return self.type in (0, 1)


class OpenPosition(msgspec.Struct, frozen=True, kw_only=True):
    """An open position as MT5 tells it; `identifier` is the position id that its deals carry."""

    identifier: int
    time_msc: int
    type: int
    magic: int = 0
    volume: float = 0.0
    price_open: float = 0.0
    swap: float = 0.0
    symbol: str = ""


class PastOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the terminal's history, filled or not; `time_msc` is when it was sent."""

    ticket: int
    time_msc: int
    magic: int = 0
    reason: int = 0


class AccountNow(msgspec.Struct, frozen=True, kw_only=True):
    """The account's figures as the terminal shows them; `equity` includes `credit`."""

    balance: Cents
    equity: Cents
    credit: Cents = 0
    currency: str = "USD"
    currency_digits: int = 2


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Figures that a session of ours saw and journaled."""

    at: Millis
    balance: Cents
    equity: Cents


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


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of bid prices; `time` in seconds of the server's clock, `spread` its smallest."""

    time: int
    open: float
    high: float
    low: float
    close: float
    spread: int = 0


ProfitOf = Callable[[str, int, Decimal, Decimal], Decimal | None]
"""Money (in the account's currency, major units) that a move of the price earns: of a symbol, for
a signed volume in 1e-8 lots, between two prices; None where nobody can tell."""


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """The terminal's bars by symbol, of one length, and what turns prices into money.

    `points` is the size of a point by symbol.
    """

    minutes: int
    by_symbol: Mapping[str, Sequence[Bar]]
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


class Firm(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rules are followed; `phase` is the one named on the command line, if one is."""

    rules: RuleSet
    days: DayRules = DayRules()
    phase: str | None = None


class OwnDay(msgspec.Struct, frozen=True, kw_only=True):
    """When our own limits' day turns: at `hour` o'clock in `zone`."""

    zone: str
    hour: int = 0


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one fold needs.

    `stored` are deals told earlier and `told_since` (server ms) is how far back this read asked;
    `stored_opening` is the opening found when the account was last settled. Moments of
    `observed`, `watched` (from, to), `requests` and `approvals` come from our journals.
    """

    now: Millis
    account: AccountNow
    deals: Sequence[Deal]
    positions: Sequence[OpenPosition] = ()
    orders: Sequence[PastOrder] = ()
    magic: int
    clock: Sequence[ClockRule]
    own_day: OwnDay
    firm: Firm | None = None
    statement: ChallengeStatement | None = None
    stored: Sequence[Deal] = ()
    told_since: int = 0
    stored_opening: Cents | None = None
    observed: Sequence[Observation] = ()
    watched: Sequence[tuple[Millis, Millis]] = ()
    requests: Sequence[Millis] = ()
    approvals: Sequence[Millis] = ()
    bars: Bars | None = None


def deal_of(row: Mapping[str, Any]) -> Deal:
    """A deal from MT5's fields by name; fields the ledger does not use are left out."""
    return Deal(**{name: row[name] for name in Deal.__struct_fields__ if name in row})


def position_of(row: Mapping[str, Any]) -> OpenPosition:
    """An open position from MT5's fields by name."""
    return OpenPosition(**{n: row[n] for n in OpenPosition.__struct_fields__ if n in row})


def order_of(row: Mapping[str, Any]) -> PastOrder:
    """An order of the history from MT5's fields by name (`time_setup_msc` is when it was sent)."""
    return PastOrder(
        ticket=row["ticket"],
        time_msc=row["time_setup_msc"],
        magic=row.get("magic", 0),
        reason=row.get("reason", 0),
    )
