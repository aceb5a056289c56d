"""A recorded session through today's program, decision by decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.app.errors import WrongUsage
from scripts.app.terms.objectives import challenge_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.journal import StoredJournal
    from engine import events as ev
    from engine.bus import Bus
    from engine.rerun import RerunCounts
    from engine.types import Units
    from scripts.app.sessions.live_actors import Deciders
    from signals.strategy import StrategyFactory


def rerun(
    stored: StoredJournal, path: Path, bars: list[str] | None, signals: Path | None
) -> RerunCounts:
    from engine import events as ev
    from engine.journal import JournalDamaged
    from scripts.app.journals.rerun_bars import BarRerun, SourceFiles, terms_again
    from scripts.app.journals.rerun_inputs import InputRerun
    from scripts.app.terms.options import bar_paths
    from scripts.app.terms.strategies import load_again

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
    import msgspec

    from adapters.mt5.execution.requests import Instrument
    from engine.types import Limits
    from scripts.app.sessions.live_actors import DeciderTerms, connect_deciders, requests_of

    terms = DeciderTerms(
        session_id=str(metadata.get("session_id", "")),
        strategy_id=started.preset,
        factory=factory,
        instruments={spec.name: Instrument(spec, spec.name, 0) for spec in started.symbols},
        limits=msgspec.convert(started.limits, Limits),
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
