"""A sum that changes at some step keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.result.curve import Ints, columns_of
from engine.types import Cents


class RunningSum:
    """What changes add up to at any key. They are few, the keys that are asked for many."""

    def __init__(self, changes: Sequence[tuple[int, Cents]]) -> None:
        """Each change is its key and its amount; they may come in any order."""
        at, amounts = columns_of(changes) if changes else np.zeros((2, 0), dtype=np.int64)
        order = np.argsort(at, kind="stable")
        self._at = at[order]
        self._totals = np.concatenate([[0], np.cumsum(amounts[order])])

    def each(self, keys: Ints) -> Ints:
        """The sums at a few keys in any order."""
        sums: Ints = self._totals[np.searchsorted(self._at, keys, side="right")]
        return sums

    def at(self, keys: Ints) -> Ints:
        """At each of the ascending keys, the sum of the changes up to it, those at it included."""
        if not len(keys):
            return np.zeros(0, dtype=np.int64)
        first, last = np.searchsorted(self._at, keys[[0, -1]], side="right").tolist()
        # Each total is repeated over the keys until the next change.
        edges = [0, *np.searchsorted(keys, self._at[first:last]).tolist(), len(keys)]
        sums: Ints = np.repeat(self._totals[first : last + 1], np.diff(edges))
        return sums
