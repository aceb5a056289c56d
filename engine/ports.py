"""What the kernel asks of the outside: a journal, a feed, sinks and a terminal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.bus import Subscription
    from engine.events import OrderIntent, Record
    from engine.fields import ExecutionResult
    from engine.types import Units


class Journal(Protocol):
    """Keeps every record, in order, before anyone acts on it."""

    def append(self, record: Record) -> None:
        """Take the record; never waits. Raises JournalFailed once the store has failed."""

    async def room(self) -> None:
        """Wait while too much is unwritten (back-pressure for the feed)."""

    async def durable(self, seq: int) -> None:
        """Wait until the record `seq` and all before it are on disk."""

    async def close(self) -> None:
        """Write what is left and seal the journal with its hash."""


class Feed(Protocol):
    """Moves the world: feeds inputs to the bus and pauses between slices of work."""

    def slices(self) -> AsyncGenerator[None, None]:
        """Work one slice per step; the session flushes, checks for a stop and asks for the next."""

    async def aclose(self) -> None:
        """Stop reading; nothing is fed after this returns."""


class Sink(Protocol):
    """An I/O actor that writes records somewhere."""

    name: str

    async def run(self, subscription: Subscription) -> None:
        """Take batches from the edge until it ends, then finish the work and return."""


class FreshAccount(Protocol):
    """An account that can begin anew, as a simulated one can: what attempts are made on."""

    def open_positions(self) -> Collection[int]:
        """Tickets of the positions that are open at the venue now."""

    def idle(self) -> bool:
        """Whether it holds neither a position nor an order."""

    def reset_balance(self, balance: int) -> int:
        """Bring the balance to `balance` cents; returns what that took."""


class ExecutionPort(Protocol):
    """A venue as the gateway sees it: orders to the market, pending orders and changes of levels.

    A venue in this process answers at once; None means that the answer comes later, as the input
    `VenueReplied`.
    """

    def execute(self, order: OrderIntent, volume: Units) -> ExecutionResult | None:
        """Carry out an approved order with the volume that risk gave it."""

    def cancel(self, order: OrderIntent, ticket: int) -> ExecutionResult | None:
        """Cancel a pending order, whose number at the venue is `ticket`."""


class Terminal(Protocol):
    """The MetaTrader5 functions that the execution adapter calls; see `adapters.mt5.api.contract`.

    A request is one dict; results are the package's structs, None on failure.
    """

    def order_send(self, request: dict[str, Any], /) -> Any: ...

    def order_check(self, request: dict[str, Any], /) -> Any: ...

    def account_info(self) -> Any: ...

    def symbol_info(self, symbol: str, /) -> Any: ...

    def symbol_info_tick(self, symbol: str, /) -> Any: ...

    def positions_get(self, **where: Any) -> Any: ...

    def orders_get(self, **where: Any) -> Any: ...

    def history_orders_get(self, *span: Any, **where: Any) -> Any: ...

    def history_deals_get(self, *span: Any, **where: Any) -> Any: ...

    def order_calc_profit(self, *terms: Any) -> Any: ...

    def order_calc_margin(self, *terms: Any) -> Any: ...

    def last_error(self) -> tuple[int, str]: ...
