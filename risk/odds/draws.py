"""Orders of days: the record itself from a start on, and the stationary bootstrap.

Stationary bootstrap: D. N. Politis, J. P. Romano, The Stationary Bootstrap, JASA 89 (1994). Here a
block ends at a flat midnight only, never over an open position, and the record is not circular.
"""

from __future__ import annotations

import numpy as np

from risk.odds.table import DayTable, Ints


class RecordOrder:
    """Each path begins on its own day and goes through the record to the end."""

    def __init__(self, starts: Ints, days: int) -> None:
        self._next = starts.astype(np.int64)
        self._days = days

    @property
    def paths(self) -> int:
        return len(self._next)

    def draw(self, live: Ints) -> Ints:
        days = self._next[live]
        self._next[live] += 1
        return np.where(days < self._days, days, -1)


class NoFlatStart(ValueError):
    """Raised when a record has no day that begins, or none that ends, with nothing open."""


class StationaryOrder:
    """Days drawn in blocks of `mean_block` days on average, from one history or from several.

    The first day is a flat start, each as likely. After a day that ends flat a new flat start is
    drawn with probability 1/mean_block, and always after the last day that ends flat; else the next
    day follows. One random number a day and path decides both, whether the path lives or not, so
    that records of the same days at several levels of risk get the same draws.
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

        Raises NoFlatStart when a history has no flat start or end.
        """
        if mean_block < 1:
            raise ValueError(f"mean_block is {mean_block}, must be at least 1 day")
        self._table = table
        self._chance = 1 / mean_block
        self._generator = generator
        self._rows = np.arange(len(table))[None, :] if histories is None else histories
        rows = len(self._rows)
        self._row = np.repeat(np.arange(rows), paths)
        self._starts, self._counts, self._last = _flat_places(table, self._rows)
        self._place = np.full(rows * paths, -1, np.int64)

    @property
    def paths(self) -> int:
        return len(self._place)

    def draw(self, live: Ints) -> Ints:
        chance = self._generator.random(self.paths)[live]
        row, place = self._row[live], self._place[live]
        day = self._rows[row, place]
        forced = (place < 0) | (place >= self._last[row])
        jump = forced | (self._table.ends_flat[day] & (chance < self._chance))
        # What is left of the number once it has told of a jump is uniform again.
        rest = np.where(forced, chance, chance / self._chance)
        counts = self._counts[row]
        pick = np.minimum((rest * counts).astype(np.int64), counts - 1)
        place = np.where(jump, self._starts[row, np.where(jump, pick, 0)], place + 1)
        self._place[live] = place
        return self._rows[row, place]


def _flat_places(table: DayTable, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """By history: its flat starts (in front), how many they are, and its last flat end."""
    flat, ends = table.flat[rows], table.ends_flat[rows]
    last = rows.shape[1] - 1 - ends[:, ::-1].argmax(axis=1)
    # A start after the last flat end would never end flat.
    flat = flat & (np.arange(rows.shape[1]) <= last[:, None])
    if not (ends.any(axis=1) & flat.any(axis=1)).all():
        raise NoFlatStart("the record has no day that begins and none that ends with nothing open")
    starts = np.argsort(~flat, axis=1, kind="stable")
    return starts, flat.sum(axis=1), last


def pseudo_histories(
    table: DayTable, mean_block: float, count: int, generator: np.random.Generator
) -> Ints:
    """`count` histories of as many days as the table has, drawn by the stationary bootstrap."""
    order = StationaryOrder(table, mean_block, count, generator)
    everyone = np.arange(count)
    return np.stack([order.draw(everyone) for _ in range(len(table))], axis=1)
