"""What happens: events, which the engine decides or learns, and inputs, which come from outside.

An *event* is immutable, numbered and journaled before anyone sees it. An *input* (a tick, a closed
bar, an account figure, a due reset, an answer of the venue) is recorded in the same way by sessions
on a terminal; in a replay, whose bars are known by their hash, only what it leads to is. Units are
those of `engine.types`: points, cents, volume units, milliseconds UTC. Commission and swap carry
the sign of the account statement (a cost is negative).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.trading import HaltCause, TradingState
from engine.types import Cents, Millis, Points, Side, SymbolSpec, Units


class Action(enum.StrEnum):
    """What an order wants of the venue."""

    OPEN = "open"
    CLOSE = "close"
    MODIFY = "modify"


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
    FIRM_ROOM = "firm_room"
    OPEN_ORDERS = "open_orders"
    POSITIONS_PER_DAY = "positions_per_day"
    REQUESTS_PER_DAY = "requests_per_day"
    GAP_WINDOW = "gap_window"
    NEWS_WINDOW = "news_window"
    WIDER_STOP = "wider_stop"


class AttemptOutcome(enum.StrEnum):
    """How a phase of an attempt at a firm's objectives ended."""

    PHASE_PASSED = "phase_passed"  # the next phase begins
    PASSED = "passed"  # it was the last one that has a target
    BREACHED = "breached"
    STOPPED = "stopped"  # our own latched limits leave it neither way to go on nor to fail


class Outcome(enum.StrEnum):
    """How a session ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class UserAction(enum.StrEnum):
    """What the user may order a running session to do."""

    PAUSE = "pause"  # no new exposure until the user resumes
    RESUME = "resume"  # clear every latch
    FLATTEN = "flatten"  # pause, and close every position


class _Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of the small facts below."""


class Account(_Fact, frozen=True, kw_only=True):
    """Balance, equity (floating profit included) and bound margin, in cents."""

    balance: Cents
    equity: Cents
    margin: Cents = 0


class DataRef(_Fact, frozen=True, kw_only=True):
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


class GivenSignal(msgspec.Struct, frozen=True, kw_only=True):
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


# --- inputs -----------------------------------------------------------------------------------


class Tick(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="tick"):
    """A new price of a symbol."""

    symbol: str
    bid: Points
    ask: Points


class AccountSeen(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="account_seen"):
    """The account's figures at this moment, to be tested against the floors."""

    balance: Cents
    equity: Cents
    margin: Cents

    @classmethod
    def of(cls, account: Account) -> AccountSeen:
        return cls(account.balance, account.equity, account.margin)

    @property
    def figures(self) -> Account:
        """The same as a part of an event."""
        return Account(balance=self.balance, equity=self.equity, margin=self.margin)


class BarClosed(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="bar_closed"):
    """A bar of `timeframe` is known to be closed; `time` is its opening in ms UTC.

    `late` when a newer one was closed already before this one was seen: no entry comes of it.
    """

    symbol: str
    timeframe: str
    time: Millis
    open: Points
    high: Points
    low: Points
    close: Points
    late: bool = False


PastBar = tuple[str, Millis, Points, Points, Points, Points]
"""Timeframe, opening, open, high, low and close of a bar that closed before the session began."""


class WarmedUp(msgspec.Struct, frozen=True, tag_field="event", tag="warmed_up"):
    """A symbol's bars of the past in order of their closing; nothing is decided on them."""

    symbol: str
    bars: tuple[PastBar, ...]


class SignalDue(msgspec.Struct, frozen=True, tag_field="event", tag="signal_due"):
    """A signal that a user gave, at its time; `problem` is what is already known against it."""

    signal: GivenSignal
    problem: DenyReason | None = None


class ExitDue(msgspec.Struct, frozen=True, tag_field="event", tag="exit_due"):
    """The time has come at which the position of a given signal is to be closed.

    `exit_time` is the one that the signal named; None closes the position whatever it named.
    """

    signal_id: str
    exit_time: Millis | None = None


