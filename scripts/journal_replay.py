"""`butler journal replay`: would today's program decide what a session decided?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.cli import CommandFailed, Exit, home
from scripts.objectives import course_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.journal_sqlite import StoredJournal
    from engine import events as ev
    from engine.bus import Bus
    from engine.rerun import Difference, Tally
    from scripts.live_actors import Deciders
    from signals.strategy import StrategyFactory


def replay(
    session: Annotated[
        str, typer.Argument(help="Id of a session, or path of its folder or of a journal.")
    ],
    results_dir: Annotated[
        Path | None, typer.Option(help="Folder of the results; by default results/.")
    ] = None,
    bars: Annotated[
        list[str] | None,
        typer.Option(help="SYMBOL=FILE: where the bars of a replay are now; repeat for more."),
    ] = None,
    signals: Annotated[
        Path | None, typer.Option(help="Where the signals of a replay are now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Run a session's inputs through today's program and compare every decision.

    Nothing is sent and nothing written. Exit code 5 when a decision differs; the first is named.
    """
    from adapters.files.errors import BarFileError
    from adapters.journal_sqlite import StoredJournal
    from engine.journal import JournalDamaged
    from scripts.folders import find_journal
    from scripts.rerun_inputs import InputsNotRecorded
    from signals.strategy import StrategyFailed

    path = find_journal(results_dir if results_dir is not None else home() / "results", session)
    try:
        with StoredJournal(path) as stored:
            tally = _rerun(stored, path, bars, signals)
    except InputsNotRecorded as error:
        raise CommandFailed(
            f"{path}: {error}: only journals with their inputs can run again", Exit.DATA
        ) from error
    except (JournalDamaged, BarFileError) as error:
        raise CommandFailed(str(error), Exit.DATA) from error
    except StrategyFailed as error:
        raise CommandFailed(str(error), Exit.INTERNAL) from error
    print(_json(tally) if as_json else "\n".join(_lines(tally)))
    return Exit.DONE if tally.difference is None else Exit.DIFFERENT


def _rerun(
    stored: StoredJournal, path: Path, bars: list[str] | None, signals: Path | None
) -> Tally:
    from engine import events as ev
    from engine.journal import JournalDamaged
    from scripts.options import bar_paths
    from scripts.rerun_bars import BarRerun, Places, terms_again
    from scripts.rerun_inputs import InputRerun
    from scripts.strategies import load_again

    first = next(iter(stored.records()), None)
    if first is None or not isinstance(first.event, ev.SessionStarted):
        raise JournalDamaged(f"{path}: it does not begin with the start of a session")
    started, about = first.event, first.about or {}
    if started.mode == "replay":
        specs = {spec.name: spec for spec in started.symbols}
        places = Places(path.parent, bar_paths(bars or [], specs), signals)
        return BarRerun(stored.records(), terms_again(started, about, places)).run()
    if bars or signals:
        option = "--bars" if bars else "--signals"
        raise CommandFailed(
            f"{option}: the journal of a session on a terminal has all that it was told; "
            "leave the option out",
            Exit.USAGE,
        )
    factory, _ = load_again(started, about.get("strategy_file", ""))
    return InputRerun(stored.records, deciders(started, about, factory)).run()


def deciders(
    started: ev.SessionStarted, about: dict[str, Any], factory: StrategyFactory | None
) -> Callable[[Bus], Deciders]:
    """What makes the actors that the session had, of today's code, on a bus; they send nothing."""
    import msgspec

    from adapters.mt5.requests import Instrument
    from engine.types import Limits
    from scripts.live_actors import DeciderTerms, connect_deciders

    terms = DeciderTerms(
        session_id=str(about.get("session_id", "")),
        strategy_id=started.preset,
        factory=factory,
        instruments={spec.name: Instrument(spec, spec.name, 0) for spec in started.symbols},
        limits=msgspec.convert(started.limits, Limits),
        to_server=lambda moment: moment // 1000,
        limit_trades=started.limit_trades,
        course=course_of(started),
    )
    return lambda bus: connect_deciders(bus, terms, lambda _errand: None)


# --- telling ---


def _lines(tally: Tally) -> Iterable[str]:
    counts = f"{tally.inputs} inputs, {tally.decisions} decisions"
    if tally.difference is not None:
        yield from _difference(tally.difference)
        yield f"before it: {counts}, all the same"
        return
    yield f"{counts}, all the same"
    if tally.beyond:
        yield f"beyond what the journal holds, today's program records {tally.beyond} more"
    if tally.failure:
        yield f"beyond what the journal holds, today's program fails: {tally.failure}"


def _difference(found: Difference) -> Iterable[str]:
    from engine.journal import kind_of
    from scripts.journal_view import differing, named

    recorded, today = found.recorded, found.today
    if today is None:
        decides = found.failure or "decides nothing"
        yield f"{named(recorded)}: today's program {decides}"
        yield from _decided("recorded", recorded)
    elif kind_of(recorded.event) == kind_of(today.event):
        yield f"{named(recorded)} differs (recorded | today's)"
        for name, (left, right) in differing(recorded, today).items():
            yield f"  {name}: {left} | {right}"
    else:
        yield f"{named(recorded)}: today's program decides {kind_of(today.event)} there"
        yield from _decided("recorded", recorded)
        yield from _decided("today's", today)


def _decided(whose: str, record: ev.Record) -> Iterable[str]:
    """What a decision says, field by field; an input may hold thousands of bars."""
    from engine.rerun import INPUTS
    from scripts.journal_view import fields

    if not isinstance(record.event, INPUTS):
        yield from (f"  {whose} {name}: {value}" for name, value in fields(record.event).items())


def _json(tally: Tally) -> str:
    import json

    from scripts.journal_view import differing, whole

    found = tally.difference
    difference = found and {
        "seq": found.recorded.seq,
        "time": found.recorded.time,
        "recorded": whole(found.recorded),
        "today": found.today and whole(found.today),
        "fields": list(differing(found.recorded, found.today)) if found.today else [],
        "failure": found.failure,
    }
    document = {
        "same": found is None,
        "inputs": tally.inputs,
        "decisions": tally.decisions,
        "beyond": tally.beyond,
        "failure": tally.failure,
        "difference": difference,
    }
    return json.dumps(document, indent=2)
