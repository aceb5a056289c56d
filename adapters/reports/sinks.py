"""The CSV and JSON actors: they take records from the bus and keep the result files.

Each writes into the session's own folder and, at the end, gives the same content the fixed name
that always shows the latest run. They do no more than that: what a row or a figure means is decided
in `adapters.reports.projection`.

Most of a long event log are openings and closings: their lines are written in one step, in the form
that a symbol's lines have. All other rows, and those two where something is unusual about them,
are made cell by cell; a text that needs quotes or begins as a formula does is found in the whole of
what is to be written, and then each cell is looked at.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from adapters.reports.projection import (
    LOG_COLUMNS,
    WORDS,
    LogProjection,
    Row,
    iso,
    never_computed,
)
from adapters.reports.summary import SummaryProjection
from adapters.system.atomic_files import publish_file, replace_file
from adapters.system.threads import in_daemon
from engine import events as ev
from engine.bus import Subscription
from engine.events import DayRolled, Record
from engine.types import UNITS_PER_LOT, Millis, decimals

Warn = Callable[[str], None]

_WORTH_A_WRITE = 1 << 18
"""Bytes that a replay's rows come to before they are written: each thread that is asked to write
takes turns with the loop, which costs more than the rows."""


_KNOWN: Final = frozenset(LOG_COLUMNS)
_BLANKS: Final = ("",) * len(LOG_COLUMNS)
_COMMAS: Final = len(LOG_COLUMNS) - 1
_MAY_BE_FORMULA: Final = re.compile(r"(?:^|,)(?:[=+@\t\r]|-(?!\d+(?:\.\d+)?(?:,|$)))").search
"""In a row: a cell that begins as a formula does. Negative amounts do not: most rows have one."""
_TO_BE_QUOTED: Final = re.compile(r'["\r\n]').search
_NEGATIVE: Final = re.compile(r"-(?<=[,\n]-)(?!\d+(?:\.\d+)?[,\n])").search
"""It begins with the sign itself, which is found faster than what may stand before it."""


def csv_bytes(rows: list[Row], *, header: bool) -> bytes:
    """Rows of the event log as UTF-8 CSV with `\\n` line ends."""
    cells = list(map(_cells, rows))
    text = "\n".join(["", *map(",".join, cells), ""])
    if not _stands(text, len(rows)):
        text = "\n" + "".join(map(_line, cells))
    return (_line(LOG_COLUMNS) * header + text[1:]).encode()


class LogLines:
    """The event log of a session, from its records one after the other."""

    def __init__(self) -> None:
        self._projection = LogProjection()
        self._forms: dict[str, _Forms] = {}
        self._makers: dict[type, Callable[[Any, Millis], str | None]] = {
            ev.PositionOpened: self._opened,
            ev.PositionClosed: self._closed,
        }

    def content(self, records: Iterable[Record]) -> bytes:
        """The lines that `records` add; the same as `csv_bytes` makes of their rows."""
        lines: list[str] = [""]
        found: list[Row | Record] = []
        projection, makers = self._projection, self._makers
        for record in records:
            event: Any = record.event
            make = makers.get(type(event))
            line = None if make is None else make(event, record.time)
            if line is not None:
                projection.take_deal(event)
                lines.append(line)
                found.append(record)
            elif row := projection.row(record):
                lines.append(",".join(_cells(row)))
                found.append(row)
            elif type(event) is ev.SessionStarted:
                self._forms = _forms_of(record, event)
        text = "\n".join([*lines, ""])
        if _stands(text, len(found)):
            return text[1:].encode()
        rows = (it if isinstance(it, dict) else projection.deal(it) for it in found)
        return "".join(map(_line, map(_cells, rows))).encode()

    def _opened(self, event: ev.PositionOpened, time: Millis) -> str | None:
        forms = self._forms.get(event.symbol)
        if forms is None or not (event.volume and event.price) or event.asked is not msgspec.UNSET:
            return None
        scale, price, opening, _ = forms
        account, stop, target = event.account, event.stop_loss, event.take_profit
        return opening % (
            iso(time), event.position, WORDS[event.side], event.volume / UNITS_PER_LOT,
            event.price / scale, event.reason, account.equity / 100, event.strategy_id,
            event.signal_id, price % (stop / scale) if stop else "",
            price % (target / scale) if target else "", event.commission / 100,
            account.balance / 100,
        )  # fmt: skip

    def _closed(self, event: ev.PositionClosed, time: Millis) -> str | None:
        forms = self._forms.get(event.symbol)
        if forms is None or not (event.volume and event.price):
            return None
        scale, _, _, closing = forms
        account = event.account
        return closing % (
            iso(time), event.position, WORDS[event.side], event.volume / UNITS_PER_LOT,
            event.price / scale, event.reason, account.equity / 100, event.strategy_id,
            event.signal_id, event.profit / 100, event.commission / 100, event.swap / 100,
            account.balance / 100,
        )  # fmt: skip


class _Forms(NamedTuple):
    """How lines of one symbol are written; `scale` is the points in one unit of price."""

    scale: float
    price: str
    opening: str
    closing: str


def _forms_of(record: Record, started: ev.SessionStarted) -> dict[str, _Forms]:
    """The forms by symbol; none where money has no decimals, which is rounded as it is booked."""
    if not decimals(started.currency):
        return {}
    session, mode = _literal((record.metadata or {}).get("session_id", "")), _literal(started.mode)
    forms = {}
    for spec in started.symbols:
        price, symbol = f"%.{spec.digits}f", _literal(spec.name)
        begin, deal = f"{symbol},%s,%.2f,{price},%s,%.2f,%s,%s,{session}", f"%.2f,{mode}"
        forms[spec.name] = _Forms(
            scale=float(10**spec.digits),
            price=price,
            opening=f"%s,OPEN,%d,{begin},%s,%s,,%.2f,,{deal},",
            closing=f"%s,CLOSE,%d,{begin},,,%.2f,%.2f,%.2f,{deal},",
        )
    return forms


def _literal(text: object) -> str:
    """A text as it stands within a form."""
    return str(text).replace("%", "%%")


def _stands(text: str, rows: int) -> bool:
    """Whether no cell of the rows, each behind a line's end, needs quotes or to be made a text."""
    return (
        text.count("\n") == rows + 1
        and text.count(",") == rows * _COMMAS
        and '"' not in text
        and "\r" not in text
        and not any(map(partial(_begins_a_cell, text), "=+@\t"))
        and not _NEGATIVE(text)
    )


