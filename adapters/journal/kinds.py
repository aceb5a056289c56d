"""What rows are listed as: kinds of records, which of them come in masses, and whole runs.

Also the SQL conditions that find rows by it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from engine.journal import FREQUENT, KINDS

SEVERAL: Final = "several"
"""What a row is listed as that holds a run of records, of any kinds but the frequent ones."""


def _listed(kinds: Collection[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


NOT_FREQUENT: Final = f"kind NOT IN ({_listed(FREQUENT)})"
"""The condition of the index, which a statement has to repeat to have its help.

The kinds that come in masses are left out, so that the others are found at once.
"""


def of_kinds(kinds: Collection[str]) -> str:
    """The SQL condition that a row may hold a record of one of `kinds`.

    Such rows are found quickly unless a frequent kind is among them. Raises ValueError for a kind
    that there is not.
    """
    if unknown := sorted(set(kinds) - KINDS):
        raise ValueError(f"there is no kind of record {unknown[0]!r}")
    condition = f"kind IN ({_listed({*kinds, SEVERAL})})"
    if set(kinds) & set(FREQUENT):
        return condition
    return by_number(f"{NOT_FREQUENT} AND {condition}")


def by_number(condition: str) -> str:
    """`condition`, found by number first, so that records come in order without being sorted."""
    # Only our own words and names of KINDS come into the statement.
    return f"seq IN (SELECT seq FROM records WHERE {condition})"  # noqa: S608