class VenueSeen(msgspec.Struct, frozen=True, tag_field="event", tag="venue_seen"):
    """What a look at the venue found, in the execution adapter's own terms."""

    what: Any


class VenueCompared(msgspec.Struct, frozen=True, tag_field="event", tag="venue_compared"):
    """The same look again, once what it told of orders has been dispatched."""

    what: Any


class VenueReplied(msgspec.Struct, frozen=True, tag_field="event", tag="venue_replied"):
    """The venue's answer to a request for an order, in the execution adapter's own terms.

    None: trading was halted while it waited, and it never left. `withdrawal` when the request was
    to take a waiting order back.
    """

    order_id: int
    what: Any
    withdrawal: bool = False


class LinkChanged(msgspec.Struct, frozen=True, tag_field="event", tag="link_changed"):
    """The link to the venue was lost, or is there again and was checked."""

    up: bool
    detail: str


class ConditionSeen(msgspec.Struct, frozen=True, tag_field="event", tag="condition_seen"):
    """Something that suspends trading holds (the feed is mute, the clock uncertain), or not."""

    cause: HaltCause
    holds: bool
    detail: str


class ResetDue(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="reset_due"):
    """The trading day `date` (ISO) begins in the limits' zone."""

    date: str
    balance: Cents
    equity: Cents
    margin: Cents


class WeekendDue(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="weekend_due"):
    """The week closes at `closes` (ms UTC): soon, or now. Nothing may stay open over it."""

    closes: Millis


Routes = Mapping[type, Callable[[Any], None]]
"""An actor's handlers by the kind of event or input."""

Input = (
    Tick
    | AccountSeen
    | BarClosed
    | WarmedUp
    | ResetDue
    | SignalDue
    | ExitDue
    | VenueSeen
    | VenueCompared
    | VenueReplied
    | LinkChanged
    | ConditionSeen
    | WeekendDue
)


# --- events -----------------------------------------------------------------------------------


class _Event(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", gc=False
):
    """Base of every event; the tag names the kind in the journal."""


NO_STRATEGY = "none"
"""Stands for the strategy of a session that has none."""


class SessionStarted(_Event, frozen=True, kw_only=True, tag="session_started", gc=True):
    """The terms of the session: everything that its decisions depend on.

    `script` are the entries that a scripted session is to make, in order.
    `strategy` names the code that decides where it has another name than the preset, NO_STRATEGY
    where every signal comes from outside.
    """

    mode: str
    currency: str
    account: Account
    preset: str
    parameters: dict[str, Any]
    limits: dict[str, Any]
    symbols: tuple[SymbolSpec, ...]
    data: tuple[DataRef, ...] = ()
    costs: dict[str, Any] = {}
    script: tuple[dict[str, Any], ...] = ()
    signals_sha256: str = ""
    strategy: str = ""
    limit_trades: int | None = None
    objectives: dict[str, Any] = {}