def _begins_a_cell(text: str, sign: str) -> bool:
    """Whether any cell begins with `sign`; most signs are nowhere, which is seen fastest."""
    return sign in text and (f",{sign}" in text or f"\n{sign}" in text)


def _line(cells: Iterable[str]) -> str:
    """A row of the file; the general way where anything in it may need quotes."""
    cells = tuple(cells)
    line = ",".join(cells)
    if line.count(",") != _COMMAS or _MAY_BE_FORMULA(line):  # a comma of its own: look at each
        cells = tuple(map(never_computed, cells))
        line = ",".join(cells)
    if line.count(",") == _COMMAS and not _TO_BE_QUOTED(line):
        return line + "\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cells(row: Row) -> tuple[str, ...]:
    """The row in the order of the columns, blank where it says nothing."""
    if tuple(row) == LOG_COLUMNS:
        return tuple(row.values())
    if not row.keys() <= _KNOWN:
        raise ValueError(f"no column of the event log: {', '.join(row.keys() - _KNOWN)}")
    return tuple(map(row.get, LOG_COLUMNS, _BLANKS))


def json_bytes(projection: SummaryProjection) -> bytes:
    """The summary as UTF-8 JSON, one member a line."""
    text = json.dumps(projection.summary(), allow_nan=False)
    return msgspec.json.format(text.encode(), indent=2) + b"\n"  # `indent` of json is slow


