"""A firm's rules played over days: each path goes through days of the table in its own order.

A day begins as `risk.objectives` lets it begin: limits are set anew from the figures at the reset.
Then segment after segment: its low against the overall limit, then the day's; when flat again, the
gates of a pass. A breach beats a pass. Days whose extremes touch neither a limit nor the target
need no look at their segments, which is nearly all of them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from risk.odds.paths import Cause, Outcome, Paths, Played
from risk.odds.segments import walk
from risk.odds.table import DayTable, Ints, Sizing, scaled
from risk.odds.terms import Terms

HORIZON = 1_500
"""Firm days after which a path counts as undecided: some six years."""


class DaySource(Protocol):
    """The order in which each path goes through the days."""

    @property
    def paths(self) -> int:
        """How many there are."""
        ...

    def draw(self, live: Ints) -> Ints:
        """The next day of each path in `live`; -1 where there is none."""
        ...


def play(
    table: DayTable, terms: Terms, sizing: Sizing, source: DaySource, horizon: int = HORIZON
) -> Played:
    """Every path of `source` until it is decided, out of days, or `horizon` days old."""
    paths = Paths(source.paths, len(terms.phases), terms.initial)
    live = np.arange(source.paths)
    for _ in range(horizon):
        days = source.draw(live)
        more = days >= 0
        if not more.all():
            live, days = live[more], days[more]
        if not live.size:
            break
        paths.elapsed[live] += 1
        _one_day(table, terms, sizing, paths, *_in_a_phase(table, paths, live, days))
        live = live[paths.outcome[live] == Outcome.UNFINISHED]
    return paths.played()


def _in_a_phase(table: DayTable, paths: Paths, live: Ints, days: Ints) -> tuple[Ints, Ints]:
    """Those with a phase under way on their day: a new one begins on a flat day only."""
    waiting = paths.waiting[live]
    if not waiting.any():
        return live, days
    begins = ~waiting | table.flat[days]
    paths.waiting[live[begins]] = False
    return live[begins], days[begins]


def _one_day(
    table: DayTable, terms: Terms, sizing: Sizing, paths: Paths, who: Ints, days: Ints
) -> None:
    balance, phase = paths.balance[who], paths.phase[who]
    start = table.start[days]
    equity = paths.equity[who] if terms.needs_equity else balance
    _close_yesterday(terms, paths, who, balance, equity)
    paths.days[who, phase] += 1
    daily = terms.daily_floor(balance, equity)
    overall = terms.overall_floor(paths.high[who])
    low = scaled(sizing, balance, table.lowest[days], start)
    high = scaled(sizing, balance, table.highest_flat[days], start)
    target = np.array([one.target for one in terms.phases])[phase]
    matters = (low < np.maximum(daily, overall)) | (high >= target)
    if terms.pauses:
        matters |= paths.behind[who]
    paths.balance[who] = scaled(sizing, balance, table.balance[days], start)
    if terms.needs_equity:
        paths.equity[who] = scaled(sizing, balance, table.equity[days], start)
    opened = table.opened[days].astype(np.int64)
    some = np.flatnonzero(matters)
    if some.size:
        floors = daily[some], overall[some]
        opened[some] = walk(
            table, terms, sizing, paths, who[some], days[some], balance[some], floors
        )
    in_phase = ~paths.waiting[who]
    paths.trading_days[who[in_phase]] += opened[in_phase]
    _end_of_time(terms, paths, who)


def _close_yesterday(terms: Terms, paths: Paths, who: Ints, balance: Ints, equity: Ints) -> None:
    """Freeze what the rules remember of the day before; a phase's first day changes nothing."""
    if any(phase.best_day is not None for phase in terms.phases):
        profit = balance - paths.day_start[who]
        paths.best_day[who] = np.maximum(paths.best_day[who], profit)
        paths.good_days[who] += np.maximum(profit, 0)
        paths.day_start[who] = balance
    if terms.trails:
        paths.high[who] = terms.trailed(paths.high[who], balance, equity)


def _end_of_time(terms: Terms, paths: Paths, who: Ints) -> None:
    """A phase with a limit of days has failed when they are over."""
    for number, phase in enumerate(terms.phases):
        if phase.max_days is None:
            continue
        late = (
            (paths.phase[who] == number)
            & (paths.outcome[who] == Outcome.UNFINISHED)
            & (paths.days[who, number] >= phase.max_days)
        )
        paths.breach(who[late], Cause.MAX_DAYS)
