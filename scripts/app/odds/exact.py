"""The record as exact rules judge it: one replay from each day on which an attempt can begin.

Every attempt has its own balance, sizes, rules and ends; bars before its first day warm up what
decides. It is what the fold over firm days stands for, and the only answer for a preset whose
entries depend on how the attempt stands.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace

import msgspec
import numpy as np

from engine import events as ev
from engine.calendar import resets
from engine.fields import AttemptOutcome
from engine.types import Millis
from risk.challenge import Challenge
from risk.odds.checks import DaySample, refusal
from risk.odds.history import history
from risk.odds.interval import Interval, wilson
from risk.odds.paths import Cause, Outcome
from risk.odds.table import BadDays, table_of
from risk.odds.terms import OddsTerms
from scripts.app.errors import AppError, BadData, WrongUsage
from scripts.app.odds.estimate import odds_terms, ruled
from scripts.app.odds.records import OddsRecord, ReplaySource, endless, replayed
from scripts.app.odds.request import OddsRequest
from scripts.app.terms.objectives import with_firms_day
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.day_run import run_days
from scripts.app.trials.errors import explained_replay
from scripts.app.trials.pool import process_pool, processors

PASSES = (AttemptOutcome.PASSED, AttemptOutcome.NOT_PROVEN)
NEAR = 2
"""Days by which a fold may differ: a phase after a pass begins at once, in the fold a day later."""


class ExactAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the attempt that began on `date`: how it ended, by which rule, on which day.

    `outcome` is passed, breached, stopped (by our own limits) or unfinished; `phase` counts from 1,
    `days` are firm days until the end, weekends without a deal left out. `began` is the day on
    which that phase began.
    """

    date: str
    outcome: str
    cause: str = ""
    phase: int = 1
    days: int = 0
    began: str = ""


class LaterPhase(msgspec.Struct, frozen=True, kw_only=True):
    """The fold's last phase, and what exact rules make of it from the day on which it begins.

    A replay begins the next phase at once, with what else is traded on the day of the pass; the
    fold on the next day that begins with nothing open. `passed` is the day of that pass in the
    fold; `folded` and `alone` begin on the same day.
    """

    passed: str
    folded: ExactAttempt
    alone: ExactAttempt


class ExactDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A start at which the fold over firm days says otherwise.

    `later` is there where both reached another phase: what is tried to explain it.
    """

    exact: ExactAttempt
    folded: ExactAttempt
    later: LaterPhase | None = None

    @property
    def explained(self) -> bool:
        """Whether both passed on the same day, and the later phase begins elsewhere: no more."""
        later = self.later
        if later is None or later.passed != self.exact.began:
            return False
        return _same(later.alone, later.folded)


class ExactHistory(msgspec.Struct, frozen=True, kw_only=True):
    """All attempts, the share of the decided ones that passed, and what the fold says of them.

    `differences` is None where no fold may be made (`no_fold` says why).
    """

    preset: str
    symbols: tuple[str, ...]
    rules: str
    rules_title: str
    days: int
    attempts: tuple[ExactAttempt, ...]
    passes: int
    decided: int
    share: float | None
    independent: float
    interval: Interval
    causes: dict[str, int]
    days_to_pass: tuple[int, int, int] | None
    differences: tuple[ExactDifference, ...] | None
    no_fold: str = ""
    notes: tuple[str, ...] = ()


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it is sent to a worker: from this moment on (None: from the first bar)."""

    request: ReplayRequest
    challenge: Challenge
    date: str
    start: str | None


def exact_odds(request: OddsRequest) -> ExactHistory:
    """What `butler odds --exact` prints; raises AppError with one line."""
    request.check()
    challenge = ruled(request)
    terms, _ = ReplaySource(request.replay).terms()
    rules = odds_terms(challenge, terms.starting_balance, None)
    return exact_history(request.replay, challenge, rules, request.jobs)


def exact_history(
    request: ReplayRequest, challenge: Challenge, rules: OddsTerms, jobs: int | None = None
) -> ExactHistory:
    """Replay an attempt from each flat start; raises AppError, BadData where there is none."""
    terms, notes = ReplaySource(request).terms()
    record = replayed(endless(terms, challenge))
    starts = _starts(record, terms, challenge)
    once = _once(challenge, rules)
    asked = [
        _Asked(request=request, challenge=once, date=date, start=start) for date, start in starts
    ]
    jobs = jobs or processors()
    found = tuple(_played(asked, jobs))
    differ = None
    if not record.keeps_reserve:
        fold = _Fold(record, rules)
        differ = tuple(_tried(fold, fold.differences(found), asked, jobs))
    return _judged(record, challenge, found, differ, tuple(notes))


