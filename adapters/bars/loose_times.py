"""Dates and times of day as spreadsheets write them: without leading zeros, with AM and PM.

Such a column has no fixed places. Its values are written anew in one fixed shape before they are
parsed; what has another shape than the first row's stays as it is, and is refused by its own text.
Where day and month stand between slashes, values of the column itself must tell which comes first.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adapters.bars.errors import BarFileError, shown
from adapters.bars.lines import blocks, split

_CLOCK = r"(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.]0+)?)?(?: ?(?P<half>[AaPp])[Mm])?"
_YEAR_FIRST = r"(?P<y>\d{4})(?P<sign>[-./])(?P<a>\d{1,2})(?P=sign)(?P<b>\d{1,2})"
_YEAR_LAST = r"(?P<a>\d{1,2})(?P<sign>[-./])(?P<b>\d{1,2})(?P=sign)(?P<y>\d{4})"
_STAMPS: Final = tuple(
    re.compile(rf"\s*{date}(?:(?:T| +){_CLOCK})?\s*") for date in (_YEAR_FIRST, _YEAR_LAST)
)
_PLAIN: Final = re.compile(r"\s*\d{4}[-./]\d\d[-./]\d\d(?!\d)")
_CLOCK_ONLY: Final = re.compile(rf"\s*{_CLOCK}\s*")

DAY_FIRST, MONTH_FIRST, YEAR_FIRST, NO_DATE = "DMY", "MDY", "YMD", ""


@dataclass(frozen=True)
class LooseTime:
    """How a column's values are read: their order of day, month and year, and what they have."""

    order: str
    sign: str
    timed: bool
    halves: bool

    @property
    def template(self) -> str:
        """The shape in which they are written anew."""
        parts = ["YYYY-MM-DD"] if self.order else []
        return " ".join([*parts, "hh:mm:ss"] if self.timed else parts)

    @property
    def shape(self) -> str:
        """What a person calls it, such as M/D/YYYY h:mm."""
        letters = {"Y": "YYYY", "M": "M", "D": "D"}
        date = self.sign.join(letters[part] for part in self.order)
        clock = "h:mm" + (" AM" if self.halves else "") if self.timed else ""
        return f"{date} {clock}".strip()

    def rewritten(self, value: str) -> str:
        """The value in the fixed shape, or as it is where it has another one."""
        match = _match(value, dated=bool(self.order))
        if match is None or not self._fits(match):
            return value
        parts = []
        if self.order:
            first, second = match["a"], match["b"]
            day, month = (first, second) if self.order == DAY_FIRST else (second, first)
            parts.append(f"{match['y']}-{month:0>2}-{day:0>2}")
        if self.timed:
            hour = _hour(match)
            if hour is None:
                return value
            parts.append(f"{hour:0>2}:{match['m']}:{match['s'] or '00'}")
        return " ".join(parts)

    def _fits(self, match: re.Match[str]) -> bool:
        known = match.groupdict()
        same = not self.order or (
            known["sign"] == self.sign and (self.order == YEAR_FIRST) == _year_first(match)
        )
        return (
            same and (known["h"] is not None) == self.timed and bool(known["half"]) == self.halves
        )


def _match(value: str, *, dated: bool) -> re.Match[str] | None:
    patterns = _STAMPS if dated else (_CLOCK_ONLY,)
    return next((found for it in patterns if (found := it.fullmatch(value))), None)


def _year_first(match: re.Match[str]) -> bool:
    return match.start("y") < match.start("a")


def _hour(match: re.Match[str]) -> str | None:
    """The hour of 24; None for one that no clock with AM and PM shows."""
    if not match["half"]:
        return match["h"]
    hour = int(match["h"])
    if not 1 <= hour <= 12:
        return None
    return str(hour % 12 + (12 if match["half"] in "Pp" else 0))


def loose_time(value: str, *, dated: bool) -> LooseTime | None:
    """How a first row's value is read; None when it is no such date or time of day.

    A date with the year last and no points has no order yet: `proven_order` finds it.
    """
    match = _match(value, dated=dated)
    if match is None:
        return None
    known = match.groupdict()
    timed, halves = known["h"] is not None, bool(known["half"])
    if not dated:
        return LooseTime(NO_DATE, "", timed, halves)
    sign = str(known["sign"])
    order = YEAR_FIRST if _year_first(match) else DAY_FIRST if sign == "." else MONTH_FIRST
    return LooseTime(order, sign, timed, halves)


def order_told(value: str) -> str:
    """Which of day and month comes first in a value that tells; empty for any other."""
    match = _match(value, dated=True)
    if match is None or _year_first(match):
        return ""
    day, month = int(match["a"]) > 12, int(match["b"]) > 12
    return DAY_FIRST if day and not month else MONTH_FIRST if month and not day else ""


def orders_told(values: Iterable[tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """The orders that dates tell, each with the line and the text of the first that tells it."""
    told: dict[str, tuple[int, str]] = {}
    for line, value in values:
        if order := order_told(value):
            told.setdefault(order, (line, value))
        if len(told) == 2:
            break
    return told


def in_iso(value: str, order: str) -> str | None:
    """A date of any of these shapes as ISO-8601; None where it is none, or plain already.

    `order` is that of dates with the year last and no points, empty where nothing told it.
    """
    loose = None if _PLAIN.match(value) else loose_time(value, dated=True)
    if loose is None:
        return None
    if must_be_proven(loose):
        if not order:
            return None
        loose = replace(loose, order=order)
    text = loose.rewritten(value)
    return None if text == value else text


def must_be_proven(loose: LooseTime) -> bool:
    """Whether either of day and month may come first: one country's order is the other's not."""
    return loose.order == MONTH_FIRST


def proven_order(path: Path, encoding: str, place: int, delimiter: str, before: int) -> str | None:
    """The order that the column's own values prove: a number above 12 is no month.

    None where none proves it. Raises BarFileError where one value proves each.
    """
    told = orders_told(column_values(path, encoding, place, delimiter, before))
    if len(told) > 1:
        (other, text), (line, value) = sorted(told.values())
        fault = (
            f"{shown(value)} has another order of day and month than {shown(text)} in line "
            f"{other}: a spreadsheet read some dates as the other order; export again"
        )
        raise BarFileError(path, fault, line)
    return next(iter(told), None)


def column_values(
    path: Path, encoding: str, place: int, delimiter: str, before: int
) -> Iterator[tuple[int, str]]:
    """Pairs of a line number and the text that the column has there, after `before` lines."""
    for first, block in blocks(path, encoding):
        for line, text in enumerate(block.decode().split("\n")[:-1], first):
            fields = split(text.removesuffix("\r"), delimiter)
            if line > before and place < len(fields):
                yield line, fields[place]


def in_fixed_shape(block: bytes, delimiter: str, loose: dict[int, LooseTime]) -> bytes:
    """The lines of a block with the values of these columns written anew."""
    lines = [_line(line, delimiter, loose) for line in block.decode().split("\n")[:-1]]
    return ("\n".join(lines) + "\n").encode()


def _line(line: str, delimiter: str, loose: dict[int, LooseTime]) -> str:
    text = line.removesuffix("\r")
    if "\r" in text:
        return line  # it is refused as it is
    fields = split(text, delimiter)
    for place, column in loose.items():
        if place < len(fields):
            fields[place] = column.rewritten(fields[place])
    if '"' not in text:
        return delimiter.join(fields)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(fields)
    return out.getvalue()
