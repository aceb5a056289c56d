"""Which of the text formats a file has, detected from its first two lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.bars.errors import BarFileError, shown
from adapters.bars.time_text import clock_template, stamp_template, zone_of
from engine.types import ClockName

KNOWN = (
    "MT5 rates as Parquet or CSV, the MT5 'Export Bars' text, headerless MT5 or MT4 text, "
    "HistData ASCII or Dukascopy CSV"
)

PRICES = ("open", "high", "low", "close")
NEEDED = ("time", *PRICES)
KNOWN_COLUMNS = (*NEEDED, "tick_volume", "spread", "real_volume")

# What the formats call the columns, in lower case and without angle brackets.
_ALIASES = {"tickvol": "tick_volume", "vol": "real_volume", "volume": "tick_volume"}
_UTC_NAMES = frozenset({"time_utc", "utc time", "gmt time"})
_WRONG_CLOCKS = {"local time": "a local zone", "eet": "EET", "eet time": "EET"}

_HEADERLESS = {
    9: ("date", "clock", *PRICES, "tick_volume", "real_volume", "spread"),
    7: ("date", "clock", *PRICES, "tick_volume"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file's lines are read.

    `columns` are our names in the file's order, `labels` what an error calls them. `date` and
    `clock` may stand for `time`. `templates` give the shape of date and time columns; a `time`
    without one is epoch seconds.
    """

    format: str
    delimiter: str
    header: bool
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    templates: dict[str, str]
    fixed_clock: ClockName | None = None


def recognise(path: Path, lines: list[str]) -> Layout:
    """The layout of the text file `path` that begins with `lines` (its first two, no line ends).

    Raises BarFileError when it is none of the known ones or has no rows.
    """
    first = lines[0]
    if not first.strip():
        raise BarFileError(path, "is blank: a bar file starts with its header or first bar", 1)
    if first.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise BarFileError(path, "is a web page or report, not bars: give an export of bars", 1)
    delimiter = next((d for d in "\t;," if d in first), None)
    if delimiter is None:
        raise _unknown(path)
    fields = split(first, delimiter)
    if stamp_template(fields[0].strip()) is not None:
        return _headerless(path, delimiter, fields)
    return _with_header(path, delimiter, fields, lines)


def split(line: str, delimiter: str) -> list[str]:
    """The fields of a line, without the quotes that some writers put around them."""
    return [
        field[1:-1] if len(field) > 1 and field[0] == field[-1] == '"' else field
        for field in line.split(delimiter)
    ]


def _unknown(path: Path) -> BarFileError:
    # The line itself is not quoted: whatever file was named by mistake may hold a secret.
    return BarFileError(path, f"is none of the known bar formats: give {KNOWN}", 1)


def _headerless(path: Path, delimiter: str, fields: list[str]) -> Layout:
    if len(fields) == 6 and delimiter == ";" and " " in fields[0]:
        return _histdata(path, fields)
    columns = _HEADERLESS.get(len(fields))
    if columns is None:
        raise BarFileError(
            path,
            f"has {len(fields)} fields separated by {delimiter!r} and no header: expected 9 "
            "(date, time, open, high, low, close, tick volume, volume, spread) or 7 (MT4), "
            "or the 6 of HistData separated by ';'",
            1,
        )
    labels = tuple(f"field {n} ({name})" for n, name in enumerate(columns, 1))
    templates = _templates(path, columns, labels, fields, 1)
    return Layout("headerless MT5 CSV", delimiter, False, columns, labels, templates)


def _histdata(path: Path, fields: list[str]) -> Layout:
    columns = ("time", *PRICES, "tick_volume")
    labels = tuple(f"field {n} ({name})" for n, name in enumerate(columns, 1))
    templates = _templates(path, columns, labels, fields, 1)
    return Layout("HistData", ";", False, columns, labels, templates, "est")


