"""Bars that are read once and played many times."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar

from engine.bars import PreparedBars
from scripts.app.terms.bars import BarInput


@dataclass(frozen=True)
class RememberedBars(BarInput):
    """A symbol's bars, prepared on first use and kept in memory for as long as this object is."""

    in_memory: ClassVar[bool] = True

    def prepared(self, timeframes: tuple[str, ...]) -> Iterator[PreparedBars]:
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] != timeframes:
            chunks = super().prepared(timeframes)
            kept = timeframes, tuple(bars.look_up() for bars in chunks)
            self.__dict__["_kept"] = kept  # a cache: what the object is does not change
        # A copy of each chunk: its scan belongs to the strategy of one run.
        yield from map(copy.copy, kept[1])

    @property
    def size(self) -> int:
        """Bytes of the columns that are kept."""
        kept = self.__dict__.get("_kept", ((), ()))[1]
        return sum(8 * 7 * len(bars.time) for bars in kept)


def remembered(item: BarInput) -> RememberedBars:
    """The same bars, kept once they were read."""
    return RememberedBars(**{one.name: getattr(item, one.name) for one in fields(BarInput)})
