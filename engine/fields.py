"""The small facts and words that events and inputs are made of.

Units are those of `engine.types`: points, cents, volume units, milliseconds UTC.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.limit_table import DenyReason as DenyReason
from engine.types import Cents, Millis, Points, Side, Units


class Action(enum.StrEnum):
    """What an order wants of the venue."""

    OPEN = "open"
    CLOSE = "close"
    MODIFY = "modify"


OPEN: Final = Action.OPEN
CLOSE: Final = Action.CLOSE
MODIFY: Final = Action.MODIFY
"""The actions by themselves, as `engine.types.LONG` and `SHORT`: for what each order passes."""


BY_HAND = "MANUAL"
"""The reason of what somebody did at the venue without the engine."""


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The terms of one order, made once and handed on from signal to intent and submission.

    `price` is the market's price at the moment of the signal; `scale` multiplies the risk per
    trade; `volume` 0 means that risk sizes the order. `position` is the ticket of the one that is
    closed or protected. An `entry_price` asks for a pending order that `expires` (ms UTC).
    """

    signal_id: str
    strategy_id: str
    symbol: str
    action: Action
    side: Side
    reason: str
    price: Points
    stop_loss: Points = 0
    take_profit: Points = 0
    scale: float = 1.0
    volume: Units = 0
    position: int = 0
    entry_price: Points = 0
    expires: Millis = 0


class RejectionEffect(enum.StrEnum):
    """What a rejection does to trading beyond ending its order."""

    LATCH = "latch"  # it would repeat itself: new orders stop until the user releases them
    SUSPEND = "suspend"  # of the moment: new orders stop until a check of the same kind passes
    LEVELS = "levels"  # a change of levels came too late: the old ones stay, for a while unchanged


class AttemptOutcome(enum.StrEnum):
    """How a phase of an attempt at a firm's objectives ended."""

    PHASE_PASSED = "phase_passed"  # the next phase begins
    PASSED = "passed"  # it was the last one that has a target
    PHASE_NOT_PROVEN = "phase_not_proven"  # as phase_passed, but for a rule that nobody can judge
    REWARDED = "rewarded"  # the firm paid the profit out; the phase begins anew
    NOT_PROVEN = "not_proven"  # as passed, but for such a rule in one of its phases
    BREACHED = "breached"
    STOPPED = "stopped"  # our own latched limits leave it neither way to go on nor to fail


class SessionOutcome(enum.StrEnum):
    """How a session ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class UserAction(enum.StrEnum):
    """The commands a user may give to a running session."""

    PAUSE = "pause"  # no new exposure until the user resumes
    RESUME = "resume"  # clear every latch
    FLATTEN = "flatten"  # pause, and close every position
    STOP = "stop"  # end the session in order, positions stay


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the small facts below."""


class Account(Fact, frozen=True, kw_only=True):
    """Balance, equity (floating profit included) and bound margin, in cents."""

    balance: Cents
    equity: Cents
    margin: Cents = 0


class DataRef(Fact, frozen=True, kw_only=True):
    """Market data by reference: the file's hash and the part of it that the session may read.

    `repaired`: what was wrong with the file's bars was mended while they were read.
    """

    symbol: str
    sha256: str
    rows: int
    period: int
    first: Millis
    last: Millis
    clock: str
    repaired: bool = False


class UserSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal from a user's file, in the file's own units: decimal prices and lots, ms UTC.

    `entry_price` makes it a pending order that ends unfilled at `expires`; `exit_time` closes the
    position. `volume` None lets risk size the order.
    """

    line: int
    time: Millis
    symbol: str
    side: Side
    stop_loss: float
    entry_price: float | None = None
    take_profit: float | None = None
    exit_time: Millis | None = None
    expires: Millis | None = None
    reason: str = "signal"
    strategy_id: str = "user"
    risk_scale: float = 1.0
    volume: float | None = None

    @property
    def signal_id(self) -> str:
        """Two signals of one strategy for one symbol, side and second are the same signal."""
        return f"{self.strategy_id}:{self.symbol}:{self.time // 1000}:{self.side.word}"


class SessionFigures(Fact, frozen=True, kw_only=True):
    """What only the whole run knows: extremes over all equity tests, and the last day's loss."""

    max_drawdown_fraction: float
    max_daily_loss_fraction: float
    daily_realized_loss: Cents
    peak_positions: int


class ExternalExposure(Fact, frozen=True, kw_only=True):
    """A position or pending order at the venue that is not the session's.

    `risk` is the money that it may still lose (cents, never negative); `ours` tells that it carries
    our own mark, so another session of the engine made it.
    """

    ticket: int
    symbol: str
    side: Side
    volume: Units
    risk: Cents
    ours: bool = False


class MarkedPosition(Fact, frozen=True, kw_only=True):
    """A position at the venue that carries the session's own mark, though no order explains it.

    `comment` is that mark: the one that the order carried which must have opened it.
    """

    ticket: int
    symbol: str
    side: Side
    volume: Units
    entry: Points
    stop_loss: Points
    take_profit: Points
    comment: str


class LossBuffer(Fact, frozen=True, kw_only=True):
    """How far an account is from its firm's limits and from its target; money in cents.

    `orders_today` and `orders_overall` say how many orders of the current size could lose all that
    they risk before the limit is reached. `reset_in` is ms. `best_day_share` is the best day's part
    of all profit. `worst_today` is the lowest equity of the running day.
    """

    attempt: int
    phase: int
    date: str
    today: Cents
    overall: Cents
    order_risk: Cents
    orders_today: int
    orders_overall: int
    reset_in: Millis
    to_target: Cents | None
    progress: float | None
    missing: tuple[str, ...]
    days: int
    trading_days: int
    best_day_share: float | None
    requests_today: int
    positions_today: int
    min_buffer: Cents
    min_buffer_at: Millis
    worst_today: Cents


