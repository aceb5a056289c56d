"""The CSV and JSON actors: they take records from the bus and keep the result files.

Each writes into the session's own folder and, at the end, gives the same content the fixed name
that always shows the latest run. They do no more than that: what a row or a figure means is decided
in `adapters.reports.projection`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO

import msgspec

from adapters.reports.log_lines import LogLines, csv_bytes
from adapters.reports.projection import LogProjection
from adapters.reports.summary import SummaryProjection
from adapters.system.atomic_files import publish_file, replace_file
from adapters.system.threads import in_daemon
from engine.bus import Subscription
from engine.events import DayRolled, Record

Warn = Callable[[str], None]

_WORTH_A_WRITE = 1 << 18
"""Bytes that a replay's rows come to before they are written: each thread that is asked to write
takes turns with the loop, which costs more than the rows."""


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
