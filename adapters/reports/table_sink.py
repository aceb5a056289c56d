"""The actor that keeps a session's trades and equity points as tables, folder and fixed names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from adapters.reports import tables
from adapters.system.atomic_files import publish_file, replace_file
from adapters.system.threads import in_daemon
from engine import events as ev
from engine.bus import Subscription
from engine.events import Record
from engine.result import PriceHistory, RunResult
from engine.result.build import finished
from engine.result.fold import ResultFold

_PAUSE_SECONDS: Final = 30.0
"""Between two writings of a live session's tables, which are written whole each time."""

_LOOKED_AT: Final = frozenset({ev.Tick, ev.AccountSeen, ev.BarClosed})
"""What a live session saw; a replay knows all of it from its bars."""

_OF_TRADES: Final = (ev.PositionOpened, ev.PositionClosed, ev.StopModified)


class TableFiles(NamedTuple):
    """Where a session's tables are, and the fixed names that show the latest run of its kind."""

    trades: Path
    equity: Path
    latest_trades: Path
    latest_equity: Path


class TableSink:
    """Folds records into a result, and writes its tables: a live session's while it runs, too."""

    name = "trades and equity (CSV)"

    def __init__(
        self,
        files: TableFiles,
        fold: ResultFold,
        *,
        tag: str,
        warn: Callable[[str], None],
        prices: Callable[[ResultFold], Mapping[str, PriceHistory]] = lambda _: {},
        past: Callable[[], Iterable[Record]] | None = None,
        live: bool = False,
        parquet: bool = False,
    ) -> None:
        """`prices` reads a replay's bars at its end, all or those that value something;
        `past` the records of a session that goes on.

        With `parquet` each table is written in that format as well.
        """
        self.kinds = fold.kinds if live else fold.kinds - _LOOKED_AT
        self.result: RunResult | None = None
        """The whole run, once it is over."""
        self._files, self._fold = files, fold
        self._tag, self._warn = tag, warn
        self._prices, self._past = prices, past
        self._live, self._parquet = live, parquet
        self._written = 0.0

    async def run(self, subscription: Subscription) -> None:
        """May be run again after a failure: what was taken stays taken."""
        if self._past is not None:
            past = self._past
            await in_daemon(lambda: self._take(past()))
            self._past = None
        async for batch in subscription.stream:
            self._take(batch)
            if self._live and self._is_due(batch):
                await self._write()
        self.result = await self._write()

    def _take(self, records: Iterable[Record]) -> None:
        self._fold.take_all(records)

    def _is_due(self, batch: Iterable[Record]) -> bool:
        """At once after the first records, then after a while; trades need not wait as long."""
        passed = time.monotonic() - self._written
        traded = any(isinstance(record.event, _OF_TRADES) for record in batch)
        return not self._written or passed >= (_PAUSE_SECONDS / 30 if traded else _PAUSE_SECONDS)

    async def _write(self) -> RunResult:
        result = await in_daemon(lambda: finished(self._fold, self._prices(self._fold)))
        for own, latest, content in await in_daemon(lambda: self._contents(result)):
            await in_daemon(_writing(own, content))
            await publish_file(latest, content, tag=self._tag, warn=self._warn)
        self._written = time.monotonic()
        return result

    def _contents(self, result: RunResult) -> list[tuple[Path, Path, bytes]]:
        """Each file of the session, its fixed name, and what stands in both."""
        files = self._files
        found = [
            (files.trades, files.latest_trades, tables.trades_csv(result)),
            (files.equity, files.latest_equity, tables.equity_csv(result)),
        ]
        if self._parquet:
            made = (tables.trades_table(result), tables.equity_table(result))
            found += [
                (own.with_suffix(_PARQUET), latest.with_suffix(_PARQUET), tables.as_parquet(table))
                for (own, latest, _), table in zip(found, made, strict=True)
            ]
        return found


_PARQUET: Final = ".parquet"


def _writing(path: Path, content: bytes) -> Callable[[], None]:
    return lambda: replace_file(path, content)
