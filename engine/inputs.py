"""What comes to the engine from outside: prices, bars, account figures, answers of the venue.

An *input* is recorded like an event by sessions on a terminal; in a replay, whose bars are known by
their hash, only what it leads to is.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.fields import (
    Account,
    Deal,
    DenyReason,
    EndedOrder,
    ExecutionResult,
    LedgerFigures,
    UserSignal,
    VenueOrder,
    VenuePosition,
)
from engine.trading import HaltCause
from engine.types import Cents, Millis, Points, Side, Units


class Tick(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="tick"):
    """A new price of a symbol."""

    symbol: str
    bid: Points
    ask: Points


class SymbolValuation(
    msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="symbol_valuation"
):
    """The venue's own valuation of a symbol at `price` and `time` (ms UTC), in cents.

    `gain` and `loss` (both above zero) are what `volume` earns and loses when the price moves by
    `move`, the smaller gain and the larger loss of the two sides; `margin` is what one lot binds
    (`volume` where that is less).
    """

    symbol: str
    time: Millis
    price: Points
    move: Points
    volume: Units
    gain: Cents
    loss: Cents
    margin: Cents


class SwapSeen(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="swap_seen"):
    """The swap that an open position has accrued so far; its closing deal will book it.

    It is in the account's equity and not yet in its balance.
    """

    position: int
    swap: Cents


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

    signal: UserSignal
    problem: DenyReason | None = None


class ExitDue(msgspec.Struct, frozen=True, tag_field="event", tag="exit_due"):
    """The time has come at which the position of a user signal is to be closed.

    `exit_time` is the one that the signal named; None closes the position whatever it named.
    """

    signal_id: str
    exit_time: Millis | None = None


class HeldExitDue(msgspec.Struct, frozen=True, tag_field="event", tag="held_exit_due"):
    """The window out of which the exit of `position` (a ticket) was held is over."""

    position: int


class AccountSnapshot(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    tag_field="event",
    tag="account_snapshot",
):
    """Everything that is open, and what became of the rest that was asked about.

    `deals` are those of each position that was asked about, in their order. A pending order that is
    neither open nor `ended` was filled, or its history lags behind. `recent` are the deals of the
    span in which traces of a lost order are looked for.
    """

    account: Account
    positions: tuple[VenuePosition, ...] = ()
    orders: tuple[VenueOrder, ...] = ()
    deals: tuple[Deal, ...] = ()
    ended: tuple[EndedOrder, ...] = ()
    recent: tuple[Deal, ...] = ()

    def deals_of(self, position: int) -> tuple[Deal, ...]:
        """The deals that opened and closed a position."""
        return tuple([deal for deal in self.deals if deal.position == position])


class AccountReconciled(msgspec.Struct, frozen=True, tag_field="event", tag="account_reconciled"):
    """The same snapshot again, once what it showed of orders has been dispatched."""

    snapshot: AccountSnapshot


class VenueClosed(msgspec.Struct, frozen=True, tag_field="event", tag="venue_closed"):
    """Positions that a venue in this process closed whole by itself: all their deals.

    Such a venue tells them at once; nothing else can be new while no order waits there.
    """

    deals: tuple[Deal, ...]
    account: Account


class VenueReplied(msgspec.Struct, frozen=True, tag_field="event", tag="venue_replied"):
    """The venue's answer to a request for an order.

    None: trading was halted while it waited, and it never left. `cancellation` when the request was
    to cancel a pending order.
    """

    order_id: int
    result: ExecutionResult | None
    cancellation: bool = False


class LinkChanged(msgspec.Struct, frozen=True, tag_field="event", tag="link_changed"):
    """The link to the venue was lost, or is there again and was checked."""

    up: bool
    detail: str


class ConditionSeen(msgspec.Struct, frozen=True, tag_field="event", tag="condition_seen"):
    """Something that suspends trading holds (the feed is mute, the clock uncertain), or not."""

    cause: HaltCause
    holds: bool
    detail: str


class SymbolModeSeen(msgspec.Struct, frozen=True, tag_field="event", tag="symbol_mode_seen"):
    """What the venue lets be opened on a symbol, and in words why not everything.

    What is open is managed whatever the mode.
    """

    symbol: str
    long: bool
    short: bool
    detail: str = ""


class ResetDue(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="reset_due"):
    """The trading day `date` (ISO) begins in the limits' zone."""

    date: str
    balance: Cents
    equity: Cents
    margin: Cents


class WeekendDue(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="weekend_due"):
    """The week closes at `closes` (ms UTC): soon, or now. Nothing may stay open over it."""

    closes: Millis


class RewardDue(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="reward_due"):
    """The firm pays the profit of an earned account out, where it is flat."""


class LedgerUpdated(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="ledger"):
    """The account's standing by its ledger, whichever session made it so.

    `figures` were computed at a `balance` (cents) that the terminal showed. The own limits' part:
    `baseline` is the balance that the largest loss counts from, `entries` are the moments (ms UTC)
    of the last hour's approved entries, `symbols` today's entries by symbol, `signals` those
    approved within a day, `halts` what earlier sessions halted. `suspended` says why nothing may be
    opened until the ledger is clear; `codes` name all that it found.
    """

    balance: Cents
    figures: LedgerFigures
    codes: tuple[str, ...] = ()
    baseline: Cents | None = None
    entries: tuple[Millis, ...] = ()
    symbols: Mapping[str, int] = {}
    signals: tuple[str, ...] = ()
    halts: tuple[HaltCause, ...] = ()
    suspended: str = ""


class AdoptedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position that an earlier session opened, as the venue and that session's journal tell it.

    `first_stop` is the stop that it was opened with, `exit_time` (ms UTC) when its signal wants it
    closed. `strategy_id` is `engine.portfolio.ADOPTED` where no strategy manages it any more.
    `session` is the one that opened it, empty for an unknown one. `realized` is what its parts made
    that are closed already, their share of the opening's commission included.
    """

    ticket: int
    symbol: str
    side: Side
    volume: Units
    entry: Points
    first_stop: Points
    stop_loss: Points
    take_profit: Points
    signal_id: str
    strategy_id: str
    commission: Cents = 0
    exit_time: Millis | None = None
    session: str = ""
    realized: Cents = 0


class OrphansAdopted(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="adopted"):
    """The user has this session take over what earlier ones left open."""

    positions: tuple[AdoptedPosition, ...]


Input = (
    Tick
    | SymbolValuation
    | SwapSeen
    | AccountSeen
    | BarClosed
    | WarmedUp
    | ResetDue
    | SignalDue
    | ExitDue
    | HeldExitDue
    | AccountSnapshot
    | AccountReconciled
    | VenueClosed
    | VenueReplied
    | LinkChanged
    | ConditionSeen
    | WeekendDue
    | RewardDue
    | SymbolModeSeen
    | LedgerUpdated
    | OrphansAdopted
)
