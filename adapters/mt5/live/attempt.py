"""Work that is given up when its time is over, and that never outlives whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_GLANCE = 0.1
"""Seconds between two looks at whether it is to be given up."""


async def attempted(work: Coroutine[Any, Any, None], given_up: Callable[[], bool]) -> bool:
    """Whether `work` came to its end before `given_up` said that it must not go on.

    Whatever ends this wait ends the work: it is cancelled, and not waited for. Raises what the work
    raises; a failure of its own goes before a cancellation that comes at the same moment.
    """
    attempt = asyncio.ensure_future(work)
    try:
        while not attempt.done():
            await asyncio.wait([attempt], timeout=_GLANCE)
            if not attempt.done() and given_up():
                return False
    except asyncio.CancelledError:
        if attempt.done():
            attempt.result()
        raise
    finally:
        attempt.cancel()
    attempt.result()
    return True
