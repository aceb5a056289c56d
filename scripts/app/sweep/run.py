"""A sweep from its request to its result folder."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from engine.clock import SystemClock
from engine.types import Millis
from risk.challenge import Challenge
from risk.odds.checks import FEW_DAYS
from risk.odds.windows import BadWindows, WalkWindow, windows
from scripts.app.errors import WrongUsage
from scripts.app.frontend import Interrupt
from scripts.app.sessions.replay import started
from scripts.app.sweep.engine import Trials, Workers
from scripts.app.sweep.folder import SweepFolder
from scripts.app.sweep.grid import Axis, Trial, axis_of, grid_trials, listed_trials, random_trials
from scripts.app.sweep.heat import HeatView, heat_view
from scripts.app.sweep.out_of_sample import with_odds
from scripts.app.sweep.replayed_windows import begins, weekdays, windows_replayed
from scripts.app.sweep.request import NO_RULES, SweepRequest
from scripts.app.sweep.trial import AskedTrial, TrialRow, TrialTask
from scripts.app.sweep.verdict import (
    SweepVerdict,
    TrialColumns,
    WalkVerdict,
    best_trials,
    deflated_of,
    halves_of,
    judged,
    overfitting_of,
    plateau_of,
    walked,
)
from scripts.app.sweep.where import Condition, conditions
from scripts.app.terms.objectives import resolve
from scripts.app.trials.base import (
    TrialBase,
    base_here,
    source_of_preset,
    trial_terms,
    value_of,
    with_settings,
)
from scripts.app.trials.tried import tried_of
from scripts.app.version import version


class SweepFrontend(Protocol):
    """How a sweep reaches its user, and how the user ends it."""

    def tell(self, notes: list[str]) -> None:
        """Show notes on what was resolved."""

    def interruptible(self, request_stop: Callable[[], None]) -> AbstractContextManager[Interrupt]:
        """While inside, an interrupt calls `request_stop`."""

    def trials(self, total: int) -> AbstractContextManager[Callable[[TrialRow, bool], None]]:
        """Takes each row as it comes, and whether it was done before."""


@dataclass(frozen=True)
class SweepPlan:
    """What is to be run: trials with their keys, and the windows that they are judged on."""

    request: SweepRequest
    base: TrialBase
    task: TrialTask
    asked: list[AskedTrial]
    starts: dict[str, Millis]
    dates: list[str]
    windows: list[WalkWindow]
    view: HeatView


@dataclass(frozen=True)
class SweepOutcome:
    """The verdict, where its files are, and whether the user ended it before all were done."""

    verdict: SweepVerdict
    rows: tuple[TrialRow, ...]
    folder: SweepFolder
    notes: tuple[str, ...]
    view: HeatView
    figures: dict[int, float]
    """The objective of each good trial by its number, over the weekdays that all are judged on."""


def planned(request: SweepRequest) -> SweepPlan:
    """Everything checked before anything runs; raises AppError with one line."""
    request.check()
    source = source_of_preset(request.replay, _challenge(request))
    base = base_here(source)
    trials = _trials(request, base)
    view = heat_view(request.axes, request.fix, [one.settings for one in trials])
    first, last = _period(base)
    limits = base.terms.limits
    starts = begins(limits.reset_zone, limits.reset_hour, first, last)
    dates = weekdays(starts, first, last)
    among = _windows(request, dates)
    spans = tuple((dates[one.train], dates[one.test]) for one in among)
    wants_odds = request.rules != NO_RULES and request.objective == "odds"
    _refuse_short(request, among, dates)
    task = TrialTask(
        source=source,
        hashes={item.spec.name: item.ref.sha256 for item in base.terms.inputs},
        odds=wants_odds,
        spans=spans if wants_odds else (),
        seed=request.seed,
    )
    asked = [
        AskedTrial(one.number, _key(base, task, one), one.settings, one.place) for one in trials
    ]
    return SweepPlan(request, base, task, asked, starts, dates, among, view)


def _challenge(request: SweepRequest) -> Challenge | None:
    """The firm's rules of which nothing ends a trial; None for none."""
    if request.rules == NO_RULES:
        return None
    challenge = resolve(request.rules, None, request.replay.calendar)
    return None if challenge is None else msgspec.structs.replace(challenge, endless=True)


def _trials(request: SweepRequest, base: TrialBase) -> list[Trial]:
    where = conditions(request.where)
    axes = [axis_of(text) for text in request.sets]
    fixed = _fixed(base, where)
    if request.listed is not None:
        trials = listed_trials(request.listed, where, fixed)
    elif request.random is not None:
        trials = random_trials(axes, where, fixed, request.random, request.seed)
    else:
        trials = grid_trials(axes, where, fixed)
    with_settings(base.preset, _first_values(trials, axes), base.loaded.known)
    return trials


def _first_values(trials: Sequence[Trial], axes: Sequence[Axis]) -> dict[str, Any]:
    """One value of each name: a wrong name is refused before anything runs."""
    return {axis.name: axis.values[0] for axis in axes} or dict(trials[0].settings)


def _fixed(base: TrialBase, where: Sequence[Condition]) -> dict[str, Any]:
    """The preset's values of the names that conditions are about."""
    names = {name for condition in where for name in condition.names}
    return {name: value_of(base.preset, name) for name in names}


def _period(base: TrialBase) -> tuple[Millis, Millis]:
    refs = [item.ref for item in base.terms.inputs]
    return min(ref.first for ref in refs), max(ref.last for ref in refs)


