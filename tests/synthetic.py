"""A market made of integers: seeded bars of three symbols that move together, written as files.

Only integers are drawn and added, so a seed gives the same bars on every platform. The bars carry
what real feeds do to a replay: trends, quiet and lively hours, price jumps within and between
weeks, spreads that widen at the server's midnight and with the jumps, missing minutes and hours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MINUTE, M15, DAY = 60, 900, 86_400
SPRING = int(datetime(2024, 3, 4, tzinfo=UTC).timestamp())
"""A Monday: the US change their clocks at the end of its week, Europe three weeks later."""


@dataclass(frozen=True)
class Nature:
    """How a symbol behaves. `first` and `pace` (an average minute's move) are points.

    `pull` is the sign with which it follows what moves all symbols; `spreads` are those of calm
    hours, at least and at most, and about the most of the server's first hour.
    """

    digits: int
    first: int
    pace: int
    pull: int
    spreads: tuple[int, int, int]


NATURES = {
    "EURUSD": Nature(5, 108_000, 7, 1, (0, 3, 80)),
    "GBPUSD": Nature(5, 126_500, 9, 1, (2, 8, 150)),
    "USDJPY": Nature(3, 150_000, 9, -1, (1, 7, 120)),
}

# Liveliness by server hour: Asia, then London, then New York.
_HOURS = np.array([2] * 8 + [4, 5, 6, 5, 4, 4, 5, 7, 7, 6, 5, 5, 4, 3, 2, 2], dtype=np.int64)


@dataclass(frozen=True)
class Bars:
    """Bars of one symbol: opening in server seconds, prices and spread in points."""

    digits: int
    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    tick_volume: Ints
    spread: Ints

    def __len__(self) -> int:
        return len(self.time)

    def column(self, name: str) -> NDArray[Any]:
        """A column as MT5 gives it: prices as decimals."""
        values: Ints = getattr(self, name)
        return values / 10**self.digits if name in ("open", "high", "low", "close") else values


def feed(seed: int, *, days: int, period: int = M15, first: int = SPRING) -> dict[str, Bars]:
    """`days` calendar days of bars of every symbol in NATURES, from the server midnight `first`.

    `period` is 60 or 900 seconds. The same seed gives the same minutes whichever is asked for.
    """
    rng = np.random.default_rng(seed)
    times = first + MINUTE * np.arange(days * DAY // MINUTE, dtype=np.int64)
    times = times[(times // DAY + 3) % 7 < 5]  # the server's week is Monday 00:00 to Friday 24:00
    shared = _moves(rng, times)
    made = {name: _minutes(rng, nature, times, shared) for name, nature in NATURES.items()}
    return {name: aggregated(bars, period) for name, bars in made.items()}


def _moves(rng: np.random.Generator, times: Ints) -> Ints:
    """64ths of a pace by which each minute moves: noise, a trend of days, and jumps."""
    noise: Ints = rng.integers(-10, 11, (3, len(times))).sum(axis=0)
    day = (times - times[0]) // DAY
    trend = rng.integers(-1, 2, int(day[-1]) // 3 + 1)[day // 3]
    jumps = rng.random(len(times)) < 0.0004
    moved: Ints = noise * _HOURS[times // 3600 % 24] + trend
    return moved + jumps * rng.integers(-2000, 2001, len(times))


def _minutes(rng: np.random.Generator, nature: Nature, times: Ints, shared: Ints) -> Bars:
    # Rounded once, after summing up: rounding each move down would be a trend of its own.
    path = np.cumsum((nature.pull * shared + _moves(rng, times)) * nature.pace) // 64
    weekend = np.diff(times, prepend=times[0]) > MINUTE
    skipped = np.where(weekend, rng.integers(-150, 151, len(times)), 0)
    close = nature.first + path + np.cumsum(skipped)
    before = np.concatenate(([nature.first], close[:-1]))
    open_ = before + skipped + rng.integers(-1, 2, len(times))
    reach = rng.integers(0, nature.pace + 1, (2, len(times)))
    spread = _spreads(rng, nature, times, np.abs(close - open_))
    kept = _present(rng, times)
    columns = (
        times,
        open_,
        np.maximum(open_, close) + reach[0],
        np.minimum(open_, close) - reach[1],
        close,
        rng.integers(1, 200, len(times)),
        spread,
    )
    return Bars(nature.digits, *(column[kept] for column in columns))


def _spreads(rng: np.random.Generator, nature: Nature, times: Ints, moved: Ints) -> Ints:
    least, most, midnight = nature.spreads
    calm = rng.integers(least, most + 1, len(times))
    day = (times - times[0]) // DAY
    wide = rng.integers(most, midnight + 1, int(day[-1]) + 1)[day] + calm
    jumped = np.where(moved > 12 * nature.pace, moved // 4, 0)
    return np.maximum(np.where(times % DAY < 3600, wide, calm), jumped)


def _present(rng: np.random.Generator, times: Ints) -> NDArray[np.bool_]:
    """All minutes but some single ones and a few holes of up to three hours."""
    present = rng.random(len(times)) >= 0.004
    for start in rng.integers(0, len(times), len(times) // 4000).tolist():
        present[start : start + int(rng.integers(5, 180))] = False
    present[0] = True
    return present


def aggregated(bars: Bars, period: int) -> Bars:
    """The bars slot by slot in a longer period, the spread being the slot's smallest."""
    slots = bars.time // period
    starts = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))
    ends = np.append(starts[1:], len(slots)) - 1
    return Bars(
        bars.digits,
        slots[starts] * period,
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
        np.add.reduceat(bars.tick_volume, starts),
        np.minimum.reduceat(bars.spread, starts),
    )


def fingerprint(made: dict[str, Bars]) -> str:
    """SHA-256 over all values of all symbols, in hex."""
    digest = hashlib.sha256()
    for name, bars in made.items():
        digest.update(name.encode())
        for column in ("time", "open", "high", "low", "close", "tick_volume", "spread"):
            digest.update(getattr(bars, column).astype("<i8").tobytes())
    return digest.hexdigest()


def write_parquet(bars: Bars, path: Path) -> Path:
    """The bars in a file with the column types of `copy_rates_*`; returns `path`."""
    types = {
        "time": pa.int64(),
        **dict.fromkeys(("open", "high", "low", "close"), pa.float64()),
        "tick_volume": pa.uint64(),
        "spread": pa.int32(),
    }
    arrays = {name: pa.array(bars.column(name)).cast(kind) for name, kind in types.items()}
    arrays["real_volume"] = pa.array(np.zeros(len(bars), dtype=np.uint64))
    pq.write_table(pa.table(arrays), path)
    return path


def write_text(bars: Bars, path: Path) -> Path:
    """The bars as the terminal's own text export; no library decides its bytes. Returns `path`."""
    names = ("open", "high", "low", "close", "tick_volume", "spread")
    stamps = np.datetime_as_string(bars.time.astype("datetime64[s]")).tolist()
    lines = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    for stamp, *values in zip(stamps, *(getattr(bars, n).tolist() for n in names), strict=True):
        *prices, volume, spread = values
        day, clock = stamp.split("T")
        shown = "\t".join(f"{price / 10**bars.digits:.{bars.digits}f}" for price in prices)
        lines.append(f"{day.replace('-', '.')}\t{clock}\t{shown}\t{volume}\t0\t{spread}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return path
