"""The past runs of a folder of results, the latest first: what each was and what it came to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.journal import StoredJournal
from adapters.journal.lock import JournalLock
from adapters.reports.projection import iso
from engine import events as ev
from engine.journal import JournalDamaged, JournalFailed
from engine.types import USD
from scripts.app.session_folder import JOURNAL, SIMULATED, THROUGH_MT5

RUNNING, CUT_OFF, UNREADABLE = "running", "cut off", "unreadable"


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """One run; what is not known of it is None. Money in the account's currency, times ISO UTC."""

    session_id: str
    started: str | None = None
    mode: str | None = None
    preset: str | None = None
    account_profile: str | None = None
    played_from: str | None = None
    played_to: str | None = None
    state: str = UNREADABLE
    result: float | None = None
    currency: str = USD
    trades: int | None = None
    open_positions: int | None = None
    verdict: str = ""
    journal: bool = False

    @property
    def document(self) -> dict[str, Any]:
        return asdict(self)


def past_runs(results: Path) -> list[PastRun]:
    """Every run that has a folder, by when it was started, the latest first."""
    folders = [path for path in (results / "sessions").glob("*") if path.is_dir()]
    found = [run for folder in folders if (run := _run_in(folder)) is not None]
    return sorted(found, key=lambda run: (run.started or "", run.session_id), reverse=True)


def _run_in(folder: Path) -> PastRun | None:
    journal = (folder / JOURNAL).is_file()
    summary = _summary(folder)
    if summary is None:
        return _of_journal(folder) if journal else None
    state = summary.get("outcome") or (_state(folder) if journal else CUT_OFF)
    return PastRun(
        session_id=folder.name,
        started=summary.get("started_at"),
        mode=summary.get("mode") or _mode(summary),
        preset=summary.get("preset"),
        account_profile=summary.get("account_profile"),
        played_from=summary.get("played_from"),
        played_to=summary.get("played_to"),
        state=str(state),
        result=summary.get("total_pnl"),
        currency=summary.get("currency", USD),
        trades=summary.get("number_of_trades"),
        open_positions=summary.get("open_positions"),
        verdict=_verdict(summary),
        journal=journal,
    )


def _summary(folder: Path) -> dict[str, Any] | None:
    for kind in (THROUGH_MT5, SIMULATED):
        try:
            document = json.loads((folder / f"{kind}_summary.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict):
            return document
    return None


def _mode(summary: dict[str, Any]) -> str | None:
    """Of a summary of an older version: only a replay of files has no account."""
    return None if summary.get("account_profile") else "replay"


def _verdict(summary: dict[str, Any]) -> str:
    """How it stands under the objectives that it followed, or why its trading is halted."""
    attempts, told = summary.get("attempts") or [], summary.get("objectives")
    if told and len(attempts) > 1:
        return f"{told['passed']} of {len(attempts)} attempts passed"
    if told and attempts:
        last = attempts[-1]
        cause = f" ({last['cause']})" if last.get("cause") else ""
        return f"{last['outcome']}{cause}".replace("_", " ")
    return f"halted ({summary['halt_reason']})" if summary.get("halt_reason") else ""


def _of_journal(folder: Path) -> PastRun:
    """A run that has left no summary: what its journal begins with, and how far it came."""
    try:
        with StoredJournal(folder / JOURNAL) as stored:
            first = next(_records(stored, 1), None)
            last = next(_records(stored, stored.last_seq), first)
    except JournalDamaged:
        return PastRun(session_id=folder.name, journal=True)
    if first is None or last is None or not isinstance(first.event, ev.SessionStarted):
        return PastRun(session_id=folder.name, journal=True)
    about = first.metadata or {}
    return PastRun(
        session_id=folder.name,
        started=about.get("started_at"),
        mode=first.event.mode,
        preset=first.event.preset,
        account_profile=about.get("account_profile"),
        played_from=iso(first.time),
        currency=first.event.currency,
        played_to=iso(last.time),
        state=_state(folder),
        journal=True,
    )


def _records(stored: StoredJournal, seq: int) -> Iterator[ev.Record]:
    return stored.records(seq, seq)


def _state(folder: Path) -> str:
    """Whether somebody still writes the journal of a run that has not ended."""
    try:
        JournalLock(folder / JOURNAL).release()
    except JournalFailed:
        return RUNNING
    return CUT_OFF
