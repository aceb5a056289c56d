"""A session laid beside its replay: the same bars, terms, limits and account, decided again.

What a session did is in its journal; what the engine would have done with every order filled at
once and no hour missed is a replay of its own bars. Both are compared trade by trade.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from adapters.bars.errors import BarFileError
from adapters.reports.compare import Tolerances
from engine import events as ev
from engine.bus import HandlerFailed
from engine.decoding import converted
from engine.types import Limits
from risk.challenge import Challenge
from scripts.app.errors import BadData, WrongUsage
from scripts.app.journals.compare import ComparedRuns, scaled
from scripts.app.journals.mirror_bars import ReceivedBars
from scripts.app.journals.outages import Outage, outages_of
from scripts.app.journals.recorded import RecordedRun, RunRows, find_run, recorded_run
from scripts.app.journals.report import compared_recorded
from scripts.app.journals.rerun_bars import SourceFiles, inputs_again, terms_again
from scripts.app.journals.results import replay_in_memory
from scripts.app.terms.bars import BarInput, Window
from scripts.app.terms.conversion_pairs import insist_on_pairs
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.options import bar_paths
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.strategies import load_again

SENT = "signals"
"""The mode of sessions that send recorded signals later, one after another."""


@dataclass(frozen=True)
class Mirrored:
    """A session (B) and its replay (A), compared, with what kept the session from trading."""

    journal: Path
    replay: RecordedRun
    session: RecordedRun
    compared: ComparedRuns
    outages: tuple[Outage, ...]

    def why(self) -> dict[int, str]:
        """What explains a trade of the replay that the session lacks, by the pair's place."""
        found = {}
        for place, pair in enumerate(self.compared.result.pairs):
            if pair.a is not None and pair.b is None:
                outage = next((o for o in self.outages if o.covers(pair.a.time)), None)
                if outage is not None:
                    found[place] = outage.text
        return found


def mirror(
    results: Path,
    name: str,
    bars: list[str] | None = None,
    *,
    price_points: int = 0,
    time_seconds: float = 0.0,
    money: float = 0.0,
) -> Mirrored:
    """Replay a session's own bars and compare within these tolerances; the session may still run.

    `bars` says as SYMBOL=FILE where moved bar files are. Raises AppError.
    """
    tolerances = Tolerances(
        points=price_points,
        time=scaled("--time-seconds", time_seconds, 1000),
        money=scaled("--money", money, 100),
    )
    journal = find_run(results, name)
    received = ReceivedBars()
    ledger: list[ev.LedgerUpdated] = []
    signals: list[ev.UserSignal] = []

    def take(record: ev.Record) -> None:
        received.take(record)
        if isinstance(record.event, ev.LedgerUpdated):
            ledger.append(record.event)
        elif isinstance(record.event, ev.SignalDue):
            signals.append(record.event.signal)

    session = recorded_run(journal, bars, also=take)
    if session.result.outcome is None:  # what the last moment leads to is not recorded yet
        session.rows.until = session.rows.played[1] - 1
    places = SourceFiles(journal.parent, _moved(session, bars))
    terms = _terms(session, journal, places, received, tuple(signals))
    replayed = _replayed(terms, session, ledger[0] if ledger else None)
    compared = compared_recorded(replayed, session, tolerances)
    return Mirrored(journal, replayed, session, compared, outages_of(session))


def _moved(session: RecordedRun, bars: list[str] | None) -> dict[str, Path]:
    specs = {spec.name: spec for spec in session.started.symbols}
    return bar_paths(bars or [], specs)[0]


def _replayed(terms: Terms, session: RecordedRun, ledger: ev.LedgerUpdated | None) -> RecordedRun:
    """The replay, in memory; what lies beyond the session's last moment is left out."""
    sent = session.started.mode == SENT
    rows = RunRows(until=None if sent else session.rows.played[1])
    name = f"the replay of {session.name}"
    try:
        result = replay_in_memory(
            terms, {"session_id": name}, also=rows.take, first=_standing(ledger)
        )
    except (BarFileError, HandlerFailed) as error:
        raise BadData(f"the session's bars cannot be replayed: {error}") from error
    return RecordedRun(name, result, rows, session.started, session.about)


def _standing(ledger: ev.LedgerUpdated | None) -> ev.LedgerUpdated | None:
    """Where the account stood when the session began; what was to be cleared then is clear."""
    return None if ledger is None else msgspec.structs.replace(ledger, suspended="")


def _terms(
    session: RecordedRun,
    journal: Path,
    places: SourceFiles,
    received: ReceivedBars,
    signals: tuple[ev.UserSignal, ...],
) -> Terms:
    """The session's terms as a replay's; raises AppError."""
    started, about = session.started, session.about
    if started.mode == "replay":
        return terms_again(started, about, places)
    if started.mode not in ("shadow", SENT):
        raise WrongUsage(
            f"session {session.name} is a {started.mode.replace('_', ' ')}: it follows no strategy "
            "that could be replayed"
        )
    decided = started
    if started.mode == SENT:  # its script was decided by the preset before it began
        decided = msgspec.structs.replace(started, strategy=about.get("strategy", ""))
    factory, timeframes = load_again(decided, about.get("strategy_file", ""))
    inputs = _inputs(session, journal, places, received)
    specs = [item.spec for item in inputs]
    insist_on_pairs(specs, started.symbols, started.currency, how="a session that trades it, too")
    return Terms(
        inputs=inputs,
        preset=started.preset,
        parameters=started.parameters,
        factory=factory,
        timeframes=timeframes,
        limits=converted(started.limits, Limits),
        starting_balance=started.account.balance,
        limit_trades=started.limit_trades or (len(started.script) or None),
        slippage=started.costs.get("slippage_points", 0),
        signals=() if started.mode == SENT else signals,
        signals_sha256=started.signals_sha256,
        strategy=decided.strategy,
        objectives=_challenge(started),
        currency=started.currency,
    )


def _challenge(started: ev.SessionStarted) -> Challenge | None:
    """The objectives that it followed; the replay counts from the session's own beginning."""
    challenge = challenge_of(started)
    return None if challenge is None else replace(challenge, by_ledger=False, repeat=False)


def _inputs(
    session: RecordedRun, journal: Path, places: SourceFiles, received: ReceivedBars
) -> list[BarInput]:
    """The bars of the session's market: its files where it had some, else what it received."""
    started = session.started
    if started.mode == SENT:
        return inputs_again(started, _with_files(session), places)
    if not started.data:
        session.rows.until = received.until()  # what is in a bar that has not closed, nobody knows
    begun, last = session.rows.played
    window = Window(begun // 1000, last // 1000 + 1, cold=False)
    if not started.data:
        return [received.input(spec, window, journal) for spec in started.symbols]
    inputs = inputs_again(started, {**session.about, "warm_up": True}, places)
    return [_in_window(item, window) for item in inputs]


def _in_window(item: BarInput, window: Window) -> BarInput:
    """The bars that the session's market played."""
    first = max(window.first or 0, item.ref.first // 1000)
    ref = msgspec.structs.replace(item.ref, first=first * 1000)
    return replace(item, ref=ref, window=Window(first, window.end, cold=False))


def _with_files(session: RecordedRun) -> dict[str, Any]:
    """The first record's own words, with the bars that the session left in its folder."""
    names = {spec.name: f"bars_{spec.name}.parquet" for spec in session.started.symbols}
    return {"files": names, "warm_up": True, **session.about}
