"""The bars that the benchmark replays: a real year of M1 where there is one, else a synthetic."""

from __future__ import annotations

import dataclasses
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


DECADE = 10


def decade(folder: Path) -> dict[str, Path]:
    """Ten synthetic years of M1 in four symbols: a year of each, again and again."""
    made = synthetic.feed(2, days=364, period=synthetic.MINUTE, first=_FIRST)
    gold = synthetic.feed(3, days=364, period=synthetic.MINUTE, first=_FIRST)["EURUSD"]
    years = {**made, "XAUUSD": dataclasses.replace(gold, digits=2)}
    return {name: _repeated(bars, folder / f"{name}.parquet") for name, bars in years.items()}


def _repeated(bars: synthetic.Bars, path: Path) -> Path:
    table = pq.read_table(synthetic.write_parquet(bars, path.with_suffix(".year")))
    place = table.column_names.index("time")
    with pq.ParquetWriter(path, table.schema) as writer:
        for back in range(DECADE - 1, -1, -1):
            times = pa.array(table["time"].to_numpy() - back * YEAR)
            writer.write_table(table.set_column(place, "time", times))
    return path
