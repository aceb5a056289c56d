"""Firm days as a Parquet file: what the odds stand on, for a user's own arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from risk.odds.days import FirmDay
from scripts.app.errors import WrongUsage


def write_days(file: Path, days: Sequence[FirmDay], about: dict[str, Any]) -> None:
    """A row a day, money in cents; `about` is noted in the file. Raises WrongUsage."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [msgspec.to_builtins(day) for day in days]
    segment = pa.struct(
        [
            ("lowest", pa.int64()), ("balance", pa.int64()), ("opened", pa.bool_()),
            ("lowest_balance", pa.int64()),
        ]
    )  # fmt: skip
    schema = pa.schema(
        [
            ("date", pa.string()), ("start", pa.int64()), ("flat", pa.bool_()),
            ("segments", pa.list_(segment)), ("balance", pa.int64()), ("equity", pa.int64()),
            ("opened", pa.bool_()), ("spans", pa.int64()),
        ],
        metadata={"about": msgspec.json.encode(about)},
    )  # fmt: skip
    try:
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WrongUsage(f"--out {file}: cannot be written ({reason}); name another") from error
