"""What a venue says of an order in the engine's own units, and a venue that can say it at once.

A reply of the package's functions is turned into an `ExecutionResult` by the gateway. A replay's
terminal lives in this process: there a `DirectExecution` gives the answer without requests and
structs between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from engine import events as ev
from engine.types import Cents, Points, Units


class Dealt(Protocol):
    """A deal; `position` is the identifier of the position that it opened or closed.

    `entry` and `reason` are the package's constants; money carries the sign of the statement.
    """

    @property
    def ticket(self) -> int: ...
    @property
    def order(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def entry(self) -> int: ...
    @property
    def reason(self) -> int: ...
    @property
    def volume(self) -> Units: ...
    @property
    def price(self) -> Points: ...
    @property
    def profit(self) -> Cents: ...
    @property
    def commission(self) -> Cents: ...
    @property
    def swap(self) -> Cents: ...


class Deal(NamedTuple):
    """A terminal's deal in the engine's units; fields as in `Dealt`."""

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
    """What the venue says of an order: a return code and its text, the order's ticket, the deals
    of the position concerned as far as it knows them, at least those of this order (none while its
    history lags behind), and the account after it."""

    retcode: int
    message: str
    ticket: int
    deals: Sequence[Dealt]
    account: ev.Account


class ClosedPositions(NamedTuple):
    """Positions that the venue closed by itself, whole: their deals by ticket, and the account."""

    deals: Mapping[int, Sequence[Dealt]]
    account: ev.Account


class DirectExecution(Protocol):
    """A venue in this process that answers at once.

    It takes what is dealt at the market and changes of a position's levels, no waiting orders.
    """

    def carry_out(self, order: ev.OrderIntent, volume: Units) -> ExecutionResult:
        """Carry out an approved order with the volume that risk gave it."""

    def closed_positions(self, tickets: Iterable[int]) -> ClosedPositions:
        """Which of some open positions are not open any more."""
