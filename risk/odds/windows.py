"""Walk-forward: a choice on one window of days is judged on the days that follow it."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from risk.odds.grid import best_of, rank_of
from risk.odds.table import Floats


class BadWindows(ValueError):
    """Raised when windows are no windows, or do not fit into the days; says what would."""


class WindowSpan(msgspec.Struct, frozen=True):
    """A length of time: so many months and days."""

    months: int
    days: int

    def after(self, start: dt.date, times: int = 1) -> dt.date:
        """The date so many spans later; a month without that day ends on its last one."""
        month = start.month - 1 + self.months * times
        year, month = start.year + month // 12, month % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        return dt.date(year, month, day) + dt.timedelta(days=self.days * times)


class WalkWindow(msgspec.Struct, frozen=True):
    """Places in the list of days: trained on `[train, test)`, tested on `[test, end)`."""

    train: int
    test: int
    end: int


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """One window's choice: the trial, its figures in and out of sample, and its rank there."""

    window: WalkWindow
    trial: int
    in_sample: float
    out_of_sample: float
    rank: float


_SPAN = re.compile(r"([1-9][0-9]{0,3})([dwmy])")
_UNITS = {"d": (0, 1), "w": (0, 7), "m": (1, 0), "y": (12, 0)}


def spans(text: str) -> tuple[WindowSpan, WindowSpan]:
    """Training and test length from text such as ``6m/2m``. Raises BadWindows."""
    parts = [_SPAN.fullmatch(part.strip()) for part in text.split("/")]
    found = [part for part in parts if part is not None]
    if len(parts) != 2 or len(found) != 2:
        raise BadWindows(
            f"walk-forward {text!r} is not of the form TRAIN/TEST, each a number with d, w, m or "
            "y, such as 6m/2m"
        )
    train, test = (WindowSpan(*(int(part[1]) * unit for unit in _UNITS[part[2]])) for part in found)
    return train, test


def windows(
    dates: Sequence[str], train: WindowSpan, test: WindowSpan, *, anchored: bool = False
) -> list[WalkWindow]:
    """Windows over these dates, in order, whose test days follow each other without a gap.

    Training begins one test span later each time, or, `anchored`, always on the first day. The last
    test may be shorter, down to half a span. Raises BadWindows when not one fits.
    """
    if not dates:
        raise BadWindows("there are no days to make windows of")
    first = dt.date.fromisoformat(dates[0])
    after_last = dt.date.fromisoformat(dates[-1]) + dt.timedelta(days=1)
    found: list[WalkWindow] = []
    while True:
        k = len(found)
        start = test.after(train.after(first), k)
        end = test.after(train.after(first), k + 1)
        if start + (end - start) / 2 > after_last:
            break
        begin = first if anchored else test.after(first, k)
        places = [bisect_left(dates, day.isoformat()) for day in (begin, start, end)]
        if not places[0] < places[1] < places[2]:
            break
        found.append(WalkWindow(*places))
    if not found:
        raise BadWindows(
            f"the days from {dates[0]} to {dates[-1]} are too few for one window: take shorter ones"
        )
    return found


def walk_forward(
    results: Floats, among: Sequence[WalkWindow], figure: Callable[[Floats], Floats]
) -> list[Forward]:
    """The choice on each window by `figure` (of each column), over a row of results a day."""
    found = []
    for window in among:
        inside = figure(results[window.train : window.test])
        outside = figure(results[window.test : window.end])
        trial = best_of(inside)
        found.append(
            Forward(
                window=window,
                trial=trial,
                in_sample=float(inside[trial]),
                out_of_sample=float(outside[trial]),
                rank=rank_of(outside, trial),
            )
        )
    return found


def out_of_sample(results: Floats, chosen: Sequence[Forward]) -> Floats:
    """The chosen trials' results on their test days, one after another."""
    parts = [results[one.window.test : one.window.end, one.trial] for one in chosen]
    return np.concatenate(parts) if parts else np.zeros(0)
