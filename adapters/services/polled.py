"""Something outside that is looked at between two steps of a session, and never holds it up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from adapters.services.supervisor import reason_of
from adapters.system.threads import in_daemon

T = TypeVar("T")

_PATIENCE: Final = 1.0


class Polled(Generic[T]):
    """Calls `look` in a thread and gives `take` what it returns, at once or at a later step.

    A look that hangs is waited for once; nothing is looked at meanwhile. What fails is reported
    once until a look succeeds.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], T],
        take: Callable[[T], None],
        warn: Callable[[str], None],
        *,
        patience: float = _PATIENCE,
    ) -> None:
        """`patience` (seconds) is what a step waits for a look that it began."""
        self._name = name
        self._look = look
        self._take = take
        self._warn = warn
        self._patience = patience
        self._looking: asyncio.Task[T] | None = None
        self._failing = False

    async def __call__(self) -> None:
        patience = 0.0
        if self._looking is None:
            self._looking = asyncio.create_task(in_daemon(self._look))
            patience = self._patience
        await asyncio.wait({self._looking}, timeout=patience)
        if not self._looking.done():
            self._tell(f"does not answer within {self._patience:g} s; the session goes on")
            return
        done, self._looking = self._looking, None
        if (error := done.exception()) is not None:
            self._tell(f"cannot be read ({reason_of(error)})")
            return
        self._failing = False
        self._take(done.result())

    def _tell(self, how: str) -> None:
        if not self._failing:
            self._warn(f"{self._name}: {how}")
        self._failing = True
