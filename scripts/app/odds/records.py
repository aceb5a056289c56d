"""A record of firm days: from a replay, a session that is run again, or a journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from adapters.journal import StoredJournal
from engine import events as ev
from engine.journal import KINDS, TAGS, JournalDamaged
from engine.types import Limits, Millis
from risk.challenge import Challenge
from risk.odds.fold import DayFold
from scripts.app.errors import BadData
from scripts.app.journals.rerun_bars import SourceFiles, terms_again
from scripts.app.odds.balance import StepLog, reads_balance
from scripts.app.session_folder import find_journal
from scripts.app.terms.objectives import challenge_of, with_firms_day
from scripts.app.terms.options import bar_paths
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.day_run import DayRun, RunCounts, day_run, run_days
from scripts.app.trials.errors import explained_replay


@dataclass(frozen=True)
class ReplaySource:
    """A replay that was asked for; it can be made again in any process."""

    request: ReplayRequest

    def terms(self) -> tuple[Terms, list[str]]:
        """Its terms, and what the user should know of them; raises AppError."""
        return resolve_terms(self.request)


@dataclass(frozen=True)
class SessionSource:
    """A replay whose session is on disk: its files are found by their hash and replayed again."""

    journal: Path
    bars: tuple[str, ...] = ()

    def terms(self) -> tuple[Terms, list[str]]:
        """Its terms, without notes; raises AppError for files that are gone or changed."""
        started, about = first_record(self.journal)
        specs = {spec.name: spec for spec in started.symbols}
        paths = bar_paths(list(self.bars), specs)[0] if self.bars else {}
        return terms_again(started, about, SourceFiles(self.journal.parent, paths)), []


Source = ReplaySource | SessionSource


class OddsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Firm days with what they are from. `closed_deals_only` marks a statement's.

    `reads_balance` tells when the strategy first decided otherwise with another balance.
    """

    run: DayRun
    preset: str
    symbols: tuple[str, ...]
    mode: str
    keeps_reserve: bool = False
    reads_balance: Millis | None = None
    closed_deals_only: bool = False


def first_record(journal: Path) -> tuple[ev.SessionStarted, dict[str, Any]]:
    """How a session began, and what is noted about it; raises BadData."""
    try:
        with StoredJournal(journal) as stored:
            first = next(iter(stored.records()), None)
    except (JournalDamaged, ValueError) as error:
        raise BadData(str(error)) from error
    if first is None or not isinstance(first.event, ev.SessionStarted):
        raise BadData(f"{journal}: it does not begin with the start of a session")
    return first.event, first.metadata or {}


def source_of(run: str, results: Path, bars: list[str] | None) -> Source | Path:
    """What the session that the user names is: a replay, or (its journal) a live session."""
    journal = find_journal(results, run)
    started, _ = first_record(journal)
    if started.mode == "replay":
        return SessionSource(journal, tuple(bars or ()))
    if bars:
        raise BadData("--bars: a live session's days come from its journal; leave the option out")
    return journal


def endless(terms: Terms, challenge: Challenge) -> Terms:
    """The terms under these rules, of which nothing ends the run."""
    ruled = msgspec.structs.replace(challenge, endless=True, repeat=False)
    return replace(terms, objectives=ruled, limits=with_firms_day(terms.limits, ruled))


def at_risk(terms: Terms, percent: float | None) -> Terms:
    """The terms with so many percent at risk in one trade; None leaves them as they are."""
    if percent is None:
        return terms
    limits = msgspec.structs.replace(terms.limits, per_trade_risk_fraction=percent / 100)
    return replace(terms, limits=limits)


def replayed(terms: Terms) -> OddsRecord:
    """The record of a replay in memory; raises AppError when it fails."""
    with explained_replay():
        run = run_days(terms)
    return record_under(terms, run)


def replayed_for_draws(terms: Terms) -> OddsRecord:
    """The same; a strategy of the user's own is tried at other balances, too."""
    if terms.strategy_file is None:
        return replayed(terms)
    log = StepLog()
    with explained_replay():
        run = run_days(terms, follow=log.routes)
    record = record_under(terms, run)
    return msgspec.structs.replace(record, reads_balance=reads_balance(terms, log.steps))


def record_under(terms: Terms, run: DayRun) -> OddsRecord:
    """The record of a run that was replayed under these terms."""
    return OddsRecord(
        run=run,
        preset=terms.preset,
        symbols=tuple(item.spec.name for item in terms.inputs),
        mode="replay",
        keeps_reserve=keeps_reserve(terms.limits),
    )


def keeps_reserve(limits: Limits) -> bool:
    """Whether entries are denied near the firm's floor."""
    return limits.firm_reserve_fraction is not None


def journaled(journal: Path, challenge: Challenge) -> OddsRecord:
    """The record of a live session's journal; raises BadData for one that tells no days."""
    started, _ = first_record(journal)
    rules = challenge.rules
    moment = _Moment()
    fold = DayFold(rules.reset_zone, rules.reset_hour, moment)
    counts = RunCounts({spec.name: spec.volume_max for spec in started.symbols})
    handlers = [fold.recorded_routes(), counts.routes()]
    kinds = {TAGS[kind] for routes in handlers for kind in routes} & KINDS
    _refuse_other_days(journal, started, challenge)
    try:
        with StoredJournal(journal) as stored:
            _take(stored, kinds, handlers, moment)
    except JournalDamaged as error:
        raise BadData(str(error)) from error
    run = day_run(fold, counts, _initial(started), started.currency)
    return OddsRecord(
        run=run,
        preset=started.preset,
        symbols=tuple(spec.name for spec in started.symbols),
        mode=started.mode,
        keeps_reserve=started.limits.get("firm_reserve_fraction") is not None,
    )


class _Moment:
    """The time of the record that is being taken."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def _take(
    stored: StoredJournal,
    kinds: set[str],
    handlers: list[ev.Routes],
    moment: _Moment,
) -> None:
    for record in stored.records(kinds=kinds):
        moment.now = record.time
        for routes in handlers:
            handler: Callable[[Any], None] | None = routes.get(type(record.event))
            if handler is not None:
                handler(record.event)


def _initial(started: ev.SessionStarted) -> int:
    """What the account's challenge began with, else what the session did."""
    followed = challenge_of(started)
    named = None if followed is None else followed.initial_balance
    return started.account.balance if named is None else named


def _refuse_other_days(journal: Path, started: ev.SessionStarted, challenge: Challenge) -> None:
    """The days of a journal turned where the session's own did; they cannot be cut elsewhere."""
    rules, limits = challenge.rules, started.limits
    zone, hour = str(limits.get("reset_zone", "")), int(limits.get("reset_hour", 0))
    if (zone, hour) != (rules.reset_zone, rules.reset_hour):
        raise BadData(
            f"{journal}: the session's days turned at {hour}:00 {zone}, those of {rules.name} at "
            f"{rules.reset_hour}:00 {rules.reset_zone}: replay the session's bars instead"
        )
