"""The past runs of a folder of results, the latest first: what each was and what it came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from adapters.journal import StoredJournal
from adapters.journal.lock import JournalLock
from adapters.reports.projection import iso
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.decoding import converted, from_json
from engine.journal import TAGS, JournalDamaged, JournalFailed
from engine.types import USD, Cents
from scripts.app.session_folder import JOURNAL, SIMULATED, THROUGH_MT5

RUNNING, CUT_OFF, UNREADABLE = "running", "cut off", "unreadable"


class _Objectives(msgspec.Struct):
    passed: int = 0


class _Attempt(msgspec.Struct):
    outcome: str = ""
    cause: str | None = None


class _Summary(msgspec.Struct):
    """What counts here of a run's summary; what is none is another file."""

    started_at: str | None = None
    mode: str | None = None
    preset: str | None = None
    account_profile: str | None = None
    played_from: str | None = None
    played_to: str | None = None
    outcome: str | None = None
    total_pnl: float | None = None
    currency: str = USD
    number_of_trades: int | None = None
    open_positions: int | None = None
    halt_reason: str | None = None
    attempts: list[_Attempt] | None = None
    objectives: _Objectives | None = None


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """One run; what is not known of it is None. Money in the account's currency, times ISO UTC.

    The result, on equity, of a run that has not ended is what it has come to so far.
    """

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
    summary = _summary(folder)
    if not (folder / JOURNAL).is_file():
        return None if summary is None else _of_summary(folder, summary, journal=False)
    if summary is not None and summary.outcome and not _written_since(folder):
        return _of_summary(folder, summary, journal=True)
    return _of_journal(folder, summary)


def _of_summary(folder: Path, summary: _Summary, *, journal: bool) -> PastRun:
    """A run as its summary tells it."""
    return PastRun(
        session_id=folder.name,
        started=summary.started_at,
        mode=summary.mode or _mode(summary),
        preset=summary.preset,
        account_profile=summary.account_profile,
        played_from=summary.played_from,
        played_to=summary.played_to,
        state=summary.outcome or CUT_OFF,
        result=summary.total_pnl,
        currency=summary.currency,
        trades=summary.number_of_trades,
        open_positions=summary.open_positions,
        verdict=_verdict(summary),
        journal=journal,
    )


def _written_since(folder: Path) -> bool:
    """Whether the journal may be ahead of the summary: the session was gone on with."""
    told = max(_changed(folder / f"{kind}_summary.json") for kind in (THROUGH_MT5, SIMULATED))
    return max(_changed(folder / f"{JOURNAL}{end}") for end in ("", "-wal")) > told


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _summary(folder: Path) -> _Summary | None:
    for kind in (THROUGH_MT5, SIMULATED):
        try:
            content = (folder / f"{kind}_summary.json").read_bytes()
            return from_json(content, _Summary)
        except (OSError, msgspec.DecodeError):
            continue
    return None


def _mode(summary: _Summary) -> str | None:
    """Of a summary of an older version: only a replay of files has no account."""
    return None if summary.account_profile else "replay"


def _verdict(summary: _Summary) -> str:
    """How it stands under the objectives that it followed, or why its trading is halted."""
    attempts, told = summary.attempts or [], summary.objectives
    if told and len(attempts) > 1:
        return f"{told.passed} of {len(attempts)} attempts passed"
    if told and attempts:
        last = attempts[-1]
        cause = f" ({last.cause})" if last.cause else ""
        return f"{last.outcome}{cause}".replace("_", " ")
    return f"halted ({summary.halt_reason})" if summary.halt_reason else ""


def _of_journal(folder: Path, summary: _Summary | None) -> PastRun:
    """A run that has not ended: how far it came, and what it has come to so far."""
    try:
        with StoredJournal(folder / JOURNAL) as stored:
            last = next(_records(stored, stored.last_seq), None)
            if summary is not None and (last is None or isinstance(last.event, ev.SessionEnded)):
                return _of_summary(folder, summary, journal=True)
            run = None if last is None else _so_far(folder, stored, last)
    except JournalDamaged:
        run = None
    if run is not None:
        return replace(run, state=_state(folder))
    if summary is not None:
        return _of_summary(folder, summary, journal=True)
    return PastRun(session_id=folder.name, journal=True)


def _so_far(folder: Path, stored: StoredJournal, last: ev.Record) -> PastRun | None:
    """What the journal says up to `last`; None of one that does not begin with a session."""
    projection = SummaryProjection()
    account, started = 0, None
    for record in stored.records(kinds=_FOLDED):
        event = record.event
        if started is None:
            if not isinstance(event, ev.SessionStarted):
                return None
            started = record
        projection.take(record)
        account = _equity(event, account)
    if started is None:
        return None
    for record in stored.records(max(1, last.seq - _LOOKED_BACK), last.seq):
        account = _equity(record.event, account)
    told = _of_summary(folder, converted(projection.summary(), _Summary), journal=True)
    result = round((account - projection.paid_in) / 100, 2)
    return replace(told, played_to=iso(last.time), result=result)


_FOLDED = frozenset(TAGS[kind] for kind in SummaryProjection.KINDS)

_LOOKED_BACK = 1_000
"""Records before the last in which the account's latest figures are looked for; with something open
each change of it is one."""


def _equity(event: ev.Event | ev.Input, known: Cents) -> Cents:
    """The account's equity as an event tells it, else what is known."""
    account = event if isinstance(event, ev.AccountSeen) else getattr(event, "account", None)
    return known if account is None else int(account.equity)


def _records(stored: StoredJournal, seq: int) -> Iterator[ev.Record]:
    return stored.records(seq, seq)


def _state(folder: Path) -> str:
    """Whether somebody still writes the journal of a run that has not ended."""
    try:
        JournalLock(folder / JOURNAL).release()
    except JournalFailed:
        return RUNNING
    return CUT_OFF
