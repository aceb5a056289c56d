"""Reading a cell: numbers in the ways that terminals print them, times, volumes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from adapters.statements.shape import VOLUME_SCALE

_TIME = re.compile(r"(\d{4})[.-](\d\d)[.-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")
_POINT = re.compile(r"\d\.(?:\d{1,2}|\d{5})$")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_COMMA = re.compile(r"\d,\d+$")
_WHOLE = re.compile(r"[0-9]{1,18}")
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'")
_MINUS = str.maketrans({"\u2212": "-"})

_MOST_DIGITS = 15
"""Whole digits of a number that can be money, a price, a volume or a ticket."""


def time_of(text: str) -> int | None:
    """Milliseconds of a wall clock's time; None for a text that is none."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    rest = int((match[7] or "").ljust(3, "0") or 0)
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None
    return round(moment.timestamp()) * 1000 + rest


def uses_comma(cells: Iterable[str]) -> bool:
    """Whether a file's decimal mark is the comma.

    It is when no number of the file has a point before one, two or five last digits, and some
    number has a comma.
    """
    comma = False
    for text in cells:
        plain = _plain(text)
        if not _NUMBER.fullmatch(plain):
            continue
        if _POINT.search(plain):
            return False
        comma = comma or _COMMA.search(plain) is not None
    return comma


def _plain(text: str) -> str:
    return text.translate(_SPACES).translate(_MINUS)


def number_of(text: str, *, comma: bool = False) -> Decimal | None:
    """The number that a cell shows; None for a text that is none, or far beyond any amount."""
    plain = _plain(text)
    if comma:
        plain = plain.replace(".", "").replace(",", ".")
    elif _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value.adjusted() < _MOST_DIGITS else None


def whole_of(text: str) -> int | None:
    """A whole number in plain digits, such as a ticket; None for what is none, or far beyond."""
    return int(text) if _WHOLE.fullmatch(text) else None


def cents_of(value: Decimal) -> int | None:
    """An amount of money in cents; None for one with parts of a cent.

    A spreadsheet's double may be off by a trifle, which is forgiven.
    """
    scaled = value * 100
    whole = scaled.quantize(Decimal(1), ROUND_HALF_EVEN)
    return int(whole) if abs(scaled - whole) <= Decimal("1e-6") else None


def volume_of(text: str, *, comma: bool = False) -> int | None:
    """A volume in 1e-8 lots: of `asked / filled` the second."""
    number = number_of(text.rsplit("/", 1)[-1], comma=comma)
    if number is None:
        return None
    return int((number * VOLUME_SCALE).quantize(Decimal(1), ROUND_HALF_EVEN))


def price_of(text: str, *, comma: bool = False) -> Decimal | None:
    """A price; None where it is empty, a word such as `market`, or zero."""
    number = number_of(text, comma=comma)
    if number is None or number == 0:
        return None
    return Decimal(repr(float(number)))