class SignalRaised(_Event, frozen=True, kw_only=True, tag="signal"):
    """A strategy wants to enter, leave or protect a position.

    `price` is the market's price at this moment; `scale` multiplies the risk per trade; `volume` 0
    means that risk sizes the order. An `entry_price` asks for a pending order that `expires`;
    `problem` is a reason to deny that is known before risk looks at it.
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
    problem: DenyReason | None = None
    note: str = ""


class SignalDropped(_Event, frozen=True, kw_only=True, tag="signal_dropped"):
    """A signal that was never vetted, and why (the session's trade limit, an old signal)."""

    signal_id: str
    symbol: str
    reason: str


class OrderIntent(_Event, frozen=True, kw_only=True, tag="order_intent"):
    """An order as it is put before risk; `order_id` is the engine's own, unique in the session."""

    order_id: int
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
    problem: DenyReason | None = None


class OrderApproved(_Event, frozen=True, kw_only=True, tag="order_approved"):
    """An order that risk lets pass, with its final volume and the money it may lose at its stop.

    `worst` is what it may lose with slippage and a gap, where those are allowed for (0: as `risk`).
    The gateway accepts nothing else.
    """

    order: OrderIntent
    volume: Units = 0
    risk: Cents = 0
    margin: Cents = 0
    worst: Cents = 0


class OrderDenied(_Event, frozen=True, kw_only=True, tag="order_denied"):
    """An order that risk refused; it never reaches the venue."""

    order: OrderIntent
    reason: DenyReason
    detail: str
    account: Account


class OrderSubmitted(_Event, frozen=True, kw_only=True, tag="order_submitted"):
    """The order is about to leave for the venue; this record is durable before it does."""

    order_id: int
    symbol: str
    action: Action
    side: Side
    volume: Units = 0
    price: Points = 0
    stop_loss: Points = 0
    take_profit: Points = 0
    position: int = 0
    entry_price: Points = 0
    expires: Millis = 0


class OrderAccepted(_Event, frozen=True, kw_only=True, tag="order_accepted"):
    """The venue holds the order; its fills are still to come."""

    order_id: int
    ticket: int


class OrderFilled(_Event, frozen=True, kw_only=True, tag="order_filled"):
    """A deal of the order; `complete` when nothing of it is left to fill."""

    order_id: int
    ticket: int
    deal: int
    volume: Units
    price: Points
    complete: bool = True


class OrderRejected(_Event, frozen=True, kw_only=True, tag="order_rejected"):
    """The venue refused the order for certain."""

    order_id: int
    symbol: str
    side: Side
    retcode: int
    message: str
    account: Account


class OrderUnknown(_Event, frozen=True, kw_only=True, tag="order_unknown"):
    """Nobody can say yet whether the venue executed the order: quarantined, never resent."""

    order_id: int
    symbol: str
    side: Side
    message: str
    account: Account


class OrderCancelled(_Event, frozen=True, kw_only=True, tag="order_cancelled"):
    """The order ended without a fill: withdrawn, expired, or stopped before it left."""

    order_id: int
    reason: str


class StopModified(_Event, frozen=True, kw_only=True, tag="stop_modified"):
    """The venue confirmed a new stop loss or take profit of a position."""

    order_id: int
    position: int
    symbol: str
    side: Side
    volume: Units
    stop_loss: Points
    take_profit: Points
    reason: str
    account: Account


class PositionOpened(_Event, frozen=True, kw_only=True, tag="position_opened"):
    """A position exists; `commission` is that of its opening deal."""

    position: int
    order_id: int
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    volume: Units
    price: Points
    reason: str
    account: Account
    stop_loss: Points = 0
    take_profit: Points = 0
    commission: Cents = 0


class PositionClosed(_Event, frozen=True, kw_only=True, tag="position_closed"):
    """A position, or `volume` of it, is closed.

    `profit`, `commission` and `swap` are those of the closing deal; `net` is the whole result of
    what was closed, opening commission included.
    """

    position: int
    symbol: str
    side: Side
    volume: Units
    price: Points
    reason: str
    profit: Cents
    net: Cents
    account: Account
    strategy_id: str = ""
    signal_id: str = ""
    order_id: int = 0
    commission: Cents = 0
    swap: Cents = 0
    remaining: Units = 0


class AccountUpdated(_Event, frozen=True, kw_only=True, tag="account"):
    """The account moved by something other than our deals (first look, deposit, day roll)."""

    account: Account
    reason: str


class TradingStateChanged(_Event, frozen=True, kw_only=True, tag="trading_state"):
    """A cause to halt appeared (`cause` set) or trading became freer (`cause` empty)."""

    state: TradingState
    account: Account
    cause: HaltCause | None = None
    causes: tuple[HaltCause, ...] = ()
    detail: str = ""


class UserCommanded(_Event, frozen=True, kw_only=True, tag="user_commanded"):
    """The user gave the running session an order, and why."""

    action: UserAction
    reason: str


class DayRolled(_Event, frozen=True, kw_only=True, tag="day_rolled"):
    """A new trading day: its anchor and the floor under equity, in cents.

    `worst` is the lowest equity of the day that ended, where objectives are followed.
    """

    date: str
    anchor: Cents
    floor: float
    account: Account
    worst: Cents | None = None


class AttemptStarted(_Event, frozen=True, kw_only=True, tag="attempt_started"):
    """A phase (from 1) of an attempt (from 1) at the firm's objectives begins on a fresh balance.

    `deposit` is what brought the balance there. The limits are those of the first day; the target
    is a balance, None where the phase has none.
    """

    attempt: int
    phase: int
    name: str
    date: str
    account: Account
    day_limit: Cents
    max_limit: Cents
    target: Cents | None = None
    deposit: Cents = 0


class AttemptEnded(_Event, frozen=True, kw_only=True, tag="attempt_ended"):
    """A phase of an attempt is over; `cause` is the rule that was broken, or what stopped it.

    `days` counts trading days of the calendar, `trading_days` those with an opening. `least_room`
    is the smallest distance to a limit, in cents, and `least_room_at` when it was seen.
    """

    attempt: int
    phase: int
    outcome: AttemptOutcome
    account: Account
    days: int
    trading_days: int
    least_room: Cents
    least_room_at: Millis
    cause: str = ""
    detail: str = ""


class Figures(_Fact, frozen=True, kw_only=True):
    """What only the whole run knows: extremes over all equity tests, and the last day's loss."""

    max_drawdown_fraction: float
    max_daily_loss_fraction: float
    daily_realized_loss: Cents
    peak_positions: int


class SessionResumed(_Event, frozen=True, kw_only=True, tag="session_resumed"):
    """A session goes on from its journal, before the venue was compared with it."""

    account: Account


class ForeignExposure(_Fact, frozen=True, kw_only=True):
    """A position or waiting order at the venue that is none of the session's.

    `risk` is the money that it may still lose (cents, never negative); `ours` tells that it carries
    our own mark, so another session of the engine made it.
    """

    ticket: int
    symbol: str
    side: Side
    volume: Units
    risk: Cents
    ours: bool = False


class VenueDiffers(_Event, frozen=True, kw_only=True, tag="venue_differs"):
    """What stands at the venue beside the session's own orders and positions: all of it.

    `foreign` is charged as risk and never touched; `unexplained` names, in words, what the session
    cannot account for, and latches trading.
    """

    foreign: tuple[ForeignExposure, ...] = ()
    unexplained: tuple[str, ...] = ()


class Headroom(_Fact, frozen=True, kw_only=True):
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
    least_room: Cents
    least_room_at: Millis
    worst_today: Cents


class SessionEnded(_Event, frozen=True, kw_only=True, tag="session_ended", gc=True):
    """The last record of an orderly session."""

    outcome: Outcome
    account: Account
    figures: Figures
    open_positions: tuple[int, ...] = ()
    detail: str = ""
    headroom: Headroom | None = None


Event = (
    SessionStarted
    | SignalRaised
    | SignalDropped
    | OrderIntent
    | OrderApproved
    | OrderDenied
    | OrderSubmitted
    | OrderAccepted
    | OrderFilled
    | OrderRejected
    | OrderUnknown
    | OrderCancelled
    | StopModified
    | PositionOpened
    | PositionClosed
    | AccountUpdated
    | TradingStateChanged
    | UserCommanded
    | DayRolled
    | SessionResumed
    | VenueDiffers
    | AttemptStarted
    | AttemptEnded
    | SessionEnded
)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One numbered event: `seq` from 1, event time, and the bar (symbol, opening) it came from.

    `about` holds what must not enter the journal hash: session id, wall-clock times, paths and
    versions.
    """

    seq: int
    time: Millis
    bar: tuple[str, Millis] | None
    event: Event | Input
    about: dict[str, Any] | None = None
