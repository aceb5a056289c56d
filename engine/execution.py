"""What a venue says of an order, in the engine's own units, and the port that orders leave by."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

import msgspec

from engine.fields import Account
from engine.types import Cents, Points, Units

if TYPE_CHECKING:
    from engine.events import OrderIntent


class Outcome(enum.StrEnum):
    """What a venue's answer lets us conclude."""

    EXECUTED = "executed"  # dealt, placed, changed or cancelled: what was asked for
    REJECTED = "rejected"  # refused for certain
    UNKNOWN = "unknown"  # nobody can say
    UNSENT = "unsent"  # it certainly never left: the link was down, or the host refused
    CHECKED = "checked"  # of a dry run: the venue would take it, and nothing was sent


class Deal(msgspec.Struct, frozen=True, gc=False):
    """A deal; `position` is the identifier of the position that it opened or closed.

    `entry` and `reason` are the numbers that the platform gives them; money carries the sign of the
    statement.
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


class ExecutionResult(msgspec.Struct, frozen=True, gc=False):
    """What the venue says of a request: the outcome, its own code and text, the order's ticket.

    `deals` are those of the position concerned as far as the venue knows them, at least those of
    this order (none while its history lags behind); `account` the figures after it, None where it
    could not tell.
    """

    outcome: Outcome
    code: int
    message: str
    ticket: int = 0
    deals: tuple[Deal, ...] = ()
    account: Account | None = None


class ExecutionPort(Protocol):
    """A venue as the gateway sees it: orders to the market, pending orders and changes of levels.

    A venue in this process answers at once; None means that the answer comes later, as the input
    `VenueReplied`.
    """

    def execute(self, order: OrderIntent, volume: Units) -> ExecutionResult | None:
        """Carry out an approved order with the volume that risk gave it."""

    def cancel(self, order: OrderIntent, ticket: int) -> ExecutionResult | None:
        """Cancel a pending order, whose number at the venue is `ticket`."""
