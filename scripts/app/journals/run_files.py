"""Finding the files of a run that a user names: by id, folder, event log or summary."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.reports.runs import (
    HALTED,
    LogLine,
    Run,
    RunUnreadable,
    digits_of,
    parse_log,
    read_run,
)
from engine.types import Points
from scripts.app.errors import BadData
from scripts.app.session_folder import SIMULATED, THROUGH_MT5, names_session

_LOG, _SUMMARY = "_log.csv", "_summary.json"
_TOLD = (
    "preset", "account_profile", "dry_run", "initial_equity", "max_open_positions",
    "per_trade_risk_fraction", "daily_loss_fraction", "max_loss_fraction", "data",
)  # fmt: skip
"""The parts of a summary that name the inputs of a run."""


@dataclass
class Source:
    """A run with the files that tell about it; summary and configuration may be missing."""

    log: Path
    lines: list[LogLine]
    summary: dict[str, Any] | None = None
    configuration: dict[str, Any] | None = None
    run: Run = field(default_factory=Run)
    digits: dict[str, int] = field(default_factory=dict)

    def price(self, symbol: str, points: Points) -> str:
        """Points as a decimal price."""
        digits = self.digits.get(symbol, 0)
        return f"{points / 10**digits:.{digits}f}"

    @property
    def stated(self) -> dict[str, Any]:
        """What the summary says of the run's terms; nothing without one."""
        return {name: (self.summary or {}).get(name) for name in _TOLD}


def load_both(results: Path, run_a: str, run_b: str) -> tuple[Source, Source]:
    """Both runs, their prices in the same points; raises BadData."""
    try:
        sources = [_source(results, name) for name in (run_a, run_b)]
        digits = digits_of(line for source in sources for line in source.lines)
        for source in sources:
            source.digits = digits
            source.run = read_run(source.lines, digits)
            _add_what_logs_lack(source)
    except RunUnreadable as error:
        raise BadData(str(error)) from error
    return sources[0], sources[1]


def _add_what_logs_lack(source: Source) -> None:
    """Id and mode of a run without rows, and the denials that have none."""
    known = source.configuration or {}
    if not source.lines and isinstance(known.get("terms"), dict):
        source.run.session_id = str(known.get("session_id", ""))
        source.run.mode = str(known["terms"].get("mode", ""))
    _add_period(source)
    source.run.currency = str((source.summary or {}).get("currency", ""))
    denied = (source.summary or {}).get("filtered")
    if isinstance(denied, dict) and isinstance(denied.get(HALTED), int):
        source.run.unlogged = denied[HALTED]


def _add_period(source: Source) -> None:
    """The time that was played, where the summary knows it: logs need not reach to its ends."""
    told = source.summary or {}
    try:
        first, last = (
            dt.datetime.fromisoformat(told[name]) for name in ("played_from", "played_to")
        )
    except (KeyError, TypeError, ValueError):  # of an older version, or it still runs
        return
    source.run.played(round(first.timestamp() * 1000), round(last.timestamp() * 1000))


def _source(results: Path, name: str) -> Source:
    log = _log_of(results, name)
    lines = parse_log(_text(log), str(log))
    session_id = lines[0].cells["session_id"] if lines else None
    source = Source(log, lines)
    own = results / "sessions" / (session_id or "")
    beside = log.parent / "sessions" / (session_id or "")
    for folder in (log.parent, beside, own):
        source.summary = source.summary or _of_session(
            folder / log.name.replace(_LOG, _SUMMARY), session_id
        )
        source.configuration = source.configuration or _of_session(
            folder / "config.json", session_id
        )
    return source


def _log_of(results: Path, name: str) -> Path:
    """The event log that `name` stands for."""
    for folder in (results / "sessions" / name, Path(name)):
        if folder.is_dir():
            return _log_in(folder)
    path = Path(name)
    if not path.is_file():
        raise BadData(
            f"{name}: no such session in {results / 'sessions'} and no such file; give a session's "
            "id or folder, an event log (CSV) or a summary (JSON)"
        )
    return _log_beside(path) if path.suffix.casefold() == ".json" else path


def _log_in(folder: Path) -> Path:
    for kind in (THROUGH_MT5, SIMULATED):
        if (folder / f"{kind}{_LOG}").is_file():
            return folder / f"{kind}{_LOG}"
    raise BadData(
        f"{folder}: no event log in this folder; 'butler journal export' writes a session's again "
        "from its journal, then give that file"
    )


def _log_beside(summary: Path) -> Path:
    """The log that belongs to a summary: beside it, or in the folder of its session."""
    document = _document(summary)
    session_id = document.get("session_id")
    if not isinstance(session_id, str) or not session_id:
        raise BadData(
            f"{summary}: not a summary of a run, it has no session_id; give an event log or a "
            "summary as runs write them"
        )
    if not names_session(session_id):
        raise BadData(
            f"{summary}: session_id: {session_id[:80]!r} is no session's name; give an event log "
            "or a summary as runs write them"
        )
    log = summary.with_name(summary.name.replace(_SUMMARY, _LOG))
    if log != summary and log.is_file() and _is_of(log, session_id):
        return log
    for folder in (summary.parent / "sessions" / session_id, summary.parent):
        for kind in (THROUGH_MT5, SIMULATED):
            log = folder / f"{kind}{_LOG}"
            if log.is_file() and _is_of(log, session_id):
                return log
    raise BadData(
        f"{summary}: the event log of its session {session_id} is neither beside it nor in "
        f"{summary.parent / 'sessions'}; give the event log itself"
    )


def _is_of(log: Path, session_id: str) -> bool:
    """Whether the log is of this session, or has no row that says of which it is."""
    lines = parse_log(_text(log), str(log))
    return all(line.cells["session_id"] == session_id for line in lines[:1])


def _of_session(path: Path, session_id: str | None) -> dict[str, Any] | None:
    """The document, if it is there and of this session."""
    if not path.is_file() or path.suffix != ".json":
        return None
    document = _document(path)
    return document if session_id in (None, document.get("session_id")) else None


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(document, dict):
        raise BadData(f"{path}: not a document of a run")
    return document


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadData(
            f"{path}: byte {error.start} is not UTF-8; give a file as runs write it"
        ) from error