def _with_header(path: Path, delimiter: str, header: list[str], lines: list[str]) -> Layout:
    if delimiter == "\t" and len(header) > 1 and not header[-1].strip():
        header = header[:-1]  # the terminal itself ends its header line with a tab
    columns, format_name, clock = _columns(path, header)
    if len(lines) < 2:
        raise BarFileError(path, "has a header but no bars: export again with a period that has")
    if not lines[1].strip():
        raise BarFileError(path, "is blank: remove it or export the file again", 2)
    labels = tuple(f"column {name.strip()!r}" for name in header)
    fields = split(lines[1], delimiter)
    if len(fields) != len(columns):
        raise BarFileError(path, wrong_count(len(fields), len(columns), delimiter), 2)
    templates = _templates(path, columns, labels, fields, 2)
    if "time" in columns and zone_of(templates.get("time", "")) == "UTC":
        clock = "utc"
    return Layout(format_name, delimiter, True, columns, labels, templates, clock)


def _columns(path: Path, header: list[str]) -> tuple[tuple[str, ...], str, ClockName | None]:
    """Our column names for a header, the format's name and the clock that the header states."""
    names = [name.strip().lower() for name in header]
    bare = [name.strip("<>") for name in names]
    if len(set(bare) & {*KNOWN_COLUMNS, *_ALIASES, "date"}) < 2:
        raise _unknown(path)
    for name in bare:
        if name in _WRONG_CLOCKS:
            raise BarFileError(
                path,
                f"column {name!r} holds times in {_WRONG_CLOCKS[name]}: download with GMT times",
                1,
            )
    clock: ClockName | None = "utc" if set(bare) & _UTC_NAMES else None
    ours = [_our_name(name, bare) for name in bare]
    _check_columns(path, header, ours)
    if any(name.startswith("<") for name in names):
        return tuple(ours), "MT5 GUI export", clock
    return tuple(ours), "Dukascopy" if "gmt time" in bare else "MT5 CSV", clock


def _our_name(name: str, bare: list[str]) -> str:
    if name in _UTC_NAMES:
        return "time"
    if name == "time" and "date" in bare:
        return "clock"
    if name == "volume" and ("tick_volume" in bare or "tickvol" in bare):
        return "real_volume"
    return _ALIASES.get(name, name)


def _check_columns(path: Path, header: list[str], ours: list[str]) -> None:
    """Refuses missing, doubled and unknown columns."""
    for place, name in enumerate(ours):
        label = header[place].strip()
        if name in ours[:place]:
            raise BarFileError(path, f"column {shown(label)} is there twice: keep one", 1)
        if name not in (*KNOWN_COLUMNS, "date", "clock"):
            raise BarFileError(
                path,
                f"column {shown(label)} is not one of a bar file's: keep only "
                f"{', '.join(KNOWN_COLUMNS)}",
                1,
            )
    needed = PRICES if "date" in ours else NEEDED
    missing = [name for name in needed if name not in ours]
    if missing:
        raise BarFileError(path, f"has no column {', '.join(missing)}: export it again with it", 1)


def wrong_count(found: int, expected: int, delimiter: str) -> str:
    """What is wrong with a line of `found` fields where `expected` are due."""
    message = f"has {found} fields, expected {expected} separated by {delimiter!r}"
    if delimiter == "," and found > expected:
        return message + ": export decimals with a point, not a comma"
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
        if found is None:
            raise BarFileError(path, not_a_time(label, value), line)
        if name != "clock" and zone_of(found) not in (None, "UTC"):
            raise BarFileError(
                path,
                f"{label}: {shown(value)} carries the zone {zone_of(found)}: write the feed's own "
                "clock without a zone, or UTC",
                line,
            )
        templates[name] = found
    return templates


def _is_epoch(value: str) -> bool:
    """Whether a time is a count of seconds; eight digits are a date."""
    digits = value.strip()
    return digits.isdigit() and len(digits) != 8


def not_a_time(label: str, value: str, template: str | None = None) -> str:
    """What is wrong with `value` in a date or time column of the given shape."""
    if template is None:
        return f"{label}: {shown(value)} is not a date and time that can be read: export it again"
    return (
        f"{label}: {shown(value)} is not a calendar time written {template} as the first row's is:"
        " correct it or export the file again"
    )
