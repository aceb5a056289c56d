"""A strategy that trades on every M15 bar: what a round trip costs, and that it stays the same.

A round trip is twelve records: two orders from signal to fill, the position opened and closed, each
with everything on (journal, event log, summary).
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio

from adapters.journal import SqliteJournal
from adapters.services.logs import SessionLog
from engine.bus import Bus
from engine.events import BarClosed, Event, PositionClosed, Record
from engine.journal import MemoryJournal
from engine.types import Side, SymbolSpec, units
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.sessions.replay import begin, connect, file_sinks, replay_feed
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from signals.strategy import Decision, Enter, Exit, View
from tests import synthetic
from tests.bench.machine import machine
from tests.bench.speed import Seconds, kept, medians, session, timed

TRIPS = (10_000, 100_000)
RUNS = 5

_SLICE = 2_048  # records between two looks at the edges, as a replay has them

_BARS_A_WEEK = 450  # 480 less the holes of the synthetic feed
_FAR = 20_000  # points: a stop that is never hit


class Storm:
    """Opens on one bar, long and short in turn, and closes on the next."""

    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec) -> None:
        self._side = Side.LONG

    def on_bar(self, _bar: BarClosed, view: View) -> Decision | None:
        if view.position is not None:
            return Exit("STORM")
        self._side = self._side.opposite
        stop = view.tick.bid - self._side * _FAR
        return Enter(
            side=self._side, stop_loss=stop, take_profit=0, reason="storm", volume=units(0.1)
        )


def storm_terms(trips: int, folder: Path) -> Terms:
    """At least `trips` round trips of 0.10 lot over synthetic M15 bars, with no limit in reach."""
    weeks = 2 * trips // _BARS_A_WEEK + 3
    first = synthetic.SPRING - 7 * weeks * synthetic.DAY
    bars = synthetic.feed(1, days=7 * weeks, first=first)["EURUSD"]
    path = synthetic.write_parquet(bars, folder / f"storm_{trips}.parquet")
    limits = {"per_trade_risk_fraction": 0.9, "daily_loss_fraction": 0.99}
    request = ReplayRequest(
        bars=[f"EURUSD={path}"], clock="utc", limits=limits, starting_equity=1e8
    )
    terms = dataclasses.replace(
        resolve_terms(request)[0], preset="storm", parameters={}, factory=Storm, timeframes=("M15",)
    )
    return kept(terms)


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        cases = [Case(storm_terms(trips, Path(made))) for trips in TRIPS]
        for _ in range(RUNS):  # side by side: what else the machine does meets both alike
            for case in cases:
                case.run()
        print(f"medians of {RUNS} alternating runs, a round trip:")
        print("\n".join(case.line() for case in cases))
        recorded = statistics.median(asyncio.run(recording(cases[0].terms)) for _ in range(RUNS))
        print(
            f"  its records alone, of decisions made before: {1 / recorded:,.0f}/s "
            f"({recorded * 1e6:.0f} us)"
        )
        few, many = (medians(case.journaled).processor for case in cases)
        print(f"  at {TRIPS[-1]:,} a round trip costs {many / few:.2f} times that at {TRIPS[0]:,}")


@dataclass
class Case:
    """One length of the storm, and what its runs took a round trip."""

    terms: Terms
    trades: int = 0
    journaled: list[Seconds] = field(default_factory=list)
    alone: list[Seconds] = field(default_factory=list)

    def run(self) -> None:
        """Once as a user runs it, with journal and files; once the actors alone."""
        self.journaled.append(self._timed(lambda: session(self.terms).trades))
        self.alone.append(self._timed(lambda: _actors_alone(self.terms)))

    def _timed(self, run: Callable[[], int]) -> Seconds:
        took, trades = timed(run)
        self.trades = self.trades or trades
        if trades != self.trades:
            raise RuntimeError(f"{trades} trades after {self.trades} over the same bars")
        return Seconds(*(part / trades for part in took))

    def line(self) -> str:
        whole, alone = medians(self.journaled), medians(self.alone)
        return (
            f"  {self.trades:>9,} trades  {1 / whole.wall:9,.0f}/s with journal and files "
            f"({whole.wall * 1e6:.0f} us, {whole.processor * 1e6:.0f} of processor), "
            f"{1 / alone.wall:9,.0f}/s the actors alone ({alone.processor * 1e6:.0f} us)"
        )


class _Nowhere(MemoryJournal):
    """Counts closed positions and keeps nothing."""

    closed = 0

    def append(self, record: Record) -> None:
        self.closed += isinstance(record.event, PositionClosed)


async def recording(terms: Terms) -> float:
    """Seconds a round trip that its events take from the bus to the sealed files, no actor on it.

    The least that a round trip can take, however fast its decisions are.
    """
    events = MemoryJournal()
    await _play(events, terms)
    trades = sum(isinstance(record.event, PositionClosed) for record in events.records)
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "bench", SIMULATED)
        folder.create()
        begun = time.perf_counter()
        journal = SqliteJournal(folder.journal, power_safe=False)
        bus = Bus(journal)
        log = SessionLog(folder.log, folder.session_id, lambda: 0, say=None)
        async with anyio.create_task_group() as tasks:
            for sink, subscription in file_sinks(bus, folder, log).actors:
                tasks.start_soon(sink.run, subscription)
            for first in range(0, len(events.records), _SLICE):
                for record in events.records[first : first + _SLICE]:
                    bus.time, bus.bar = record.time, record.bar
                    bus.publish(cast("Event", record.event), record.metadata)
                await bus.flush()
                await journal.room()
            bus.close_subscriptions()
        await journal.close()
        return (time.perf_counter() - begun) / trades


def _actors_alone(terms: Terms) -> int:
    """The same session without a journal's file and without edges."""
    journal = _Nowhere()
    asyncio.run(_play(journal, terms))
    return journal.closed


async def _play(journal: MemoryJournal, terms: Terms) -> None:
    parts = connect(journal, terms)
    feed = replay_feed(parts, terms)
    begin(parts, terms)
    async for _ in feed.slices():
        await parts.bus.flush()
