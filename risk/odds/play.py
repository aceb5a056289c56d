"""A firm's rules played over days: each path goes through days of the table in its own order.

A day begins as `risk.objectives` lets it begin: limits are set anew from the figures at the reset.
Then segment after segment: its low against the overall limit, then the day's; when flat again, the
gates of a pass. A breach beats a pass. Days whose extremes touch neither a limit nor the target
need no look at their segments, which is nearly all of them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from risk.odds.paths import Cause, Paths, Played
from risk.odds.segments import walk
from risk.odds.table import DayTable, Flags, Ints, Sizing
from risk.odds.terms import OddsTerms

HORIZON = 1_500
"""Firm days after which a path counts as undecided: some six years."""


class DaySource(Protocol):
    """The order in which each path goes through the days."""

    @property
    def paths(self) -> int:
        """How many are left."""
        ...

    def draw(self) -> Ints:
        """The next day of each path; -1 where there is none."""
        ...

    def keep(self, those: Flags) -> None:
        """Forget the others."""
        ...


def play(
    table: DayTable, terms: OddsTerms, sizing: Sizing, source: DaySource, horizon: int = HORIZON
) -> Played:
    """Every path of `source` until it is decided, out of days, or `horizon` days old."""
    paths = Paths(source.paths, len(terms.phases), terms.initial)
    for _ in range(horizon):
        days = source.draw()
        out = (days < 0) & paths.alive
        if out.any():
            paths.leave(np.flatnonzero(out))
        paths.step += 1
        _one_day(table, terms, sizing, paths, days)
        kept = paths.drop_ended()
        if kept is not None:
            source.keep(kept)
            if not source.paths:
                break
    return paths.played()


def _one_day(table: DayTable, terms: OddsTerms, sizing: Sizing, paths: Paths, days: Ints) -> None:
    idle = _idle(table, paths, days)
    balance = paths.balance
    equity = paths.equity if terms.needs_equity else balance
    _close_yesterday(terms, paths, balance, equity)
    paths.phase_days += 1
    if terms.expires:
        _expire(table, terms, paths, idle, days)
    daily = terms.daily_floor(balance, equity)
    overall = terms.overall_floor(paths.high)
    matters = _matters(table, terms, sizing, paths, days, np.maximum(daily, overall))
    paths.balance = table.balance_after(sizing, balance, days)
    if terms.needs_equity:
        paths.equity = table.equity_after(sizing, balance, days)
    opened = table.opened[days].astype(np.int64)
    if idle is not None:
        matters &= ~idle
        paths.balance[idle] = paths.equity[idle] = terms.initial
        paths.phase_days[idle] = opened[idle] = 0
    some = np.flatnonzero(matters)
    if some.size:
        floors = daily[some], overall[some]
        opened[some] = walk(table, terms, sizing, paths, some, days[some], balance[some], floors)
    paths.trading_days += opened
    paths.opened = opened > 0
    _end_of_time(terms, paths)


def _idle(table: DayTable, paths: Paths, days: Ints) -> Flags | None:
    """Those that still wait for a flat day to begin their next phase on."""
    if not paths.any_waiting:
        return None
    idle: Flags = paths.waiting & ~table.flat[days]
    paths.waiting = idle
    paths.any_waiting = bool(idle.any())
    return idle if paths.any_waiting else None


def _matters(
    table: DayTable, terms: OddsTerms, sizing: Sizing, paths: Paths, days: Ints, floor: Ints
) -> Flags:
    """Whose segments must be looked at: in floating point, with a cent to spare on both sides."""
    low, high = table.extremes_after(sizing, paths.balance, days)
    target = np.array([one.target for one in terms.phases])[paths.phase]
    matters: Flags = (low < floor + 2) | (high > target - 2)
    if terms.pauses:
        matters |= paths.behind
    return matters & paths.alive


def _close_yesterday(terms: OddsTerms, paths: Paths, balance: Ints, equity: Ints) -> None:
    """Freeze what the rules remember of the day before; a phase's first day changes nothing."""
    if terms.asks_for_best_day or terms.asks_for_profitable_days:
        profit = balance - paths.day_start
        paths.best_day = np.maximum(paths.best_day, profit)
        paths.good_days += np.maximum(profit, 0)
        counted = terms.profitable(paths.phase, profit)
        paths.profitable_days += np.where(paths.phase_days > 0, counted, 0)
        paths.day_start = balance.copy()
    if terms.trails:
        paths.high = terms.trailed(paths.high, balance, equity)


def _expire(
    table: DayTable, terms: OddsTerms, paths: Paths, waiting: Flags | None, days: Ints
) -> None:
    """Where nothing was opened for too long, the phase is over as its next day begins."""
    since = np.where(paths.opened, 0, paths.idle + 1) + table.spans[days] - 1
    paths.idle = np.where(paths.phase_days > 1, since, 0)
    over = terms.expired(paths.phase, paths.idle) & paths.alive
    if waiting is not None:
        over &= ~waiting
    paths.breach(np.flatnonzero(over), Cause.INACTIVITY)


def _end_of_time(terms: OddsTerms, paths: Paths) -> None:
    """A phase with a limit of days has failed when they are over."""
    for number, phase in enumerate(terms.phases):
        if phase.max_days is not None:
            late = (paths.phase == number) & paths.alive & (paths.phase_days >= phase.max_days)
            paths.breach(np.flatnonzero(late), Cause.MAX_DAYS)
