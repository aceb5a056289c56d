"""Whether bars make sense together: duplicates, disorder, impossible prices, wrong periods, gaps.

`BarChecker` takes a file's bars in chunks, in bounded memory, and gives its findings at the end.
A finding is an error, for which the file should be refused, or a note. Two kinds of error can be
repaired without inventing anything (`repair`): disorder and exact duplicates.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from signals.market_data.spacing import KEPT, Spacing, SpotCounts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SERVER_AHEAD = 3 * 3_600
"""Seconds by which the clock of any known server runs ahead of UTC at most."""

_DIGITS_TOLERANCE = 1e-6
"""Part of a point that a price may be off a whole point, as binary fractions are."""

_ROWS_FOR_DIGITS = 200
"""Bars needed before prices that all end in 0 mean a feed with a digit less."""


class Columns(Protocol):
    """Bars as columns of equal length: the readers' columns as far as they are looked at here."""

    @property
    def time(self) -> Ints: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def tick_volume(self) -> Ints: ...
    @property
    def spread(self) -> Ints: ...
    @property
    def first_row(self) -> int: ...


class Severity(enum.StrEnum):
    """What a finding is to the user: a reason to refuse the file, or something to know."""

    ERROR = "error"
    NOTE = "note"


class Kind(enum.StrEnum):
    """What was found, in words for people."""

    DUPLICATE = "exact duplicate"
    CONFLICT = "same time, other values"
    DISORDER = "out of order"
    BROKEN = "impossible prices"
    FUTURE = "in the future"
    OFF_GRID = "off the period's grid"
    NO_PERIOD = "no timeframe"
    OTHER_PERIOD = "another timeframe"
    MORE_DECIMALS = "more decimals than the symbol has"
    FEWER_DECIMALS = "fewer decimals than the symbol has"
    GAP = "unexpected gap"


