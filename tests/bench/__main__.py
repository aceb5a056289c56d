"""`python -m tests.bench`: bars and events a second, the ratio to a bare loop, and peak memory."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import tempfile
from importlib.metadata import version
from pathlib import Path

from adapters.files import sample
from tests.bench.bars import Source, three_years, year
from tests.bench.memory import peak_of
from tests.bench.speed import PAIRS, with_reading, without_reading

PACKAGES = ("execution-butler", "numpy", "pyarrow", "msgspec", "anyio")


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


def machine() -> str:
    """What was measured on: versions, system, processor."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{python}, {packages}, SQLite {sqlite3.sqlite_version}\n"
        f"{platform.platform()}, {processor()}, {os.cpu_count()} cores"
    )


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", told.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
