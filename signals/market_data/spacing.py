"""The spacing of bars: their period, bars of another period among them, off its grid, gaps.

The period is the most common distance between neighbours, so it is known only when all bars have
been seen. What depends on it is therefore collected for every period of the platform at once, in
tables of fixed size, and the answer is picked at the end; it does not depend on how the bars are
cut into chunks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int64]

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800

PERIODS = tuple(
    [n * MINUTE for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
    + [n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)]
    + [DAY, WEEK]
)
"""The platform's timeframes in seconds; months, which have no fixed length, are left out."""

KEPT = 20
"""Places that are remembered of each kind; the rest are only counted."""

# A run of this many neighbours at another period's distance is another timeframe, not holes in
# a thin market. Nothing that trades within the day leaves out whole days three times running.
_RUN_WITHIN_DAY, _RUN_OF_DAYS = 12, 3

# Minutes without a tick have no bar, so a hole says something only from this length on.
_LEAST_GAP = 10 * MINUTE

# Holes up to here are counted by the minute of the day at which they begin, and one that comes
# back on this share of the days is the market's daily break.
_BREAK_AT_MOST = 2 * HOUR
_BREAK_SHARE, _BREAK_TIMES = 0.05, 3

_LONGEST_CLOSURE = 5 * DAY
_SATURDAY_NOON = 6 * DAY + 12 * HOUR
_FRIDAY_CLOSING = 5 * DAY + 15 * HOUR
_MONDAY_OPEN = WEEK + DAY + 2 * HOUR
"""Seconds since Sunday midnight; from the earliest close to the latest open on any known clock."""

