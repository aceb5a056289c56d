"""Bars out of a file of ticks: by the bid, as the platform makes them.

Understood are the platform's own tick export, Dukascopy's and HistData's CSV, and any table with
columns time, bid and ask. A bar's spread is the smallest of its ticks, as in the platform's bars.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError, shown
from adapters.bars.layouts import is_truefx, per_second
from adapters.bars.lines import blocks, encoding_of
from adapters.bars.packed import unpacked
from engine.types import ClockName

_CHUNK = 16_384
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)\d{0,3}")
_DATE = re.compile(r"(\d{4})[./](\d\d)[./](\d\d)|(\d\d)[.](\d\d)[.](\d{4})")
_EITHER = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}")
_TIME_NAMES = ("time", "timestamp", "datetime", "gmt time", "time_utc", "date time")
_TRUEFX = ("symbol", "time", "bid", "ask")
_HISTDATA = ("time", "bid", "ask", "volume")


class TickLayout(NamedTuple):
    """How a tick file's lines are read: which field is which, and the clock that it states."""

    delimiter: str
    names: list[str]
    before: int
    clock: ClockName | None
    symbol: str | None = None


class _Tick(NamedTuple):
    second: int
    bid: float
    ask: float


def tick_layout(path: Path) -> TickLayout:
    """Recognises a tick file; raises BarFileError when it is none."""
    for _, block in blocks(path, _encoding(path)):
        first = block.partition(b"\n")[0].decode().strip("\ufeff\r")
        delimiter = next((sign for sign in "\t;," if sign in first), ",")
        if is_truefx(fields := first.split(delimiter)):
            return TickLayout(delimiter, list(_TRUEFX), 0, "utc", fields[0].strip())
        names = [name.strip().lower().strip("<>") for name in fields]
        names = [{"bidprice": "bid", "askprice": "ask"}.get(name, name) for name in names]
        if _COMPACT.fullmatch(names[0]) and len(names) == len(_HISTDATA):
            return TickLayout(delimiter, list(_HISTDATA), 0, "est")
        timed = any(name in names for name in (*_TIME_NAMES, "date"))
        if timed and {"bid", "ask"} <= set(names):
            utc = {"gmt time", "time_utc"} & set(names)
            return TickLayout(delimiter, names, 1, "utc" if utc else None)
        break
    raise BarFileError(path, "is no file of ticks: its columns must have time, bid and ask", 1)


def bars_of_ticks(
    path: Path, layout: TickLayout, period: int, digits: int
) -> Iterator[RateColumns]:
    """Bars of `period` seconds by the bid; `digits` are the symbol's, for spreads in points.

    Raises BarFileError at the first line that is no tick, or that goes back in time.
    """
    bars: list[list[float]] = []
    for tick in _ticks(path, layout):
        slot = tick.second // period * period
        spread = round((tick.ask - tick.bid) * 10**digits)
        if bars and bars[-1][0] == slot:
            bar = bars[-1]
            bar[2], bar[3], bar[4] = max(bar[2], tick.bid), min(bar[3], tick.bid), tick.bid
            bar[5], bar[6] = bar[5] + 1, min(bar[6], spread)
            continue
        if len(bars) > _CHUNK:
            yield _columns(bars[:-1])
            bars = bars[-1:]
        bars.append([slot, tick.bid, tick.bid, tick.bid, tick.bid, 1, max(spread, 0)])
    if bars:
        yield _columns(bars)


def _columns(bars: list[list[float]]) -> RateColumns:
    time, o, h, low, c, count, spread = (np.array(column) for column in zip(*bars, strict=True))
    whole = (column.astype(np.int64) for column in (time, count, spread))
    times, counts, spreads = whole
    return RateColumns(times, o, h, low, c, counts, np.maximum(spreads, 0))


def _encoding(path: Path) -> str:
    with unpacked(path) as file:
        return encoding_of(file.read(4096))


def _ticks(path: Path, layout: TickLayout) -> Iterator[_Tick]:
    """The file's ticks; a side that a line leaves empty, as the platform does, is the last one."""
    names = layout.names
    bid_at, ask_at = names.index("bid"), names.index("ask")
    last = _Tick(0, math.nan, math.nan)
    time_at = _time_places(names)
    least = max(len(names) - 1, 1 + max(bid_at, ask_at, *time_at))
    for line, fields in _rows(path, layout):
        if len(fields) < least:
            raise BarFileError(path, f"has {len(fields)} fields, expected {len(names)}", line)
        _refuse_other_symbol(path, line, layout, fields)
        bid = _price(path, line, "bid", fields[bid_at], last.bid)
        ask = _price(path, line, "ask", fields[ask_at], last.ask)
        moment = " ".join(fields[place] for place in time_at).strip()
        tick = _Tick(_second(path, line, moment), bid, ask)
        if tick.second < last.second:
            raise BarFileError(path, "goes back in time: sort the ticks", line)
        last = tick
        if not math.isnan(bid + ask):
            yield tick


def _rows(path: Path, layout: TickLayout) -> Iterator[tuple[int, list[str]]]:
    skip = layout.before
    for first, block in blocks(path, _encoding(path)):
        rows: Iterable[list[str]] = csv.reader(
            io.StringIO(block.decode(), newline=""), delimiter=layout.delimiter
        )
        line = first - 1
        try:
            for line, fields in enumerate(rows, first):
                if skip:
                    skip -= 1
                else:
                    yield line, fields
        except csv.Error as error:
            raise BarFileError(path, f"cannot be read ({error}): correct it", line + 1) from error


def _time_places(names: list[str]) -> list[int]:
    """The columns that make a tick's time."""
    if "date" in names:
        return [names.index(name) for name in ("date", "time") if name in names]
    return [next(names.index(name) for name in _TIME_NAMES if name in names)]


def _refuse_other_symbol(path: Path, line: int, layout: TickLayout, fields: list[str]) -> None:
    if layout.symbol is not None and fields[0].strip() != layout.symbol:
        fault = f"is a tick of {shown(fields[0])}, not of {layout.symbol}: give one symbol per file"
        raise BarFileError(path, fault, line)


def _price(path: Path, line: int, name: str, text: str, last: float) -> float:
    if not text.strip():
        return last
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 < price < math.inf:
        raise BarFileError(path, f"{name} {shown(text)} is not a price: correct the line", line)
    return price


def _second(path: Path, line: int, text: str) -> int:
    """A tick's time in seconds by the file's own clock; parts of a second are left out."""
    plain = text.strip()
    if plain.isdecimal() and len(plain) != 8 and len(plain) < 26:  # longer ones are no time
        return int(plain) // per_second(plain)
    match = _COMPACT.fullmatch(plain)
    if match:
        plain = "{}-{}-{} {}:{}:{}".format(*match.groups())
    plain = _DATE.sub(
        lambda m: "-".join(m.group(1, 2, 3) if m[1] else m.group(6, 5, 4)), plain, count=1
    )
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        cause = ": the day or the month may come first" if _EITHER.match(plain) else ""
        fault = f"time {shown(text)} cannot be read{cause}: write it as 2025-03-31 09:15:00.123"
        raise BarFileError(path, fault, line) from None
    return math.floor(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
