"""Recorded decisions against today's, one by one. Pure."""

from __future__ import annotations

from collections import deque
from typing import get_args

import msgspec

from engine import events as ev
from engine.journal import PassingJournal

INPUTS = get_args(ev.Input)
EXTERNAL_EVENTS = (ev.SessionStarted, ev.UserCommanded)
"""Events that nobody inside the session decided: what they lead to follows when they come again."""

FROM_OUTSIDE = (*INPUTS, ev.UserCommanded)
"""The inputs of a session: from the terminal, its feed or its user."""

_MARKS = (ev.SessionStarted, ev.SessionResumed, ev.SessionEnded)


class RerunDifference(msgspec.Struct, frozen=True):
    """The first record at which a re-run parts from its journal.

    Without `today` the program decides nothing there; `failure` says so when it fails instead.
    """

    recorded: ev.Record
    today: ev.Record | None = None
    failure: str = ""


class RerunCounts(msgspec.Struct):
    """What a re-run found.

    `inputs` (the user's orders among them) and `decisions` count records that were compared;
    `beyond` counts what today's program decides at places where the journal had ended (a crash, an
    interruption), and `failure` says that it fails there.
    """

    inputs: int = 0
    decisions: int = 0
    beyond: int = 0
    failure: str = ""
    difference: RerunDifference | None = None


class RerunComparison(PassingJournal):
    """A journal (`engine.ports.Journal`) that keeps today's records until they are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.totals = RerunCounts()
        self.failure = ""
        self._waiting: deque[ev.Record] = deque()

    # --- the journal of today's actors ---

    def append(self, record: ev.Record) -> None:
        self._last = record.seq
        self._waiting.append(record)

    # --- comparing ---

    @property
    def waiting(self) -> bool:
        """Whether today's actors recorded something that was not compared yet."""
        return bool(self._waiting)

    def compare(self, recorded: ev.Record) -> bool:
        """Whether the next of today's records is like `recorded`; `metadata` does not count."""
        today = self._waiting.popleft() if self._waiting else None
        if today is None or _differ(today, recorded):
            self.totals.difference = RerunDifference(recorded, today, self.failure)
            return False
        if isinstance(recorded.event, FROM_OUTSIDE):
            self.totals.inputs += 1
        elif not isinstance(recorded.event, _MARKS):
            self.totals.decisions += 1
        return True

    def cut(self) -> None:
        """The journal ends here, or begins anew: what is left of today's was never recorded."""
        left = [item for item in self._waiting if not isinstance(item.event, _MARKS)]
        self.totals.beyond += len(left)
        self.totals.failure = self.failure
        self._waiting.clear()
        self.failure = ""


def _differ(one: ev.Record, other: ev.Record) -> bool:
    return (one.seq, one.time, one.bar, one.event) != (
        other.seq,
        other.time,
        other.bar,
        other.event,
    )
