"""Which of the text formats a file has, detected from its first two lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapters.bars.column_names import (
    PRICES,
    SYMBOL,
    ColumnChoice,
    columns_of,
    known_names,
    other_clock,
    ticks_fault,
)
from adapters.bars.errors import BarFileError, import_command, shown
from adapters.bars.lines import split
from adapters.bars.loose_times import LooseTime, loose_time
from adapters.bars.time_text import clock_template, for_people, stamp_template, zone_of
from engine.types import ClockName

KNOWN = (
    "MT5 rates as Parquet or CSV, the MT5 'Export Bars' text, headerless MT5 or MT4 text, "
    "HistData ASCII or Dukascopy CSV"
)

_HEADERLESS = {
    9: ("date", "clock", *PRICES, "tick_volume", "real_volume", "spread"),
    7: ("date", "clock", *PRICES, "tick_volume"),
    6: ("date", "clock", *PRICES),
}
_WITH_WHOLE_TIME = {6: ("time", *PRICES, "tick_volume"), 5: ("time", *PRICES)}
"""The same where date and time of day are one field."""

BLANKS = " \t\r,;"
"""Of a line without content a spreadsheet leaves the separators."""

_TICK_TIME = re.compile(r"\d{8} \d{9}")
"""HistData's ticks have milliseconds; its bars never do."""

TRUEFX_TIME = re.compile(r"\d{8} \d\d:\d\d:\d\d[.]\d{1,6}")
"""TrueFX's ticks have it after the pair, before bid and ask, and no header."""

_KLINES = (
    "time", *PRICES, "tick_volume", "#close_time", "#quote_volume", "#trades", "#taker_buy_volume",
    "#taker_buy_quote_volume", "#ignore",
)  # fmt: skip
"""The exchange Binance's bars, whose archives have no header; their times are UTC."""

_HISTDATA_TIME = "YYYYMMDD hhmmss"
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
"""A first line of its own, for spreadsheets."""

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_GROUPED = re.compile(r"\s*\d{1,3}(?:,\d{3})+\s*")
"""Where commas separate fields, such a quoted number may as well have thousands separators."""

_LEAST_EPOCH_DIGITS = 9
"""Shorter numbers are a date such as 20240301 or a time of day: as seconds, they would be 1970."""

