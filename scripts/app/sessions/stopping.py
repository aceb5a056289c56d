"""Waiting in a session that may be told to stop meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

_STOP_CHECK = 0.1  # seconds between two looks at a request to stop


class Stop:
    """Whether the session was asked to stop; connected once it exists."""

    requested: Callable[[], bool] = staticmethod(lambda: False)

    def requested_now(self) -> bool:
        return self.requested()


async def sleep_until(
    seconds: float, stop: Stop, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Wait, but not beyond a request to stop; `meanwhile` is done again and again."""
    until = anyio.current_time() + seconds
    # The request comes from a signal handler, which can set a flag but no event of the loop.
    while (left := until - anyio.current_time()) > 0 and not stop.requested():
        if meanwhile is not None:
            await meanwhile()
        await anyio.sleep(min(left, _STOP_CHECK))
