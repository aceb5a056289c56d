"""Reading and writing signal files: CSV with a header, or one JSON object a line.

| column | meaning |
|---|---|
| time | ISO-8601, by its own offset or else UTC; epoch seconds or parts of them; 1970 to 2099 |
| symbol, direction | direction is long or short (buy and sell are understood) |
| stop_loss | decimal price; every signal has one |
| entry_price | makes a pending order: limit or stop, by where the market is |
| expires | when a pending order ends unfilled; 24 hours after `time` by default |
| take_profit, exit_time | optional target and time of leaving |
| reason, strategy_id | tags for the log |
| risk_scale | factor on the risk per trade, 1 by default |
| volume | lots; left out, risk sizes the order |

Fields are separated by commas, or by semicolons or tabs; decimals beside these may have a comma.
Names are understood in any case and as other programs write them (`type`, `sl`, `stopLoss`). A
target or entry price of 0, as MT5 writes none, and NaN stand for an empty field. Rows without any
content are skipped, and so is a first column without a name, which is an index.

What the bars or the market say against a signal is no error of the file: risk denies it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from adapters.bars.errors import shown
from adapters.bars.loose_times import in_iso, orders_told
from engine.events import UserSignal
from engine.types import Side

COLUMNS = (
    "time", "symbol", "direction", "stop_loss", "entry_price", "take_profit", "exit_time",
    "expires", "reason", "strategy_id", "risk_scale", "volume",
)  # fmt: skip
REQUIRED = COLUMNS[:4]

_SIDES = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_LARGEST = 256 * 1024 * 1024
_HIGHEST = 1e9
"""Prices, lots and factors are below it, so that points and volumes fit 64 bits."""

_ALIASES = {
    "timestamp": "time", "datetime": "time", "ticker": "symbol", "instrument": "symbol",
    "type": "direction", "side": "direction", "action": "direction",
    "sl": "stop_loss", "stop": "stop_loss", "tp": "take_profit", "target": "take_profit",
    "entry": "entry_price", "lots": "volume", "lot": "volume", "timeutc": "time",
}  # fmt: skip
"""What other programs call the columns, in lower case and without what parts their words."""

_KNOWN = {name.replace("_", ""): name for name in COLUMNS} | _ALIASES
_PARTED = re.compile(r"[\s_/-]+")

_NUMBERS = frozenset({"stop_loss", "entry_price", "take_profit", "risk_scale", "volume"})
_ZERO_IS_NONE = frozenset({"entry_price", "take_profit"})
_NO_VALUE = frozenset({"nan", "nat", "none", "null", "n/a", "#n/a", "-"})
"""What tables write for an empty field, in lower case."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_MT5_TIME = re.compile(r"(?:(\d{4})[./](\d\d)[./](\d\d)|(\d\d)[.](\d\d)[.](\d{4}))(?=[ T]|$)")
"""A date with points: the year first as the platform writes it, or the day first."""

_SHORT_HOUR = re.compile(r"(?<=[ T])\d(?=:)")
_UTC = re.compile(r"\s*(?:UTC|GMT)$")
_EITHER_ORDER = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\b.*")
SEPARATOR_LINE = re.compile(r"sep=.?[ \t]*\r?\n", re.IGNORECASE)
"""A first line of its own, for spreadsheets."""

_PACKED = {b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV",
           b"\x1f\x8b": "a gzip archive: unpack it"}  # fmt: skip

_FIRST_EPOCH = 100_000_000
"""Smaller numbers (before March 1973) are no epoch seconds but a date such as 20240301."""

_END_OF_TIME = 4_102_444_800
"""2100-01-01 in epoch seconds: server clocks are known until then."""


class SignalFileError(Exception):
    """Raised when a signal file cannot be read; one line: file, line, field, value, remedy."""

    def __init__(self, path: Path, message: str, line: int | None = None) -> None:
        super().__init__(path, message, line)

    def __str__(self) -> str:
        path, message, line = self.args
        where = "" if line is None else f" line {line}:"
        return f"{path}:{where} {message}"


def read_signals(path: Path) -> list[UserSignal]:
    """All signals in the order of the file; raises SignalFileError at the first bad one."""
    text = _text(path)
    first = text.lstrip()[:1]
    if first == "[":
        raise SignalFileError(path, "is a JSON array: write one object a line, without [ and ]")
    rows = _json_rows(path, text) if first == "{" else _csv_rows(path, text)
    signals = [_signal(path, line, row) for line, row in _dated(path, list(rows))]
    if not signals:
        raise SignalFileError(path, "holds no signal: give one a line below the header")
    return signals


_TIMES = ("time", "exit_time", "expires")


