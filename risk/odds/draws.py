"""Orders of days: the record itself from a start on, and the stationary bootstrap.

Stationary bootstrap: D. N. Politis, J. P. Romano, The Stationary Bootstrap, JASA 89 (1994). Here a
block ends at a flat midnight only, never over an open position, and the record is not circular.
"""

from __future__ import annotations

import numpy as np

from risk.odds.table import DayTable, Flags, Floats, Ints


class RecordOrder:
    """Each path begins on its own day and goes through the record to the end."""

    def __init__(self, starts: Ints, days: int) -> None:
        self._next = starts.astype(np.int64)
        self._days = days

    @property
    def paths(self) -> int:
        return len(self._next)

    def draw(self) -> Ints:
        days = np.where(self._next < self._days, self._next, -1)
        self._next += 1
        return days

    def keep(self, those: Flags) -> None:
        self._next = self._next[those]


class NoFlatStart(ValueError):
    """Raised when a record has no day that begins, or none that ends, with nothing open."""


class StationaryOrder:
    """Days drawn in blocks of `mean_block` days on average, from one history or from several.

    The first day is a flat start, each as likely. After a day that ends flat a new flat start is
    drawn with probability 1/mean_block, and always after the last day that ends flat; else the next
    day follows. One random number a day and path decides both: what is left of it once it has told
    of a jump is uniform again.
    """

    def __init__(
        self,
        table: DayTable,
        mean_block: float,
        paths: int,
        generator: np.random.Generator,
        histories: Ints | None = None,
    ) -> None:
        """`histories`: one row of days each, and the same number of paths for each.

        Without them a number is drawn for each path whether it is still under way or not, so that
        records of the same days at several levels of risk get the same draws.

        Raises ValueError for a mean block below one day, and NoFlatStart when a history has no flat
        start or end.
        """
        if not mean_block >= 1:
            raise ValueError(f"mean_block is {mean_block}, must be at least 1 day")
        rows = np.arange(len(table))[None, :] if histories is None else histories
        self._generator = generator
        self._days = rows.ravel()
        self._starts, self._first, self._counts, last = _flat_places(table, rows)
        # Below this number a place is left by a jump: never over an open position.
        self._chance = np.where(table.ends_flat[self._days], 1 / mean_block, 0.0)
        self._chance[last] = 1.0
        self._row = np.repeat(np.arange(len(rows)), paths)
        self._numbers = np.arange(len(self._row)) if histories is None else None
        self._all = len(self._row)
        self._place: Ints | None = None

    @property
    def paths(self) -> int:
        return len(self._row)

    def draw(self) -> Ints:
        chance = self._uniform()
        if self._place is None:
            self._place = self._flat_start(self._row, chance)
        else:
            bound = self._chance[self._place]
            jump = np.flatnonzero(chance < bound)
            self._place += 1
            self._place[jump] = self._flat_start(self._row[jump], chance[jump] / bound[jump])
        return self._days[self._place]

    def _uniform(self) -> Floats:
        if self._numbers is None:
            return self._generator.random(self.paths)
        drawn = self._generator.random(self._all)
        return drawn if self.paths == self._all else drawn[self._numbers]

    def _flat_start(self, row: Ints, chance: Floats) -> Ints:
        """A flat start of each row's history; `chance` is uniform from 0 to 1."""
        counts = self._counts[row]
        pick = np.minimum((chance * counts).astype(np.int64), counts - 1)
        return self._starts[self._first[row] + pick]

    def keep(self, those: Flags) -> None:
        self._row = self._row[those]
        if self._place is not None:
            self._place = self._place[those]
        if self._numbers is not None:
            self._numbers = self._numbers[those]


def _flat_places(table: DayTable, rows: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Places (row after row) of all flat starts; where each row's begin in them, how many they are;
    and the place of each row's last flat end."""
    count, days = rows.shape
    flat, ends = table.flat[rows], table.ends_flat[rows]
    last = days - 1 - ends[:, ::-1].argmax(axis=1)
    # A start after the last flat end would never end flat.
    flat = flat & (np.arange(days) <= last[:, None])
    if not (ends.any(axis=1) & flat.any(axis=1)).all():
        raise NoFlatStart("the record has no day that begins and none that ends with nothing open")
    counts = flat.sum(axis=1)
    return np.flatnonzero(flat), np.cumsum(counts) - counts, counts, last + days * np.arange(count)


def pseudo_histories(
    table: DayTable, mean_block: float, count: int, generator: np.random.Generator
) -> Ints:
    """`count` histories of as many days as the table has, drawn by the stationary bootstrap."""
    order = StationaryOrder(table, mean_block, count, generator)
    return np.stack([order.draw() for _ in range(len(table))], axis=1)
