"""One trial, in whatever process it runs: what goes in, and the row that comes out."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from risk.odds.days import FirmDay
from risk.odds.draws import NoFlatStart
from risk.odds.estimate import pass_probability
from risk.odds.sharpe import sharpe
from risk.odds.table import BadDays
from risk.odds.terms import OddsTerms, terms_of
from scripts.app.errors import AppError, BadData
from scripts.app.sweep.daily import DailyResults, daily_results
from scripts.app.trials.base import (
    Settings,
    TrialSource,
    base_here,
    insist_unchanged,
    trial_terms,
)
from scripts.app.trials.day_run import DayRun, run_days
from scripts.app.trials.errors import explained_replay
from scripts.app.version import program_digest

ODDS_PATHS = 2_000
"""Paths for the odds of a trial: enough to compare many, too few to quote."""


class TrialTask(msgspec.Struct, frozen=True, kw_only=True):
    """What every trial of a sweep needs. `hashes` are those of the bars by symbol.

    With `spans` (first date, end date) the odds are those of each span's days, not of all.
    """

    source: TrialSource
    hashes: dict[str, str]
    odds: bool = False
    spans: tuple[tuple[str, str], ...] = ()
    seed: int = 1
    program: str = ""
    """The digest of the program that workers must run; empty on one machine."""


class TrialRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one trial. `error` says why there are no figures.

    `net` and the balances are cents, `drawdown` is the largest fall of the daily balance from its
    peak as a fraction. `seconds` and `worker` differ from run to run, all else does not.
    """

    number: int
    key: str
    settings: Settings
    place: tuple[int, ...] = ()
    net: int = 0
    sharpe: float = 0.0
    drawdown: float = 0.0
    trades: int = 0
    final: int = 0
    odds: float | None = None
    span_odds: tuple[float | None, ...] = ()
    denied: dict[str, int] = {}
    journal: str = ""
    ended_by: str = ""
    days: DailyResults = DailyResults()
    error: str = ""
    seconds: float = 0.0
    worker: int = 0

    def __post_init__(self) -> None:
        if self.place and len(self.place) != len(self.settings):
            raise ValueError("its place is not one in each of its parameters")


class AskedTrial(msgspec.Struct, frozen=True):
    """A trial as it is sent."""

    number: int
    key: str
    settings: Settings
    place: tuple[int, ...] = ()


def run_trial(task: TrialTask, asked: AskedTrial) -> TrialRow:
    """The trial's row; never raises for what the trial itself does wrong."""
    began = time.perf_counter()
    try:
        found = _figures(task, asked)
    except AppError as error:
        found = {"error": str(error)}
    except Exception as error:  # a fault of ours must not end the sweep: its row says so
        found = {"error": f"internal error: {type(error).__name__}: {error}"}
    return TrialRow(
        number=asked.number,
        key=asked.key,
        settings=asked.settings,
        place=asked.place,
        seconds=round(time.perf_counter() - began, 4),
        worker=os.getpid(),
        **found,
    )


def _figures(task: TrialTask, asked: AskedTrial) -> dict[str, Any]:
    insist_same_program(task)
    base = base_here(task.source)
    insist_unchanged(base, task.hashes)
    with explained_replay():
        run = run_days(trial_terms(base, asked.settings), hashed=True)
    days = daily_results(run.days)
    results = np.array(days.results)
    return {
        "net": run.final - run.initial,
        "sharpe": float(sharpe(results[:, None])[0]) if len(results) else 0.0,
        "drawdown": _drawdown(run),
        "trades": run.trades,
        "final": run.final,
        "denied": run.denied,
        "journal": run.journal,
        "ended_by": run.ended_by,
        "days": days,
        **_odds(task, run),
    }


def insist_same_program(task: TrialTask) -> None:
    """Raise BadData in a worker that came later and runs another program."""
    if task.program and task.program != program_digest():
        raise BadData("this worker runs another program than the sweep: install the same on both")


def _drawdown(run: DayRun) -> float:
    """The largest fall of the lowest equity of a day from the highest balance before it."""
    peak, deepest = run.initial, 0.0
    for day in run.days:
        deepest = max(deepest, (peak - day.low) / peak)
        peak = max(peak, day.balance)
    return round(deepest, 10)


def _odds(task: TrialTask, run: DayRun) -> dict[str, Any]:
    challenge = task.source.challenge
    if not task.odds or challenge is None:
        return {}
    terms = terms_of(challenge.rules, run.initial, first_phase=challenge.first_phase)
    if not task.spans:
        return {"odds": _passes(run.days, terms, run, task.seed)}
    return {
        "odds": _passes(run.days, terms, run, task.seed),
        "span_odds": tuple(
            _passes(_within(run.days, span), terms, run, task.seed) for span in task.spans
        ),
    }


def _within(days: Sequence[FirmDay], span: tuple[str, str]) -> list[FirmDay]:
    return [day for day in days if span[0] <= day.date < span[1]]


def _passes(days: Sequence[FirmDay], terms: OddsTerms, run: DayRun, seed: int) -> float | None:
    """The share that passes; None where no attempt can begin."""
    try:
        found = pass_probability(days, terms, run.sizing, seed=seed, paths=ODDS_PATHS)
    except (BadDays, NoFlatStart):
        return None
    return found if math.isfinite(found) else None
