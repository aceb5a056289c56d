"""A service that runs for exactly as long as its session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from engine import events as ev
from engine.bus import Subscription


class BackgroundService:
    """Makes an endless piece of work an I/O actor: it is cancelled when the session has ended.

    A failure of the work ends the session, as that of any I/O actor does.
    """

    kinds: frozenset[type] = frozenset({ev.SessionEnded})

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._work = work
        self._failure: Exception | None = None

    async def run(self, subscription: Subscription) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._guarded, tasks.cancel_scope)
            async for _ in subscription.stream:
                pass
            tasks.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    async def _guarded(self, scope: anyio.CancelScope) -> None:
        try:
            await self._work()
        except Exception as error:
            # Kept out of the task group, which would wrap it and hide what it says.
            self._failure = error
            scope.cancel()
