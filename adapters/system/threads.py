"""Blocking calls that nobody has to wait for to the end: a disk or a console may hang for ever."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon(function: Callable[[], T], *, name: str = "service call") -> T:
    """What `function` returns or raises, called in a daemon thread of its own.

    Unlike a worker thread's, a call that is cancelled is left behind: it keeps neither the caller
    nor the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settling: Callable[[], None]) -> None:
        if not future.done():
            settling()

    def work() -> None:
        settling: Callable[[], None]
        try:
            result = function()
        except Exception as error:
            failure = error
            settling = lambda: future.set_exception(failure)  # noqa: E731
        else:
            settling = lambda: future.set_result(result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, settling)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
