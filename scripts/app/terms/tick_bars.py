"""A file of ticks as one of bars, for commands that read bars."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from adapters.bars.reader import CHUNK_ROWS, RateColumns
from adapters.bars.ticks import TickLayout, bars_of_ticks
from engine.types import ClockName


@dataclass(frozen=True)
class TickBars:
    """Bars of `period` seconds that are made of a tick file as they are read."""

    path: Path
    layout: TickLayout
    period: int
    digits: int

    @cached_property
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def fixed_clock(self) -> ClockName | None:
        return self.layout.clock

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        for block in bars_of_ticks(self.path, self.layout, self.period, self.digits):
            for start in range(0, len(block), rows):
                yield block.part(start, min(start + rows, len(block)))

    def place(self, row: int) -> str:
        return f"bar {row + 1} of the ticks"
