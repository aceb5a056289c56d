"""A replay's bars and events a second, the ratio to a bare loop, and peak memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

from adapters.files import sample
from tests.bench.bars import Source, three_years, year
from tests.bench.machine import machine
from tests.bench.memory import peak_of
from tests.bench.speed import PAIRS, with_reading, without_reading


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        one = year(folder)
        print(machine())
        print(f"\n{one.name}, medians of {PAIRS} alternating runs")
        print("\nreading and checking the file included:")
        print("\n".join(with_reading(one).lines()))
        print("\nbars already in memory:")
        print("\n".join(without_reading(one).lines()))
        print("\npeak memory of a new process that replays")
        shipped = Source(sample.SAMPLE, "the sample, two years of M15")
        for source in (shipped, one, three_years(one, folder)):
            found = peak_of(source.path)
            shown = "not told by this system" if found is None else f"{found / 2**20:7.1f} MiB"
            print(f"  {source.name:<44} {shown}")
