"""Flat bars of a closed market: some exports fill weekends, holidays and breaks with them.

Nobody traded at such a bar's price, so nothing may be decided or filled by it. A bar counts as one
when its four prices are equal, its volume is 0, and it opens while the market is closed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.types import ClockName
from signals.market_data.clocks import DAY, HOUR, WEEK, to_server, to_utc

Mask = NDArray[np.bool_]

_CLOSE, _OPEN = 5 * DAY + 17 * HOUR, 17 * HOUR
"""The market's weekend by New York's clock, in seconds since Sunday midnight."""

_DARK = (5 * DAY + 15 * HOUR, DAY + 2 * HOUR)
"""From before the earliest close to after the latest open that any known clock shows."""

METALS = frozenset({"XAU", "XAG", "XPT", "XPD"})
"""Bases of symbols that pause from 17:00 to 18:00 New York every day."""

_HOLIDAYS = ("12-25", "01-01")
"""Trading days, from 17:00 to 17:00 New York, on which currencies and metals are closed."""


class PriceColumns(Protocol):
    """A file's columns as far as they are looked at here."""

    @property
    def time(self) -> NDArray[np.int64]: ...
    @property
    def open(self) -> NDArray[np.float64]: ...
    @property
    def high(self) -> NDArray[np.float64]: ...
    @property
    def low(self) -> NDArray[np.float64]: ...
    @property
    def close(self) -> NDArray[np.float64]: ...
    @property
    def tick_volume(self) -> NDArray[np.int64]: ...


def flat(columns: PriceColumns) -> Mask:
    """Which bars have one price and no volume."""
    same = (columns.high == columns.low) & (columns.open == columns.close)
    mask: Mask = same & (columns.open == columns.high) & (columns.tick_volume == 0)
    return mask


def flat_about_weekends(columns: PriceColumns) -> Mask:
    """Flat bars about the turn of a week by whatever clock: they say nothing of when weeks open."""
    in_week = (columns.time + 4 * DAY) % WEEK  # 1970-01-01 was a Thursday
    mask: Mask = flat(columns) & ((in_week >= _DARK[0]) | (in_week < _DARK[1]))
    return mask


def flat_while_closed(columns: PriceColumns, clock: ClockName, base: str) -> Mask:
    """Flat bars of times at which the market is closed; `base` is the symbol's base currency."""
    mask = flat(columns)
    if mask.any():
        mask[mask] = _closed(to_server("new-york", to_utc(clock, columns.time[mask])), base)
    return mask


def _closed(wall: NDArray[np.int64], base: str) -> Mask:
    """Whether the market is closed at these times of New York's clock."""
    in_week = (wall + 4 * DAY) % WEEK
    mask: Mask = (in_week >= _CLOSE) | (in_week < _OPEN)
    if base in METALS:
        mask |= wall % DAY // HOUR == _OPEN // HOUR
    days = ((wall + DAY - _OPEN) // DAY).astype("datetime64[D]").astype("U10")
    mask |= np.isin(np.char.partition(days, "-")[:, 2], _HOLIDAYS)
    return mask
