"""A session on a terminal once more: what it recorded from outside, through today's actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile

from engine import events as ev
from engine.bus import Bus, HandlerFailed
from engine.rerun import EXTERNAL_EVENTS, INPUTS, RerunComparison, RerunCounts
from scripts.app.sessions.live_actors import Deciders
from scripts.app.sessions.replay import concluding

Records = Callable[[], Iterable[ev.Record]]
"""A journal's records from the first on, as often as they are asked for."""


class InputsNotRecorded(Exception):
    """Raised when a journal tells what a session decided, but not on what."""


class InputRerun:
    """Feeds recorded inputs at their times and compares what follows with what followed then.

    A session that went on after a crash goes on here in the same way: with new actors, brought
    back from the records before.
    """

    def __init__(self, records: Records, connect: Callable[[Bus], Deciders]) -> None:
        """`connect` makes the actors on a bus; what they would send must go nowhere."""
        self._records = records
        self._connect = connect
        self._comparison = RerunComparison()
        self._actors = self._new_actors()

    def run(self) -> RerunCounts:
        """Compare until the first difference or the journal's end; raises InputsNotRecorded."""
        for record in self._records():
            if not self._same(record):
                break
        else:
            self._comparison.cut()
        return self._comparison.totals

    def _new_actors(self) -> Deciders:
        return self._connect(Bus(self._comparison, record_inputs=True))

    def _same(self, record: ev.Record) -> bool:
        comparison, event = self._comparison, record.event
        stuck = comparison.waiting or comparison.failure
        if isinstance(event, ev.SessionResumed):
            comparison.cut()
            self._bring_back(record, event)
        elif (
            isinstance(event, ev.SessionEnded)
            and event.outcome is ev.SessionOutcome.FAILED
            and stuck
        ):
            # It failed on the way, so what it had still to decide was never recorded.
            comparison.cut()
            return True
        elif not stuck:
            self._lead(record)
        return comparison.compare(record)

    def _bring_back(self, record: ev.Record, resumed: ev.SessionResumed) -> None:
        self._actors = self._new_actors()
        past = takewhile(lambda item: item.seq < record.seq, self._records())
        self._actors.restorer().restore(past)
        self._actors.bus.time = record.time
        self._working(lambda: self._actors.go_on(resumed))

    def _lead(self, record: ev.Record) -> None:
        """Let what came from outside happen again."""
        bus, event = self._actors.bus, record.event
        bus.time, bus.bar = record.time, record.bar
        if isinstance(event, INPUTS):
            self._working(lambda: bus.feed(event))
        elif isinstance(event, EXTERNAL_EVENTS):
            self._working(lambda: bus.publish(event, record.metadata))
        elif isinstance(event, ev.SessionEnded):
            actors = self._actors
            conclude = concluding(actors.portfolio, actors.risk, actors.challenge_actor)
            bus.conclude(conclude(event.outcome, event.detail))
        elif not self._comparison.totals.inputs:
            raise InputsNotRecorded(
                f"record {record.seq} is a decision, but nothing from outside was recorded before"
            )

    def _working(self, step: Callable[[], None]) -> None:
        try:
            step()
        except HandlerFailed as error:
            self._comparison.failure = f"{error.handler} fails: {error.__cause__!r}"
