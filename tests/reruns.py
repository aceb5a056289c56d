"""Journals of simulated sessions on a terminal, and their re-runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from unittest.mock import patch

import msgspec

from engine import events as ev
from engine.rerun import RerunCounts, RerunDifference
from engine.types import SymbolSpec
from scripts.app.journals.rerun import deciders
from scripts.app.journals.rerun_inputs import InputRerun
from signals.strategy import Decision, StrategyFactory, View
from tests.simulation import engine_run
from tests.simulation.run import run_and_keep
from tests.simulation.strategy import RandomStrategy
from tests.simulation.world import World


class Remembering(RandomStrategy):
    """Decides by all bars that it has ever seen, so that it matters what it was warmed up with."""

    def __init__(self, spec: SymbolSpec) -> None:
        super().__init__(spec)
        self._seen = 0

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        self._seen = (self._seen * 31 + bar.close) % 1_000_003
        return super().on_bar(msgspec.structs.replace(bar, high=bar.high + self._seen), view)


@cache
def recorded(seed: int, strategy: StrategyFactory = Remembering) -> tuple[ev.Record, ...]:
    """What the journal of a seed's simulated session holds at its end, where it is never divided:
    whatever crashes, the user goes on with it.
    """
    divided = patch.object(World, "divide", lambda _world: False)
    with divided, patch.object(engine_run, "RandomStrategy", strategy):
        result, records = run_and_keep(seed)
    assert not result.broken, f"seed {seed}: {result.broken}"
    return tuple(records)


def rerun(records: Sequence[ev.Record], strategy: StrategyFactory = Remembering) -> RerunCounts:
    """Today's decisions against these records."""
    (first, *_) = records
    assert isinstance(first.event, ev.SessionStarted)
    make = deciders(first.event, first.metadata or {}, strategy)
    return InputRerun(lambda: iter(records), make).run()


def difference(totals: RerunCounts) -> RerunDifference:
    """The difference that a re-run must have found."""
    assert totals.difference is not None
    return totals.difference


def is_decision(record: ev.Record) -> bool:
    """Whether the record tells what the session decided by itself."""
    outside = (ev.SessionStarted, ev.SessionResumed, ev.SessionEnded, ev.UserCommanded)
    return isinstance(record.event, ev.Event) and not isinstance(record.event, outside)