def _dated(
    path: Path, rows: list[tuple[int, dict[str, Any]]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows with a spreadsheet's dates as ISO-8601, where the file tells day and month apart."""
    told = orders_told((line, value) for line, row in rows for value in _texts(row).values())
    if len(told) > 1:
        (first, text), (line, value) = sorted(told.values())
        fault = (
            f"{shown(value)} has another order of day and month than {shown(text)} in line {first}:"
            " write 2024-03-01T08:15:00+00:00"
        )
        raise SignalFileError(path, fault, line)
    order = next(iter(told), "")
    for line, row in rows:
        iso = {name: in_iso(value, order) for name, value in _texts(row).items()}
        yield line, {**row, **{name: text for name, text in iso.items() if text is not None}}


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """A row's times that are texts."""
    return {name: row[name] for name in _TIMES if isinstance(row.get(name), str)}


def parse_line(path: Path, header: str | None, text: str, line: int) -> UserSignal:
    """One signal: a line below the CSV `header`, or without one a JSON object.

    Raises SignalFileError with `line`, its number in the file at `path`.
    """
    if header is None:
        rows = _json_rows(path, text, line)
    else:
        rows = _csv_rows(path, f"{header}\n{text}", line - 2)
    for number, row in rows:
        return _signal(path, number, row)
    raise SignalFileError(path, "holds no signal: write one", line)


def signals_csv(signals: Iterable[dict[str, str]]) -> bytes:
    """Signals as CSV with all columns, UTF-8, `\\n` line ends."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(signals)
    return text.getvalue().encode()


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise SignalFileError(path, "is a folder: give the file of signals in it")
        if path.stat().st_size > _LARGEST:
            raise SignalFileError(path, "is larger than 256 MiB: split it by time")
        data = path.read_bytes()
        for magic, what in _PACKED.items():
            if data.startswith(magic):
                raise SignalFileError(path, f"is {what}")
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except FileNotFoundError as error:
        raise SignalFileError(path, "does not exist: check the path") from error
    except UnicodeDecodeError as error:
        raise SignalFileError(path, "is not UTF-8 text: save it as CSV UTF-8") from error
    except OSError as error:
        raise SignalFileError(path, f"cannot be read ({error.strerror}): check it") from error


def _csv_rows(path: Path, text: str, skipped: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    if (mark := SEPARATOR_LINE.match(text)) is not None:
        text, skipped = text[mark.end() :], skipped + 1
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    # A spreadsheet writes rows that were emptied as separators alone.
    filled = (cells for cells in reader if any(cell.strip() for cell in cells))
    try:
        header = next(filled, None)
        if header is None:
            raise SignalFileError(path, "is empty: its first line names the columns")
        names = _names(path, header, reader.line_num + skipped)
        for cells in filled:
            _refuse_unnamed(path, names, cells, reader.line_num + skipped)
            if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
                raise SignalFileError(
                    path,
                    f"has {len(cells)} fields, the header {len(names)}: separate fields with "
                    f"{_DELIMITERS[delimiter]}, write decimals with a point",
                    reader.line_num + skipped,
                )
            pairs = zip(names, cells[: len(names)], strict=True)
            cleaned = (_cell(*pair, delimiter) for pair in pairs)
            row = {name: cell for name, cell in zip(names, cleaned, strict=True) if name}
            yield (
                reader.line_num + skipped,
                {n: cell for n, cell in row.items() if not _none(n, cell)},
            )
    except csv.Error as error:
        raise SignalFileError(
            path, f"is not CSV ({error}): correct the quotes", reader.line_num + skipped
        ) from error


def _names(path: Path, header: list[str], line: int) -> list[str]:
    """Our names of the columns; empty for one without a name, as an index is."""
    if any(cell.strip().lower() in _SIDES for cell in header):
        raise SignalFileError(
            path,
            f"is a signal where a header is due: put {','.join(REQUIRED)} or the like above it",
            line,
        )
    names = [_our_name(name) for name in header]
    _check_names(path, [name for name in names if name], line)
    return names


def _refuse_unnamed(path: Path, names: list[str], cells: list[str], line: int) -> None:
    """Refuses what stands under no name, but for an index in the first column."""
    pairs = zip(names[1:], cells[1:], strict=False)
    if any(cell.strip() and not name for name, cell in pairs):
        raise SignalFileError(path, "has a value in a column without a name: name it", line)


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def _delimiter(text: str) -> str:
    """What separates the fields of the header: a comma unless it has none of them."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return next((sign for sign in _DELIMITERS if sign in header), ",")


def _our_name(name: str) -> str:
    bare = name.strip().lower()
    return _KNOWN.get(_PARTED.sub("", bare), bare)


def _cell(name: str, cell: str, delimiter: str) -> str:
    """A field's content; a decimal comma is one where commas do not separate fields."""
    text = cell.strip()
    if delimiter != "," and name in _NUMBERS and _DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    return text


def _none(name: str, value: Any) -> bool:
    """Whether a field says nothing: empty, a table's NaN, or the platform's 0 for no price."""
    if value in (None, "") or (isinstance(value, float) and value != value):
        return True
    if isinstance(value, str) and value.lower() in _NO_VALUE:
        return name not in ("reason", "strategy_id")
    if name not in _ZERO_IS_NONE or isinstance(value, bool):
        return False
    try:
        return _number(value) == 0
    except (ValueError, OverflowError):
        return False


def _json_rows(path: Path, text: str, first: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(io.StringIO(text, newline=None), start=first):
        if not content.strip():
            continue
        try:
            # As pairs: of a name that is there twice, a dictionary would keep the last.
            pairs = json.loads(content, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError) as error:
            raise SignalFileError(
                path, f"is not JSON ({_reason(error)}): write one object a line", line
            ) from error
        if not isinstance(pairs, _Pairs):
            raise SignalFileError(
                path, f"{_seen(pairs)} is not a JSON object: write one a line", line
            )
        named = [(_our_name(name), value) for name, value in pairs]
        _check_names(path, [name for name, _ in named], line)
        yield line, {name: value for name, value in named if not _none(name, value)}


def _reason(error: Exception) -> str:
    """What is wrong with a line of JSON; the decoder's own text counts lines within the line."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its names and values in the order of the text."""


def _check_names(path: Path, names: list[str], line: int | None = 1) -> None:
    for name in names:
        if name not in COLUMNS:
            raise SignalFileError(
                path,
                f"unknown column {shown(name)}: rename it or take it out; known: "
                f"{', '.join(COLUMNS)}",
                line,
            )
        if names.count(name) > 1:
            raise SignalFileError(path, f"column {name} is there twice: remove one", line)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SignalFileError(path, f"lacks {', '.join(missing)}: every signal has one", line)


def _signal(path: Path, line: int, row: dict[str, Any]) -> UserSignal:
    def field(name: str, read: Callable[[Any], Any], wanted: str) -> Any:
        if name not in row:
            if name in REQUIRED:
                raise SignalFileError(path, f"{name} is missing: write {wanted}", line)
            return None
        try:
            return read(row[name])
        except (ValueError, OverflowError):
            value = _seen(row[name])
            cause = _cause(row[name])
            raise SignalFileError(path, f"{name} {value}{cause}: write {wanted}", line) from None

    price, moment = "a positive price such as 1.0825", "a time such as 2024-03-01T08:15:00+00:00"
    stop = price + "; every signal has a stop, and 0 is none"
    given = {
        "line": line,
        "time": field("time", _moment, moment),
        "symbol": field("symbol", _word, "a symbol"),
        "side": field("direction", _side, "long or short"),
        "stop_loss": field("stop_loss", _positive, stop),
        "entry_price": field("entry_price", _positive, price),
        "take_profit": field("take_profit", _positive, price),
        "exit_time": field("exit_time", _moment, moment),
        "expires": field("expires", _moment, moment),
        "reason": field("reason", _word, "a text of at most 64 characters"),
        "strategy_id": field("strategy_id", _word, "a text of at most 64 characters"),
        "risk_scale": field("risk_scale", _positive, "a number above 0"),
        "volume": field("volume", _positive, "lots above 0"),
    }
    signal = UserSignal(**{name: value for name, value in given.items() if value is not None})
    for name, later in (("exit_time", signal.exit_time), ("expires", signal.expires)):
        if later is not None and later <= signal.time:
            raise SignalFileError(
                path, f"{name} {_seen(row[name])} is not after time: correct one of them", line
            )
    return signal


def _seen(value: Any) -> str:
    """A value as a message may show it."""
    return shown(value if isinstance(value, str) else json.dumps(value))


def _cause(value: Any) -> str:
    """Why a value cannot be read, where it shows."""
    text = value if isinstance(value, str) else ""
    if _EITHER_ORDER.fullmatch(text):
        return " may have the day or the month first, and no date of the file tells which"
    if "," in text and text.replace(",", "").replace(".", "").isdecimal():
        return " has a comma, which may be of decimals or of thousands"
    return ""


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise ValueError
    return value


def _side(value: Any) -> Side:
    side = _SIDES.get(value.lower()) if isinstance(value, str) else None
    if side is None:
        raise ValueError
    return side


def _number(value: Any) -> float:
    """A plain decimal number; Python's own spellings (1_000, other scripts' digits) are none."""
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        raise ValueError
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return float(value)


def _positive(value: Any) -> float:
    number = _number(value)
    if not 0 < number < _HIGHEST:
        raise ValueError
    return number


_EPOCH = re.compile(r"\d+(?:[.]0*)?", re.ASCII)


def _iso_date(match: re.Match[str]) -> str:
    year, month, day = match[1], match[2], match[3]
    if year is None:
        day, month, year = match[4], match[5], match[6]
    return f"{year}-{month}-{day}"


def _moment(value: Any) -> int:
    """A time as ms UTC."""
    if isinstance(value, str) and not _EPOCH.fullmatch(value):
        text = _UTC.sub("Z", _SHORT_HOUR.sub(r"0\g<0>", value))
        parsed = dt.datetime.fromisoformat(_MT5_TIME.sub(_iso_date, text, count=1))
        seconds = parsed.replace(tzinfo=parsed.tzinfo or dt.UTC).timestamp()
    else:
        seconds = _number(value)
        if seconds < _FIRST_EPOCH:
            raise ValueError
        for parts in (10**9, 10**6, 10**3):
            if seconds >= _FIRST_EPOCH * parts:
                seconds /= parts  # as seconds this would be after the year 5000
                break
    if not 0 <= seconds < _END_OF_TIME:
        raise ValueError
    return round(seconds * 1000)
