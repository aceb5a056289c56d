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
from adapters.mt5.api.errors import LinkDown, LookFailed, TerminalError
from adapters.mt5.execution.gateway import Errand, Gateway
from adapters.mt5.execution.observation import Gap, Seen, observe
from adapters.mt5.execution.remote import (
    DEADLINES,
    Caller,
    RemoteTerminal,
    carry_out_remotely,
    check_remotely,
)
from adapters.mt5.execution.snapshot import Look, Reply, Wanted, insist_on, look
from adapters.mt5.host.client import Answer
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.ports import Journal

_WAITING = 64
_RECOVERIES = 4


_T = TypeVar("_T")


class Line(Protocol):
    """How calls reach a terminal: in a host (`AsyncTerminal`), or in this process."""

    async def work(self, job: Callable[[Caller], _T]) -> _T: ...

    async def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> Answer: ...

    async def restart(self) -> object: ...


class Desk(Protocol):
    """Where requests are carried out and what is looked at; its functions block."""

    def carry_out(self, client: Caller, request: dict[str, Any], /) -> Reply: ...

    def look(self, terminal: RemoteTerminal, wanted: Wanted, /) -> Look: ...

    def observe(self, terminal: RemoteTerminal, gaps: Sequence[Gap], wanted: Wanted, /) -> Seen: ...


class SendingDesk:
    """The account itself: requests are sent."""

    def carry_out(self, client: Caller, request: dict[str, Any]) -> Reply:
        return carry_out_remotely(client, request)

    def look(self, terminal: RemoteTerminal, wanted: Wanted) -> Look:
        return look(terminal, wanted)

    def observe(self, terminal: RemoteTerminal, gaps: Sequence[Gap], wanted: Wanted) -> Seen:
        return observe(terminal, gaps, wanted)


class CheckingDesk(SendingDesk):
    """The account, but requests are only checked by it."""

    def carry_out(self, client: Caller, request: dict[str, Any]) -> Reply:
        return check_remotely(client, request)


class _Job(NamedTuple):
    errand: Errand
    seq: int


class Venue:
    """Sends what the gateway hands over, and looks at the account when asked."""

    def __init__(
        self,
        bus: Bus,
        journal: Journal,
        terminal: Line,
        clock: Clock,
        account: mt5.AccountInfo,
        *,
        desk: Desk,
        holds_back: Callable[[Errand], bool] = lambda _errand: False,
    ) -> None:
        """`account` is the one whose answers count; `desk` is where requests are carried out.

        `holds_back` is asked at the last moment whether a request may still leave.
        """
        self.holds_back = holds_back
        self._desk = desk
        self._bus = bus
        self._journal = journal
        self._terminal = terminal
        self._clock = clock
        self._account = account
        self._jobs, self._queue = anyio.create_memory_object_stream[_Job](_WAITING)
        self._in_flight = 0
        self._failure: Exception | None = None
        self._idle = anyio.Event()

    def send(self, errand: Errand) -> None:
        """Queue a request of the gateway; raises anyio.WouldBlock when far too many wait.

        The reply comes as the input `VenueReplied`.
        """
        self._in_flight += 1
        try:
            self._jobs.send_nowait(_Job(errand, self._bus.seq))
        except anyio.WouldBlock:
            self._in_flight -= 1
            raise

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
                errand = job.errand
                reply = None
                if not self.holds_back(errand):
                    reply = self._ours(await self._terminal.work(self._work(errand.request)))
                self._now()
                self._bus.feed(ev.VenueReplied(errand.order_id, reply, errand.withdrawal))
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

    async def observe(self, gaps: Sequence[Gap], wanted: Wanted) -> Seen:
        """Prices, account and what stands open; raises LookFailed or TerminalError."""
        seen = await self.ask(lambda terminal: self._desk.observe(terminal, gaps, wanted))
        self.insist_on(seen.look.account)
        return seen

    def insist_on(self, seen: mt5.AccountInfo) -> None:
        """Raises LookFailed when another account than the session's has answered."""
        insist_on(seen, self._account)

    async def look(self, gateway: Gateway) -> Look:
        """Compare the account with what the engine believes; raises LookFailed or TerminalError."""
        self._now()  # how far the history is asked for hangs on it
        wanted = gateway.wanted()
        seen = await self.ask(lambda terminal: self._desk.look(terminal, wanted))
        self.insist_on(seen.account)
        self._now()
        gateway.notice(seen)
        return seen

    async def recover(self, gateway: Gateway) -> None:
        """Bring back a lost host, prove its account, and look for what became of open orders.

        New orders are halted meanwhile. Raises LinkDown when it does not come back.
        """
        why = "the terminal host is gone"
        for _ in range(_RECOVERIES):
            try:
                await self.look(gateway)
            except (TerminalError, LookFailed) as error:
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

    def _work(self, request: dict[str, Any]) -> Callable[[Caller], Reply]:
        return lambda client: self._desk.carry_out(client, request)

    def _ours(self, reply: Reply) -> Reply:
        """A reply without what was read back when somebody had just logged in elsewhere.

        The order counts as accepted until a look at the session's own account tells more.
        """
        account, expected = reply.account, self._account
        if account is None or objection(account, expected.login, expected.server) is None:
            return reply
        return Reply(reply.result, reply.error)

    def _now(self) -> None:
        self._bus.time, self._bus.bar = self._clock.now(), None
