"""The CSV and JSON actors: they take records from the bus and keep the result files.

Each writes into the session's own folder and, at the end, gives the same content the fixed name
that always shows the latest run. They do no more than that: what a row or a figure means is decided
in `adapters.reports.projection`.
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
from typing import IO

import msgspec

from adapters.reports.projection import LOG_COLUMNS, LogProjection, Row, never_computed
from adapters.reports.summary import SummaryProjection
from adapters.system.atomic_files import publish_file, replace_file
from adapters.system.threads import in_daemon
from engine.bus import Subscription
from engine.events import DayRolled, Record

Warn = Callable[[str], None]

_WORTH_A_WRITE = 1 << 18
"""Bytes that a replay's rows come to before they are written: each thread that is asked to write
takes turns with the loop, which costs more than the rows."""

_KNOWN = frozenset(LOG_COLUMNS)
_BLANKS = ("",) * len(LOG_COLUMNS)
_MAY_BE_FORMULA = re.compile(r"(?:^|,)(?:[=+@\t\r]|-(?!\d+(?:\.\d+)?(?:,|$)))").search
"""In a row: a cell that begins as a formula does. Negative amounts do not: most rows have one."""
_COMMAS = len(LOG_COLUMNS) - 1
_TO_BE_QUOTED = re.compile(r'["\r\n]').search

_NEGATIVE = re.compile(r"-(?<=[,\n]-)(?!\d+(?:\.\d+)?[,\n])").search
"""A cell that begins with a minus and is no number; found by the minus, of which there are few."""


def csv_bytes(rows: list[Row], *, header: bool) -> bytes:
    """Rows of the event log as UTF-8 CSV with `\\n` line ends."""
    cells = [row.values() if tuple(row) == LOG_COLUMNS else tuple(_cells(row)) for row in rows]
    text = "\n".join(["", *map(",".join, cells), ""])
    if not _stands(text, len(rows)):
        text = "\n" + "".join(map(_line, cells))
    return (_line(LOG_COLUMNS) * header + text[1:]).encode()


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


def _cells(row: Row) -> Iterable[str]:
    """The row in the order of the columns, blank where it says nothing."""
    if not row.keys() <= _KNOWN:
        raise ValueError(f"no column of the event log: {', '.join(row.keys() - _KNOWN)}")
    return map(row.get, LOG_COLUMNS, _BLANKS)


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
        self._projection = LogProjection()
        self._waiting: list[bytes] = []  # rows that are not yet in the file
        self._written = 0  # bytes of the file that are whole rows

    async def run(self, subscription: Subscription) -> None:
        """May be run again after a failure: no row is lost, and none is in the file twice."""
        if not self._written:
            await self._begin()
        with await in_daemon(self._opened) as file:
            await self._append(file)
            async for batch in subscription.stream:
                if rows := self._rows(batch):
                    self._waiting.append(csv_bytes(rows, header=False))
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
            content = csv_bytes(self._rows(self._past), header=True)
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

    def _rows(self, records: Iterable[Record]) -> list[Row]:
        return [row for record in records if (row := self._projection.row(record))]

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
