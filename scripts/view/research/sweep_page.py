"""What of a sweep stands on its page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from adapters.reports.sweep_page import HeatMap, SweepPage
from engine.types import grouped
from risk.odds.grid import Plateau
from scripts.app.sweep.heat import HeatView
from scripts.app.sweep.trial import TrialRow
from scripts.app.sweep.verdict import YEAR, SweepVerdict
from scripts.view.research.odds_text import FIXED_LINE, between, percent
from scripts.view.research.sweep_text import settings_text

NAMES = {"sharpe": "Sharpe ratio a year", "net": "net result", "odds": "share that passes"}


def shown(objective: str, figure: float) -> float:
    """An objective's figure as a person reads it: ratios a year, money in whole units."""
    if objective == "net":
        return figure / 100
    return figure * math.sqrt(YEAR) if objective == "sharpe" else figure


def plateau_told(objective: str, flat: Plateau) -> str:
    """The best trial's figure beside the median of its neighbours on the grid."""
    chosen, others = shown(objective, flat.chosen), shown(objective, flat.neighbours or 0.0)
    return f"{chosen:.4g}, {others:.4g} ({NAMES[objective]})"


_HEAD = ("trial", "net", "Sharpe a year", "drawdown", "trades", "parameters")


def page_of_sweep(
    verdict: SweepVerdict, rows: Sequence[TrialRow], figures: Mapping[int, float], view: HeatView
) -> SweepPage:
    """The page of a sweep; `rows` are all its trials, `figures` the objective's by their number."""
    best = tuple(
        (
            str(one.number), grouped(one.net / 100, verdict.currency), f"{one.sharpe_year:+.2f}",
            f"{one.drawdown:.1%}", f"{one.trades:,}", settings_text(one.settings),
        )
        for one in verdict.best
    )  # fmt: skip
    return SweepPage(
        title=f"{verdict.preset} on {', '.join(verdict.symbols)}: {verdict.done:,} trials, "
        f"{verdict.first} to {verdict.last}",
        outside=_outside(verdict),
        luck=_luck(verdict),
        curve=() if verdict.walk is None else verdict.walk.curve,
        heat=heat_map(rows, figures, verdict.objective, view),
        head=_HEAD,
        best=best,
        note=FIXED_LINE,
    )


def _outside(verdict: SweepVerdict) -> tuple[tuple[str, str], ...]:
    found = []
    walk, halves = verdict.walk, verdict.halves
    if walk is not None:
        if walk.odds is not None:
            share, interval = percent(walk.odds.passed), between(walk.odds.interval)
            days = f"over {walk.odds.days:,} test days"
            found.append(("passes", f"{share} (95 % interval: {interval}), {days}"))
        elif walk.no_odds:
            found.append(("passes", walk.no_odds))
        found.append(("Sharpe a year after each choice", f"{walk.outside:+.2f}"))
        found.append(("Sharpe a year on the days chosen by", f"{walk.inside:+.2f}"))
        found.append(("mean rank of the chosen", f"{walk.mean_rank:.0f} of {walk.trials}"))
        if walk.replayed is not None:
            found.append(("test windows, replayed", f"{walk.replayed:+.1%}"))
    if halves is not None:
        found.append(("first half's best in the second", f"{halves.rank:g} of {halves.trials}"))
    return tuple(found) or (("walk-forward", "none was asked for"),)


def _luck(verdict: SweepVerdict) -> tuple[tuple[str, str], ...]:
    found = []
    told = "needs 10 trials and 250 days"
    if verdict.overfitting is not None:
        told = f"{percent(verdict.overfitting.pbo)} (varies widely from days to days)"
    found.append(("probability of overfitting", told))
    if verdict.deflated is not None:
        found.append(
            (
                f"best Sharpe above the best of {verdict.tried:,} without skill",
                f"probability {verdict.deflated.probability:.3f}",
            )
        )
    flat = verdict.plateau
    if flat is not None and flat.neighbours is not None:
        found.append(("best, and its neighbours", plateau_told(verdict.objective, flat)))
    found.append(("parameter sets tried on these bars", f"{verdict.tried:,}"))
    return tuple(found)


def heat_map(
    rows: Sequence[TrialRow], figures: Mapping[int, float], objective: str, view: HeatView
) -> HeatMap | None:
    """The objective over two parameters that vary, the others at their best or fixed."""
    good = [row for row in rows if not row.error and row.place and view.shows(row.settings)]
    if not good:
        return None
    names = list(good[0].settings)
    varying = [i for i in range(len(names)) if len({row.place[i] for row in good}) > 1]
    if len(varying) < 2:
        return None
    across, down = varying[:2] if view.axes is None else map(names.index, view.axes)
    found: dict[tuple[int, int], float] = {}
    for row in good:
        figure = figures.get(row.number, float("nan"))
        if figure == figure:
            figure = shown(objective, figure)
            place = row.place[down], row.place[across]
            found[place] = max(figure, found.get(place, figure))
    columns = {row.place[across]: str(row.settings[names[across]]) for row in good}
    lines = {row.place[down]: str(row.settings[names[down]]) for row in good}
    return HeatMap(
        across=names[across],
        down=names[down],
        columns=tuple(columns[key] for key in sorted(columns)),
        rows=tuple(lines[key] for key in sorted(lines)),
        figures=tuple(
            tuple(found.get((line, column)) for column in sorted(columns)) for line in sorted(lines)
        ),
        name=", ".join(
            [NAMES[objective], *(f"{name}={value}" for name, value in view.fixed.items())]
        ),
    )
