"""The I/O actor between the bus and a terminal host.

Requests wait in a bounded stream; one at a time is carried out in the worker thread, but not before
its record is durable. Replies come back on the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import anyio

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.account_guard import objection
from adapters.mt5.api.errors import LinkDown, SnapshotFailed, TerminalError
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.observation import BarRequest, MarketSnapshot, observe
from adapters.mt5.execution.remote import (
    DEADLINES,
    Caller,
    RemoteTerminal,
    carry_out_remotely,
    check_remotely,
)
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.results import cancellation_of, result_of
from adapters.mt5.execution.snapshot import (
    Snapshot,
    SnapshotQuery,
    TradeReply,
    fetch_snapshot,
    insist_on,
)
from adapters.mt5.host.client import CallResult
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.fields import ExecutionResult
from engine.journal import Journal
from engine.types import Units

_WAITING = 64
_RECOVERIES = 4


_T = TypeVar("_T")


class TerminalLink(Protocol):
    """How calls reach a terminal: in a host (`AsyncTerminal`), or in this process."""

    async def work(self, job: Callable[[Caller], _T]) -> _T: ...

    async def call(
        self, function: str, *args: Any, deadline: float, **kwargs: Any
    ) -> CallResult: ...

    async def restart(self) -> object: ...


class OrderRouter(Protocol):
    """Where requests are carried out and what is looked at; its functions block."""

    def carry_out(self, client: Caller, request: dict[str, Any], /) -> TradeReply: ...

    def check(self, terminal: RemoteTerminal, request: dict[str, Any], /) -> Any: ...

    def fetch_snapshot(self, terminal: RemoteTerminal, query: SnapshotQuery, /) -> Snapshot: ...

    def observe(
        self, terminal: RemoteTerminal, gaps: Sequence[BarRequest], query: SnapshotQuery, /
    ) -> MarketSnapshot: ...


class LiveRouter:
    """The account itself: requests are sent."""

    def carry_out(self, client: Caller, request: dict[str, Any]) -> TradeReply:
        return carry_out_remotely(client, request)

    def check(self, terminal: RemoteTerminal, request: dict[str, Any]) -> Any:
        return terminal.order_check(request)

    def fetch_snapshot(self, terminal: RemoteTerminal, query: SnapshotQuery) -> Snapshot:
        return fetch_snapshot(terminal, query)

    def observe(
        self, terminal: RemoteTerminal, gaps: Sequence[BarRequest], query: SnapshotQuery
    ) -> MarketSnapshot:
        return observe(terminal, gaps, query)


class CheckOnlyRouter(LiveRouter):
    """The account, but requests are only checked by it."""

    def carry_out(self, client: Caller, request: dict[str, Any]) -> TradeReply:
        return check_remotely(client, request)


class _Job(NamedTuple):
    """An order that waits to be sent, or whose pending order `ticket` is to be cancelled."""

    order: ev.OrderIntent
    volume: Units
    ticket: int
    seq: int


class Venue:
    """Sends what the gateway hands over, and looks at the account when asked."""

    def __init__(
        self,
        bus: Bus,
        journal: Journal,
        terminal: TerminalLink,
        clock: Clock,
        account: mt5.AccountInfo,
        *,
        requests: Requests,
        router: OrderRouter,
        must_not_leave: Callable[[ev.OrderIntent], bool] = lambda _order: False,
    ) -> None:
        """`account` is the one whose answers count; `router` is where requests are carried out.

        `must_not_leave` is asked at the last moment whether an order may still leave.
        """
        self.must_not_leave = must_not_leave
        self._requests = requests
        self._router = router
        self._bus = bus
        self._journal = journal
        self._terminal = terminal
        self._clock = clock
        self._account = account
        self._jobs, self._queue = anyio.create_memory_object_stream[_Job](_WAITING)
        self._in_flight = 0
        self._failure: Exception | None = None
        self._idle = anyio.Event()

    def execute(self, order: ev.OrderIntent, volume: Units) -> None:
        """Queue an approved order; raises anyio.WouldBlock when far too many wait.

        The answer comes as the input `VenueReplied`.
        """
        self._queue_up(_Job(order, volume, 0, self._bus.seq))

    def cancel(self, order: ev.OrderIntent, ticket: int) -> None:
        """Queue the cancellation of a pending order; as `execute`."""
        self._queue_up(_Job(order, 0, ticket, self._bus.seq))

    def _queue_up(self, job: _Job) -> None:
        self._jobs.send_nowait(job)
        self._in_flight += 1

    async def run(self) -> None:
        """Carry out requests in their order until `close`."""
        try:
            await self._run()
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._idle.set()

    async def _run(self) -> None:
        async with self._queue:
            async for job in self._queue:
                await self._journal.durable(job.seq)
                result = None
                if job.ticket or not self.must_not_leave(job.order):
                    result = await self._terminal.work(self._work(job))
                self._now()
                self._bus.feed(ev.VenueReplied(job.order.order_id, result, bool(job.ticket)))
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()
                    self._idle = anyio.Event()

    async def settled(self) -> None:
        """Wait until every request that was queued has its reply; raises what ended `run`."""
        while self._in_flight:
            if self._failure is not None:
                raise self._failure
            await self._idle.wait()

    async def ask(self, job: Callable[[RemoteTerminal], _T]) -> _T:
        """Carry out calls on the worker thread in one go; raises what they raise."""
        return await self._terminal.work(lambda client: job(RemoteTerminal(client)))

    async def observe(self, gaps: Sequence[BarRequest], query: SnapshotQuery) -> MarketSnapshot:
        """Prices, account and what stands open; raises SnapshotFailed or TerminalError."""
        seen = await self.ask(lambda terminal: self._router.observe(terminal, gaps, query))
        self.insist_on(seen.snapshot.account)
        return seen

    async def check(self, request: dict[str, Any]) -> mt5.OrderCheckResult | None:
        """What `order_check` says to a request, which is not sent; None where it says nothing.

        Raises TerminalError.
        """
        checked: mt5.OrderCheckResult | None = await self.ask(
            lambda terminal: self._router.check(terminal, request)
        )
        return checked

    def insist_on(self, seen: mt5.AccountInfo) -> None:
        """Raises SnapshotFailed when another account than the session's has answered."""
        insist_on(seen, self._account)

    async def fetch_snapshot(self, gateway: Gateway) -> Snapshot:
        """Compare the account with what the engine believes; raises SnapshotFailed or
        TerminalError."""
        self._now()  # how far the history is asked for hangs on it
        query = gateway.snapshot_query()
        snapshot = await self.ask(lambda terminal: self._router.fetch_snapshot(terminal, query))
        self.insist_on(snapshot.account)
        self._now()
        gateway.reconcile(snapshot)
        return snapshot

    async def recover(self, gateway: Gateway) -> None:
        """Bring back a lost host, prove its account, and look for what became of open orders.

        New orders are halted meanwhile. Raises LinkDown when it does not come back.
        """
        why = "the terminal host is gone"
        for _ in range(_RECOVERIES):
            try:
                await self.fetch_snapshot(gateway)
            except (TerminalError, SnapshotFailed) as error:
                why = str(error)
                self._now()
                self._bus.feed(ev.LinkChanged(up=False, detail=why))
                why = await self._restarted() or why
            else:
                self._bus.feed(ev.LinkChanged(up=True, detail="the terminal answers again"))
                return
        raise LinkDown(f"the link to the terminal is lost: {why}")

    async def _restarted(self) -> str | None:
        """Start another host and attach it; what kept it from that, or None."""
        try:
            await self._terminal.restart()
            answer = await self._terminal.call("initialize", deadline=DEADLINES["initialize"])
        except TerminalError as error:
            return str(error)
        return f"initialize: {answer.last_error}" if answer.failed else None

    def close(self) -> None:
        """Take no more requests; `run` ends once those that wait are done."""
        self._jobs.close()

    def abandon(self) -> None:
        """Drop everything, as when the process ends; `run` must not be running."""
        self._jobs.close()
        self._queue.close()

    def _work(self, job: _Job) -> Callable[[Caller], ExecutionResult]:
        """What the worker thread does: make the request, send it, read what came back."""

        def carried_out(client: Caller) -> ExecutionResult:
            requests, order = self._requests, job.order
            if job.ticket:
                reply = self._router.carry_out(client, requests.cancelling(job.ticket))
                return cancellation_of(reply)
            reply = self._router.carry_out(client, requests.of(order, job.volume))
            return result_of(order, self._ours(reply), requests.specs[order.terms.symbol])

        return carried_out

    def _ours(self, reply: TradeReply) -> TradeReply:
        """A reply without what was read back when somebody had just logged in elsewhere.

        The order counts as accepted until a snapshot of the session's own account shows more.
        """
        account, expected = reply.account, self._account
        if account is None or objection(account, expected.login, expected.server) is None:
            return reply
        return TradeReply(reply.result, reply.error)

    def _now(self) -> None:
        self._bus.time, self._bus.bar = self._clock.now(), None
