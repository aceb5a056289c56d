"""The first place at which two journals part."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from adapters.journal_sqlite import StoredJournal
    from engine.events import Record

_ABSENT = "absent"


def divergence(one: StoredJournal, other: StoredJournal) -> list[str]:
    """What differs in the first record that does, as lines; none when both tell the same.

    What the journal hash leaves out (`about`) is not compared. Raises JournalDamaged.
    """
    for ours, theirs in zip_longest(one.payloads(), other.payloads()):
        if ours == theirs:
            continue
        if ours is None:
            return [f"the first journal ends before {_named(_record(other, theirs))}"]
        if theirs is None:
            return [f"the second journal ends before {_named(_record(one, ours))}"]
        first, second = _record(one, ours), _record(other, theirs)
        # The same record may have been spelt in another way, by another version.
        if lines := list(_differences(first, second)):
            return lines
    return []


def _record(stored: StoredJournal, found: tuple[int, bytes]) -> Record:
    """The record of a payload, without its `about`."""
    (record,) = stored.records(found[0], found[0])
    return msgspec.structs.replace(record, about=None)


def _named(record: Record) -> str:
    from adapters.projection import iso
    from engine.journal import kind_of

    return f"record {record.seq} of {iso(record.time)}, {kind_of(record.event)}"


def _differences(first: Record, second: Record) -> Iterator[str]:
    from engine.journal import kind_of
    from scripts.journal_view import fields

    if kind_of(first.event) != kind_of(second.event):
        yield f"first divergence: {_named(first)} in the first, {_named(second)} in the second"
        return
    if first == second:
        return
    yield f"first divergence: {_named(first)}"
    ours = {"seq": first.seq, "time": first.time, "bar": first.bar, **fields(first.event)}
    theirs = {"seq": second.seq, "time": second.time, "bar": second.bar, **fields(second.event)}
    for name in sorted(ours.keys() | theirs.keys()):
        left, right = ours.get(name, _ABSENT), theirs.get(name, _ABSENT)
        if left != right:
            yield f"  {name}: {left} | {right}"
