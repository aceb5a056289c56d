"""What a venue holds at one moment, in the engine's own units.

How a terminal says it is the execution adapter's matter. Prices are points where the session trades
the symbol, else 0: nobody knows that symbol's digits.
"""

from __future__ import annotations

import msgspec

from engine.fields import Account, Deal, Fact
from engine.types import Cents, Points, Side, Units


class VenuePosition(Fact, frozen=True, kw_only=True):
    """An open position.

    `symbol` is the venue's name of it and `traded` the session's own, "" for one that the session
    does not trade. `ours` tells that it carries the engine's mark, `comment` which order's. `risk`
    is what it may still lose; it is only asked of what the engine does not know.
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
