"""What happens: events, which the engine decides or learns, and inputs, which come from outside.

An *event* is immutable, numbered and journaled before anyone sees it. An *input* (a tick, a closed
bar, an account figure, a due reset, an answer of the venue) is recorded in the same way by sessions
on a terminal; in a replay, whose bars are known by their hash, only what it leads to is. Units are
those of `engine.types`: points, cents, volume units, milliseconds UTC. Commission and swap carry
the sign of the account statement (a cost is negative).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.fields import BY_HAND as BY_HAND
from engine.fields import CLOSE as CLOSE
from engine.fields import MODIFY as MODIFY
from engine.fields import OPEN as OPEN
from engine.fields import Account as Account
from engine.fields import Action as Action
from engine.fields import AttemptOutcome as AttemptOutcome
from engine.fields import DataRef as DataRef
from engine.fields import DenyReason as DenyReason
from engine.fields import EndedOrder as EndedOrder
from engine.fields import ExternalExposure as ExternalExposure
from engine.fields import LossBuffer as LossBuffer
from engine.fields import MarkedPosition as MarkedPosition
from engine.fields import OrderTerms as OrderTerms
from engine.fields import RejectionEffect as RejectionEffect
from engine.fields import SessionFigures as SessionFigures
from engine.fields import SessionOutcome as SessionOutcome
from engine.fields import UserAction as UserAction
from engine.fields import UserSignal as UserSignal
from engine.fields import VenueOrder as VenueOrder
from engine.fields import VenuePosition as VenuePosition
from engine.inputs import AccountReconciled as AccountReconciled
from engine.inputs import AccountSeen as AccountSeen
from engine.inputs import AccountSnapshot as AccountSnapshot
from engine.inputs import AdoptedPosition as AdoptedPosition
from engine.inputs import BarClosed as BarClosed
from engine.inputs import ConditionSeen as ConditionSeen
from engine.inputs import ExitDue as ExitDue
from engine.inputs import HeldExitDue as HeldExitDue
from engine.inputs import Input as Input
from engine.inputs import LedgerUpdated as LedgerUpdated
from engine.inputs import LinkChanged as LinkChanged
from engine.inputs import OrphansAdopted as OrphansAdopted
from engine.inputs import PastBar as PastBar
from engine.inputs import ResetDue as ResetDue
from engine.inputs import RewardDue as RewardDue
from engine.inputs import SignalDue as SignalDue
from engine.inputs import SwapSeen as SwapSeen
from engine.inputs import SymbolModeSeen as SymbolModeSeen
from engine.inputs import SymbolValuation as SymbolValuation
from engine.inputs import Tick as Tick
from engine.inputs import VenueClosed as VenueClosed
from engine.inputs import VenueReplied as VenueReplied
from engine.inputs import WarmedUp as WarmedUp
from engine.inputs import WeekendDue as WeekendDue
from engine.trading import HaltCause, TradingState
from engine.types import Cents, Millis, Points, Side, SymbolSpec, Units

Routes = Mapping[type, Callable[[Any], None]]
"""An actor's handlers by the kind of event or input."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", gc=False):
    """Base of every event; the tag names the kind in the journal.

    Every field is written, defaults too: msgspec leaves a default out only where it is the very
    object, so what it writes would depend on how a value was made.
    """


NO_STRATEGY = "none"
"""Stands for the strategy of a session that has none."""


