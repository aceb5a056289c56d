"""Results of runs: of a replay in memory, and of any session's journal."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.bars.errors import BarFileError
from adapters.journal import StoredJournal
from engine import events as ev
from engine.events import Record
from engine.journal import PassingJournal
from engine.result import RunResult
from engine.result.build import finished
from engine.result.fold import ResultFold
from engine.session import Session
from scripts.app.errors import AppError
from scripts.app.journals.rerun_bars import SourceFiles, inputs_again
from scripts.app.results.tables import limits_of
from scripts.app.results.tables import prices_of as prices_of
from scripts.app.sessions.replay import begin, concluding, connect, replay_feed
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.replay_terms import Terms


class FoldingJournal(PassingJournal):
    """A journal (`engine.ports.Journal`) that keeps what records say, and no record."""

    def __init__(self, fold: ResultFold, also: Callable[[Record], None] = lambda _: None) -> None:
        super().__init__()
        self._fold, self._also = fold, also

    def append(self, record: Record) -> None:
        self._fold.take(record)
        self._also(record)
        self._last = record.seq


def replay_in_memory(
    terms: Terms,
    about: dict[str, Any] | None = None,
    *,
    also: Callable[[Record], None] = lambda _: None,
    first: ev.LedgerUpdated | None = None,
) -> RunResult:
    """Run a replay and return its result: no file, no journal on disk, no screen, no handlers.

    `also` takes every record; `first` is where the account stands by a ledger, if by any. It may be
    called in any thread, and inside a running event loop (a notebook's), which it blocks.
    Raises what a replay raises (BarFileError, engine.bus.HandlerFailed).
    """
    fold = ResultFold(limits_of(terms.objectives))
    journal = FoldingJournal(fold, also)

    async def run() -> None:
        parts = connect(journal, terms)
        session = Session(
            parts.bus,
            journal,
            replay_feed(parts, terms),
            [],
            conclude=concluding(parts.portfolio, parts.risk, parts.challenge_actor),
            end_metadata=dict,
            on_slice=lambda: None,
        )
        begin(parts, terms, about)
        if first is not None:
            parts.bus.feed(first)
        await session.run()

    _run(run())
    return finished(fold, prices_of(terms.inputs))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """To its end, in a thread of its own where this one has a loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    failures: list[BaseException] = []

    def apart() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # handed on to whoever waits
            failures.append(error)

    thread = threading.Thread(target=apart, name="replay in memory")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def result_of_journal(
    path: Path,
    bars: dict[str, Path] | None = None,
    also: Callable[[Record], None] = lambda _: None,
) -> RunResult:
    """The result of a session's journal, whether the session is over or still runs.

    A replay's bars are found again by their hash; `bars` says where moved ones are. Without them
    the result has no prices, equity only where something happened, and a warning that says so.
    `also` takes every record, too. Raises JournalDamaged for a journal that cannot be read.
    """
    fold = ResultFold()
    with StoredJournal(path) as stored:
        for record in stored.records():
            if fold.terms is None and isinstance(record.event, ev.SessionStarted):
                fold.limits = limits_of(challenge_of(record.event))
                started, about = record.event, record.metadata or {}
            fold.take(record)
            also(record)
    if fold.terms is None or fold.terms.mode != "replay":
        return finished(fold)
    try:
        inputs = inputs_again(started, about, SourceFiles(path.parent, bars or {}))
        return finished(fold, prices_of(inputs))
    except (AppError, BarFileError) as error:
        warning = f"No prices: {error}"
        return replace(finished(fold), warnings=(warning,))