_EITHER_ORDER = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?:\D.*)?")
_SHORT_YEAR = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d\d(?!\d)")
_EPOCH = re.compile(r"\s*(\d{1,25})(?:[.]0*)?\s*")  # longer ones are no time
_PER_SECOND = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""From which count on an epoch time is in so many parts of a second: as seconds it would be after
the year 5000."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file's lines are read.

    `columns` are our names in the file's order, `labels` what an error calls them; a name that
    begins with "#" is that of a column which is ignored. `date` and `clock` may stand for `time`.
    `templates` give the shape of date and time columns; a `time` without one is an epoch time in
    parts of a second, `per_second` of them. `before` are the lines before the first bar. `loose`
    are the columns, by place, that are rewritten to their template before they are read.
    """

    format: str
    delimiter: str
    before: int
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    templates: dict[str, str]
    fixed_clock: ClockName | None = None
    per_second: int = 1
    decimal: str = "."
    symbol: str | None = None
    loose: dict[int, LooseTime] = field(default_factory=dict)

    def written(self, name: str) -> str | None:
        """How a person writes what stands in a date or time column; None for other columns."""
        loose = self.loose.get(self.columns.index(name)) if name in self.columns else None
        return self.templates.get(name) if loose is None else loose.shape

    @property
    def ignored(self) -> tuple[str, ...]:
        """What the file calls the columns that are not read."""
        pairs = zip(self.columns, self.labels, strict=True)
        return tuple(label for name, label in pairs if name.startswith("#"))


def recognise(path: Path, lines: list[str], choice: ColumnChoice | None = None) -> Layout:
    """The layout of the text file `path` that begins with `lines` (its first three, no line ends).

    Raises BarFileError when it is none of the known ones or has no rows.
    """
    separator = _SEPARATOR_LINE.fullmatch(lines[0])
    before = 0 if separator is None else 1
    lines = lines[before:]
    if not lines:
        raise BarFileError(path, "has a separator but no bars: export it again", 1)
    first = lines[0]
    if not first.strip():
        raise BarFileError(path, "is blank: a bar file starts with its header or first bar", 1)
    if first.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise BarFileError(path, "is a web page or report, not bars: give an export of bars", 1)
    delimiter = separator[1] if separator else next((d for d in "\t;," if d in first), None)
    if delimiter is None:
        _refuse_titles(path, lines, before)
        raise _unknown(path, _other_separator(first))
    fields = split(first, delimiter)
    if _TICK_TIME.fullmatch(fields[0].strip()) or is_truefx(fields):
        raise ticks_fault(path)
    if _begins_with_a_time(fields[0]):
        layout = _headerless(path, delimiter, fields)
    else:
        layout = _with_header(path, delimiter, fields, lines, choice, before)
    return replace(layout, before=layout.before + before)


def is_truefx(fields: list[str]) -> bool:
    """Whether a first line is a tick as TrueFX writes it: pair, time, bid, ask."""
    return len(fields) == 4 and TRUEFX_TIME.fullmatch(fields[1].strip()) is not None


def _begins_with_a_time(value: str) -> bool:
    dated = stamp_template(value.strip()) is not None or loose_time(value, dated=True) is not None
    return dated or _is_epoch(value)


def _other_separator(line: str) -> str:
    """What separates the fields of a line that has no comma, semicolon or tab; empty if nothing."""
    if line.count("|") >= len(PRICES):
        return "'|'"
    words = line.split()
    head = set(PRICES) <= {word.strip("<>").lower() for word in words}
    bars = len(words) > len(PRICES) and (head or words[0][:1].isdigit())  # and no prose
    return "blanks" if bars else ""


def _unknown(path: Path, separator: str = "") -> BarFileError:
    # The line itself is not quoted: whatever file was named by mistake may hold a secret.
    if separator:
        fault = f"has fields that are separated by {separator}: save it with ',', ';' or tabs"
        return BarFileError(path, fault, 1)
    remedy = import_command(path, "--map", "time=NAME")
    return BarFileError(
        path,
        f"is none of the known bar formats: give {KNOWN}; other names of columns: {remedy} ...",
        1,
    )


def _headerless(path: Path, delimiter: str, fields: list[str]) -> Layout:
    loose = loose_time(fields[0], dated=True)
    template = stamp_template(fields[0].strip()) or (loose.template if loose else "")
    if len(fields) == 6 and delimiter == ";" and template == _HISTDATA_TIME:
        return _histdata(path, fields)
    klines = not template and _is_klines(fields)
    whole_time = "h" in template or not template or any(map(_PRICE.fullmatch, fields[1:2]))
    columns = (_WITH_WHOLE_TIME if whole_time else _HEADERLESS).get(len(fields))
    columns = _KLINES if klines else columns
    if columns is None:
        raise _headerless_fault(path, delimiter, len(fields), whole_time=whole_time)
    labels = tuple(f"field {n} ({name.strip('#')})" for n, name in enumerate(columns, 1))
    templates = _templates(path, columns, labels, fields, 1)
    stated = klines or zone_of(templates.get("time", "")) is not None
    return Layout(
        "headerless MT5 CSV" if template else "Binance klines" if klines else "headerless CSV",
        delimiter, 0, columns, labels, templates, "utc" if stated else None,
        per_second=1 if template else per_second(fields[0]),
        decimal=_decimal(delimiter, columns, fields),
        loose=_loose_columns(columns, templates, fields),
    )  # fmt: skip


_PRICE = re.compile(r"\s*\d+[.,]\d+\s*")


def _is_klines(fields: list[str]) -> bool:
    """Whether it is one of Binance's bars: the seventh of twelve fields is the bar's end."""
    return (
        len(fields) == len(_KLINES)
        and _is_epoch(fields[6])
        and float(fields[0]) < float(fields[6])
        and per_second(fields[0]) == per_second(fields[6])
    )


def _headerless_fault(path: Path, delimiter: str, count: int, *, whole_time: bool) -> BarFileError:
    """What is wrong with a table without header of `count` fields."""
    due = (
        "5 (time, open, high, low, close) or 6 (with the volume); put a line that names the "
        "columns before the first"
        if whole_time
        else "9 (date, time, open, high, low, close, tick volume, volume, spread), 7 or 6 (MT4), "
        "or the 6 of HistData separated by ';'"
    )
    message = f"has {count} fields separated by {delimiter!r} and no header: expected {due}"
    return BarFileError(path, message, 1)


def _histdata(path: Path, fields: list[str]) -> Layout:
    columns = ("time", *PRICES, "tick_volume")
    labels = tuple(f"field {n} ({name})" for n, name in enumerate(columns, 1))
    templates = _templates(path, columns, labels, fields, 1)
    return Layout("HistData", ";", 0, columns, labels, templates, "est")


def _with_header(
    path: Path,
    delimiter: str,
    header: list[str],
    lines: list[str],
    choice: ColumnChoice | None,
    before: int,
) -> Layout:
    if delimiter == "\t" and len(header) > 1 and not header[-1].strip():
        header = header[:-1]  # the terminal itself ends its header line with a tab
    if known_names(header) + len(choice.renamed if choice else ()) < 2:
        _refuse_titles(path, lines, before)
        raise _unknown(path)
    if lines[1:] and split(lines[1], delimiter)[0].strip().lower() == "ticker":
        fault = "is a second line of headers: save the table with one, which names the columns"
        raise BarFileError(path, fault, before + 2)
    found = columns_of(path, header, choice)
    if len(lines) < 2:
        raise BarFileError(path, "has a header but no bars: export again with a period that has")
    line = before + 2
    if not lines[1].strip(BLANKS):
        raise BarFileError(path, "is blank: remove it or export the file again", line)
    columns = tuple(our or f"#{place}" for place, our in enumerate(found.names))
    labels = tuple(f"column {name.strip()!r}" for name in header)
    fields = split(lines[1], delimiter)
    if len(fields) != len(columns):
        raise BarFileError(path, wrong_count(fields, len(columns), delimiter), line)
    templates = _templates(path, columns, labels, fields, line)
    if len(lines) > 2:
        _refuse_dates_alone(path, columns, templates, fields, split(lines[2], delimiter), line + 1)
    zoned = zone_of(templates.get("time", "")) is not None
    if found.local and not zoned:
        raise other_clock(path, found.local)
    time = fields[columns.index("time")] if "time" in columns else ""
    return Layout(
        _name_of(header),
        delimiter,
        1,
        columns,
        labels,
        templates,
        "utc" if found.utc or zoned else found.clock,
        1 if "time" in templates or not time else per_second(time),
        _decimal(delimiter, columns, fields),
        fields[columns.index(SYMBOL)].strip() if SYMBOL in columns else None,
        _loose_columns(columns, templates, fields),
    )


def _refuse_dates_alone(
    path: Path,
    columns: tuple[str, ...],
    templates: dict[str, str],
    first: list[str],
    second: list[str],
    line: int,
) -> None:
    """Refuses bars within the day that tell no more than their date."""
    for name, template in templates.items():
        place = columns.index(name)
        if name == "clock" or "h" in template or "clock" in columns or place >= len(second):
            continue
        if first[place] == second[place] and first != second:
            fault = (
                f"{shown(second[place])} stands in two lines and has no time of day: export the "
                "times too"
            )
            raise BarFileError(path, fault, line)


def _refuse_titles(path: Path, lines: list[str], before: int) -> None:
    """Refuses lines before the header: it is the first one of a table."""
    for place, line in enumerate(lines[1:], before + 2):
        sign = next((d for d in "\t;," if d in line), ",")
        if known_names(split(line, sign)) >= len(PRICES):
            fault = f"stands before the header, which is line {place}: remove what is above it"
            raise BarFileError(path, fault, before + 1)


def _name_of(header: list[str]) -> str:
    """What people call the format that has such a header."""
    names = [name.strip().lower() for name in header]
    if any(name.startswith("<") for name in names):
        return "MT5 GUI export"
    return "Dukascopy" if "gmt time" in names else "MT5 CSV"


def _decimal(delimiter: str, columns: tuple[str, ...], fields: list[str]) -> str:
    """The sign before decimals; where commas separate fields, a comma can be one in quotes."""
    prices = [value for name, value in zip(columns, fields, strict=True) if name in PRICES]
    if not all(map(_DECIMAL_COMMA.fullmatch, prices)):
        return "."
    return "." if delimiter == "," and any(map(_GROUPED.fullmatch, prices)) else ","


def per_second(value: str) -> int:
    """The parts of a second in which an epoch time is written."""
    match = _EPOCH.fullmatch(value)
    count = int(match[1]) if match else 0
    return next((parts for least, parts in _PER_SECOND if count >= least), 1)


def wrong_count(fields: list[str], expected: int, delimiter: str) -> str:
    """What is wrong with a line of these fields where `expected` are due."""
    message = f"has {len(fields)} fields, expected {expected} separated by {delimiter!r}"
    if len(fields) == expected + 1 and not fields[-1].strip():
        return message + ": it ends in a separator; end the header in one too, or no line"
    if delimiter == "," and len(fields) > expected:
        numbers = "and numbers without thousands separators"
        return message + f": export decimals with a point, not a comma, {numbers}"
    return message + ": the line is cut off or of another table; export the file again"


def _templates(
    path: Path,
    columns: tuple[str, ...],
    labels: tuple[str, ...],
    fields: list[str],
    line: int,
) -> dict[str, str]:
    """The shapes of the date and time columns, taken from the first row's `fields`."""
    templates = {}
    for name, label, value in zip(columns, labels, fields, strict=True):
        if name not in ("time", "date", "clock") or (name == "time" and _is_epoch(value)):
            continue
        found = clock_template(value) if name == "clock" else stamp_template(value)
        if found is None and (loose := loose_time(value, dated=name != "clock")):
            found = loose.template
        if found is None:
            raise BarFileError(path, not_a_time(label, value), line)
        templates[name] = found
    return templates


