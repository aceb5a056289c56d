"""How long a replay takes, and how long a bare loop over the same bars, in alternating runs."""

from __future__ import annotations

import dataclasses
import gc
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from engine.bars import PreparedBars
from engine.events import SessionOutcome
from scripts.app.operations.replay import run_replay
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.terms.bars import BarInput
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared.screen import Screen
from tests.bench.bars import Source
from tests.reference import bare_loop
from tests.reference.preset_bars import TABLE

PAIRS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Kept(BarInput):
    """Bars that were prepared before the clock started."""

    chunks: tuple[PreparedBars, ...] = ()

    def prepared(self, timeframes: tuple[str, ...]) -> Iterator[PreparedBars]:
        del timeframes  # those of the terms, as when the chunks were made
        return iter(self.chunks)


@dataclass(frozen=True)
class Found:
    """What a run came to, to see that both trade alike."""

    trades: int
    balance: int
    events: int = 0


class Seconds(NamedTuple):
    """What a run took: by the clock, and of the processor, which others at work disturb less."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Timing:
    """Every run, ours and the bare loop's, in pairs."""

    bars: int
    events: int
    ours: list[Seconds]
    bare: list[Seconds]

    def lines(self) -> list[str]:
        """The medians, and the range of the paired ratio, for people."""
        events = f"  {self.events / medians(self.ours).wall:9,.0f} events/s"
        walls = [one.wall / other.wall for one, other in zip(self.ours, self.bare, strict=True)]
        work = [
            one.processor / other.processor for one, other in zip(self.ours, self.bare, strict=True)
        ]
        return [
            f"  replay     {self._speed(self.ours)}{events}",
            f"  bare loop  {self._speed(self.bare)}",
            f"  ratio      {statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f} "
            f"over {len(walls)} pairs), of processor time {statistics.median(work):.2f}",
        ]

    def _speed(self, runs: list[Seconds]) -> str:
        took = medians(runs)
        speed = f"{self.bars / took.wall:11,.0f} bars/s"
        return f"{took.wall:6.3f} s ({took.processor:.3f} s of processor) {speed}"


def medians(runs: list[Seconds]) -> Seconds:
    """The median of each kind of seconds."""
    walls, processors = zip(*runs, strict=True)
    return Seconds(statistics.median(walls), statistics.median(processors))


def with_reading(source: Source, preset: str = "ftmo_m15") -> Timing:
    """From the file: checking, hashing, preparing and replaying, against reading and looping."""

    def bare() -> Found:
        loop = bare_loop.run(source.columns(), TABLE["EURUSD"], clock="new-york+7")
        return Found(*loop)

    alike = preset == "ftmo_m15"  # the bare loop trades the preset, whatever it is compared with
    ours = partial(_read_and_run, source, preset)
    return _paired(ours, bare, len(source.columns().time), alike=alike)


def _read_and_run(source: Source, preset: str) -> Found:
    return session(_terms(source, preset))


def without_reading(source: Source, preset: str = "ftmo_m15") -> Timing:
    """The session alone, over bars that are in memory in the form in which it plays them."""
    terms = kept(_terms(source, preset))
    columns = source.columns()
    feed = bare_loop.prepare(columns, TABLE["EURUSD"], "new-york+7")

    def bare() -> Found:
        return Found(*bare_loop.trade(feed, TABLE["EURUSD"], bare_loop.Terms()))

    alike = preset == "ftmo_m15"
    return _paired(lambda: session(terms), bare, len(columns.time), alike=alike)


def _terms(source: Source, preset: str) -> Terms:
    request = ReplayRequest(bars=[f"EURUSD={source.path}"], clock="new-york+7", preset=preset)
    return resolve_terms(request)[0]


def kept(terms: Terms) -> Terms:
    """The same terms over bars that are prepared already."""
    inputs: list[BarInput] = []
    for item in terms.inputs:
        known = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
        inputs.append(Kept(**known, chunks=tuple(item.prepared(terms.timeframes))))
    return dataclasses.replace(terms, inputs=inputs)


def session(terms: Terms) -> Found:
    """A whole session in a new folder: journal, event log and summary on disk."""
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "bench", SIMULATED)
        folder.create()
        outcome = run_replay(terms, folder, Screen(quiet=True)).outcome
        if outcome is not SessionOutcome.DONE:
            raise RuntimeError(f"the replay ended {outcome}")
        summary = json.loads(folder.summary.read_text(encoding="utf-8"))
        with closing(sqlite3.connect(folder.journal)) as journal:
            (events,) = journal.execute("SELECT max(seq) FROM records").fetchone()
    return Found(summary["number_of_trades"], round(summary["final_balance"] * 100), events)


def _paired(
    ours: Callable[[], Found], bare: Callable[[], Found], bars: int, *, alike: bool
) -> Timing:
    """Alternating runs after one of each to warm up.

    Raises RuntimeError if they trade apart although they should be `alike`.
    """
    times: tuple[list[Seconds], list[Seconds]] = ([], [])
    warm = ours(), bare()
    if alike and dataclasses.replace(warm[0], events=0) != warm[1]:
        raise RuntimeError(f"the replay and the bare loop trade differently: {warm}")
    for _ in range(PAIRS):
        for run, took in zip((ours, bare), times, strict=True):
            took.append(timed(run)[0])
    return Timing(bars, warm[0].events, *times)


def timed(run: Callable[[], T]) -> tuple[Seconds, T]:
    """What a run takes that begins without garbage, and what it comes to."""
    gc.collect()
    start = time.perf_counter(), time.process_time()
    found = run()
    return Seconds(time.perf_counter() - start[0], time.process_time() - start[1]), found
