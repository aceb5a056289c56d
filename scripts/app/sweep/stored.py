"""A sweep that was made before, out of its folder: nothing of it is run again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

from engine.decoding import converted
from scripts.app.errors import BadData
from scripts.app.sweep.folder import SUMMARY, SweepFolder
from scripts.app.sweep.heat import heat_view
from scripts.app.sweep.request import asked_again
from scripts.app.sweep.run import SweepOutcome
from scripts.app.sweep.verdict import SweepVerdict, judged


def stored_sweep(folder: SweepFolder, axes: str | None, fix: list[str] | None) -> SweepOutcome:
    """What the sweep came to, its heat map as asked for now, else as it was asked for then.

    Raises BadData for a folder whose sweep did not end, WrongUsage for axes of no trial.
    """
    request = asked_again(folder, axes, fix)
    verdict = _verdict(folder)
    rows = tuple(sorted(folder.done().values(), key=lambda row: row.number))
    view = heat_view(request.axes, request.fix, [row.settings for row in rows])
    dates = list(_weekdays(verdict.first, verdict.last))
    figures = judged(rows, dates, verdict.objective).by_number
    return SweepOutcome(verdict, rows, folder, (), view, figures)


def _verdict(folder: SweepFolder) -> SweepVerdict:
    file = folder.path / SUMMARY
    try:
        return converted(json.loads(file.read_text(encoding="utf-8")), SweepVerdict)
    except FileNotFoundError:
        raise BadData(
            f"{folder.path}: its sweep did not come to an end: go on with butler sweep --resume "
            f"{folder.path}"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadData(f"{file}: it is no summary of a sweep ({error})") from error


def _weekdays(first: str, last: str) -> Iterator[str]:
    day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    while day <= end:
        if day.weekday() < 5:
            yield day.isoformat()
        day += dt.timedelta(days=1)