def _windows(request: SweepRequest, dates: list[str]) -> list[WalkWindow]:
    found = request.window_spans()
    if found is None:
        return []
    try:
        return windows(dates, *found, anchored=request.anchored)
    except BadWindows as error:
        raise WrongUsage(f"--walk-forward {request.walk}: {error}") from error


def _refuse_short(request: SweepRequest, among: list[WalkWindow], dates: list[str]) -> None:
    if request.objective != "odds":
        return
    days = min((one.test - one.train for one in among), default=len(dates))
    if days < FEW_DAYS:
        raise WrongUsage(
            f"--objective odds: a window of {days} days is too short, {FEW_DAYS} are needed: use "
            "longer windows, or the objective sharpe"
        )


def _key(base: TrialBase, task: TrialTask, trial: Trial) -> str:
    """Names a trial by all that its result depends on, the program's version included."""
    try:
        terms: object = started(trial_terms(base, trial.settings))
    except WrongUsage as error:
        terms = [trial.settings, str(error)]
    code = hashlib.sha256(base.source.code or b"").hexdigest()
    parts = [terms, code, task.odds, task.spans, task.seed if task.odds else 0, version()]
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def sweep(
    request: SweepRequest,
    workers: Workers,
    frontend: SweepFrontend,
    *,
    out: Path | None = None,
    resume: SweepFolder | None = None,
) -> SweepOutcome:
    """Run the trials that are not done yet and judge them all; raises AppError.

    `resume` is the folder of a sweep to go on with; else a new one is made, `out` if given.
    """
    plan = planned(request)
    plan = replace(plan, task=workers.prepared(plan.task))
    frontend.tell(list(plan.base.notes))
    made = resume or _new_folder(request, out)
    done = made.done()
    rows = [_again(done[one.key], one) for one in plan.asked if one.key in done]
    left = [one for one in plan.asked if one.key not in done]
    trials = Trials(workers, plan.task)
    with frontend.interruptible(trials.stop), frontend.trials(len(plan.asked)) as show:
        for row in rows:
            show(row, True)
        for row in trials.rows(left):
            made.note(row)
            rows.append(row)
            show(row, False)
        tried = _tried(plan, rows)
        verdict = _verdict(plan, rows, tried, workers, stopped=trials.stopped)
    made.write(rows, msgspec.to_builtins(verdict))
    figures = judged(rows, plan.dates, request.objective).by_number
    return SweepOutcome(verdict, tuple(rows), made, plan.base.notes, plan.view, figures)


def _again(row: TrialRow, one: AskedTrial) -> TrialRow:
    """A row of before with its number and place of now."""
    return msgspec.structs.replace(row, number=one.number, place=one.place)


def _new_folder(request: SweepRequest, out: Path | None) -> SweepFolder:
    if out is None:
        moment = SystemClock().now()
        name = f"{moment // 1000}-{secrets.token_hex(3)}"
        out = request.results / "sweeps" / name
    folder = SweepFolder(out)
    folder.create(request.document())
    return folder


def _tried(plan: SweepPlan, rows: Sequence[TrialRow]) -> int:
    """How many were ever tried of this preset on these bars, these included."""
    base = plan.base
    ledger = tried_of(
        plan.request.results, base.preset.strategy, base.source.code, plan.task.hashes
    )
    return ledger.add(row.key for row in rows if not row.error)


def _verdict(
    plan: SweepPlan, rows: Sequence[TrialRow], tried: int, workers: Workers, *, stopped: bool
) -> SweepVerdict:
    request, terms = plan.request, plan.base.terms
    objective = request.objective
    found = judged(rows, plan.dates, objective)
    common: dict[str, Any] = {
        "objective": objective,
        "preset": plan.base.preset.name,
        "symbols": tuple(item.spec.name for item in terms.inputs),
        "currency": started(terms).currency,
        "rules": request.rules,
        "first": plan.dates[0],
        "last": plan.dates[-1],
        "days": len(plan.dates),
        "trials": len(plan.asked),
        "done": len(rows),
        "failed": sum(bool(row.error) for row in rows),
        "tried": tried,
        "interrupted": stopped and len(rows) < len(plan.asked),
    }
    if not found.rows or all(figure != figure for figure in found.figures):
        return SweepVerdict(**common, notes=("no trial has a figure",))
    deflated = deflated_of(found, tried)
    best = best_trials(found)
    ratios = best_trials(judged(rows, plan.dates, "sharpe"), 1)
    return SweepVerdict(
        **common,
        walk=_walk(plan, found, workers) if plan.windows and not common["interrupted"] else None,
        halves=halves_of(found, objective),
        overfitting=overfitting_of(found),
        deflated=deflated,
        sharpe_year=ratios[0].sharpe_year,
        plateau=plateau_of(found),
        best=best,
    )


def _walk(plan: SweepPlan, found: TrialColumns, workers: Workers) -> WalkVerdict:
    """Walk-forward over the trials' days, then the chosen windows for real, then their odds."""
    try:
        verdict, _ = walked(found, plan.windows, plan.request.objective)
    except ValueError as error:
        raise WrongUsage(f"--walk-forward: {error}") from error
    runs = windows_replayed(workers, plan.task, verdict.windows, plan.starts)
    return with_odds(verdict, runs, plan.base, plan.task.source.challenge)
