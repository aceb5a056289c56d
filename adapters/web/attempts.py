"""Work of the server that may fail: reported once, tried again, and never the server's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Attempts:
    """Tries pieces of work by their name and keeps why one does not succeed."""

    def __init__(self, warn: Callable[[str], None], changed: Callable[[], None]) -> None:
        """`changed` is called whenever `troubles` are others."""
        self.troubles: dict[str, str] = {}
        self._warn = warn
        self._changed = changed

    async def at(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it once; whether it succeeded. Each cause is reported once until the work succeeds."""
        try:
            await work()
        except Exception as error:
            self._failed(name, f"{type(error).__name__}: {error}")
            return False
        self.say(name, "")
        return True

    def say(self, name: str, why: str) -> None:
        """Work that went on has met what it could not do; empty when there is nothing more."""
        if why:
            self._failed(name, why)
        elif self.troubles.pop(name, None) is not None:
            self._warn(f"{name}: works again")
            self._changed()

    def forget(self, name: str) -> None:
        """Nobody tries that any more."""
        if self.troubles.pop(name, None) is not None:
            self._changed()

    def _failed(self, name: str, why: str) -> None:
        if self.troubles.get(name) != why:
            self.troubles[name] = why
            self._warn(f"{name}: failed ({why}); tried again")
            self._changed()

    async def again_and_again(
        self, name: str, work: Callable[[], Awaitable[None]], seconds: float
    ) -> None:
        """Do it every so many seconds until cancelled."""
        while True:
            await self.at(name, work)
            await asyncio.sleep(seconds)
