"""Reading and writing signal files: CSV with a header, or one JSON object a line.

| column | meaning |
|---|---|
| time | ISO-8601, by its own offset or else UTC; or epoch seconds, UTC |
| symbol, direction | direction is long or short (buy and sell are understood) |
| stop_loss | decimal price; every signal has one |
| entry_price | makes a pending order: limit or stop, by where the market is |
| expires | when a pending order ends unfilled; 24 hours after `time` by default |
| take_profit, exit_time | optional target and time of leaving |
| reason, strategy_id | tags for the log |
| risk_scale | factor on the risk per trade, 1 by default |
| volume | lots; left out, risk sizes the order |

What the bars or the market say against a signal is no error of the file: risk denies it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.events import GivenSignal
from engine.types import Side

COLUMNS = (
    "time", "symbol", "direction", "stop_loss", "entry_price", "take_profit", "exit_time",
    "expires", "reason", "strategy_id", "risk_scale", "volume",
)  # fmt: skip
REQUIRED = COLUMNS[:4]

_SIDES = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_LARGEST = 256 * 1024 * 1024


class SignalFileError(Exception):
    """Raised when a signal file cannot be read; one line: file, line, field, value, remedy."""

    def __init__(self, path: Path, message: str, line: int | None = None) -> None:
        where = "" if line is None else f" line {line}:"
        super().__init__(f"{path}:{where} {message}")


def read_signals(path: Path) -> list[GivenSignal]:
    """All signals in the order of the file; raises SignalFileError at the first bad one."""
    text = _text(path)
    first = text.lstrip()[:1]
    rows = _json_rows(path, text) if first == "{" else _csv_rows(path, text)
    signals = [_signal(path, line, row) for line, row in rows]
    if not signals:
        raise SignalFileError(path, "holds no signal: give one a line below the header")
    return signals


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
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SignalFileError(path, "does not exist: check the path") from error
    except UnicodeDecodeError as error:
        raise SignalFileError(path, "is not UTF-8 text: save it as CSV UTF-8") from error
    except OSError as error:
        raise SignalFileError(path, f"cannot be read ({error.strerror}): check it") from error


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise SignalFileError(path, "is empty: its first line names the columns")
        names = [name.strip().lower() for name in header]
        _check_names(path, names)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise SignalFileError(
                    path, f"has {len(cells)} fields, the header {len(names)}", reader.line_num
                )
            row = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
            yield reader.line_num, {name: cell for name, cell in row.items() if cell}
    except csv.Error as error:
        raise SignalFileError(path, f"is not CSV ({error})", reader.line_num) from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            row = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise SignalFileError(path, f"is not a JSON object ({error})", line) from error
        _check_names(path, list(row), line)
        yield line, {name: value for name, value in row.items() if value not in (None, "")}


def _check_names(path: Path, names: list[str], line: int | None = 1) -> None:
    for name in names:
        if name not in COLUMNS:
            raise SignalFileError(
                path, f"unknown column {name!r}; known: {', '.join(COLUMNS)}", line
            )
        if names.count(name) > 1:
            raise SignalFileError(path, f"column {name} is there twice", line)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SignalFileError(path, f"lacks {', '.join(missing)}", line)


def _signal(path: Path, line: int, row: dict[str, Any]) -> GivenSignal:
    def field(name: str, read: Callable[[Any], Any], wanted: str) -> Any:
        if name not in row:
            if name in REQUIRED:
                raise SignalFileError(path, f"{name} is missing", line)
            return None
        try:
            return read(row[name])
        except (ValueError, KeyError, TypeError, OverflowError):
            raise SignalFileError(path, f"{name} {row[name]!r}: write {wanted}", line) from None

    price, moment = "a positive price such as 1.0825", "a time such as 2024-03-01T08:15:00+00:00"
    given = {
        "line": line,
        "time": field("time", _moment, moment),
        "symbol": field("symbol", _word, "a symbol"),
        "side": field("direction", lambda text: _SIDES[text.lower()], "long or short"),
        "stop_loss": field("stop_loss", _positive, price),
        "entry_price": field("entry_price", _positive, price),
        "take_profit": field("take_profit", _positive, price),
        "exit_time": field("exit_time", _moment, moment),
        "expires": field("expires", _moment, moment),
        "reason": field("reason", _word, "a text"),
        "strategy_id": field("strategy_id", _word, "a text"),
        "risk_scale": field("risk_scale", _positive, "a number above 0"),
        "volume": field("volume", _positive, "lots above 0"),
    }
    signal = GivenSignal(**{name: value for name, value in given.items() if value is not None})
    for name, later in (("exit_time", signal.exit_time), ("expires", signal.expires)):
        if later is not None and later <= signal.time:
            raise SignalFileError(path, f"{name} is not after time: correct one of them", line)
    return signal


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise ValueError
    return value


def _positive(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not (math.isfinite(number) and number > 0):
        raise ValueError
    return number


def _moment(value: Any) -> int:
    """A time as ms UTC."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float) or value.isdecimal():
        parsed = dt.datetime.fromtimestamp(float(value), dt.UTC)
    else:
        parsed = dt.datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=dt.UTC)
    return round(parsed.timestamp() * 1000)