def _tried(
    fold: _Fold, differ: Sequence[ExactDifference], asked: Sequence[_Asked], jobs: int
) -> Iterable[ExactDifference]:
    """The differences, those of a later phase with that phase replayed alone."""
    by_date = {one.date: one for one in asked}
    later = {n: fold.later(one) for n, one in enumerate(differ) if _in_later(one)}
    alone = [
        _with_phase(by_date[folded.date], phase=differ[n].folded.phase)
        for n, (_, folded) in later.items()
    ]
    found = dict(zip(later, _played(alone, jobs), strict=True)) if alone else {}
    for number, one in enumerate(differ):
        if number in found:
            passed, folded = later[number]
            phase = LaterPhase(passed=passed, folded=folded, alone=found[number])
            yield msgspec.structs.replace(one, later=phase)
        else:
            yield one


def _in_later(one: ExactDifference) -> bool:
    return one.folded.phase > 1 and one.exact.phase == one.folded.phase


def _with_phase(asked: _Asked, *, phase: int) -> _Asked:
    """The same start for an attempt that begins with this phase (from 1)."""
    challenge = asked.challenge
    first = challenge.first_phase + phase - 1
    return msgspec.structs.replace(
        asked, challenge=msgspec.structs.replace(challenge, first_phase=first)
    )


def _once(challenge: Challenge, rules: OddsTerms) -> Challenge:
    """One attempt at the phases that have a target, and the end with the last of them."""
    last = challenge.first_phase + len(rules.phases)
    phases = challenge.rules.phases[:last]
    cut = msgspec.structs.replace(challenge.rules, phases=phases)
    return msgspec.structs.replace(challenge, rules=cut, repeat=False, endless=False)


def _starts(record: OddsRecord, terms: Terms, challenge: Challenge) -> list[tuple[str, str | None]]:
    """Date and moment of each day that begins flat; raises BadData where they are too few."""
    run = record.run
    try:
        table = table_of(run.days)
    except BadDays as error:
        raise BadData(f"no odds: {error}") from error
    sample = DaySample(trades=run.trades, ended_by=run.ended_by)
    why = refusal(table, sample)
    if why is not None and not (record.keeps_reserve and "closed trades" in why):
        raise BadData(f"no odds: {why}")
    first = min(item.ref.first for item in terms.inputs)
    moments = _moments(challenge, first, run.days[-1].date)
    return [
        (day.date, None if moments[day.date] <= first else _iso(moments[day.date]))
        for day in run.days
        if day.flat
    ]


def _moments(challenge: Challenge, first: Millis, last: str) -> dict[str, Millis]:
    found = {}
    rules = challenge.rules
    for moment, date in resets(rules.reset_zone, first - 5 * 86_400_000, rules.reset_hour):
        found[date] = moment
        if date >= last:
            return found
    raise AssertionError("days have no end")


