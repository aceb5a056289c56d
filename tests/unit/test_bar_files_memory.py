"""Reading a file takes the same memory whatever its number of bars."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.files.bars import open_bars
from signals.clocks import ClockDetector
from signals.validate import BarChecker

MEGABYTE = 1 << 20
FEW, MANY = 40_000, 320_000


def _write_text(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write("time,open,high,low,close,tick_volume,spread\n")
        for n in range(count):
            file.write(f"{60 * n},1.0{n % 89 + 10},1.2,1.0,1.0{(n + 1) % 89 + 10},{n % 300},1\n")


def _write_parquet(path: Path, count: int) -> None:
    """All bars in a single row group, the worst case for a reader."""
    close = 1.01 + np.arange(count) % 89 / 1e5
    columns = {"time": 60 * np.arange(count), "open": close, "high": close + 1, "low": close - 1}
    pq.write_table(pa.table({**columns, "close": close}), path, row_group_size=count)


def _peak(path: Path) -> tuple[int, int, int]:
    """Bars read, Python's and numpy's peak, and the most that Arrow held between chunks."""
    held = 0
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    checker, detector = BarChecker("EURUSD", 5, now=0), ClockDetector()
    for chunk in open_bars(path).chunks():
        checker.push(chunk)
        detector.push(chunk.time)
        held = max(held, pa.total_allocated_bytes() - before)
    checker.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return checker.rows, peak, held


@pytest.mark.parametrize("write", [_write_text, _write_parquet])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, write: Callable[[Path, int], None]
) -> None:
    """Eight times the bars, each of them with findings, take no more memory."""
    peaks = []
    for count in (FEW, MANY):
        path = tmp_path / str(count)
        write(path, count)
        rows, peak, held = _peak(path)
        assert rows == count
        assert peak < 16 * MEGABYTE
        assert held < 16 * MEGABYTE
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.25 + MEGABYTE
