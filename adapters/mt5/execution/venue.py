"""The I/O actor between the bus and a terminal host.

Requests wait in a bounded stream; one at a time is carried out in the worker thread, but not before
its record is durable. Replies come back on the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import anyio

from adapters.mt5.api.errors import LinkDown, SnapshotFailed, TerminalError
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.observation import BarRequest, MarketSnapshot
from adapters.mt5.execution.remote import DEADLINES, Caller, OrderRouter, RemoteTerminal
from adapters.mt5.execution.snapshot import SnapshotQuery
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


class _Job(NamedTuple):
    """An order that waits to be sent, or whose pending order `ticket` is to be cancelled."""

    order: ev.OrderIntent
    volume: Units
    ticket: int
    seq: int


def _nobody_counts(_ticket: int, _seq: int) -> None:
    """A venue of a session that keeps no account's ledger."""


class Venue:
    """Sends what the gateway hands over, and looks at the account when asked."""

    def __init__(
        self,
        bus: Bus,
        journal: Journal,
        terminal: TerminalLink,
        clock: Clock,
        *,
        router: OrderRouter,
        must_not_leave: Callable[[ev.OrderIntent], bool] = lambda _order: False,
    ) -> None:
        """`router` is where requests are carried out.

        `must_not_leave` is asked at the last moment whether an order may still leave.
        """
        self.must_not_leave = must_not_leave
        self.on_cancel: Callable[[int, int], None] = _nobody_counts
        """Hears of each cancellation, by ticket and the last record, before that can leave."""
        self._router = router
        self._bus = bus
        self._journal = journal
        self._terminal = terminal
        self._clock = clock
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
        self.on_cancel(ticket, self._bus.seq)
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
        return await self.ask(lambda terminal: self._router.observe(terminal, gaps, query))

    async def check(self, order: ev.OrderIntent, volume: Units) -> int | None:
        """The code that `order_check` answers to an order, which is not sent; None where it says
        nothing. Raises TerminalError."""
        return await self.ask(lambda terminal: self._router.check(terminal, order, volume))

    async def fetch_snapshot(self, gateway: Gateway) -> ev.AccountSnapshot:
        """Compare the account with what the engine believes; raises SnapshotFailed or
        TerminalError."""
        self._now()  # how far the history is asked for hangs on it
        query = gateway.snapshot_query()
        snapshot = await self.ask(lambda terminal: self._router.fetch_snapshot(terminal, query))
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
        """What the worker thread does."""
        if job.ticket:
            return lambda client: self._router.cancel(client, job.order, job.ticket)
        return lambda client: self._router.execute(client, job.order, job.volume)

    def _now(self) -> None:
        self._bus.time, self._bus.bar = self._clock.now(), None
