"""Writing bars as MT5 parquet, chunk by chunk, in one step for whoever reads the file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError

_WIDEST_SPREAD = 2**31 - 1
"""The platform's type of a spread is a signed 32-bit integer."""


def write_bars(path: Path, chunks: Iterable[RateColumns]) -> int:
    """Write the columns of `copy_rates_*` (zstd) to `path`; returns how many bars.

    Raises OSError when it cannot be written, BarFileError for a bar that the columns' types cannot
    hold; either way what was at `path` stays.
    """
    import pyarrow.parquet as pq

    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    rows = 0
    try:
        with pq.ParquetWriter(draft, _schema(), compression="zstd") as writer:
            for chunk in chunks:
                _check_spreads(path, chunk)
                writer.write_table(_table(chunk))
                rows += len(chunk)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return rows


def _check_spreads(path: Path, chunk: RateColumns) -> None:
    """A wider spread than the type holds would come out as another number, even a negative one."""
    wide = (chunk.spread > _WIDEST_SPREAD).nonzero()[0]
    if len(wide):
        first = int(wide[0])
        raise BarFileError(
            path,
            f"a spread of {int(chunk.spread[first])} points cannot be written: correct the bar",
            chunk.first_row + first + 1,
            "row",
        )


def _schema() -> Any:
    import pyarrow as pa

    prices = [(name, pa.float64()) for name in ("open", "high", "low", "close")]
    return pa.schema(
        [
            ("time", pa.int64()),
            *prices,
            ("tick_volume", pa.uint64()),
            ("spread", pa.int32()),
            ("real_volume", pa.uint64()),
        ]
    )


def _table(chunk: RateColumns) -> Any:
    import numpy as np
    import pyarrow as pa

    columns = [chunk.time, chunk.open, chunk.high, chunk.low, chunk.close]
    columns += [
        chunk.tick_volume.astype(np.uint64),
        chunk.spread.astype(np.int32),
        np.zeros(len(chunk), dtype=np.uint64),
    ]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=_schema())
