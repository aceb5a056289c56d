"""What may end a session: its trading parts (feed, bus, venue, journal), and never a service.

Services decide nothing: control, screen, log, event files, alerts, metrics, heartbeat, followed
files. One that fails is reported once and started again, after pauses that grow; until it has
worked for a while it is *degraded*, which status and alerts show. One that hangs holds the feed up
for a few seconds, then it is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from engine.bus import Batch, BusPoisoned, HandlerFailed, Subscription
from engine.journal import JournalFailed
from engine.ports import Sink

_ROOM: Final = 256
"""Batches of records that wait for a service while it is slow or about to be started again."""

_LONGEST_PAUSE: Final = 60.0
OF_TRADING: Final = (HandlerFailed, BusPoisoned, JournalFailed)
"""What trading parts raised while a service acted for the user: that does end the session."""


class Supervisor:
    """Knows which services are degraded, and says so once."""

    def __init__(
        self,
        warn: Callable[[str], None],
        *,
        pause: float = 1.0,
        patience: float = 5.0,
        settled: float = _LONGEST_PAUSE,
        grace: float = 15.0,
    ) -> None:
        """Seconds: `pause` before the first restart, `patience` with a service that takes nothing,
        `settled` until one that was restarted counts as mended, `grace` for one that does not end.
        """
        self._warn = warn
        self.pause = pause
        self.patience = patience
        self.settled = settled
        self.grace = grace
        self.degraded: dict[str, str] = {}
        """Why each service that does not do its work does not, by its name."""

    def over(self, service: Sink) -> Supervised:
        """`service` as an I/O actor that never fails."""
        return Supervised(service, self)

    def trouble(self, name: str, why: str) -> None:
        """A service fails; reported once until it is well again."""
        if name not in self.degraded:
            self._warn(f"{name}: degraded ({why}); trading goes on")
        self.degraded[name] = why

    def well(self, name: str) -> None:
        """A service does its work again."""
        if self.degraded.pop(name, None) is not None:
            self._warn(f"{name}: works again")


class Supervised:
    """A service that is started again whenever it fails, on an edge that does not wait for it.

    A service that goes on after a failure is run again with the same edge: it keeps what it has
    taken, and must be able to.
    """

    def __init__(self, service: Sink, supervisor: Supervisor) -> None:
        self.name = service.name
        self._service = service
        self._supervisor = supervisor
        self._left_out = 0
        self._fatal: Exception | None = None
        self._ending = anyio.Event()
        self._done = anyio.Event()

    async def run(self, subscription: Subscription) -> None:
        """Raises only what trading parts raised while the service acted for the user."""
        edge = Subscription(self.name, subscription.kinds, room=_ROOM)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_running, edge, tasks.cancel_scope)
                async for batch in subscription.stream:
                    await self._hand_over(edge, batch)
                edge.close()
                self._ending.set()
                await self._wait_for_end(edge)
                tasks.cancel_scope.cancel()
        finally:
            edge.close()
            edge.stream.close()
        if self._fatal is not None:
            raise self._fatal

    async def _hand_over(self, edge: Subscription, batch: Batch) -> None:
        """Let the service have the records, unless it takes none: the feed does not wait for it."""
        if self._left_out or self._done.is_set():
            self._left_out += len(batch)
            return
        edge.outbox.extend(batch)
        with anyio.move_on_after(self._supervisor.patience) as waiting:
            await edge.flush()
        if waiting.cancelled_caught:
            self._left_out = len(batch)
            self._supervisor.trouble(
                self.name,
                f"it took nothing for {self._supervisor.patience:g} s, so records are left out; "
                "'butler journal export' writes files again",
            )

    async def _keep_running(self, edge: Subscription, scope: anyio.CancelScope) -> None:
        pause = self._supervisor.pause
        while self._fatal is None and not self._done.is_set():
            began, last = anyio.current_time(), self._ending.is_set()
            if await self._ran(edge) or last or self._left_out:
                self._done.set()
                return
            if anyio.current_time() - began > _LONGEST_PAUSE:  # it had worked meanwhile
                pause = self._supervisor.pause
            with anyio.move_on_after(pause):
                await self._ending.wait()
            pause = min(2 * pause, _LONGEST_PAUSE)
        scope.cancel()

    async def _ran(self, edge: Subscription) -> bool:
        """Run the service once; whether it came to its end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._settle)
            try:
                await self._service.run(edge)
            except OF_TRADING as error:
                self._fatal = error
            except Exception as error:
                self._supervisor.trouble(self.name, reason_of(error))
            else:
                return True
            finally:
                tasks.cancel_scope.cancel()
        return False

    async def _settle(self) -> None:
        await anyio.sleep(self._supervisor.settled)
        self._supervisor.well(self.name)

    async def _wait_for_end(self, edge: Subscription) -> None:
        """Wait as long as the service still takes what is left."""
        while not self._done.is_set():
            left = edge.waiting
            with anyio.move_on_after(self._supervisor.grace):
                await self._done.wait()
            if not self._done.is_set() and edge.waiting == left:
                self._supervisor.trouble(self.name, "it does not end and is left behind")
                return


def reason_of(error: BaseException) -> str:
    """What went wrong in the first place, without the groups that tasks wrap it in."""
    cause = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror
    return f"{type(cause).__name__}: {cause}"
