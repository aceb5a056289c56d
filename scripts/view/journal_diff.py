"""The first place at which two journals part."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from scripts.view.records import differing, named

if TYPE_CHECKING:
    from adapters.journal import StoredJournal
    from engine.events import Record


def divergence(one: StoredJournal, other: StoredJournal) -> list[str]:
    """What differs in the first record that does, as lines; none when both tell the same.

    What the journal hash leaves out (`metadata`) is not compared. Raises JournalDamaged.
    """
    for ours, theirs in zip_longest(one.payloads(), other.payloads()):
        if ours == theirs:
            continue
        if ours is None:
            return [f"the first journal ends before {named(other.read(*theirs))}"]
        if theirs is None:
            return [f"the second journal ends before {named(one.read(*ours))}"]
        first, second = one.read(*ours), other.read(*theirs)
        # The same record may have been spelt in another way, by another version.
        if lines := list(_differences(first, second)):
            return lines
    return []


def _differences(first: Record, second: Record) -> Iterator[str]:
    from engine.journal import kind_of

    if kind_of(first.event) != kind_of(second.event):
        yield f"first divergence: {named(first)} in the first, {named(second)} in the second"
        return
    if first == second:
        return
    yield f"first divergence: {named(first)}"
    for name, (left, right) in differing(first, second).items():
        yield f"  {name}: {left} | {right}"
