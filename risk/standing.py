"""What a running session goes on from, by the account's standing as its ledger tells it. Pure."""

from __future__ import annotations

import datetime as dt

import msgspec

from engine.fields import LedgerFigures
from engine.rules import RuleSet
from engine.types import Cents
from risk.objectives import ChallengeState, counts, new_phase


def phase_index(rules: RuleSet, figures: LedgerFigures) -> int:
    """Which phase (from 0) the figures are of."""
    names = [phase.name for phase in rules.phases]
    return names.index(figures.phase) if figures.phase in names else 0


def standing(
    rules: RuleSet, figures: LedgerFigures, initial: Cents, balance: Cents
) -> ChallengeState:
    """Where the phase stands by the ledger, whose figures were computed at `balance`.

    Where a day's start or a floor is unknown, the higher of the initial balance and today's stands
    for the day's start and for the best end of a day: that sets the stricter limits.
    """
    date = figures.date or ""
    closed = figures.closed_today or 0
    state = new_phase(rules, phase_index(rules, figures), initial, date, balance)
    opened = figures.positions_today or 0
    return msgspec.structs.replace(
        state,
        day_start=_known(figures.day_start, state.day_start),
        day_limit=_known(figures.floor_today, state.day_limit),
        max_limit=_known(figures.floor_overall, state.max_limit),
        high=_known(figures.high_water, state.high),
        day_balance=balance - closed,
        days=_days(figures.started, date),
        trading_days=figures.trading_days or 0,
        opened=opened > 0,
        best_day=figures.best_before or 0,
        good_days=figures.good_before or 0,
        requests=figures.requests_today or 0,
        positions=opened,
        paid_in=max(0, figures.transfers or 0),
        profitable_days=_before_today(rules, state, figures, closed),
    )


def _before_today(
    rules: RuleSet, state: ChallengeState, figures: LedgerFigures, closed: Cents
) -> int:
    """The profitable days that are over: the ledger counts today as if it ended now."""
    return max(0, (figures.profitable_days or 0) - counts(rules, state, closed))


def joined(state: ChallengeState, told: ChallengeState) -> ChallengeState:
    """`told` by the ledger while `state` runs: what the session has counted itself may be newer."""
    if state.date != told.date:
        return told
    return msgspec.structs.replace(
        told,
        days=state.days,
        trading_days=max(state.trading_days, told.trading_days),
        opened=state.opened or told.opened,
        requests=max(state.requests, told.requests),
        positions=max(state.positions, told.positions),
    )


def _known(figure: Cents | None, otherwise: Cents) -> Cents:
    return otherwise if figure is None else figure


def _days(started: str | None, date: str) -> int:
    """How many days of the calendar the challenge runs, today included."""
    if not started or not date:
        return 1
    return max(1, (dt.date.fromisoformat(date) - dt.date.fromisoformat(started)).days + 1)