_HOLIDAYS = frozenset({(12, 24), (12, 25), (12, 26), (12, 31), (1, 1), (1, 2)})


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the bars: its row, its server time, and how much is there."""

    row: int
    time: int
    amount: int = 1


@dataclass(slots=True)
class SpotCounts:
    """How often something was seen, and the first places."""

    count: int = 0
    first: list[Spot] = field(default_factory=list)
    longest: Spot | None = None

    def add(self, rows: NDArray[np.intp], row: int, times: Seconds, amounts: Seconds) -> None:
        """Counts the positions `rows` of a chunk that begins at row number `row`."""
        self.count += len(rows)
        if len(rows):
            most = int(rows[np.argmax(amounts[rows])])
            self.note_length(Spot(row + most, int(times[most]), int(amounts[most])))
        for place in rows[: max(0, KEPT - len(self.first))]:
            self.first.append(Spot(row + int(place), int(times[place]), int(amounts[place])))

    def note_length(self, spot: Spot) -> None:
        """Remembers the spot if it is longer than those so far; of equals the first is kept."""
        if self.longest is None or spot.amount > self.longest.amount:
            self.longest = spot


class Spacing:
    """Collects the distances between bars; ask it for its results after the last `push`."""

    def __init__(self) -> None:
        self.days = 0
        self._last: int | None = None
        self._exact: Counter[int] = Counter()
        self._off_grid = {period: SpotCounts() for period in PERIODS if period <= DAY}
        self._runs = {period: SpotCounts() for period in PERIODS}
        self._run_key, self._run_length, self._run_start = 0, 0, Spot(0, 0)
        self._latest_exact = 0
        self._short: dict[tuple[int, int], SpotCounts] = {}
        self._long = {period: SpotCounts() for period in PERIODS if period >= _BREAK_AT_MOST}

    def push(self, times: Seconds, first_row: int) -> None:
        """Takes the next bars' times; `first_row` is the row number of the first of them."""
        if not len(times):
            return
        self._push_grid(times, first_row)
        row, joined = first_row, times
        if self._last is None:
            self.days = 1
        else:
            joined = np.concatenate([np.array([self._last], dtype=np.int64), times])
            row -= 1
        self._last = int(times[-1])
        self.days += int(np.count_nonzero(np.diff(joined // DAY)))
        gaps = np.diff(joined)
        exact = np.isin(gaps, PERIODS)
        values, counts = np.unique(gaps[exact], return_counts=True)
        self._exact.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self._push_runs(joined, gaps, exact, row)
        self._push_gaps(joined, gaps, row)

    @property
    def period(self) -> int | None:
        """The bars' period in seconds; None when no two are a timeframe apart."""
        if not self._exact:
            return None
        return max(self._exact, key=lambda gap: (self._exact[gap], -gap))

    def off_grid(self) -> SpotCounts:
        """Bars that do not open at a multiple of the period."""
        return self._off_grid.get(self.period or 0, SpotCounts())

    def other_periods(self) -> dict[int, SpotCounts]:
        """Runs of bars at another period's distance: by period, each with its length in bars."""
        self._end_run()
        period = self.period
        return {p: counts for p, counts in self._runs.items() if counts.count and p != period}

    def gaps(self) -> SpotCounts:
        """Holes outside weekends, usual holidays and the daily break; amounts are bars missing.

        Holes up to two hours that begin at the same minute of the day are one place each.
        """
        period = self.period
        result = SpotCounts()
        if period is None:
            return result
        self._add_short(result, period)
        long = self._long[max(p for p in self._long if p <= max(period, _BREAK_AT_MOST))]
        result.count += long.count
        if long.longest is not None:
            spot = long.longest
            result.note_length(Spot(spot.row, spot.time, spot.amount // period - 1))
        result.first += [Spot(s.row, s.time, s.amount // period - 1) for s in long.first]
        result.first.sort(key=lambda spot: spot.row)
        del result.first[KEPT:]
        return result

    def _add_short(self, result: SpotCounts, period: int) -> None:
        by_minute: dict[int, list[SpotCounts]] = {}
        for (minute, gap), counts in self._short.items():
            if gap > max(period, _LEAST_GAP):
                by_minute.setdefault(minute, []).append(counts)
        for tallies in by_minute.values():
            times = sum(counts.count for counts in tallies)
            if times >= max(_BREAK_TIMES, _BREAK_SHARE * self.days):
                continue
            result.count += times
            spot = min((counts.first[0] for counts in tallies), key=lambda s: s.row)
            most = max((counts.first[0] for counts in tallies), key=lambda s: s.amount)
            result.note_length(Spot(most.row, most.time, most.amount // period - 1))
            result.first.append(Spot(spot.row, spot.time, spot.amount // period - 1))

    def _push_grid(self, times: Seconds, first_row: int) -> None:
        common = int(np.gcd.reduce(times))
        for period, counts in self._off_grid.items():
            if common % period:
                rest = times - times // period * period
                counts.add(np.flatnonzero(rest), first_row, times, rest)

    def _push_runs(self, times: Seconds, gaps: Seconds, exact: NDArray[np.bool_], row: int) -> None:
        """Follows runs of equal distances; a hole of a whole multiple does not end a run."""
        if not len(gaps):
            return
        latest = np.maximum.accumulate(np.where(exact, np.arange(len(gaps)), -1))
        before = np.where(latest >= 0, gaps[latest], self._latest_exact)
        self._latest_exact = int(gaps[latest[-1]]) if latest[-1] >= 0 else self._latest_exact
        whole = (gaps > 0) & (gaps % np.maximum(before, 1) == 0)
        keys = np.where(exact, gaps, np.where(whole, before, 0))
        starts = np.flatnonzero(np.diff(keys, prepend=self._run_key))
        inner = np.add.reduceat(exact.astype(np.int64), starts) if len(starts) else exact[:0]
        head = int(np.count_nonzero(exact[: starts[0]] if len(starts) else exact))
        self._run_length += head
        if not len(starts):
            return
        self._end_run()
        for place in np.flatnonzero(inner[:-1] >= _RUN_OF_DAYS):
            spot = Spot(row + int(starts[place]), int(times[starts[place]]))
            self._note_run(int(keys[starts[place]]), int(inner[place]), spot)
        last = int(starts[-1])
        self._run_key, self._run_length = int(keys[last]), int(inner[-1])
        self._run_start = Spot(row + last, int(times[last]))

    def _end_run(self) -> None:
        self._note_run(self._run_key, self._run_length, self._run_start)
        self._run_key, self._run_length = 0, 0

    def _note_run(self, period: int, length: int, start: Spot) -> None:
        if period and length >= (_RUN_OF_DAYS if period >= DAY else _RUN_WITHIN_DAY):
            counts = self._runs[period]
            counts.count += 1
            if len(counts.first) < KEPT:
                counts.first.append(Spot(start.row, start.time, length))

    def _push_gaps(self, times: Seconds, gaps: Seconds, row: int) -> None:
        short = np.flatnonzero((gaps > _LEAST_GAP) & (gaps <= _BREAK_AT_MOST))
        if len(short):
            self._push_short(short, times, gaps, row)
        long = np.flatnonzero(gaps > _BREAK_AT_MOST)
        surprising = [n for n in long.tolist() if not _is_closure(int(times[n]), int(gaps[n]))]
        places = np.array(surprising, dtype=np.intp)
        for period, counts in self._long.items():
            open_ones = [
                n
                for n in places[gaps[places] > period].tolist()
                if not _is_weekend(int(times[n]), int(gaps[n]), period)
            ]
            counts.add(np.array(open_ones, dtype=np.intp), row, times, gaps)

    def _push_short(self, short: NDArray[np.intp], times: Seconds, gaps: Seconds, row: int) -> None:
        days, of_day = np.unique(times[short] // DAY, return_inverse=True)
        open_day = np.array([_month_and_day(day) not in _HOLIDAYS for day in days.tolist()])
        short = short[open_day[of_day]]
        minutes = times[short] % DAY // MINUTE
        lengths = gaps[short] // MINUTE
        codes, first, counts = np.unique(
            minutes * WEEK + lengths, return_index=True, return_counts=True
        )
        for code, place, count in zip(codes.tolist(), short[first].tolist(), counts, strict=True):
            key = (code // WEEK, code % WEEK * MINUTE)
            if key not in self._short:
                self._short[key] = SpotCounts(
                    0, [Spot(row + place, int(times[place]), int(gaps[place]))]
                )
            self._short[key].count += int(count)


def _is_closure(last: int, gap: int) -> bool:
    """Whether a hole after `last` is a weekend or touches one of the usual holidays."""
    if gap > _LONGEST_CLOSURE:
        return False
    if _is_weekend(last, gap):
        return True
    dates = range(last // DAY, (last + gap) // DAY + 1)
    return any(_month_and_day(date) in _HOLIDAYS for date in dates)


def _is_weekend(last: int, gap: int, period: int = 0) -> bool:
    """Whether a hole after the bar of `last` is a weekend; a long bar opens well before its end."""
    in_week = (last + 4 * DAY) % WEEK  # since Sunday midnight: 1970-01-01 was a Thursday
    closes = in_week + (period if period > _BREAK_AT_MOST else 0)
    over = in_week < _SATURDAY_NOON < in_week + gap
    return over and closes >= _FRIDAY_CLOSING and in_week + gap <= _MONDAY_OPEN


def _month_and_day(days: int) -> tuple[int, int]:
    date = datetime.fromtimestamp(days * DAY, UTC)
    return date.month, date.day