_NOTES = frozenset({Kind.GAP})
_REPAIRABLE = frozenset({Kind.DUPLICATE, Kind.DISORDER})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: where (`row` counts from 0; `server_time` in epoch seconds) and what.

    `detail` is a sentence with the values seen and, for an error, the remedy.
    """

    kind: Kind
    row: int
    server_time: int
    detail: str

    @property
    def severity(self) -> Severity:
        return Severity.NOTE if self.kind in _NOTES else Severity.ERROR

    @property
    def repairable(self) -> bool:
        """Whether `repair` mends it without inventing a price or a time."""
        return self.kind in _REPAIRABLE


class BarChecker:
    """Checks the bars of one symbol; `push` them in the order of the file, then `finish`.

    `digits` are the symbol's decimals by its specification. `now` is the present in UTC epoch
    seconds; without it no bar counts as future. Of each kind the first 20 findings are kept and
    `counts` says how many there were, so the memory does not grow with the file.
    """

    def __init__(self, symbol: str, digits: int, now: int | None = None) -> None:
        self._symbol = symbol
        self._digits = digits
        self._latest = None if now is None else now + SERVER_AHEAD
        self._counts: Counter[Kind] = Counter()
        self._kept: dict[Kind, list[Finding]] = {kind: [] for kind in Kind}
        self._spacing = Spacing()
        self._rows = 0
        self._first_time = 0
        self._all_end_in_zero = True
        self._findings: list[Finding] | None = None
        self._previous: tuple[int, tuple[float, ...]] | None = None

    @property
    def period(self) -> int | None:
        """The bars' period in seconds so far: the most common distance that is a timeframe."""
        return self._spacing.period

    @property
    def rows(self) -> int:
        """Bars seen."""
        return self._rows

    @property
    def counts(self) -> Mapping[Kind, int]:
        """How often each kind was found; complete after `finish`."""
        return self._counts

    def push(self, columns: Columns) -> None:
        """Takes the next bars of the file."""
        count = len(columns.time)
        if not count:
            return
        if not self._rows:
            self._first_time = int(columns.time[0])
        self._rows += count
        self._check_order(columns)
        self._check_prices(columns)
        self._check_digits(columns)
        if self._latest is not None:
            self._check_future(columns, self._latest)
        self._spacing.push(columns.time, columns.first_row)
        self._previous = (int(columns.time[-1]), _values(columns, count - 1))

    def finish(self) -> list[Finding]:
        """All findings in the order of the file, after the last `push`."""
        if self._findings is None:
            if self._rows:
                self._finish_spacing()
                self._finish_digits()
            every = (finding for kept in self._kept.values() for finding in kept)
            self._findings = sorted(every, key=lambda finding: finding.row)
        return list(self._findings)

    def _add(self, kind: Kind, row: int, time: int, detail: str) -> None:
        self._counts[kind] += 1
        if len(self._kept[kind]) < KEPT:
            self._kept[kind].append(Finding(kind, row, time, detail))

    def _add_rest(self, kind: Kind, count: int) -> None:
        """Counts findings that are past the ones kept."""
        if count > 0:
            self._counts[kind] += count

    def _room(self, kind: Kind, places: NDArray[np.intp]) -> list[int]:
        """The places for which a finding is still kept; the others are counted."""
        room = KEPT - len(self._kept[kind])
        self._add_rest(kind, len(places) - room)
        return [int(place) for place in places[:room]]

    def _check_order(self, columns: Columns) -> None:
        times = columns.time
        before = self._previous[0] if self._previous else int(times[0]) - 1
        steps = np.diff(times, prepend=before)
        same = np.flatnonzero(steps == 0)
        if len(same):
            self._check_doubles(columns, same)
        for place in self._room(Kind.DISORDER, np.flatnonzero(steps < 0)):
            time = int(times[place])
            self._add(
                Kind.DISORDER,
                columns.first_row + place,
                time,
                f"{_clock(time)} comes after {_clock(time - int(steps[place]))}: "
                "sort the bars by time, or give --repair",
            )

    def _check_doubles(self, columns: Columns, same: NDArray[np.intp]) -> None:
        """Sorts the bars with their predecessor's time into duplicates and contradictions."""
        equal = np.ones(len(same), dtype=np.bool_)
        for column, last in zip(_fields(columns), self._last_values(columns), strict=True):
            shifted = np.concatenate([np.array([last], dtype=column.dtype), column[:-1]])
            equal &= column[same] == shifted[same]
        for place in self._room(Kind.DUPLICATE, same[equal]):
            time = int(columns.time[place])
            detail = f"{_clock(time)} is there twice, all values equal: drop one, or give --repair"
            self._add(Kind.DUPLICATE, columns.first_row + place, time, detail)
        for place in self._room(Kind.CONFLICT, same[~equal]):
            time = int(columns.time[place])
            detail = (
                f"{_clock(time)} is there twice with different values: find out which bar is "
                "right and remove the other"
            )
            self._add(Kind.CONFLICT, columns.first_row + place, time, detail)

    def _last_values(self, columns: Columns) -> tuple[float, ...]:
        return self._previous[1] if self._previous else _values(columns, 0)

    def _check_prices(self, columns: Columns) -> None:
        o, h, low, c = columns.open, columns.high, columns.low, columns.close
        # A comparison with NaN is false, so the good bars are selected, not the bad ones.
        good = (low > 0) & (low <= o) & (low <= c) & (h >= o) & (h >= c) & (h < np.inf)
        for place in self._room(Kind.BROKEN, np.flatnonzero(~good)):
            time = int(columns.time[place])
            prices = tuple(float(x[place]) for x in (o, h, low, c))
            detail = (
                f"{_clock(time)}: {_broken(*prices)} (open {prices[0]}, high {prices[1]}, low "
                f"{prices[2]}, close {prices[3]}): correct the bar or export the file again"
            )
            self._add(Kind.BROKEN, columns.first_row + place, time, detail)

    def _check_digits(self, columns: Columns) -> None:
        with np.errstate(invalid="ignore"):  # prices that are no numbers are another finding
            off = self._off_digits(columns)
        for place in self._room(Kind.MORE_DECIMALS, np.flatnonzero(off)):
            time = int(columns.time[place])
            detail = (
                f"{_clock(time)}: the close {float(columns.close[place])} or another price of the "
                f"bar has more than the {self._digits} decimals of {self._symbol}: give the "
                "feed's digits or the right symbol"
            )
            self._add(Kind.MORE_DECIMALS, columns.first_row + place, time, detail)

    def _off_digits(self, columns: Columns) -> NDArray[np.bool_]:
        """Which bars have a price between two points."""
        scale = 10.0**self._digits
        off = np.zeros(len(columns.time), dtype=np.bool_)
        for column in (columns.open, columns.high, columns.low, columns.close):
            points = column * scale
            whole = np.rint(points)
            off |= np.abs(points - whole) > _DIGITS_TOLERANCE
            if self._all_end_in_zero:
                self._all_end_in_zero = not np.any(np.fmod(whole, 10.0))
        return off

    def _check_future(self, columns: Columns, latest: int) -> None:
        for place in self._room(Kind.FUTURE, np.flatnonzero(columns.time > latest)):
            time = int(columns.time[place])
            detail = (
                f"{_clock(time)} is later than any server's clock can show now: correct the "
                "dates or this machine's clock"
            )
            self._add(Kind.FUTURE, columns.first_row + place, time, detail)

    def _finish_digits(self) -> None:
        if not (self._all_end_in_zero and self._digits and self._rows >= _ROWS_FOR_DIGITS):
            return
        detail = (
            f"every price of {self._rows:,} bars has fewer than the {self._digits} decimals of "
            f"{self._symbol}: give the feed's digits or the right symbol"
        )
        self._add(Kind.FEWER_DECIMALS, 0, self._first_time, detail)

    def _finish_spacing(self) -> None:
        spacing, period = self._spacing, self._spacing.period
        if period is None and self._counts[Kind.DISORDER]:
            return  # how far bars are apart shows only when they are sorted
        if period is None:
            detail = (
                "no two bars are a timeframe apart, so their period cannot be determined: give more"
            )
            self._add(Kind.NO_PERIOD, 0, self._first_time, detail)
            return
        name = period_name(period)
        self._take(
            Kind.OFF_GRID,
            spacing.off_grid(),
            "{time} is not the start of a " + name + " bar: give one timeframe's bars",
        )
        for other, counts in spacing.other_periods().items():
            text = (
                "{time}: {amount} bars follow at the distance of "
                + period_name(other)
                + f" in a file of {name} bars: give one timeframe per file"
            )
            self._take(Kind.OTHER_PERIOD, counts, text)
        self._take(Kind.GAP, spacing.gaps(), "after {time} {amount} " + name + " bars are missing")

    def _take(self, kind: Kind, counts: SpotCounts, text: str) -> None:
        for spot in counts.first:
            detail = text.format(time=_clock(spot.time), amount=f"{spot.amount:,}")
            self._add(kind, spot.row, spot.time, detail)
        self._add_rest(kind, counts.count - len(counts.first))


