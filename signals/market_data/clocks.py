"""Server clocks: from a feed's wall clock to UTC and back, and telling which clock a feed has.

A feed writes every time as its server's wall clock, as if that were UTC. Known by name are those
of servers, New York + 7 h (midnight is the end of the New York trading day, all year), GMT+2 with
the European Union's summer time, UTC and UTC-5 all year, and those of people, New York's and
London's. The user may also name any IANA time zone. A fixed offset in place of a clock with summer
time is wrong for weeks every year.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from engine.types import ClockName

Seconds = NDArray[np.int64]

HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY

EARLIEST = 0
LATEST = 4_102_444_800
"""Times are taken from 1970-01-01 up to, not including, 2100-01-01."""

_STRIDE = 28 * DAY
"""Seconds between two looks for a change of a clock in `_FOLLOWS`."""

_STRIDE_OF_ANY = DAY
"""The same for any other zone: Morocco's clock is back within five weeks."""

# Zone whose wall clock the server's follows, and what the server adds to it, in seconds. Athens
# keeps GMT+2 and the EU's summer time, which both begin and end at 01:00 UTC.
_FOLLOWS: dict[ClockName, tuple[str, int]] = {
    "new-york+7": ("America/New_York", 7 * HOUR),
    "eu-dst": ("Europe/Athens", 0),
    "utc": ("UTC", 0),
    "est": ("UTC", -5 * HOUR),
    "new-york": ("America/New_York", 0),
    "london": ("Europe/London", 0),
}
CLOCKS: tuple[ClockName, ...] = tuple(_FOLLOWS)
"""The clocks with a name of their own; the bars are asked which of them is theirs."""

SERVER_CLOCKS = CLOCKS[:4]
"""Those of trading servers. Nobody runs one by New York's or London's time of day."""

_ERA = 8 * 365 * DAY
"""Changes of a clock are looked for in spans of so many seconds: a feed lies in few of them."""

_BESIDE = 2 * DAY
"""By more than what any clock is from UTC such a span reaches beyond its times."""

_LIKE: dict[ClockName, ClockName] = {"london": "utc", "new-york": "est"}
"""A clock with summer time, and the one that it equals all winter."""


def is_clock(name: str) -> bool:
    """Whether `name` is a clock: one of CLOCKS, or an IANA time zone such as "Europe/Kyiv"."""
    if name in _FOLLOWS:
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Table:
    """The changes of one clock in the years around some times.

    `offsets[i]` (server minus UTC, seconds) holds from `utc[i - 1]` up to `utc[i]`, and between
    the same places of `server` for a time that is read off the server's clock.
    """

    utc: tuple[int, ...]
    server: tuple[int, ...]
    offsets: tuple[int, ...]
    utc_array: Seconds
    server_array: Seconds
    offset_array: Seconds


