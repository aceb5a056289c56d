"""Reading a file takes the same memory whatever its number of bars."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MEGABYTE = 1 << 20
FEW, MANY = 40_000, 320_000
START = 1_700_000_040


def _write_text(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write("time,open,high,low,close,tick_volume,spread\n")
        for n in range(count):
            file.write(
                f"{START + 60 * n},1.0{n % 89 + 10},1.2,1.0,1.0{(n + 1) % 89 + 10},{n % 300},1\n"
            )


def _write_parquet(path: Path, count: int) -> None:
    """All bars in a single row group and nothing to compress, the worst case for a reader."""
    close = 1.01 + np.random.default_rng(5).integers(0, 89_000, count) / 1e5
    columns = {"time": 60 * np.arange(count), "open": close, "high": close + 1, "low": close - 1}
    pq.write_table(
        pa.table({**columns, "close": close}), path, row_group_size=count, use_dictionary=False
    )


MEASURE = """
import sys, tracemalloc
from pathlib import Path
import pyarrow as pa
from adapters.bars.reader import open_bars
from signals.market_data.clocks import ClockDetector
from signals.market_data.validate import BarChecker

tracemalloc.start()
checker, detector = BarChecker("EURUSD", 5, now=0), ClockDetector()
for chunk in open_bars(Path(sys.argv[1])).chunks():
    checker.push(chunk)
    detector.push(chunk.time)
checker.finish()
print(checker.rows, tracemalloc.get_traced_memory()[1], pa.default_memory_pool().max_memory())
"""


def _peaks(path: Path) -> list[int]:
    """Bars read, and the most that Python with numpy and that Arrow took, in a fresh process."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", MEASURE, str(path)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return [int(number) for number in run.stdout.split()]


@pytest.mark.parametrize("write", [_write_text, _write_parquet])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, write: Callable[[Path, int], None]
) -> None:
    """Eight times the bars, each of them with findings, take no more memory."""
    peaks = []
    for count in (FEW, MANY):
        path = tmp_path / str(count)
        write(path, count)
        rows, *peak = _peaks(path)
        assert rows == count
        peaks.append(peak)
    for few, many in zip(*peaks, strict=True):
        assert 0 < few < 16 * MEGABYTE
        assert many < few * 1.25 + MEGABYTE
