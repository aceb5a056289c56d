"""A recorded session through today's program, decision by decision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.bars.errors import BarFileError
from adapters.journal import StoredJournal
from adapters.mt5.execution.requests import Instrument
from engine import events as ev
from engine.bus import Bus
from engine.decoding import converted
from engine.journal import JournalDamaged
from engine.rerun import RerunCounts
from engine.types import Limits, Units
from scripts.app.errors import BadData, InternalFault, WrongUsage
from scripts.app.journals.rerun_bars import BarRerun, SourceFiles, terms_again
from scripts.app.journals.rerun_inputs import InputRerun, InputsNotRecorded
from scripts.app.session_folder import find_journal
from scripts.app.sessions.live_actors import (
    Deciders,
    DeciderTerms,
    connect_deciders,
    requests_of,
)
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.options import bar_paths
from scripts.app.terms.strategies import load_again
from signals.failure import StrategyFailed
from signals.strategy import StrategyFactory


def rerun(session: str, results: Path, bars: list[str] | None, signals: Path | None) -> RerunCounts:
    """Compare every decision of a session with today's; `bars` and `signals` are moved files.

    Raises AppError for a journal or file that cannot be used, and for a strategy that fails.
    """
    path = find_journal(results, session)
    try:
        with StoredJournal(path) as stored:
            return _rerun(stored, path, bars, signals)
    except InputsNotRecorded as error:
        raise BadData(f"{path}: {error}: only journals with their inputs can run again") from error
    except (JournalDamaged, BarFileError) as error:
        raise BadData(str(error)) from error
    except StrategyFailed as error:
        raise InternalFault(str(error)) from error


def _rerun(
    stored: StoredJournal, path: Path, bars: list[str] | None, signals: Path | None
) -> RerunCounts:
    first = next(iter(stored.records()), None)
    if first is None or not isinstance(first.event, ev.SessionStarted):
        raise JournalDamaged(f"{path}: it does not begin with the start of a session")
    started, metadata = first.event, first.metadata or {}
    if started.mode == "replay":
        specs = {spec.name: spec for spec in started.symbols}
        places = SourceFiles(path.parent, bar_paths(bars or [], specs)[0], signals)
        return BarRerun(stored.records(), terms_again(started, metadata, places)).run()
    if bars or signals:
        option = "--bars" if bars else "--signals"
        raise WrongUsage(
            f"{option}: the journal of a session on a terminal holds every input; "
            "leave the option out"
        )
    factory, _ = load_again(started, metadata.get("strategy_file", ""))
    return InputRerun(stored.records, deciders(started, metadata, factory)).run()


def deciders(
    started: ev.SessionStarted, metadata: dict[str, Any], factory: StrategyFactory | None
) -> Callable[[Bus], Deciders]:
    """What makes the actors that the session had, of today's code, on a bus; they send nothing."""
    terms = DeciderTerms(
        session_id=str(metadata.get("session_id", "")),
        strategy_id=started.preset,
        factory=factory,
        instruments={spec.name: Instrument(spec, spec.name, 0) for spec in started.symbols},
        limits=converted(started.limits, Limits),
        to_server=lambda moment: moment // 1000,
        limit_trades=started.limit_trades,
        challenge=challenge_of(started),
        releases=started.mode == "shadow",
    )
    return lambda bus: connect_deciders(bus, terms, requests_of(terms), _Recorded())


class _Recorded:
    """A venue whose answers are in the journal: nothing is sent."""

    def execute(self, _order: ev.OrderIntent, _volume: Units) -> None:
        """The recorded answer comes later."""

    def cancel(self, _order: ev.OrderIntent, _ticket: int) -> None:
        """The recorded answer comes later."""