def _around(clock: ClockName, low: int, high: int) -> _Table:
    """The changes that matter from `low` to `high`, by UTC or by the clock itself."""
    return _table(clock, low // _ERA, high // _ERA)


@functools.cache
def _table(clock: ClockName, first_era: int, last_era: int) -> _Table:
    zone_name, added = _FOLLOWS.get(clock, (clock, 0))
    stride = _STRIDE if clock in _FOLLOWS else _STRIDE_OF_ANY
    zone = ZoneInfo(zone_name)
    begin = max(EARLIEST, first_era * _ERA - _BESIDE)
    end = min(LATEST, (last_era + 1) * _ERA + _BESIDE)
    changes = _changes(zone, stride, begin, end) if zone_name != "UTC" else []
    before_all = changes[0][1] if changes else _offset(zone, begin)
    offsets = tuple(offset + added for offset in (before_all, *(after for _, _, after in changes)))
    utc = tuple(at for at, _, _ in changes)
    # A time in an hour that the clock runs through twice is the first of the two; one in an hour
    # that the clock skips is read by the offset before. Both end at the larger offset.
    server = tuple(at + max(before, after) + added for at, before, after in changes)
    return _Table(
        utc,
        server,
        offsets,
        np.array(utc, dtype=np.int64),
        np.array(server, dtype=np.int64),
        np.array(offsets, dtype=np.int64),
    )


def _changes(zone: ZoneInfo, stride: int, begin: int, end: int) -> list[tuple[int, int, int]]:
    """(UTC second, offset before, offset after) of every change of `zone` from `begin` to `end`.

    `stride` is shorter than any time between two changes of the zone that cancel each other, so
    looking that often and halving the time between finds them all.
    """
    changes = []
    after = _offset(zone, begin)
    for high in range(begin + stride, end + stride, stride):
        before, after = after, _offset(zone, high)
        if before == after:
            continue
        low = high - stride
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        changes.append((high, before, after))
    return changes


def _offset(zone: ZoneInfo, utc_second: int) -> int:
    offset = datetime.fromtimestamp(utc_second, zone).utcoffset() or timedelta()
    return offset.days * DAY + offset.seconds


def to_utc(clock: ClockName, server_seconds: Seconds) -> Seconds:
    """UTC seconds for times that `clock` showed, both as epoch seconds.

    When the clock is put back an hour of it comes twice: such a time is taken as the first of
    the two. A time in the hour that the clock skips in spring, which it never showed, is taken as
    if the clock had not been put forward yet. Both are weekend hours for every known feed of
    currencies and metals. Raises ValueError for times outside 1970 to 2099.
    """
    table = _around(clock, *_range_of(server_seconds))
    places = np.searchsorted(table.server_array, server_seconds, side="right")
    result: Seconds = server_seconds - table.offset_array[places]
    return result


def to_server(clock: ClockName, utc_seconds: Seconds) -> Seconds:
    """What `clock` showed at the given UTC seconds. Raises ValueError outside 1970 to 2099."""
    table = _around(clock, *_range_of(utc_seconds))
    places = np.searchsorted(table.utc_array, utc_seconds, side="right")
    result: Seconds = utc_seconds + table.offset_array[places]
    return result


def utc_of(clock: ClockName, server_second: int) -> int:
    """The UTC second for one time that `clock` showed; see `to_utc`."""
    _check_range(server_second, server_second)
    table = _around(clock, server_second, server_second)
    return server_second - table.offsets[bisect_right(table.server, server_second)]


def server_of(clock: ClockName, utc_second: int) -> int:
    """What `clock` showed at one UTC second; see `to_server`."""
    _check_range(utc_second, utc_second)
    table = _around(clock, utc_second, utc_second)
    return utc_second + table.offsets[bisect_right(table.utc, utc_second)]


def _range_of(seconds: Seconds) -> tuple[int, int]:
    """The first and the last of some times; raises ValueError for one that no clock has."""
    if not len(seconds):
        return EARLIEST, EARLIEST
    low, high = int(seconds.min()), int(seconds.max())
    _check_range(low, high)
    return low, high


def _check_range(low: int, high: int) -> None:
    if low < EARLIEST or high >= LATEST:
        bad = low if low < EARLIEST else high
        raise ValueError(f"time {bad} is not in epoch seconds from 1970 to 2099")


# --- which clock a feed has ---------------------------------------------------------------------

# Currencies trade from Sunday 17:00 to Friday 17:00 in New York, metals and indices from Sunday
# 18:00. Seen from there the right clock shows this every week, whichever zone changes its hour.
_OPENS = (17 * HOUR, 18 * HOUR)
_CLOSE = 5 * DAY + 17 * HOUR
"""Seconds since the Sunday midnight, New York."""

_WEEKEND_GAP = (36 * HOUR, 5 * DAY)
_SATURDAY_NOON = 6 * DAY + 12 * HOUR

MIN_EDGES = 4
"""Week opens and closes needed for any verdict: two weekends."""

MIN_SHARE = 0.8
"""Share of them that the clock must explain; holidays account for the rest."""

MAX_CONTRARY = 0.05
"""Share of them that may contradict the clock, for a stray bar on a weekend."""

MIN_DECISIVE = 2
"""Week opens and closes that must fit the clock and not the other ones."""

_FIT, _HOLIDAY, _CONTRARY = 1, 0, -1
_Guess = tuple[ClockName, int]
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """Which clock a feed has, and what says so. `clock` is None when it cannot be determined."""

    clock: ClockName | None
    evidence: str


class ClockDetector:
    """Collects the week opens and closes of bars that are pushed in order, in bounded memory.

    Its verdict rests on when weeks open and close as the hour changes in the USA and in the EU. It
    is None, with the reason, for files that do not show it: too short ones, those of one season,
    bars longer than an hour, markets with other hours.
    """

    def __init__(self, named: ClockName | None = None) -> None:
        """`named` is a clock to be judged besides the known ones, such as any time zone's."""
        judged = dict.fromkeys((*CLOCKS, *(() if named is None else (named,))))
        self._guesses: tuple[_Guess, ...] = tuple((c, o) for c in judged for o in _OPENS)
        self._first: int | None = None
        self._last: int | None = None
        self._finest = WEEK
        self._edges: Counter[tuple[int, ...]] = Counter()
        self._opens: Counter[str] = Counter()

    def push(self, times: Seconds) -> None:
        """Takes the open times (server seconds) of the next bars."""
        if self._last is not None:
            times = np.concatenate([np.array([self._last], dtype=np.int64), times])
        if not len(times):
            return
        self._first = int(times[0]) if self._first is None else self._first
        self._last = int(times[-1])
        gaps = np.diff(times)
        forward = gaps[gaps > 0]
        if len(forward):
            self._finest = min(self._finest, int(forward.min()))
        for place in np.flatnonzero((gaps >= _WEEKEND_GAP[0]) & (gaps <= _WEEKEND_GAP[1])):
            self._weekend(int(times[place]), int(times[place + 1]))

    def _weekend(self, last: int, first: int) -> None:
        to_saturday = (_SATURDAY_NOON - _in_week(last)) % WEEK
        if to_saturday >= first - last:
            return
        self._edges[tuple(_close_fit(guess, last) for guess in self._guesses)] += 1
        self._edges[tuple(_open_fit(guess, first) for guess in self._guesses)] += 1
        self._opens[_hour_name(first)] += 1

    def verdict(self) -> ClockVerdict:
        """What the bars so far say of the clock."""
        total = self._edges.total()
        seen = f"weeks open at {self._openings()}" if self._opens else "no weekend seen"
        if self._finest > HOUR and total:
            return ClockVerdict(None, "bars longer than one hour do not show when a week opens")
        if total < MIN_EDGES:
            return ClockVerdict(None, f"too few weekends to tell ({total // 2}); {seen}")
        best = self._best()
        fits, contrary = self._count(best, _FIT), self._count(best, _CONTRARY)
        if fits < MIN_SHARE * total or contrary > MAX_CONTRARY * total:
            return ClockVerdict(None, f"{seen}, which none of the known clocks explains")
        others = (clock for clock in CLOCKS if clock not in (best[0], self._double(best[0])))
        rivals = {clock: self._only(best, clock) for clock in others}
        equal = [clock for clock, margin in rivals.items() if margin < MIN_DECISIVE]
        if equal:
            return ClockVerdict(
                None,
                f"{seen}: {' and '.join([best[0], *equal])} explain the bars equally well, for "
                "they hold too few weeks in which those clocks differ",
            )
        closest = min(rivals, key=lambda clock: rivals[clock])
        return ClockVerdict(
            best[0],
            f"{seen}; {best[0]} explains {fits} of {total} week opens and closes, and "
            f"{rivals[closest]} of them rule out {closest}, the next best",
        )

    def _best(self) -> _Guess:
        """The known clock, and opening, that explains most; of equals the first."""
        known = [guess for guess in self._guesses if guess[0] in CLOCKS]
        return max(known, key=self._merit)

    def _double(self, clock: ClockName) -> ClockName | None:
        """A clock with summer time that showed the same as `clock` at every time of these bars."""
        double = next((name for name, like in _LIKE.items() if like == clock), None)
        if double is None or self._first is None or self._last is None:
            return None
        span = np.arange(self._first, self._last + WEEK, DAY, dtype=np.int64)
        span = span[span < LATEST]
        same = np.array_equal(to_utc(double, span), to_utc(clock, span))
        return double if same else None

    def contradiction(self, clock: ClockName) -> str | None:
        """Why the bars so far cannot have been written by `clock`; None where they may have been.

        Either they show another clock, or weeks open before the market does and close after it:
        a holiday can only make them open late and close early. Bars that are too few, longer than
        an hour or without weekends say nothing. `clock` is a known one or the one named at first.
        """
        verdict, total = self.verdict(), self._edges.total()
        if verdict.clock is not None:
            rules_out = verdict.clock != clock and self._only(self._best(), clock) >= MIN_DECISIVE
            return verdict.evidence if rules_out else None
        contrary = self._count((clock, _OPENS[0]), _CONTRARY)
        if self._finest > HOUR or total < MIN_EDGES or contrary < MIN_DECISIVE:
            return None
        if contrary <= MAX_CONTRARY * total:
            return None
        return (
            f"{verdict.evidence}; by {clock}, {contrary} of {total} week opens and closes are "
            "outside the market's hours"
        )

    def _openings(self) -> str:
        weeks = self._opens.total()
        common = self._opens.most_common(3)
        named = ", ".join(f"{hour} ({count} of {weeks})" for hour, count in common)
        return named + (", ..." if len(self._opens) > len(common) else "")

    def _merit(self, guess: _Guess) -> int:
        return self._count(guess, _FIT) - self._count(guess, _CONTRARY)

    def _count(self, guess: _Guess, outcome: int) -> int:
        place = self._guesses.index(guess)
        return sum(n for outcomes, n in self._edges.items() if outcomes[place] == outcome)

    def _only(self, guess: _Guess, rival: ClockName) -> int:
        """By how many edges that only `guess` explains it beats the best guess for `rival`."""
        mine = self._guesses.index(guess)
        rivals = (g for g in self._guesses if g[0] == rival)
        other = self._guesses.index(max(rivals, key=self._merit))
        margin = 0
        for outcomes, count in self._edges.items():
            margin += count * ((outcomes[mine] == _FIT) - (outcomes[other] == _FIT))
        return margin


def _in_week(wall_seconds: int) -> int:
    """Seconds since the last Sunday midnight of a wall clock."""
    return (wall_seconds + 4 * DAY) % WEEK  # 1970-01-01 was a Thursday


def _hour_name(server_second: int) -> str:
    in_week = _in_week(server_second)
    return f"{_WEEKDAYS[in_week // DAY]} {in_week % DAY // HOUR:02}:00"


def _new_york_week(clock: ClockName, server_second: int, reference: int) -> int:
    """Seconds from `reference` in New York's week to a time of `clock`; within half a week."""
    wall = server_of("new-york+7", utc_of(clock, server_second)) - 7 * HOUR
    return (_in_week(wall) - reference + WEEK // 2) % WEEK - WEEK // 2


def _open_fit(guess: _Guess, first: int) -> int:
    """How a week's first bar agrees with a clock: a holiday can only make it late."""
    clock, opening = guess
    late = _new_york_week(clock, first, opening)
    return _CONTRARY if late < 0 else _FIT if late < HOUR else _HOLIDAY


def _close_fit(guess: _Guess, last: int) -> int:
    """How a week's last bar agrees with a clock: a holiday can only make it early."""
    early = -_new_york_week(guess[0], last, _CLOSE)
    return _CONTRARY if early <= 0 else _FIT if early <= HOUR else _HOLIDAY
