"""A sweep that was made before, out of its folder: nothing of it is run again."""

from __future__ import annotations

import datetime as dt
import json

from engine.decoding import converted
from scripts.app.errors import BadData
from scripts.app.sweep.daily import is_weekday
from scripts.app.sweep.folder import SUMMARY, SweepFolder
from scripts.app.sweep.heat import heat_view
from scripts.app.sweep.request import OBJECTIVES, asked_again
from scripts.app.sweep.run import SweepOutcome
from scripts.app.sweep.verdict import SweepVerdict, judged

_WEEK = 7


def stored_sweep(folder: SweepFolder, axes: str | None, fix: list[str] | None) -> SweepOutcome:
    """What the sweep came to, its heat map as asked for now, else as it was asked for then.

    Raises BadData for a folder whose sweep did not end, WrongUsage for axes of no trial.
    """
    request = asked_again(folder, axes, fix)
    verdict, dates = _verdict(folder)
    rows = tuple(sorted(folder.done().values(), key=lambda row: row.number))
    view = heat_view(request.axes, request.fix, [row.settings for row in rows])
    figures = judged(rows, dates, verdict.objective).by_number
    return SweepOutcome(verdict, rows, folder, (), view, figures)


def _verdict(folder: SweepFolder) -> tuple[SweepVerdict, list[str]]:
    """What the sweep came to, and the weekdays that it is of."""
    file = folder.path / SUMMARY
    try:
        verdict = converted(json.loads(file.read_text(encoding="utf-8")), SweepVerdict)
        if verdict.objective not in OBJECTIVES:
            raise ValueError(f"its objective is {verdict.objective!r}")
        return verdict, _weekdays(verdict)
    except FileNotFoundError:
        raise BadData(
            f"{folder.path}: its sweep did not come to an end: go on with butler sweep --resume "
            f"{folder.path}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadData(f"{file}: it is no summary of a sweep ({error})") from error


def _weekdays(verdict: SweepVerdict) -> list[str]:
    """The weekdays of the sweep; raises ValueError where it cannot be one of these dates."""
    day, end = (dt.date.fromisoformat(date) for date in (verdict.first, verdict.last))
    span = range(max(0, (end - day).days + 1))
    days = [] if len(span) > verdict.days * _WEEK else [day + dt.timedelta(n) for n in span]
    found = [date.isoformat() for date in days if is_weekday(date)]
    if not found or len(found) != verdict.days:
        raise ValueError(f"{verdict.first} to {verdict.last} is no span of {verdict.days} weekdays")
    return found
