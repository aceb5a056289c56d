"""Strict, vectorised reading of dates and times of day written in digits at fixed places.

The general parsers turn "2025.02.30" into 2 March and "2025032" into a date of their own. A bar
file that is wrong in this way must be refused, so the layout of the first value becomes a
*template* and every further value has to have exactly that shape and be a real calendar time.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

# Day first only with points: 07/05/2021 is July in one country and May in another.
_DATE = r"(?:\d{4}([-./])\d\d\1\d\d|\d\d[.]\d\d[.]\d{4}|\d{8})"
_CLOCK = r"\d\d:?\d\d(?::?\d\d(?:[.]0+)?)?"
_ZONE = r"(?:Z| UTC|(?: GMT| )?[+-]\d\d:?\d\d)"
_STAMP = re.compile(rf"{_DATE}(?:[ T]{_CLOCK})?(?P<zone>{_ZONE})?")
_CLOCK_ONLY = re.compile(r"\d\d:\d\d(?::\d\d)?|\d{4}(?:\d\d)?")
OFFSET = "±"
"""Begins the part of a template that stands for an offset from UTC: "±HH:NN" or "±HHNN"."""

_LETTER_M = "\u1d0d"
"""Stands for the letter in GMT, as M is a digit of the month."""

Bytes = NDArray[np.uint8]


def stamp_template(value: str) -> str | None:
    """The template of a date, or of a date with a time of day: "YYYY.MM.DD hh:mm", say.

    Letters YMDhms stand for digits, ±HN for an offset from UTC, everything else for itself. None
    when `value` is not a date.
    """
    match = _STAMP.fullmatch(value)
    if match is None:
        return None
    zone = match["zone"] or ""
    body = value[: len(value) - len(zone)]
    compact = body[:8].isdigit()
    letters = "YYYYMMDD" if compact or body[2] != "." else "DDMMYYYY"
    date, clock = (body[:8], body[8:]) if compact else (body[:10], body[10:])
    offset = zone if zone in ("", "Z", " UTC") else _offset_template(zone)
    return _lettered(date, letters) + _lettered(clock, "hhmmss") + offset


def _offset_template(zone: str) -> str:
    sign = len(zone) - len(zone.lstrip(" GMT"))
    name = zone[:sign].replace("M", _LETTER_M)
    return name + OFFSET + _lettered(zone[sign + 1 :], "HHNN")


def for_people(template: str) -> str:
    """A template as a message shows it."""
    named = template.replace(_LETTER_M, "M")
    return named.replace(f"{OFFSET}HH:NN", "+hh:mm").replace(f"{OFFSET}HHNN", "+hhmm")


def clock_template(value: str) -> str | None:
    """The template of a time of day, such as "hh:mm" or "hhmmss"; None when `value` is none."""
    return _lettered(value, "hhmmss") if _CLOCK_ONLY.fullmatch(value) else None


def zone_of(template: str) -> str | None:
    """What ends a template: "Z", or OFFSET for one from UTC that each value names; None without."""
    if "h" not in template:
        return None
    return OFFSET if OFFSET in template else "Z" if template.endswith(("Z", "UTC")) else None


def _lettered(text: str, letters: str) -> str:
    """`text` with its first digits replaced by `letters`, one each."""
    left = iter(letters)
    return "".join(next(left, char) if char.isdigit() else char for char in text)


def seconds_of(
    template: str, values: Bytes, *, wall: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since the epoch (or since midnight) of `values`, and which of them are right.

    `values` holds a row of len(`template`) bytes per value. With an offset the seconds are UTC;
    `wall` leaves it out of account. The seconds of a wrong value mean nothing.
    """
    good = np.ones(len(values), dtype=np.bool_)
    numbers = {letter: np.zeros(len(values), dtype=np.int64) for letter in "YMDhmsHN"}
    west = np.zeros(len(values), dtype=np.bool_)
    for place, char in enumerate(template):
        column = values[:, place]
        if char in numbers:
            digit = column - np.uint8(ord("0"))
            good &= digit <= 9
            numbers[char] = numbers[char] * 10 + digit
        elif char == OFFSET:
            west = column == ord("-")
            good &= west | (column == ord("+"))
        else:
            good &= column == ord("M" if char == _LETTER_M else char)
    good &= (numbers["h"] < 24) & (numbers["m"] < 60) & (numbers["s"] < 60)
    good &= (numbers["H"] < 15) & (numbers["N"] < 60)
    seconds = numbers["h"] * 3600 + numbers["m"] * 60 + numbers["s"]
    if not wall:
        offset = numbers["H"] * 3600 + numbers["N"] * 60
        seconds += np.where(west, offset, -offset)
    if "Y" in template:
        days, real = _days_since_epoch(numbers["Y"], numbers["M"], numbers["D"])
        good &= real
        seconds += days * 86_400
    return seconds, good


def _days_since_epoch(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days from 1970-01-01 and whether each is a day of the calendar."""
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    real = (month >= 1) & (month <= 12) & (day >= 1) & (day <= after - first)
    return first + day - 1, real
