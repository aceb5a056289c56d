"""What viewers look at: the latest content, and a way to wait for the next. Nothing is queued."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """Raised when the server ends and no content will come any more."""


class Topic(Generic[T]):
    """One thing that changes. Who is slow misses what came in between, never the latest."""

    def __init__(self) -> None:
        self.content: T | None = None
        self._number = 0
        self._closed = False
        self._changed = asyncio.Event()

    def publish(self, content: T) -> None:
        """Replace the content; whoever waits wakes."""
        self.content = content
        self._number += 1
        self._wake()

    def close(self) -> None:
        """End every wait, now and later."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def newer(self, than: int) -> tuple[int, T]:
        """The latest content and its number, once that is above `than`; raises Closed."""
        while not self._closed:
            if self.content is not None and self._number > than:
                return self._number, self.content
            await self._changed.wait()
        raise Closed
