"""Faults of the server itself: each kind is said once, and none of them ends it."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from typing import Any, Final

from adapters.web.connections import Connections

_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The system has no room for one more connection."""

_MOST_KINDS: Final = 100


class Faults:
    """What strangers send is no fault, and must not fill a log."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._told: set[str] = set()
        self.ending = False
        """The server ends: what still comes is of its end."""

    def say(self, what: str) -> None:
        """Say it, the first time."""
        if what not in self._told and len(self._told) < _MOST_KINDS:
            self._told.add(what)
            self._warn(what)

    def of_logs(self) -> None:
        """Those that the packages underneath log."""
        for name in ("uvicorn.error", "sse_starlette.sse"):
            log = logging.getLogger(name)
            log.handlers = [_Logged(self)]
            log.setLevel(logging.ERROR)
            log.propagate = False

    def of_loop(self, loop: asyncio.AbstractEventLoop, connections: Connections) -> None:
        """Those that nobody else hears of; where the system is out of room, strangers make some."""

        def heard(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            if self.ending:
                return
            error = context.get("exception")
            if isinstance(error, OSError) and error.errno in _SHORT:
                connections.make_room()
                self.say(
                    f"a connection had to wait ({error.strerror}): strangers were dropped; "
                    "raise the limit of open files (ulimit -n)"
                )
                return
            told = context.get("message", "a fault in the loop")
            self.say(told if error is None else f"{told}: {type(error).__name__}: {error}")

        loop.set_exception_handler(heard)


class _Logged(logging.Handler):
    def __init__(self, faults: Faults) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        told = record.getMessage().strip()
        self._faults.say(told if error is None else f"{type(error).__name__}: {error}")
