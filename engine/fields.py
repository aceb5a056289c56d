"""The small facts and words that events and inputs are made of.

Units are those of `engine.types`: points, cents, volume units, milliseconds UTC.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

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


class DenyReason(enum.StrEnum):
    """Why risk denied an order, in the order in which the checks run."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    OUTSIDE_DATA = "outside_data"
    EXPIRED = "expired"
    HALTED = "halted"
    DUPLICATE_INTENT = "duplicate_intent"
    MAX_POSITIONS = "max_positions"
    MAX_POSITIONS_PER_SYMBOL = "max_positions_per_symbol"
    INVALID_STOPS = "invalid_stops"
    NO_VALUATION = "no_valuation"
    VALUATION_MISMATCH = "valuation_mismatch"
    INVALID_VOLUME = "invalid_volume"
    BELOW_MIN_VOLUME = "below_min_volume"
    PER_TRADE_RISK = "per_trade_risk"
    DAILY_LOSS = "daily_loss"
    MAX_LOSS = "max_loss"
    MARGIN = "margin"
    ABANDONED = "abandoned"
    COOL_DOWN = "cool_down"
    ORDERS_PER_HOUR = "orders_per_hour"
    ORDERS_PER_DAY = "orders_per_day"
    SYMBOL_RISK = "symbol_risk"
    CURRENCY_EXPOSURE = "currency_exposure"
    FIRM_LOSS_BUFFER = "firm_loss_buffer"
    OPEN_ORDERS = "open_orders"
    POSITIONS_PER_DAY = "positions_per_day"
    REQUESTS_PER_DAY = "requests_per_day"
    GAP_WINDOW = "gap_window"
    NEWS_WINDOW = "news_window"
    WIDER_STOP = "wider_stop"
    SYMBOL_MODE = "symbol_mode"
    LEVELS_SUSPENDED = "levels_suspended"


class RejectionEffect(enum.StrEnum):
    """What a rejection does to trading beyond ending its order."""

    LATCH = "latch"  # it would repeat itself: new orders stop until the user releases them
    SUSPEND = "suspend"  # of the moment: new orders stop until a check of the same kind passes
    LEVELS = "levels"  # a change of levels came too late: the old ones stay, for a while unchanged


class AttemptOutcome(enum.StrEnum):
    """How a phase of an attempt at a firm's objectives ended."""

    PHASE_PASSED = "phase_passed"  # the next phase begins
    PASSED = "passed"  # it was the last one that has a target
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
