"""Ten years of M1 in four symbols: how long a replay takes, and the most memory it holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.bars import decade
from tests.bench.machine import machine
from tests.bench.memory import cost_of


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        files = decade(Path(made))
        print(machine())
        rows = sum(pq.read_metadata(path).num_rows for path in files.values())
        print(f"{rows:,} synthetic bars in {len(files)} symbols, in a new process")
        print(f"  {cost_of(files)}")
