"""Any run that a user names, from its journal: its result, and its event log to compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.journal import StoredJournal
from adapters.reports.projection import LogProjection
from adapters.reports.runs import (
    HALTED,
    LogLine,
    Run,
    RunUnreadable,
    digits_of,
    parse_log,
    read_run,
)
from adapters.reports.sinks import csv_bytes
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.events import Record
from engine.journal import JournalDamaged
from engine.result import RunResult
from engine.types import Millis
from scripts.app.errors import BadData
from scripts.app.journals.results import result_of_journal
from scripts.app.session_folder import JOURNAL, find_journal, names_session
from scripts.app.terms.options import bar_paths

LAST = "last"
"""Stands for the session that was written to last."""


class RunRows:
    """Takes records; keeps the rows of their event log, and what only a summary tells.

    What comes after `until` (ms UTC) is left out, also where that is set later.
    """

    def __init__(self, until: Millis | None = None) -> None:
        self.until = until
        self._projection, self._summary = LogProjection(), SummaryProjection()
        self._rows: list[tuple[Millis, dict[str, str]]] = []
        self._halted: list[Millis] = []
        self._first = self._last = 0
        self.pauses: list[tuple[Millis, Millis]] = []
        """When the session did not run, before it was gone on with."""

    def take(self, record: Record) -> None:
        """Take the next record into account."""
        event = record.event
        if isinstance(event, ev.SessionResumed):
            self.pauses.append((self._last, record.time))
        self._first = self._first or record.time
        self._last = max(self._last, record.time)
        if type(event) in SummaryProjection.KINDS:
            self._summary.take(record)
        if type(event) not in LogProjection.KINDS:
            return
        if isinstance(event, ev.OrderDenied) and event.reason == HALTED:
            self._halted.append(record.time)
        row = self._projection.row(record)
        if row is not None:
            self._rows.append((record.time, row))

    @property
    def played(self) -> tuple[Millis, Millis]:
        """From the first record to the last one that counts."""
        return self._first, self._last if self.until is None else min(self._last, self.until)

    @property
    def halted(self) -> int:
        """Entries denied during a halt, which have no row."""
        return sum(map(self._counts, self._halted))

    @property
    def summary(self) -> dict[str, Any] | None:
        """The summary of a run that counts as a whole; None of a part."""
        return self._summary.summary() if self._counts(self._last) else None

    def _counts(self, moment: Millis) -> bool:
        return self.until is None or moment <= self.until

    def lines(self, name: str) -> list[LogLine]:
        """The rows as a log's reader gives them."""
        rows = [row for moment, row in self._rows if self._counts(moment)]
        return parse_log(csv_bytes(rows, header=True).decode(), name)


@dataclass(frozen=True)
class RecordedRun:
    """A run: its result, the rows of its event log, and how its first record describes it."""

    name: str
    result: RunResult
    rows: RunRows
    started: ev.SessionStarted
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> list[LogLine]:
        return self.rows.lines(self.name)


def comparable(*runs: RecordedRun) -> tuple[list[Run], dict[str, int]]:
    """The runs with prices in the same points, and the digits of each symbol."""
    every = [run.lines for run in runs]
    digits = digits_of(line for lines in every for line in lines)
    for run in runs:
        digits |= {name: spec.digits for name, spec in run.result.terms.symbols.items()}
    found = []
    for run, lines in zip(runs, every, strict=True):
        one = read_run(lines, digits)
        one.session_id = run.result.terms.session_id
        one.mode = run.result.terms.mode
        one.currency = run.result.terms.currency
        one.unlogged = run.rows.halted
        one.played(*run.rows.played)
        found.append(one)
    return found, digits


def recorded_run(
    path: Path,
    bars: list[str] | None = None,
    also: Callable[[Record], None] = lambda _: None,
) -> RecordedRun:
    """The run in a journal, whether it is over or not; raises AppError for one that is unreadable.

    `bars` says as SYMBOL=FILE where a replay's bar files are that were moved; `also` takes every
    record, too.
    """
    rows = RunRows()

    def take(record: Record) -> None:
        rows.take(record)
        also(record)

    try:
        started, about = _begin(path)
        specs = {spec.name: spec for spec in started.symbols}
        result = result_of_journal(path, bar_paths(bars or [], specs)[0], also=take)
    except JournalDamaged as error:
        raise BadData(str(error)) from error
    return RecordedRun(result.terms.session_id or path.parent.name, result, rows, started, about)


def _begin(path: Path) -> tuple[ev.SessionStarted, dict[str, Any]]:
    """The first record; raises JournalDamaged where it is not the start of a session."""
    with StoredJournal(path) as stored:
        for record in stored.records(1, 1):
            if isinstance(record.event, ev.SessionStarted):
                return record.event, record.metadata or {}
    raise JournalDamaged(f"{path}: it does not begin with the start of a session")


def find_run(results: Path, name: str) -> Path:
    """The journal of a run given by id, folder, journal, event log or summary, or as `last`.

    Raises BadData when there is none.
    """
    if name == LAST and not (results / "sessions" / LAST).exists():
        return _latest(results)
    path = Path(name)
    if path.is_file() and path.suffix.casefold() in (".csv", ".json"):
        return _of_file(results, path)
    return find_journal(results, name)


def _latest(results: Path) -> Path:
    found = list((results / "sessions").glob(f"*/{JOURNAL}"))
    if not found:
        raise BadData(f"{results}: no session yet; butler replay makes one")
    return max(found, key=_written)


def _written(journal: Path) -> float:
    log = journal.with_name(f"{journal.name}-wal")
    return max(file.stat().st_mtime for file in (journal, log) if file.exists())


def _of_file(results: Path, path: Path) -> Path:
    """The journal beside an event log or a summary, or the one of the session that it names."""
    if (path.parent / JOURNAL).is_file():
        return path.parent / JOURNAL
    session = _session_in(path)
    if session and not names_session(session):
        raise BadData(f"{path}: {session[:80]!r} is no session's name; give the session's folder")
    for folder in (path.parent / "sessions", results / "sessions"):
        if session and (folder / session / JOURNAL).is_file():
            return folder / session / JOURNAL
    raise BadData(
        f"{path}: the journal of its session {session or '?'} is not in "
        f"{path.parent / 'sessions'}; give the session's folder"
    )


def _session_in(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.casefold() == ".json":
            return str(json.loads(text)["session_id"])
        lines = parse_log(text, str(path))
        return lines[0].cells["session_id"] if lines else ""
    except RunUnreadable as error:
        raise BadData(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadData(f"{path}: no event log or summary of a run ({error})") from error
