"""Writing bars as MT5 parquet, chunk by chunk, in one step for whoever reads the file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adapters.files.columns import RateColumns


def write_bars(path: Path, chunks: Iterable[RateColumns]) -> int:
    """Write the columns of `copy_rates_*` (zstd) to `path`; returns how many bars.

    Raises OSError, and leaves what was at `path`, when it cannot be written.
    """
    import pyarrow.parquet as pq

    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    rows = 0
    try:
        with pq.ParquetWriter(draft, _schema(), compression="zstd") as writer:
            for chunk in chunks:
                writer.write_table(_table(chunk))
                rows += len(chunk)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return rows


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
