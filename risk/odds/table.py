"""Firm days as columns, so that rules can be played over thousands of paths at once."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.types import Cents
from risk.odds.days import FirmDay

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

LARGEST: Cents = 2**48
"""No figure may be larger, in cents: products with a percentage stay whole numbers of 64 bits."""


class Sizing(enum.StrEnum):
    """How results of the record carry over to an account with another balance."""

    RELATIVE = "relative"  # volumes follow the balance
    ABSOLUTE = "absolute"  # volumes are fixed


class BadDays(ValueError):
    """Raised when a record of days contradicts itself; names the day, the field and the value."""


class DayTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Columns over n days (and up to k segments of each).

    All amounts but `start` are differences to the day's start balance, in cents. `lowest` and
    `highest_flat` are the extremes of a whole day, which tell at once whether its segments matter.
    """

    start: Ints
    flat: Flags
    ends_flat: Flags
    opened: Flags
    spans: Ints
    balance: Ints
    equity: Ints
    count: Ints
    lowest: Ints
    highest_flat: Ints
    segment_low: Ints
    segment_low_balance: Ints
    segment_balance: Ints
    segment_flat: Flags
    segment_opened: Flags

    def __len__(self) -> int:
        return len(self.start)

    @functools.cached_property
    def _factors(self) -> tuple[Floats, Floats]:
        """The extremes of each day as multiples of its start."""
        return 1 + self.lowest / self.start, 1 + self.highest_flat / self.start

    def extremes_after(self, sizing: Sizing, balance: Ints, days: Ints) -> tuple[Floats, Floats]:
        """About the lowest figure and the highest flat balance of days that began with `balance`.

        In floating point, less than a cent off.
        """
        if sizing is Sizing.RELATIVE:
            low, high = self._factors
            return balance * low[days], balance * high[days]
        lowest, highest = balance + self.lowest[days], balance + self.highest_flat[days]
        return lowest.astype(np.float64), highest.astype(np.float64)

    def balance_after(self, sizing: Sizing, balance: Ints, days: Ints) -> Ints:
        """Balances at the end of these days that began with `balance`."""
        return scaled(sizing, balance, self.balance[days], self.start[days])

    def equity_after(self, sizing: Sizing, balance: Ints, days: Ints) -> Ints:
        """Equities at the end of these days that began with `balance`."""
        return scaled(sizing, balance, self.equity[days], self.start[days])

    @property
    def results(self) -> Floats:
        """Change of each day's balance as a fraction of that at its start."""
        return self.balance / self.start

    @property
    def flat_starts(self) -> Ints:
        """Days at whose start nothing is open: where an attempt can begin."""
        return np.flatnonzero(self.flat)


NEVER: Cents = -LARGEST
"""Stands for the balance at a flat moment of a day that has none."""


def table_of(days: Sequence[FirmDay]) -> DayTable:
    """Columns of these days, which follow each other.

    Raises BadDays when there are none, a balance is not positive, a figure is too large, or a
    day that begins flat follows one that does not end flat (or the other way round).
    """
    if not days:
        raise BadDays("there are no firm days: run the replay over a longer period")
    _check(days)
    width = max(1, max(len(day.segments) for day in days))
    shape = len(days), width
    low, low_balance, balance = (np.zeros(shape, np.int64) for _ in range(3))
    flat, opened = (np.zeros(shape, np.bool_) for _ in range(2))
    for i, day in enumerate(days):
        for k, segment in enumerate(day.segments):
            end = day.balance if segment.balance is None else segment.balance
            least = end if segment.lowest_balance is None else segment.lowest_balance
            low[i, k] = segment.lowest - day.start
            low_balance[i, k] = least - day.start
            balance[i, k] = end - day.start
            flat[i, k] = segment.balance is not None
            opened[i, k] = segment.opened
    count = np.array([len(day.segments) for day in days], np.int64)
    used = np.arange(width) < count[:, None]
    lows = np.minimum(low, low_balance)
    return DayTable(
        start=np.array([day.start for day in days], np.int64),
        flat=np.array([day.flat for day in days], np.bool_),
        ends_flat=np.array([day.ends_flat for day in days], np.bool_),
        opened=np.array([day.opened for day in days], np.bool_),
        spans=np.array([day.spans for day in days], np.int64),
        balance=np.array([day.balance - day.start for day in days], np.int64),
        equity=np.array([day.equity - day.start for day in days], np.int64),
        count=count,
        lowest=np.where(used, lows, -NEVER).min(axis=1),
        highest_flat=np.where(used & flat, balance, NEVER).max(axis=1),
        segment_low=low,
        segment_low_balance=low_balance,
        segment_balance=balance,
        segment_flat=flat,
        segment_opened=opened,
    )


def _check(days: Sequence[FirmDay]) -> None:
    for i, day in enumerate(days):
        if day.start <= 0:
            raise BadDays(f"day {i} ({day.date}): start is {day.start} cents, must be positive")
        figures = [day.balance, day.equity, *(segment.lowest for segment in day.segments)]
        worst = max(map(abs, [day.start, *figures]))
        if worst >= LARGEST:
            raise BadDays(f"day {i} ({day.date}): {worst} cents is more than {LARGEST}")
        if i and day.flat != days[i - 1].ends_flat:
            was = "flat" if days[i - 1].ends_flat else "with a position open"
            raise BadDays(f"day {i} ({day.date}): flat is {day.flat}, the day before ended {was}")
        if not day.segments and not day.flat:
            raise BadDays(f"day {i} ({day.date}): a position is open, so it needs a segment")


def scaled(sizing: Sizing, balance: Ints, difference: Ints, start: Ints) -> Ints:
    """The account's figure when the record stands `difference` off its day's start balance.

    Relative: ``balance + floor(difference * balance / start)``, exact in whole cents. The
    quotient is estimated in floating point and corrected by its remainder, which is small and so
    right even where the products wrap around 64 bits.
    """
    if sizing is Sizing.ABSOLUTE:
        return balance + difference
    estimate = np.floor(difference.astype(np.float64) * balance / start).astype(np.int64)
    remainder = difference * balance - estimate * start
    estimate += (remainder >= start).astype(np.int64)
    estimate -= (remainder < 0).astype(np.int64)
    return balance + estimate