class CsvSink:
    """Appends each row of the event log as it comes."""

    name = "event log (CSV)"
    kinds = LogProjection.KINDS

    def __init__(
        self,
        session_file: Path,
        latest: Path,
        *,
        tag: str,
        warn: Warn,
        past: Iterable[Record] | None = None,
        live: bool = False,
    ) -> None:
        """`past` are the records of a session that goes on; its file is written anew from them.

        A `live` session shows each row under the fixed name at once, not only at its end.
        """
        self._file = session_file
        self._latest = latest
        self._tag = tag
        self._warn = warn
        self._past = past
        self._live = live
        self._lines = LogLines()
        self._waiting: list[bytes] = []  # rows that are not yet in the file
        self._written = 0  # bytes of the file that are whole rows

    async def run(self, subscription: Subscription) -> None:
        """May be run again after a failure: no row is lost, and none is in the file twice."""
        if not self._written:
            await self._begin()
        with await in_daemon(self._opened) as file:
            await self._append(file)
            async for batch in subscription.stream:
                if rows := self._lines.content(batch):
                    self._waiting.append(rows)
                if self._live or sum(map(len, self._waiting)) >= _WORTH_A_WRITE:
                    await self._append(file)
            await self._append(file)
        await self._publish()

    async def _append(self, file: IO[bytes]) -> None:
        """Write the rows that wait."""
        if not self._waiting:
            return
        content = b"".join(self._waiting)
        await in_daemon(lambda: _write_out(file, content))
        self._waiting.clear()
        self._written += len(content)
        if self._live:
            await self._publish()

    async def _begin(self) -> None:
        """A file with its header; one of an earlier part is replaced by what the journal says."""
        if self._past is None:
            content = csv_bytes([], header=True)
            await in_daemon(lambda: _write_new(self._file, content))
        else:
            content = csv_bytes([], header=True) + self._lines.content(self._past)
            await in_daemon(lambda: replace_file(self._file, content))
        self._written = len(content)

    def _opened(self) -> IO[bytes]:
        """The file behind its last whole row: a write that failed may have left part of one."""
        file = self._file.open("r+b", buffering=0)
        try:
            file.truncate(self._written)
            file.seek(self._written)
        except OSError:
            file.close()
            raise
        return file

    async def _publish(self) -> None:
        content = await in_daemon(self._file.read_bytes)
        await publish_file(self._latest, content, tag=self._tag, warn=self._warn)


def _write_out(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _write_new(path: Path, content: bytes) -> None:
    """Raises FileExistsError rather than to write over another session's rows."""
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink(missing_ok=True)
            raise


class JsonSink:
    """Keeps the summary and writes it when the session ends."""

    name = "summary (JSON)"
    kinds = SummaryProjection.KINDS

    def __init__(
        self,
        session_file: Path,
        latest: Path,
        *,
        tag: str,
        warn: Warn,
        past: Iterable[Record] = (),
        live: bool = False,
    ) -> None:
        """As for the CSV; a `live` session's summary is written after every change."""
        self._file = session_file
        self._latest = latest
        self._tag = tag
        self._warn = warn
        self._live = live
        self.projection = SummaryProjection()
        self._take(past)

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            self._take(batch)
            if self._live:
                await self._write()
        await self._write()

    async def _write(self) -> None:
        content = json_bytes(self.projection)
        await in_daemon(lambda: replace_file(self._file, content))
        await publish_file(self._latest, content, tag=self._tag, warn=self._warn)

    def _take(self, records: Iterable[Record]) -> None:
        self.projection.take_all(records)


class DailySink:
    """Writes a session's summary as it stood at the end of each trading day."""

    name = "daily summaries (JSON)"
    kinds = SummaryProjection.KINDS

    def __init__(self, folder: Path, past: Iterable[Record] = ()) -> None:
        """The files are `daily_DATE.json` in `folder`, by the day that ended."""
        self._folder = folder
        self._projection = SummaryProjection()
        self._unwritten: dict[Path, bytes] = {}
        for record in past:
            self._projection.take(record)

    async def run(self, subscription: Subscription) -> None:
        """May be run again after a failure: what was not written is written then."""
        await self._write()
        async for batch in subscription.stream:
            for record in batch:
                if isinstance(record.event, DayRolled):
                    self._unwritten[self._file(record.event.date)] = json_bytes(self._projection)
                self._projection.take(record)
            await self._write()

    def _file(self, new_day: str) -> Path:
        ended = dt.date.fromisoformat(new_day) - dt.timedelta(days=1)
        return self._folder / f"daily_{ended.isoformat()}.json"

    async def _write(self) -> None:
        for file, content in list(self._unwritten.items()):
            await in_daemon(partial(replace_file, file, content))
            del self._unwritten[file]
