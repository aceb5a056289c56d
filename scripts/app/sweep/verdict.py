"""What is left of the best of many trials: out of sample first, then how much of it was luck."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from risk.odds.estimate import Odds
from risk.odds.grid import Plateau, best_of, plateau, rank_correlation, rank_of
from risk.odds.overfitting import LEAST_DAYS, LEAST_TRIALS, Overfitting, overfitting
from risk.odds.sharpe import Deflated, deflated_best, sharpe
from risk.odds.table import Floats
from risk.odds.windows import Forward, WalkWindow, out_of_sample, walk_forward
from scripts.app.sweep.daily import matrix_of
from scripts.app.sweep.trial import TrialRow
from scripts.app.trials.base import Settings

YEAR = 261
"""Weekdays, by which a ratio of days becomes one of years."""


class Halves(msgspec.Struct, frozen=True, kw_only=True):
    """The best trial of the first half of the days, in the second: rank 1 is the best of `trials`.

    `correlation` is that of all ranks; figures are the objective's, of days.
    """

    trial: int
    first: float
    second: float
    rank: float
    trials: int
    correlation: float | None


class ForwardWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window's choice: `inside` and `outside` are its figures on training and test days."""

    train: str
    test: str
    end: str
    trial: int
    settings: Settings
    inside: float
    outside: float
    rank: float
    replayed: float | None = None
    """The relative result of its test days, replayed by themselves with a warm-up."""


class WalkVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Walk-forward: what the choices of each window made of the days after it.

    `inside` and `outside` are Sharpe ratios a year, mean of windows and of the joined test days.
    """

    windows: tuple[ForwardWindow, ...]
    inside: float
    outside: float
    mean_rank: float
    trials: int
    days: int
    curve: tuple[tuple[str, float], ...] = ()
    """By date, the joined relative result of the test days so far."""
    replayed: float | None = None
    replayed_days: int = 0
    odds: Odds | None = None
    no_odds: str = ""


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """One of the best trials in sample."""

    number: int
    settings: Settings
    figure: float
    net: int
    sharpe_year: float
    drawdown: float
    trades: int
    odds: float | None


class SweepVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a sweep says of its trials."""

    objective: str
    preset: str
    symbols: tuple[str, ...]
    currency: str
    rules: str
    first: str
    last: str
    days: int
    trials: int
    done: int
    failed: int
    tried: int
    walk: WalkVerdict | None = None
    halves: Halves | None = None
    overfitting: Overfitting | None = None
    deflated: Deflated | None = None
    sharpe_year: float | None = None
    plateau: Plateau | None = None
    best: tuple[Best, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False


class TrialColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The good trials as columns over all weekdays; `figures` are the objective's."""

    rows: tuple[TrialRow, ...]
    dates: tuple[str, ...]
    results: Floats
    figures: Floats

    @property
    def by_number(self) -> dict[int, float]:
        """Each trial's figure by its number."""
        return {row.number: float(x) for row, x in zip(self.rows, self.figures, strict=True)}


def judged(rows: Sequence[TrialRow], dates: Sequence[str], objective: str) -> TrialColumns:
    """The trials that have figures, in order."""
    good = tuple(sorted((row for row in rows if not row.error), key=lambda row: row.number))
    known, found = matrix_of([row.days for row in good])
    place = {date: row for row, date in enumerate(known)}
    results = np.zeros((len(dates), len(good)))
    for row, date in enumerate(dates):
        if date in place:
            results[row] = found[place[date]]
    return TrialColumns(
        rows=good, dates=tuple(dates), results=results, figures=_figures(good, results, objective)
    )


def _figures(rows: Sequence[TrialRow], results: Floats, objective: str) -> Floats:
    if objective == "odds":
        return np.array([float("nan") if row.odds is None else row.odds for row in rows])
    if objective == "net":
        return np.array([float(row.net) for row in rows])
    return by_days("sharpe", results)


def by_days(objective: str, results: Floats) -> Floats:
    """The objective of each column of day results; odds are judged by the ratio there."""
    if not len(results):
        return np.zeros(results.shape[1])
    if objective == "net":
        found: Floats = np.prod(1 + results, axis=0) - 1
        return found
    return sharpe(results)


def halves_of(found: TrialColumns, objective: str) -> Halves | None:
    """The first half's best in the second half; None with fewer than two trials or 20 days."""
    middle = len(found.dates) // 2
    if len(found.rows) < 2 or middle < 10:
        return None
    first = by_days(objective, found.results[:middle])
    second = by_days(objective, found.results[middle:])
    best = best_of(first)
    return Halves(
        trial=found.rows[best].number,
        first=float(first[best]),
        second=float(second[best]),
        rank=rank_of(second, best),
        trials=len(found.rows),
        correlation=rank_correlation(first, second),
    )


def overfitting_of(found: TrialColumns) -> Overfitting | None:
    """None below the number of trials and days from which on it says anything."""
    if len(found.rows) < LEAST_TRIALS or len(found.dates) < LEAST_DAYS:
        return None
    return overfitting(found.results)


def deflated_of(found: TrialColumns, tried: int) -> Deflated | None:
    """The best ratio, deflated by all that were ever tried; None with fewer than two trials."""
    if len(found.rows) < 2 or len(found.dates) < 2:
        return None
    return deflated_best(found.results, tried)


def plateau_of(found: TrialColumns) -> Plateau | None:
    """The best trial against its neighbours on the grid; None without a grid."""
    places = [row.place for row in found.rows]
    if not places or not all(places):
        return None
    return plateau(places, found.figures, best_of(found.figures))


def best_trials(found: TrialColumns, count: int = 20) -> tuple[Best, ...]:
    """The best by the objective; of equal ones the smaller number first."""
    usable = np.where(np.isnan(found.figures), -np.inf, found.figures)
    order = np.argsort(-usable, kind="stable").tolist()[:count]
    ratios = by_days("sharpe", found.results)
    return tuple(
        Best(
            number=row.number,
            settings=row.settings,
            figure=float(found.figures[i]) if not np.isnan(found.figures[i]) else 0.0,
            net=row.net,
            sharpe_year=float(ratios[i]) * YEAR**0.5,
            drawdown=row.drawdown,
            trades=row.trades,
            odds=row.odds,
        )
        for i, row in ((i, found.rows[i]) for i in order)
    )


def walked(
    found: TrialColumns, among: Sequence[WalkWindow], objective: str
) -> tuple[WalkVerdict, list[Forward]]:
    """The choice on each window, judged on the days after it."""
    if objective == "odds":
        chosen = [_by_odds(found, window, k) for k, window in enumerate(among)]
    else:
        chosen = walk_forward(found.results, among, lambda part: by_days(objective, part))
    joined = out_of_sample(found.results, chosen)
    year = YEAR**0.5
    inside = [sharpe(found.results[c.window.train : c.window.test])[c.trial] for c in chosen]
    windows = tuple(_window(found, one) for one in chosen)
    dates = [date for one in chosen for date in found.dates[one.window.test : one.window.end]]
    curve = np.cumprod(1 + joined) - 1
    verdict = WalkVerdict(
        windows=windows,
        inside=float(np.mean(inside)) * year,
        outside=float(sharpe(joined[:, None])[0]) * year,
        mean_rank=float(np.mean([one.rank for one in chosen])),
        trials=len(found.rows),
        days=len(joined),
        curve=tuple(zip(dates, [round(float(x), 10) for x in curve], strict=True)),
    )
    return verdict, chosen


def _by_odds(found: TrialColumns, window: WalkWindow, number: int) -> Forward:
    inside = np.array([_odds_on(row, number) for row in found.rows])
    trial = best_of(inside)
    outside = by_days("sharpe", found.results[window.test : window.end])
    return Forward(
        window=window,
        trial=trial,
        in_sample=float(inside[trial]),
        out_of_sample=float(outside[trial]),
        rank=rank_of(outside, trial),
    )


def _odds_on(row: TrialRow, number: int) -> float:
    share = row.span_odds[number] if number < len(row.span_odds) else None
    return float("nan") if share is None else share


def _window(found: TrialColumns, one: Forward) -> ForwardWindow:
    dates, window, row = found.dates, one.window, found.rows[one.trial]
    after = dates[window.end] if window.end < len(dates) else ""
    return ForwardWindow(
        train=dates[window.train],
        test=dates[window.test],
        end=after,
        trial=row.number,
        settings=row.settings,
        inside=one.in_sample,
        outside=one.out_of_sample,
        rank=one.rank,
    )
