"""An index finds what its list holds, whenever it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.paper.broker.index import Index

Entry = tuple[int, str]


def by_number(entries: list[Entry]) -> Index[Entry]:
    return Index(entries, lambda entry: entry[0])


@given(st.lists(st.one_of(st.tuples(st.integers(0, 4), st.text(max_size=2)), st.integers(0, 5))))
def test_it_finds_all_entries_of_a_number_oldest_first(steps: list[Entry | int]) -> None:
    """Entries are added (a pair) and asked for (a number) in any order."""
    entries: list[Entry] = []
    index = by_number(entries)
    for step in steps:
        if isinstance(step, int):
            expected = tuple(entry for entry in entries if entry[0] == step) if step else ()
            assert index.of(step) == expected
        else:
            entries.append(step)


def test_a_list_that_was_emptied_begins_anew() -> None:
    entries = [(1, "old")]
    index = by_number(entries)
    assert index.of(1) == ((1, "old"),)
    entries.clear()
    index.begin_anew()
    entries.append((1, "new"))
    assert index.of(1) == ((1, "new"),)
