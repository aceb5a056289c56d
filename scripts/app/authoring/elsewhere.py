"""The machine as another one on another day: what decides by its clock decides otherwise there."""

from __future__ import annotations

import datetime as dt
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

SHIFTS = (
    dt.timedelta(days=1),
    dt.timedelta(days=2, hours=7, minutes=11, seconds=13, milliseconds=579),
)
"""The next day at the same time, and another weekday, hour, minute and second."""


class _SameKind(type):
    """What the real class calls its instances, this one does, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


def _classes(shift: dt.timedelta) -> tuple[type[dt.datetime], type[dt.date]]:
    """`datetime` and `date` whose present is so much later; all else is that of the real ones."""
    real = dt.datetime  # by its name it is the new one, later

    class Datetime(dt.datetime, metaclass=_SameKind):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return real.now(tz) + shift

        @classmethod
        def utcnow(cls) -> Any:
            return real.now(dt.UTC).replace(tzinfo=None) + shift

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    class Date(dt.date, metaclass=_SameKind):
        @classmethod
        def today(cls) -> Any:
            return (real.now() + shift).date()

    return Datetime, Date


@contextmanager
def elsewhere(shift: dt.timedelta) -> Iterator[None]:
    """While inside, clocks that a module asks are so much later, and the process is another one.

    For modules that are loaded inside. The clocks that only measure how long something takes stay,
    and so does what a compiled package asks of the system by itself.
    """
    later, nanoseconds = shift.total_seconds(), shift // dt.timedelta(microseconds=1) * 1000
    now, now_ns, local, world, process = (
        time.time, time.time_ns, time.localtime, time.gmtime, os.getpid(),
    )  # fmt: skip
    moment, day = _classes(shift)
    changed: list[tuple[object, str, object]] = [
        (time, "time", lambda: now() + later),
        (time, "time_ns", lambda: now_ns() + nanoseconds),
        (time, "localtime", lambda at=None: local(now() + later if at is None else at)),
        (time, "gmtime", lambda at=None: world(now() + later if at is None else at)),
        (dt, "datetime", moment),
        (dt, "date", day),
        (os, "getpid", lambda: process + 1_001),
        (platform, "node", lambda: "elsewhere"),
    ]
    with ExitStack() as stack:
        for where, name, what in changed:
            stack.enter_context(patch.object(where, name, what))
        yield
