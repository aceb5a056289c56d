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
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import msgspec

from adapters.reports.projection import LOG_COLUMNS, LogProjection, Row, SummaryProjection
from adapters.system.atomic_files import publish_file, replace_file
from engine.bus import Subscription
from engine.events import DayRolled, Record

Warn = Callable[[str], None]

_WORTH_A_WRITE = 1 << 18
"""Bytes that a replay's rows come to before they are written: each thread that is asked to write
takes turns with the loop, which costs more than the rows."""

_KNOWN = frozenset(LOG_COLUMNS)
_BLANKS = ("",) * len(LOG_COLUMNS)
_COMMAS = len(LOG_COLUMNS) - 1
_TO_BE_QUOTED = re.compile(r'["\r\n]').search


def csv_bytes(rows: list[Row], *, header: bool) -> bytes:
    """Rows of the event log as UTF-8 CSV with `\\n` line ends."""
    lines = [_line(LOG_COLUMNS)] if header else []
    lines += [_line(row.values() if tuple(row) == LOG_COLUMNS else _cells(row)) for row in rows]
    return "".join(lines).encode()


def _line(cells: Iterable[str]) -> str:
    """A row of the file; the general way where anything in it may need quotes."""
    cells = tuple(cells)
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

    async def run(self, subscription: Subscription) -> None:
        await self._begin()
        async with await anyio.open_file(self._file, "ab") as file:
            waiting: list[bytes] = []
            async for batch in subscription.stream:
                if rows := self._rows(batch):
                    waiting.append(csv_bytes(rows, header=False))
                if waiting and (self._live or sum(map(len, waiting)) >= _WORTH_A_WRITE):
                    await self._append(file.wrapped, waiting)
            await self._append(file.wrapped, waiting)
        await self._publish()

    async def _append(self, file: IO[bytes], waiting: list[bytes]) -> None:
        """Write the rows that wait."""
        content = b"".join(waiting)
        waiting.clear()
        await anyio.to_thread.run_sync(_write_out, file, content)
        if self._live and content:
            await self._publish()

    async def _begin(self) -> None:
        """A file with its header; one of an earlier part is replaced by what the journal says."""
        if self._past is None:
            async with await anyio.open_file(self._file, "xb") as file:
                await file.write(csv_bytes([], header=True))
            return
        content = csv_bytes(self._rows(self._past), header=True)
        await anyio.to_thread.run_sync(replace_file, self._file, content)

    def _rows(self, records: Iterable[Record]) -> list[Row]:
        return [row for record in records if (row := self._projection.row(record))]

    async def _publish(self) -> None:
        content = await anyio.to_thread.run_sync(self._file.read_bytes)
        await publish_file(self._latest, content, tag=self._tag, warn=self._warn)


def _write_out(file: IO[bytes], content: bytes) -> None:
    file.write(content)
    file.flush()


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
        await anyio.to_thread.run_sync(replace_file, self._file, content)
        await publish_file(self._latest, content, tag=self._tag, warn=self._warn)

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.projection.take(record)


class DailySink:
    """Writes a session's summary as it stood at the end of each trading day."""

    name = "daily summaries (JSON)"
    kinds = SummaryProjection.KINDS

    def __init__(self, folder: Path, past: Iterable[Record] = ()) -> None:
        """The files are `daily_DATE.json` in `folder`, by the day that ended."""
        self._folder = folder
        self._projection = SummaryProjection()
        for record in past:
            self._projection.take(record)

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            for record in batch:
                if isinstance(record.event, DayRolled):
                    await self._write(record.event.date)
                self._projection.take(record)

    async def _write(self, new_day: str) -> None:
        ended = dt.date.fromisoformat(new_day) - dt.timedelta(days=1)
        file = self._folder / f"daily_{ended.isoformat()}.json"
        await anyio.to_thread.run_sync(replace_file, file, json_bytes(self._projection))
