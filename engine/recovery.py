"""Bringing actors back to where a journal left them. Pure.

Every actor names, in `replay_routes`, what recorded events leave behind in it. Those handlers only
remember: nothing is decided again and nothing is published, so a session goes on from what was
recorded even when a newer version of the program would decide otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from engine import events as ev
from engine.bus import Bus
from engine.journal import JournalDamaged


class ClockSteppedBack(Exception):
    """Raised when a session is to go on at a time before its last record."""


class RecoveredSession(msgspec.Struct, frozen=True):
    """What a journal says of a session as a whole; `last` is its last record."""

    started: ev.SessionStarted
    metadata: dict[str, Any]
    last: ev.Record
    ended: bool


class Restorer:
    """Feeds recorded events to the memories of a session's actors, in the order of their kinds."""

    def __init__(self, bus: Bus, memories: Iterable[ev.Routes]) -> None:
        self._bus = bus
        self._handlers: dict[type, list[Callable[[Any], None]]] = {}
        for routes in memories:
            for kind, handler in routes.items():
                self._handlers.setdefault(kind, []).append(handler)

    @property
    def kinds(self) -> frozenset[type]:
        """The kinds of records that leave anything behind; others need not be read."""
        return frozenset(self._handlers)

    def restore(self, records: Iterable[ev.Record], last_seq: int = 0) -> RecoveredSession:
        """Take a journal's records of these `kinds`; the bus then goes on after the last one.

        `last_seq` is the number of the journal's last record, when that is none of these. Raises
        JournalDamaged when the session's start is not among them.
        """
        first: ev.Record | None = None
        last: ev.Record | None = None
        for record in records:
            first = first or record
            last = record
            self._bus.time = record.time
            for handler in self._handlers.get(type(record.event), ()):
                handler(record.event)
        if first is None or last is None or not isinstance(first.event, ev.SessionStarted):
            raise JournalDamaged("the journal does not begin with the start of a session")
        self._bus.go_on_after(max(last.seq, last_seq))
        return RecoveredSession(
            first.event, first.metadata or {}, last, isinstance(last.event, ev.SessionEnded)
        )