class VenueOutcome(enum.StrEnum):
    """What a venue's answer lets us conclude."""

    EXECUTED = "executed"  # dealt, placed, changed or cancelled: what was asked for
    REJECTED = "rejected"  # refused for certain
    UNKNOWN = "unknown"  # nobody can say
    UNSENT = "unsent"  # it certainly never left: the link was down, or the host refused
    CHECKED = "checked"  # of a dry run: the venue would take it, and nothing was sent


class Deal(msgspec.Struct, frozen=True, gc=False):
    """A deal; `position` is the identifier of the position that it opened or closed.

    `entry` and `reason` are the numbers that the platform gives them; money carries the sign of the
    statement. `comment` is its order's; `ours` tells that it carries the engine's mark.
    """

    ticket: int
    order: int
    position: int
    entry: int
    reason: int
    volume: Units
    price: Points
    profit: Cents
    commission: Cents
    swap: Cents
    comment: str = ""
    ours: bool = False


class VenuePosition(Fact, frozen=True, kw_only=True):
    """An open position.

    `symbol` is the venue's name of it and `traded` the session's own, "" for one that the session
    does not trade: prices, in points, are 0 then, as nobody knows its digits. `ours` tells that it
    carries the engine's mark, `comment` which order's. `risk` is what it may still lose; it is only
    asked of what the engine does not know.
    """

    ticket: int
    symbol: str
    traded: str
    side: Side
    volume: Units
    ours: bool
    comment: str
    entry: Points
    stop_loss: Points
    take_profit: Points
    swap: Cents
    risk: Cents = 0


class VenueOrder(Fact, frozen=True, kw_only=True):
    """An order that waits at the venue; `position` is the one that it is to close, 0 for an entry.

    The rest is as in `VenuePosition`; `state` is the platform's number.
    """

    ticket: int
    symbol: str
    side: Side
    volume: Units
    ours: bool
    comment: str
    state: int
    position: int = 0
    risk: Cents = 0


class EndedOrder(Fact, frozen=True, kw_only=True):
    """A pending order that ended without a fill, and how in words."""

    ticket: int
    how: str


class ExecutionResult(msgspec.Struct, frozen=True, gc=False):
    """What the venue says of a request: the outcome, its own code and text, the order's ticket.

    `deals` are those of the position concerned as far as the venue knows them, at least those of
    this order (none while its history lags behind); `account` the figures after it, None where it
    could not tell.
    """

    outcome: VenueOutcome
    code: int
    message: str
    ticket: int = 0
    deals: tuple[Deal, ...] = ()
    account: Account | None = None


# --- the account's standing as its ledger tells it -----------------------------------------------


class PastVerdict(enum.StrEnum):
    """What is known about breaches before this moment."""

    CLEAN = "clean"  # somebody of ours watched whenever something was open
    CLEAN_BOUNDED = "clean_bounded"  # even the worst prices of the bars broke no limit
    UNKNOWN = "unknown"
    BREACHED_BOUNDED = "breached_bounded"  # even the best prices of a bar broke a limit
    BREACHED = "breached"  # proved by deals or by our own journal


class Proof(enum.StrEnum):
    """How sure the day's starting figure is."""

    PROVED = "proved"
    BOUNDED = "bounded"  # the upper bound that bars give: the strict side
    UNKNOWN = "unknown"


class LedgerOutcome(enum.StrEnum):
    """What a session that sends orders may do, from best to worst."""

    OK = "ok"
    WARN = "warn"
    SUSPEND = "suspend"
    REFUSE = "refuse"


class PastBreach(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that the account broke: the figure measured and the limit it had to keep above."""

    rule: str
    at: Millis
    figure: Cents
    limit: Cents


class OwnFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What our own limits need to know of the account's day.

    `day_start` is the balance at our reset plus what was paid in or out since; `orders_*` count the
    entries that were approved or opened something, `opened_by_symbol` those of today that opened
    something, by the terminal's symbol; `last_loss` is when a position of ours last ended with a
    loss over its whole life.
    """

    day_start: Cents | None
    orders_today: int | None
    orders_hour: int | None
    last_loss: Millis | None
    opened_by_symbol: Mapping[str, int] | None = {}


class LedgerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The account's standing. What cannot be known, or was not computed, is None.

    `opening` is what the visible history does not explain of the balance; `transfers` what was
    paid in and out since the first trade; `day_start`, `high_water` and the floors are those in
    force now. `trading_days`, `best_day`, `good_days` (the sum of all profitable days) and
    `profitable_days` include today as if it ended now; `best_before` and `good_before` are best
    and good days without it.
    """

    opening: Cents
    complete: bool
    source: str | None = None
    initial: Cents | None = None
    phase: str | None = None
    started: str | None = None
    date: str | None = None
    transfers: Cents | None = None
    transfers_today: Cents | None = None
    closed_today: Cents | None = None
    positions_today: int | None = None
    requests_today: int | None = None
    high_water: Cents | None = None
    day_start: Cents | None = None
    day_start_proof: Proof | None = None
    floor_today: Cents | None = None
    floor_overall: Cents | None = None
    floor: Cents | None = None
    target: Cents | None = None
    trading_days: int | None = None
    best_day: Cents | None = None
    good_days: Cents | None = None
    best_before: Cents | None = None
    good_before: Cents | None = None
    profitable_days: int | None = None
    breaches: tuple[PastBreach, ...] | None = None
    past: PastVerdict | None = None
    own: OwnFigures | None = None

    @property
    def best_day_share(self) -> float | None:
        """The best day's part of the profit of all profitable days; None while there is none."""
        if not self.good_days or self.best_day is None:
            return None
        return self.best_day / self.good_days
