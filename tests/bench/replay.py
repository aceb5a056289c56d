"""A replay's bars and events a second, the ratio to a bare loop, and peak memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

from adapters.bars import sample
from tests.bench.bars import Source, three_years, year
from tests.bench.machine import machine
from tests.bench.memory import cost_of
from tests.bench.speed import PAIRS, with_reading, without_reading

PRESETS = ("ftmo_m15", "sma_cross")


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        one = year(folder)
        print(machine())
        for preset in PRESETS:
            print(f"\n{preset} over {one.name}, medians of {PAIRS} alternating runs")
            print("\nreading and checking the file included:")
            print("\n".join(with_reading(one, preset).lines()))
            print("\nbars already in memory:")
            print("\n".join(without_reading(one, preset).lines()))
        print("\npeak memory and time of a new process that replays")
        shipped = Source(sample.SAMPLE, "the sample, two years of M15")
        for source in (shipped, one, three_years(one, folder)):
            print(f"  {source.name:<44} {cost_of({'EURUSD': source.path})}")