def _loose_columns(
    columns: tuple[str, ...], templates: dict[str, str], fields: list[str]
) -> dict[int, LooseTime]:
    """The columns whose first value has no fixed places, by their place."""
    found = {}
    for place, (name, value) in enumerate(zip(columns, fields, strict=True)):
        fixed = clock_template(value) if name == "clock" else stamp_template(value)
        if name in templates and fixed is None:
            loose = loose_time(value, dated=name != "clock")
            if loose is not None:
                found[place] = loose
    return found


def _is_epoch(value: str) -> bool:
    """Whether a time is a count of seconds or their parts."""
    match = _EPOCH.fullmatch(value)
    return match is not None and len(match[1]) >= _LEAST_EPOCH_DIGITS


def _why(value: str) -> str:
    """The cause, where the value shows it, and the remedy."""
    plain = value.strip()
    if _SHORT_YEAR.match(plain):
        return " (its year has two digits): write it as 2025-03-31 09:15"
    if _EITHER_ORDER.fullmatch(plain):
        return (
            " (the day or the month may come first, and no date of the file tells which): write it "
            "as 2025-03-31 09:15"
        )
    if clock_template(plain):
        return " (its date is missing): give the date too, in the same column or one called date"
    return ": write it as 2025-03-31 09:15, a time of day alone as 09:15"


def not_a_time(label: str, value: str, template: str | None = None) -> str:
    """What is wrong with `value` in a date or time column of the given shape."""
    if template is None:
        return f"{label}: {shown(value)} is not a date and time that can be read{_why(value)}"
    written = for_people(template)
    return (
        f"{label}: {shown(value)} is not a calendar time written {written} as the first row's is:"
        " correct it or export the file again"
    )
