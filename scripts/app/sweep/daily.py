"""Results by weekday, so that all trials over the same bars have the same days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec
import numpy as np

from risk.odds.days import FirmDay
from risk.odds.table import Floats

_SATURDAY = 5


class DailyResults(msgspec.Struct, frozen=True):
    """Weekdays in order: relative result of the balance, and the lowest equity, as fractions of the
    day's start. A weekend's count in the Monday after it."""

    dates: tuple[str, ...] = ()
    results: tuple[float, ...] = ()
    lowest: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.dates) == len(self.results) == len(self.lowest):
            raise ValueError("its days do not have a result and a lowest equity each")
        if any(one >= other for one, other in pairwise(self.dates)):
            raise ValueError("its days are not in order")


def daily_results(days: Iterable[FirmDay]) -> DailyResults:
    """The results of firm days by weekday."""
    found: dict[str, tuple[float, float]] = {}
    for day in days:
        date = _weekday(day.date)
        result, lowest = day.result, min(0.0, (day.low - day.start) / day.start)
        if date in found:
            before, before_low = found[date]
            lowest = min(before_low, (1 + before) * (1 + lowest) - 1)
            result = (1 + before) * (1 + result) - 1
        found[date] = round(result, 12), round(lowest, 12)
    return DailyResults(
        tuple(found),
        tuple(one for one, _ in found.values()),
        tuple(low for _, low in found.values()),
    )


def is_weekday(day: dt.date) -> bool:
    """Whether a sweep has a result of that day: of a weekend's, Monday has it."""
    return day.weekday() < _SATURDAY


@lru_cache(maxsize=16_384)
def _weekday(date: str) -> str:
    """Remembered: all trials over the same bars have the same days."""
    day = dt.date.fromisoformat(date)
    while not is_weekday(day):
        day += dt.timedelta(days=1)
    return day.isoformat()


def matrix_of(trials: Sequence[DailyResults]) -> tuple[list[str], Floats]:
    """All dates in order, and the results: a row a date, a column a trial; 0 where it has none."""
    dates = sorted({date for trial in trials for date in trial.dates})
    rows = {date: row for row, date in enumerate(dates)}
    found = np.zeros((len(dates), len(trials)))
    for column, trial in enumerate(trials):
        found[[rows[date] for date in trial.dates], column] = trial.results
    return dates, found