@dataclass(frozen=True, slots=True)
class Repair:
    """How to mend a file: the `rows` to keep, in their new order, and what that does."""

    rows: NDArray[np.intp]
    done: tuple[str, ...]


def repair(columns: Columns) -> Repair:
    """Sorts by time and drops exact duplicates; all bars of the file are to be in `columns`.

    Bars with the same time and different values all stay, in the order of the file, and nothing
    else is touched: check the repaired bars again.
    """
    fields = (*_fields(columns), columns.time)
    order = np.lexsort(fields)  # by time first; equal bars in the order of the file
    equal = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for column in fields:
        equal &= column[order[1:]] == column[order[:-1]]
    kept = np.ones(len(order), dtype=np.bool_)
    kept[order[1:][equal]] = False
    left = np.flatnonzero(kept)
    steps = np.diff(columns.time[left])
    rows = left[np.argsort(columns.time[left], kind="stable")]
    done = []
    if dropped := len(kept) - len(left):
        done.append(f"dropped {dropped:,} exact duplicate{'s' if dropped > 1 else ''}")
    if backward := int(np.count_nonzero(steps < 0)):
        done.append(f"sorted by time: it went backwards {backward:,}x")
    return Repair(rows, tuple(done))


def period_name(period: int) -> str:
    """A period as the platform writes it: "M15", "H1", "D1"."""
    for unit, letter in ((604_800, "W"), (86_400, "D"), (3_600, "H"), (60, "M")):
        if period % unit == 0:
            return f"{letter}{period // unit}"
    return f"{period} s"


def _fields(columns: Columns) -> tuple[NDArray[np.float64] | NDArray[np.int64], ...]:
    """A bar's values apart from its time."""
    return (
        columns.open,
        columns.high,
        columns.low,
        columns.close,
        columns.tick_volume,
        columns.spread,
    )


def _values(columns: Columns, place: int) -> tuple[float, ...]:
    return tuple(column[place].item() for column in _fields(columns))


def _broken(o: float, h: float, low: float, c: float) -> str:
    """Which rule the prices of a bar break."""
    if not all(0 < price < float("inf") for price in (o, h, low, c)):
        return "a price is not a positive number"
    if low > h:
        return "the low is above the high"
    if h < max(o, c):
        return "the high is below the open or close"
    return "the low is above the open or close"


def _clock(seconds: int) -> str:
    """A server time for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