class SessionStarted(_Event, frozen=True, kw_only=True, tag="session_started", gc=True):
    """The terms of the session: everything that its decisions depend on.

    `script` are the entries that a scripted session is to make, in order.
    `strategy` names the code that decides where it has another name than the preset, NO_STRATEGY
    where every signal comes from outside. `broker_valued`: the venue tells what symbols are worth
    (`SymbolValuation`), and without that nothing is opened.
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
    broker_valued: bool = False


class SignalRaised(_Event, frozen=True, kw_only=True, tag="signal"):
    """Somebody wants to enter, leave or protect a position.

    `problem` is a reason to deny that is known before risk looks at it.
    """

    terms: OrderTerms
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
    terms: OrderTerms
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
    """The order is about to leave for the venue with `volume`, which risk approved; this record is
    durable before it does."""

    order_id: int
    terms: OrderTerms
    volume: Units = 0


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
    """The venue refused the order for certain.

    `effect` is what that does to trading; `position` is the one whose levels stay as they were.
    """

    order_id: int
    symbol: str
    side: Side
    retcode: int
    message: str
    account: Account
    effect: RejectionEffect = RejectionEffect.LATCH
    position: int = 0


class OrderUnknown(_Event, frozen=True, kw_only=True, tag="order_unknown"):
    """Nobody can say yet whether the venue executed the order: of unknown outcome, never resent."""

    order_id: int
    symbol: str
    side: Side
    message: str
    account: Account


class OrderCancelled(_Event, frozen=True, kw_only=True, tag="order_cancelled"):
    """The order ended without a fill: cancelled, expired, or stopped before it was sent.

    `never_sent`: it certainly did not reach the venue. `unsent`: such an order that closes a
    position; it is asked for again, as another order, once link and account are proved.
    """

    order_id: int
    reason: str
    never_sent: bool = False
    unsent: bool = False


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
    """A position exists; `commission` is that of its opening deal.

    `asked` is the volume that the signal named, where the position has another.
    """

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
    asked: Units | msgspec.UnsetType = msgspec.UNSET


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
    """A command that the user gave to the running session, why, and from where.

    `origin` names the way it came: `cli` or the page's viewer; empty where nothing told.
    """

    action: UserAction
    reason: str
    origin: str = ""


class DayRolled(_Event, frozen=True, kw_only=True, tag="day_rolled"):
    """A new trading day: its day-start balance and the floor under equity, in cents.

    `worst` is the lowest equity of the day that ended, where objectives are followed.
    """

    date: str
    day_start: Cents
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

    `days` counts trading days of the calendar, `trading_days` those with an opening. `min_buffer`
    is the smallest loss buffer, in cents, and `min_buffer_at` when it was seen.
    """

    attempt: int
    phase: int
    outcome: AttemptOutcome
    account: Account
    days: int
    trading_days: int
    min_buffer: Cents
    min_buffer_at: Millis
    cause: str = ""
    detail: str = ""


class RuleViolated(_Event, frozen=True, kw_only=True, tag="rule_violated"):
    """Something happened that the firm's trading restrictions forbid; the attempt goes on.

    `rule` is the restriction (`news`), `cause` what happened: open, close, stop, target, stop_out.
    It happened between `since` and the record's time; `detail` says so in words.
    """

    attempt: int
    phase: int
    rule: str
    cause: str
    symbol: str
    position: int
    since: Millis
    detail: str = ""


class SessionResumed(_Event, frozen=True, kw_only=True, tag="session_resumed"):
    """A session goes on from its journal, before the venue was compared with it."""

    account: Account


class ReconciliationMismatch(_Event, frozen=True, kw_only=True, tag="reconciliation_mismatch"):
    """The external orders and positions at the venue: all of them.

    `external` is charged as risk and never touched; `mismatches` names, in words, what the session
    cannot account for, and latches trading. `marked` are those of the foreign positions that carry
    the session's own mark: it shows them, and closes them when the user wants everything closed.
    """

    external: tuple[ExternalExposure, ...] = ()
    mismatches: tuple[str, ...] = ()
    marked: tuple[MarkedPosition, ...] = ()


class SessionEnded(_Event, frozen=True, kw_only=True, tag="session_ended", gc=True):
    """The last record of an orderly session."""

    outcome: SessionOutcome
    account: Account
    figures: SessionFigures
    open_positions: tuple[int, ...] = ()
    detail: str = ""
    loss_buffer: LossBuffer | None = None


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
    | ReconciliationMismatch
    | AttemptStarted
    | AttemptEnded
    | RuleViolated
    | SessionEnded
)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One numbered event: `seq` from 1, event time, and the bar (symbol, opening) it came from.

    `metadata` holds what must not enter the journal hash: session id, wall-clock times, paths and
    versions.
    """

    seq: int
    time: Millis
    bar: tuple[str, Millis] | None
    event: Event | Input
    metadata: dict[str, Any] | None = None