def _iso(moment: Millis) -> str:
    return dt.datetime.fromtimestamp(moment / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _played(asked: Sequence[_Asked], jobs: int) -> Iterable[ExactAttempt]:
    with process_pool(jobs) as pool:
        try:
            for found in pool.map(attempt_at, asked, chunksize=4):
                if isinstance(found, str):
                    raise BadData(found)
                yield found
        except BrokenExecutor as error:
            raise WrongUsage(
                f"a process was ended from outside ({error}): is memory short? --jobs 1 needs the "
                "least"
            ) from error


class _Course:
    """Follows an attempt: how it ended, if it did."""

    def __init__(self) -> None:
        self.ended: ev.AttemptEnded | None = None
        self.phase = 1
        self.began = ""

    def routes(self, _now: Callable[[], Millis]) -> ev.Routes:
        return {ev.AttemptEnded: self._take, ev.AttemptStarted: self._begin}

    def _begin(self, started: ev.AttemptStarted) -> None:
        self.phase, self.began = started.phase, started.date

    def _take(self, ended: ev.AttemptEnded) -> None:
        self.ended = ended


def attempt_at(asked: _Asked) -> ExactAttempt | str:
    """In a worker: the attempt that begins there, or why it cannot be played."""
    course = _Course()
    request = asked.request if asked.start is None else replace(asked.request, start=asked.start)
    try:
        terms, _ = ReplaySource(request).terms()
        limits = with_firms_day(terms.limits, asked.challenge)
        with explained_replay():
            run = run_days(
                replace(terms, objectives=asked.challenge, limits=limits),
                follow=course.routes,
            )
    except AppError as error:
        return f"the attempt from {asked.date}: {error}"
    ended, days = course.ended, len(run.days)
    first = asked.challenge.first_phase
    if ended is None or ended.outcome is AttemptOutcome.PHASE_PASSED:
        return ExactAttempt(
            date=asked.date, outcome="unfinished", phase=course.phase - first, days=days,
            began=course.began,
        )  # fmt: skip
    outcome = "passed" if ended.outcome in PASSES else str(ended.outcome)
    if ended.outcome is AttemptOutcome.PHASE_NOT_PROVEN:
        outcome = "unfinished"
    return ExactAttempt(
        date=asked.date, outcome=outcome, cause="" if outcome == "passed" else ended.cause,
        phase=ended.phase - first, days=days, began=course.began,
    )  # fmt: skip


def _judged(
    record: OddsRecord,
    challenge: Challenge,
    found: tuple[ExactAttempt, ...],
    differ: tuple[ExactDifference, ...] | None,
    notes: tuple[str, ...],
) -> ExactHistory:
    decided = [one for one in found if one.outcome != "unfinished"]
    passed = [one for one in decided if one.outcome == "passed"]
    share = len(passed) / len(decided) if decided else None
    days = len(record.run.days)
    mean = float(np.mean([max(1, one.days) for one in decided])) if decided else float("inf")
    causes = Counter(one.cause or one.outcome for one in decided if one.outcome != "passed")
    lengths = [one.days for one in passed]
    quantiles = np.quantile(lengths, (0.1, 0.5, 0.9), method="inverted_cdf") if lengths else ()
    low, middle, high = map(int, quantiles) if lengths else (0, 0, 0)
    return ExactHistory(
        preset=record.preset,
        symbols=record.symbols,
        rules=challenge.rules.name,
        rules_title=challenge.rules.title,
        days=days,
        attempts=found,
        passes=len(passed),
        decided=len(decided),
        share=share,
        independent=days / mean,
        interval=wilson(share, days / mean),
        causes=dict(sorted(causes.items())),
        days_to_pass=(low, middle, high) if lengths else None,
        differences=differ,
        no_fold=(
            "entries depend on how the attempt stands (firm_reserve_fraction), so there is no "
            "bootstrap: this history is all that can be said"
            if record.keeps_reserve
            else ""
        ),
        notes=notes,
    )


class _Fold:
    """What the fold over firm days says of the same starts."""

    def __init__(self, record: OddsRecord, rules: OddsTerms) -> None:
        self._days = record.run.days
        self._found = history(table_of(self._days), rules, record.run.sizing)
        self._starts = {self._days[start].date: start for start in self._found.starts.tolist()}

    def differences(self, found: Sequence[ExactAttempt]) -> list[ExactDifference]:
        """The starts at which it has another outcome, cause or phase, or other days by far."""
        both = [
            ExactDifference(exact=exact, folded=self._attempt(number, exact.date))
            for number, exact in enumerate(found)
        ]
        return [one for one in both if not _same(one.exact, one.folded)]

    def _attempt(self, number: int, date: str) -> ExactAttempt:
        played = self._found.played
        return ExactAttempt(
            date=date,
            outcome=Outcome(played.outcome[number]).name.lower(),
            cause=Cause(played.cause[number]).rule,
            phase=int(played.phase[number]),
            days=int(played.elapsed[number]),
        )

    def later(self, one: ExactDifference) -> tuple[str, ExactAttempt]:
        """The day of the pass before the last phase, and that phase as an attempt of its own."""
        number = list(self._starts).index(one.folded.date)
        lengths = self._found.played.days[number, : one.folded.phase].tolist()
        *before, length = lengths
        place = passed = self._starts[one.folded.date]
        for phase in before:
            passed = place + phase - 1
            place = next(n for n in range(passed + 1, len(self._days)) if self._days[n].flat)
        alone = msgspec.structs.replace(
            one.folded, date=self._days[place].date, phase=1, days=length
        )
        return self._days[passed].date, alone


def _same(exact: ExactAttempt, folded: ExactAttempt) -> bool:
    alike = (exact.outcome, exact.cause, exact.phase) == (
        folded.outcome, folded.cause, folded.phase,
    )  # fmt: skip
    decided = exact.outcome != "unfinished"
    return alike and not (decided and abs(exact.days - folded.days) > NEAR)
