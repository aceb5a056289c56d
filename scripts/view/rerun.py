"""The outcome of a re-run as lines or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import events as ev
    from engine.rerun import RerunCounts, RerunDifference


def lines_of(totals: RerunCounts) -> Iterable[str]:
    counts = f"{totals.inputs} inputs, {totals.decisions} decisions"
    if totals.difference is not None:
        yield from _difference(totals.difference)
        yield f"before it: {counts}, all the same"
        return
    yield f"{counts}, all the same"
    if totals.beyond:
        yield f"beyond what the journal holds, today's program records {totals.beyond} more"
    if totals.failure:
        yield f"beyond what the journal holds, today's program fails: {totals.failure}"


def _difference(found: RerunDifference) -> Iterable[str]:
    from engine.journal import kind_of
    from scripts.view.records import differing, named

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
    from scripts.view.records import fields

    if not isinstance(record.event, INPUTS):
        yield from (f"  {whose} {name}: {value}" for name, value in fields(record.event).items())


def json_of(totals: RerunCounts) -> str:
    import json

    from scripts.view.records import differing, whole

    found = totals.difference
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
        "inputs": totals.inputs,
        "decisions": totals.decisions,
        "beyond": totals.beyond,
        "failure": totals.failure,
        "difference": difference,
    }
    return json.dumps(document, indent=2)
