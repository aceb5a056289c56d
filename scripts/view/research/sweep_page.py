"""What of a sweep stands on its page."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.reports.sweep_page import HeatMap, SweepPage
from engine.types import grouped
from scripts.app.sweep.trial import TrialRow
from scripts.app.sweep.verdict import SweepVerdict
from scripts.view.research.odds_text import FIXED_LINE, between, percent
from scripts.view.research.sweep_text import settings_text

_HEAD = ("trial", "net", "Sharpe a year", "drawdown", "trades", "parameters")


def page_of_sweep(verdict: SweepVerdict, rows: Sequence[TrialRow]) -> SweepPage:
    """The page of a sweep; `rows` are all its trials."""
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
        heat=heat_map(rows, verdict.objective),
        head=_HEAD,
        best=best,
        note=FIXED_LINE,
    )


def _outside(verdict: SweepVerdict) -> tuple[tuple[str, str], ...]:
    found = []
    walk, halves = verdict.walk, verdict.halves
    if walk is not None:
        if walk.odds is not None:
            found.append(("passes", f"{percent(walk.odds.passed)} ({between(walk.odds.interval)})"))
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
    if verdict.overfitting is not None:
        found.append(("probability of overfitting", percent(verdict.overfitting.pbo)))
    if verdict.deflated is not None:
        found.append(
            (
                f"best Sharpe above the best of {verdict.tried:,} without skill",
                f"probability {verdict.deflated.probability:.3f}",
            )
        )
    flat = verdict.plateau
    if flat is not None and flat.neighbours is not None:
        found.append(("best, and its neighbours", f"{flat.chosen:.4g}, {flat.neighbours:.4g}"))
    found.append(("parameter sets tried on these bars", f"{verdict.tried:,}"))
    return tuple(found)


def heat_map(rows: Sequence[TrialRow], objective: str) -> HeatMap | None:
    """The objective over the first two parameters that vary, the others at their best."""
    good = [row for row in rows if not row.error and row.place]
    if not good:
        return None
    names = list(good[0].settings)
    varying = [i for i in range(len(names)) if len({row.place[i] for row in good}) > 1]
    if len(varying) < 2:
        return None
    across, down = varying[:2]
    found: dict[tuple[int, int], float] = {}
    for row in good:
        figure = {"net": row.net / 100, "odds": row.odds}.get(objective, row.sharpe)
        if figure is not None:
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
        name=objective,
    )
