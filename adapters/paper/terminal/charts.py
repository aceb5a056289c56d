"""Recorded bars as a server shows them: merged into every timeframe, and as ticks.

A bar stands for four ticks: its open at its first millisecond, its extremes after a quarter and a
half of its time, its close at its last millisecond. A bar that does not fall shows its low first, a
falling one its high. The ask lies above the bid by the spread in force: the one recorded in the bar
before, never below the symbol's floor, because a bar's own is its smallest and known at its end.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from adapters.mt5.api import contract as mt5
from engine.types import SymbolSpec

Rates = npt.NDArray[Any]
Ticks = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

TICKS_PER_BAR: Final = 4
_DAY: Final = 86_400
_HOUR: Final = 3_600
_WEEK_OFFSET: Final = 3 * _DAY  # 1970-01-04 was the first Sunday
_CLOCK_TIMEFRAMES: Final = 0x4000  # hours and longer are numbered from here
_LONG_SECONDS: Final = {mt5.TIMEFRAME_W1: 7 * _DAY, mt5.TIMEFRAME_MN1: 31 * _DAY}

TIMEFRAME_SECONDS: Final[dict[int, int]] = {
    value: _LONG_SECONDS.get(
        value, value * 60 if value < _CLOCK_TIMEFRAMES else (value - _CLOCK_TIMEFRAMES) * _HOUR
    )
    for name, value in vars(mt5).items()
    if name.startswith("TIMEFRAME_")
}
"""The package's timeframes with the greatest length of one of their bars."""


class Recorded(NamedTuple):
    """What has been recorded of a symbol so far: all bars that have opened, oldest first.

    `rates` holds them whole, the last one too, of which only the first `ticks` (1 to 4) of its
    ticks have been. `spreads` are those in force, in points; `seconds` is the bars' length.
    """

    rates: Rates
    spreads: Ints
    ticks: int
    seconds: int


class BarSource(Protocol):
    """Where a terminal's bars and ticks come from."""

    def recorded(self, symbol: str) -> Recorded | None:
        """What has been recorded of `symbol`; None when nothing ever will."""


def spreads_in_force(rates: Rates, spec: SymbolSpec) -> Ints:
    """The spread of each bar from its open to its close, in points."""
    recorded = rates["spread"].astype(np.int64)
    before = np.concatenate((np.zeros(min(len(rates), 1), np.int64), recorded[:-1]))
    rollover = rates["time"] % _DAY < _HOUR
    floors = np.where(rollover, spec.spread_floor_rollover, spec.spread_floor)
    return np.maximum(before, floors).astype(np.int64)


def bar_length(rates: Rates) -> int:
    """The length of the bars in seconds: the shortest time between two of them."""
    return int(np.diff(rates["time"]).min()) if len(rates) > 1 else 60


# --- bars ----------------------------------------------------------------------------------------


def slots(times: Ints, timeframe: int) -> Ints:
    """The opening of the bar of `timeframe` that each of `times` (server seconds) belongs to."""
    if timeframe == mt5.TIMEFRAME_MN1:
        months = times.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype("datetime64[s]").astype(np.int64)
    length = TIMEFRAME_SECONDS[timeframe]
    offset = _WEEK_OFFSET if timeframe == mt5.TIMEFRAME_W1 else 0
    opened: Ints = (times - offset) // length * length + offset
    return opened


def first_row(recorded: Recorded, timeframe: int, since: int) -> int:
    """The first row whose bar of `timeframe` opens at `since` (server seconds) or later."""
    times: Ints = recorded.rates["time"]
    row = int(np.searchsorted(times, since))
    near = slots(times[row : row + _rows_per_bar(recorded, timeframe)], timeframe)
    return row + int(np.count_nonzero(near < since))


def latest(recorded: Recorded, timeframe: int, end: int, count: int) -> Rates:
    """The last `count` bars of `timeframe` before row `end`, or as many as there are."""
    # One bar more than needed, because the first one may be cut.
    begin = max(end - (count + 1) * _rows_per_bar(recorded, timeframe), 0)
    merged = merge(recorded, timeframe, begin, end)
    return merged[max(len(merged) - count, 0) :]


def _rows_per_bar(recorded: Recorded, timeframe: int) -> int:
    return -(-TIMEFRAME_SECONDS[timeframe] // recorded.seconds)


def merge(recorded: Recorded, timeframe: int, begin: int, end: int) -> Rates:
    """The rows from `begin` to `end` as bars of `timeframe`, the last one as far as it was seen."""
    rows = recorded.rates[begin:end]
    if end == len(recorded.rates) and recorded.ticks < TICKS_PER_BAR and len(rows):
        rows = rows.copy()
        _show_part(rows[-1:], recorded.ticks)
    if not len(rows):
        return rows
    times = slots(rows["time"], timeframe)
    if np.array_equal(times, rows["time"]):
        return rows  # they are bars of that timeframe as they stand
    starts = np.flatnonzero(np.concatenate(([True], times[1:] != times[:-1])))
    merged = rows[starts].copy()
    merged["time"] = times[starts]
    merged["high"] = np.maximum.reduceat(rows["high"], starts)
    merged["low"] = np.minimum.reduceat(rows["low"], starts)
    merged["close"] = rows["close"][np.append(starts[1:], len(rows)) - 1]
    merged["spread"] = np.minimum.reduceat(rows["spread"], starts)
    for column in ("tick_volume", "real_volume"):
        merged[column] = np.add.reduceat(rows[column], starts)
    return merged


def _show_part(bar: Rates, ticks: int) -> None:
    """Leave of a bar (an array of one) what its first `ticks` ticks have shown."""
    path = prices(bar)[0][:ticks]
    bar["high"], bar["low"], bar["close"] = path.max(), path.min(), path[-1]
    bar["tick_volume"] = np.minimum(bar["tick_volume"], ticks)


# --- ticks ---------------------------------------------------------------------------------------


def prices(rates: Rates) -> npt.NDArray[Any]:
    """The bids of each bar's four ticks, in order, a row for each bar."""
    falling = rates["close"] < rates["open"]
    first = np.where(falling, rates["high"], rates["low"])
    second = np.where(falling, rates["low"], rates["high"])
    return np.stack((rates["open"], first, second, rates["close"]), axis=1)


def tick_offsets(seconds: int) -> tuple[int, int, int, int]:
    """When the four ticks of a bar of this length come, in milliseconds after its opening."""
    length = seconds * 1000
    return (0, length // 4, length // 2, length - 1)


def ticks_of(recorded: Recorded, digits: int, begin: int, end: int) -> Ticks:
    """The ticks of the rows from `begin` to `end`, as far as they have been."""
    rows = recorded.rates[begin:end]
    moments = rows["time"][:, None] * 1000 + np.array(tick_offsets(recorded.seconds))
    ticks = np.zeros(moments.size, dtype=mt5.ticks_dtype())
    ticks["time_msc"] = moments.ravel()
    ticks["time"] = ticks["time_msc"] // 1000
    ticks["bid"] = prices(rows).ravel()
    above = np.repeat(recorded.spreads[begin:end], TICKS_PER_BAR) / 10.0**digits
    ticks["ask"] = np.round(ticks["bid"] + above, digits)
    ticks["flags"] = mt5.TICK_FLAG_BID | mt5.TICK_FLAG_ASK
    last_is_open = end == len(recorded.rates) and len(rows)
    return ticks[: len(ticks) - (TICKS_PER_BAR - recorded.ticks)] if last_is_open else ticks
