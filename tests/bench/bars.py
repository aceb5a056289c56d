"""The bars that the benchmark replays: a real year of M1 where there is one, else a synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests import synthetic
from tests.golden.replays import DATA
from tests.reference.preset_bars import Columns

REAL = DATA / "icmarkets_demo" / "EURUSD_M1_20250102_20251231.parquet"
YEAR = 364 * 86_400
"""52 weeks: a copy of a year moved by it keeps its weekends."""

_FIRST = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Source:
    """A file of EURUSD M1 bars on a New York + 7 h clock, and what to call it."""

    path: Path
    name: str

    def columns(self) -> Columns:
        """Whole columns, read without this project's code."""
        table = pq.read_table(self.path)
        names = ("time", "open", "high", "low", "close", "spread")
        return Columns(*(table[name].to_numpy() for name in names))


def year(folder: Path, *, synthetic_only: bool = False) -> Source:
    """The year to measure with; a synthetic one is made in `folder`."""
    if REAL.exists() and not synthetic_only:
        return Source(REAL, "a broker's year of EURUSD M1")
    made = synthetic.feed(1, days=364, period=synthetic.MINUTE, first=_FIRST)["EURUSD"]
    path = synthetic.write_parquet(made, folder / "year.parquet")
    return Source(path, "a synthetic year of EURUSD M1")


def three_years(one: Source, folder: Path) -> Source:
    """The year after two earlier copies of itself."""
    table = pq.read_table(one.path)
    place = table.column_names.index("time")
    copies = [
        table.set_column(place, "time", pa.array(table["time"].to_numpy() - back * YEAR))
        for back in (2, 1, 0)
    ]
    path = folder / "three_years.parquet"
    pq.write_table(pa.concat_tables(copies), path)
    return Source(path, f"{one.name}, three times")
