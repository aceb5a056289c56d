"""A finished run under a firm's rules that it did not follow: would the account have been lost?

The account is tested at each equity point, with the worst equity inside it, against limits that
turn at the firm's own hour. What the run itself would have done differently under those rules is
not asked. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Any

import numpy as np

from engine.calendar import resets
from engine.result import EquityCurve, RunResult
from engine.result.hindsight import Hindsight
from engine.rules import RuleSet
from engine.types import Cents
from risk import objectives as obj


class FirmLimitHistory:
    """The limits of one firm's rules from day to day (`engine.result.fold.LimitHistory`)."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._standing = obj.new_phase(rules, 0, 0, "")

    def begin(self, phase: int, initial: Cents, date: str) -> tuple[Cents, Cents]:
        self._standing = obj.new_phase(self._rules, phase - 1, initial, date)
        return self._standing.day_limit, self._standing.max_limit

    def roll(self, date: str, balance: Cents, equity: Cents) -> tuple[Cents, Cents]:
        self._standing = obj.next_day(self._rules, self._standing, date, balance, equity)
        return self._standing.day_limit, self._standing.max_limit


def judged(rules: RuleSet, result: RunResult) -> Hindsight:
    """The first breach that ends an attempt, of an account that starts with the run's balance."""
    curve, start = result.curve, result.terms.start.balance
    standing = obj.new_phase(rules, 0, start, "")
    if not len(curve):
        return Hindsight(rules, curve)
    days = resets(rules.reset_zone, int(curve.time[0]), rules.reset_hour)
    turn, date = next(days)
    times = curve.time.tolist()
    floors = np.zeros((2, len(curve)), dtype=np.int64)
    found: dict[str, Any] = {}
    row = 0
    while row < len(times):
        until = bisect_left(times, turn, row)
        floors[:, row:until] = [[standing.day_limit], [standing.max_limit]]
        if not found:
            found = _first_breach(rules, standing, curve, row, until)
        if until == len(times):
            break
        # The figures at the reset are those at the close of the point before it.
        before = max(until - 1, 0)
        balance, equity = int(curve.balance[before]), int(curve.equity[before])
        standing = obj.next_day(rules, standing, date, balance, equity)
        row = until
        turn, date = next(days)
    target = obj.target(rules.phases[0], start) or 0
    whole = replace(
        curve,
        day_floor=floors[0],
        overall_floor=floors[1],
        target=np.full(len(curve), target, dtype=np.int64),
    )
    return Hindsight(rules, whole, **found)


def _first_breach(
    rules: RuleSet, standing: obj.ChallengeState, curve: EquityCurve, first: int, until: int
) -> dict[str, Any]:
    """The first point of one day that breaks a limit for good; empty where none does."""
    lowest = np.minimum(curve.worst[first:until], curve.balance[first:until])
    for offset in np.flatnonzero(lowest <= standing.floor).tolist():
        row = first + offset
        breach = obj.breach_of(rules, standing, int(curve.balance[row]), int(curve.worst[row]))
        if breach is not None and breach.final:
            return {
                "rule": breach.rule,
                "time": int(curve.time[row]),
                "figure": breach.figure,
                "limit": breach.limit,
            }
    return {}
