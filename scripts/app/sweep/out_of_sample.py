"""Odds of what was never chosen by looking: the joined test windows of a walk-forward."""

from __future__ import annotations

import msgspec

from risk.challenge import Challenge
from risk.odds.estimate import Settings
from scripts.app.errors import AppError
from scripts.app.odds.estimate import estimated, odds_terms
from scripts.app.odds.records import OddsRecord, record_under
from scripts.app.sweep.replayed_windows import WindowRuns
from scripts.app.sweep.verdict import WalkVerdict
from scripts.app.trials.base import TrialBase
from scripts.app.trials.day_run import DayRun


def with_odds(
    verdict: WalkVerdict, runs: WindowRuns, base: TrialBase, challenge: Challenge | None
) -> WalkVerdict:
    """The verdict with its windows as they were replayed, and the odds over their joined days."""
    whole = 1.0
    for result in runs.results:
        whole *= 1 + (result or 0.0)
    found = msgspec.structs.replace(
        verdict,
        windows=tuple(
            msgspec.structs.replace(one, replayed=result)
            for one, result in zip(verdict.windows, runs.results, strict=True)
        ),
        replayed=round(whole - 1, 10),
        replayed_days=len(runs.days),
        no_odds="; ".join(dict.fromkeys(runs.errors)),
    )
    if challenge is None or runs.errors:
        return found
    try:
        terms = odds_terms(challenge, base.terms.starting_balance, None)
        odds = estimated(_record(runs, base), terms, Settings())
    except AppError as error:
        return msgspec.structs.replace(found, no_odds=str(error))
    return msgspec.structs.replace(found, odds=odds)


def _record(runs: WindowRuns, base: TrialBase) -> OddsRecord:
    terms = base.terms
    run = DayRun(
        days=runs.days,
        trades=runs.trades,
        initial=terms.starting_balance,
        final=0,
        currency="",
        by_risk=runs.by_risk,
        fixed=runs.fixed,
    )
    return record_under(terms, run)
