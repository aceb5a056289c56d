"""How often Python looks for cycles while a session replays.

A replay's objects are freed by their reference counts; cycles are next to none. What it holds,
trades above all, is looked through in vain at each collection: a twentieth of a replay's time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 50_000
"""Objects after which the youngest are looked through; Python's own figure is 700 to 2,000."""
_YOUNG = 20
"""Looks at the youngest between two at those that survived."""


def collect_rarely() -> None:
    """From now on, in a process that does nothing but replay."""
    gc.set_threshold(_OBJECTS, _YOUNG)


@contextmanager
def rare_collections() -> Iterator[None]:
    """While it lasts; what stood before stands again afterwards, whoever called."""
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
