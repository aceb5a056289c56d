"""What two runs say of their days and of the whole: figures that no trade shows. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapters.reports.compare import Aspect, RunDifference, Tolerances
from engine.types import USD, Millis, grouped

_OF_A_DAY: Final = {
    "anchor": "starting balance",
    "realised": "realised result",
    "end_equity": "equity at its end",
    "worst_equity": "lowest equity",
}
_OF_THE_RUN: Final = {
    "max_drawdown_fraction": "largest drawdown",
    "max_daily_loss_fraction": "largest loss of a day",
}
_SAME: Final = 1e-9

Summary = Mapping[str, Any]


def figures_that_differ(
    a: Summary | None, b: Summary | None, end: Millis, most: Tolerances
) -> Iterator[RunDifference]:
    """Differences of the days that both runs list, and of drawdowns; nothing without summaries."""
    if a is None or b is None:
        return
    yield from _days(a, b, most)
    start = a.get("initial_equity")
    for key, words in _OF_THE_RUN.items():
        one, other = a.get(key), b.get(key)
        if not isinstance(one, float) or not isinstance(other, float) or not start:
            continue
        if abs(one - other) * start * 100 > most.money and abs(one - other) > _SAME:
            text = f"{words} {one:.4%} in A, {other:.4%} in B"
            yield RunDifference(end, Aspect.DRAWDOWN, "account", text)


def _days(a: Summary, b: Summary, most: Tolerances) -> Iterator[RunDifference]:
    others = {day["date"]: day for day in b.get("daily") or ()}
    in_a, in_b = a.get("currency", USD), b.get("currency", USD)
    for day in a.get("daily") or ():
        other = others.get(day["date"])
        if other is None:
            continue
        told = [
            f"{words} {grouped(day[key], in_a)} in A, {grouped(other[key], in_b)} in B"
            for key, words in _OF_A_DAY.items()
            if _apart(day.get(key), other.get(key), most)
        ]
        if told:
            text = "; ".join(told)
            yield RunDifference(_moment(day["date"]), Aspect.DAY, f"day {day['date']}", text)


def _apart(one: float | None, other: float | None, most: Tolerances) -> bool:
    """Whether both know the figure and it differs; a run without objectives knows fewer."""
    if one is None or other is None:
        return False
    return abs(round(one * 100) - round(other * 100)) > most.money


def _moment(date: str) -> Millis:
    """The end of a day, roughly: its figures are known then."""
    day = dt.datetime.fromisoformat(date).replace(tzinfo=dt.UTC) + dt.timedelta(days=1)
    return round(day.timestamp() * 1000)
