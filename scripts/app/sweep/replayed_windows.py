"""The chosen trials' test windows, replayed for real: with a warm-up, from a fresh balance."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import replace

import msgspec
import numpy as np

from engine.calendar import resets
from engine.types import Millis
from risk.odds.days import FirmDay, spliced
from scripts.app.errors import AppError
from scripts.app.sweep.daily import daily_results, is_weekday
from scripts.app.sweep.engine import DIED_TWICE, Workers
from scripts.app.sweep.trial import TrialTask
from scripts.app.sweep.verdict import ForwardWindow
from scripts.app.trials.base import Settings, base_here, trial_terms
from scripts.app.trials.day_run import DayRun, run_days
from scripts.app.trials.errors import explained_replay


class WindowAsked(msgspec.Struct, frozen=True):
    """A window to be played: from and until these moments (ISO, UTC)."""

    settings: Settings
    start: str
    end: str | None


class WindowRuns(msgspec.Struct, frozen=True, kw_only=True):
    """The windows as they were played: each one's result, and their days as one record."""

    results: tuple[float | None, ...]
    days: tuple[FirmDay, ...]
    trades: int
    fixed: int
    by_risk: int
    errors: tuple[str, ...]


def begins(zone: str, hour: int, first: Millis, last: Millis) -> dict[str, Millis]:
    """When each firm day begins, from a little before the first moment on."""
    found = {}
    for moment, date in resets(zone, first - 3 * 86_400_000, hour):
        found[date] = moment
        if moment > last:
            break
    return found


def weekdays(starts: dict[str, Millis], first: Millis, last: Millis) -> list[str]:
    """The weekdays of the firm that the bars reach into."""
    ends = [*list(starts.values())[1:], last + 1]
    return [
        date
        for (date, moment), end in zip(starts.items(), ends, strict=True)
        if end > first and moment <= last and is_weekday(dt.date.fromisoformat(date))
    ]


def run_window(task: TrialTask, asked: WindowAsked) -> DayRun | str:
    """In a worker: one window's run, or why there is none."""
    asked_for = task.source.request
    request = replace(asked_for, start=asked.start, end=asked.end or asked_for.end)
    try:
        base = base_here(replace(task.source, request=request))
        with explained_replay():
            return run_days(trial_terms(base, asked.settings))
    except AppError as error:
        return str(error)


def windows_replayed(
    workers: Workers,
    task: TrialTask,
    windows: Sequence[ForwardWindow],
    starts: dict[str, Millis],
) -> WindowRuns:
    """Every window with its chosen trial; one whose worker died is played again by itself."""
    asked = [
        WindowAsked(
            one.settings, _iso(starts[one.test]), _iso(starts[one.end]) if one.end else None
        )
        for one in windows
    ]
    runs = _runs(workers, task, asked)
    good = [run for run in runs if isinstance(run, DayRun)]
    return WindowRuns(
        results=tuple(_result(run) if isinstance(run, DayRun) else None for run in runs),
        days=tuple(spliced(run.days for run in good)),
        trades=sum(run.trades for run in good),
        fixed=sum(run.fixed for run in good),
        by_risk=sum(run.by_risk for run in good),
        errors=tuple(run for run in runs if isinstance(run, str)),
    )


def _runs(workers: Workers, task: TrialTask, asked: Sequence[WindowAsked]) -> list[DayRun | str]:
    """Side by side; what a worker that died took with it comes once more, one after the other."""
    executor = workers.executor()
    try:
        found = _together(executor, task, asked)
    except BaseException:
        workers.end(executor, now=True)
        raise
    workers.end(executor, now=len(found) < len(asked))
    return [
        found[number] if number in found else _by_itself(workers, task, one)
        for number, one in enumerate(asked)
    ]


def _together(
    executor: Executor, task: TrialTask, asked: Sequence[WindowAsked]
) -> dict[int, DayRun | str]:
    """Those that ended, by their numbers."""
    found: dict[int, DayRun | str] = {}
    sent: list[Future[DayRun | str]] = []
    with contextlib.suppress(BrokenExecutor):  # before all were sent
        sent.extend(executor.submit(run_window, task, one) for one in asked)
    for number, future in enumerate(sent):
        with contextlib.suppress(BrokenExecutor):
            found[number] = future.result()
    return found


def _by_itself(workers: Workers, task: TrialTask, one: WindowAsked) -> DayRun | str:
    alone = workers.alone()
    try:
        run = alone.submit(run_window, task, one).result()
    except BaseException as error:
        workers.end(alone, now=True)
        if isinstance(error, BrokenExecutor):
            return f"the window from {one.start}: {DIED_TWICE}"
        raise
    workers.end(alone, now=False)
    return run


def _result(run: DayRun) -> float:
    return round(float(np.prod(1 + np.array(daily_results(run.days).results))) - 1, 10)


def _iso(moment: Millis) -> str:
    return dt.datetime.fromtimestamp(moment / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
