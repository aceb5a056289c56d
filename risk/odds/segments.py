"""One day of some paths, segment after segment: for the days on which something may happen."""

from __future__ import annotations

import numpy as np

from engine.rules import WHOLE
from risk.odds.paths import Cause, Paths
from risk.odds.table import DayTable, Flags, Ints, Sizing, scaled
from risk.odds.terms import OddsTerms


class _Walk:
    """The state of the paths on this day; every array has one entry a path of `who`."""

    def __init__(self, paths: Paths, who: Ints, days: Ints, balance: Ints, start: Ints) -> None:
        self.paths, self.who, self.days = paths, who, days
        self.begin = balance  # of the day
        self.start = start
        self.zero = np.zeros(len(who), np.int64)  # where the record stood when the path stood there
        self.flat_balance = balance.copy()  # the last one
        self.opened = np.zeros(len(who), np.int64)
        self.paused = np.zeros(len(who), np.bool_)
        self.behind = paths.behind[who]
        self.touched = self.behind.copy()  # whether the day's end is not that of the record
        self.under_way = np.ones(len(who), np.bool_)


def walk(
    table: DayTable,
    terms: OddsTerms,
    sizing: Sizing,
    paths: Paths,
    who: Ints,
    days: Ints,
    balance: Ints,
    floors: tuple[Ints, Ints],
) -> Ints:
    """Play `days` of the paths `who`, which begin them with `balance`, against both floors.

    Answers how many trading days (0 or 1) the day made, for those whose phase goes on.
    """
    day = _Walk(paths, who, days, balance, table.start[days])
    day.opened = table.opened[days].astype(np.int64)
    count = table.count[days]
    for k in range(int(count.max(initial=0))):
        on = np.flatnonzero(day.under_way & (k < count))
        on = _catch_up(table, day, on, k)
        if not on.size:
            continue
        _test_low(table, terms, sizing, day, on, k, floors)
        on = on[day.under_way[on] & table.segment_flat[days[on], k]]
        if not on.size:
            continue
        _test_pass(table, terms, sizing, day, on, k)
        day.under_way[on] &= ~day.paused[on]
    if terms.pauses:
        _end_day(table, sizing, day)
    return day.opened


def _figure(table_column: Ints, sizing: Sizing, day: _Walk, on: Ints, k: int) -> Ints:
    """The path's figure where the record's is in this column of segment k."""
    difference = table_column[day.days[on], k] - day.zero[on]
    return scaled(sizing, day.begin[on], difference, day.start[on] + day.zero[on])


def _catch_up(table: DayTable, day: _Walk, on: Ints, k: int) -> Ints:
    """Without those for whom the record's position of this segment does not exist.

    A pause drops entries; where the record held one over midnight, the path starts with the next
    flat moment, and results count from the record's balance there.
    """
    if not day.behind[on].any():
        return on
    late = on[day.behind[on]]
    flat = late[table.segment_flat[day.days[late], k]]
    day.zero[flat] = table.segment_balance[day.days[flat], k]
    day.behind[flat] = False
    return on[~np.isin(on, late)]


def _test_low(
    table: DayTable,
    terms: OddsTerms,
    sizing: Sizing,
    day: _Walk,
    on: Ints,
    k: int,
    floors: tuple[Ints, Ints],
) -> None:
    """The overall limit first: what breaks it ends the attempt whatever the day's limit does."""
    daily, overall = floors
    low = _figure(table.segment_low, sizing, day, on, k)
    low_balance = low
    if terms.daily_on_balance or terms.overall_on_balance:
        low_balance = _figure(table.segment_low_balance, sizing, day, on, k)
    over = (low_balance if terms.overall_on_balance else low) < overall[on]
    under = ((low_balance if terms.daily_on_balance else low) < daily[on]) & ~over
    _breach(day, on[over], Cause.MAX_LOSS)
    if terms.pauses:
        day.paused[on[under]] = True
    else:
        _breach(day, on[under], Cause.DAILY_LOSS)


def _breach(day: _Walk, on: Ints, cause: Cause) -> None:
    if not on.size:
        return
    day.paths.breach(day.who[on], cause)
    day.under_way[on] = False


def _test_pass(
    table: DayTable, terms: OddsTerms, sizing: Sizing, day: _Walk, on: Ints, k: int
) -> None:
    """The gates of a pass, at a flat moment; then what a pause leaves of the day."""
    paths, who = day.paths, day.who[on]
    balance = _figure(table.segment_balance, sizing, day, on, k)
    opened = table.segment_opened[day.days[on], k].astype(np.int64)
    day.flat_balance[on] = balance
    stop = on[day.paused[on]]
    day.opened[stop] = opened[day.paused[on]]
    day.touched[stop] = True
    open_gates = _gates(terms, paths, who, day.begin[on], balance, opened)
    paths.pass_phase(who[open_gates])
    done = on[open_gates]
    day.under_way[done] = False
    day.opened[done] = 0


def _gates(
    terms: OddsTerms, paths: Paths, who: Ints, begin: Ints, balance: Ints, opened: Ints
) -> Flags:
    """Which of these flat balances pass their phase."""
    phases, phase = terms.phases, paths.phase[who]
    passed: Flags = balance >= np.array([one.target for one in phases])[phase]
    passed &= (
        paths.trading_days[who] + opened >= np.array([one.trading_days for one in phases])[phase]
    )
    if terms.asks_for_profitable_days:
        asked = np.array([one.profitable_days for one in phases])[phase]
        passed &= paths.profitable_days[who] + terms.profitable(phase, balance - begin) >= asked
    shares = [WHOLE if one.best_day is None else one.best_day for one in phases]
    if terms.asks_for_best_day:
        today = balance - begin
        best = np.maximum(paths.best_day[who], today)
        good = paths.good_days[who] + np.maximum(today, 0)
        # Without such a rule the share is the whole, which no day exceeds.
        passed &= best * WHOLE <= good * np.array(shares)[phase]
    return passed


def _end_day(table: DayTable, sizing: Sizing, day: _Walk) -> None:
    """The day's end of those who were paused, or began behind the record."""
    goes_on = day.paths.alive[day.who]
    some = np.flatnonzero(day.touched & goes_on & ~day.paths.waiting[day.who])
    if not some.size:
        return
    who, days = day.who[some], day.days[some]
    stopped = ~day.under_way[some] | day.behind[some]
    zero = day.zero[some]
    start = day.start[some] + zero
    end = scaled(sizing, day.begin[some], table.balance[days] - zero, start)
    equity = scaled(sizing, day.begin[some], table.equity[days] - zero, start)
    flat = day.flat_balance[some]
    day.paths.balance[who] = np.where(stopped, flat, end)
    day.paths.equity[who] = np.where(stopped, flat, equity)
    day.paths.behind[who] = stopped & ~table.ends_flat[days]
