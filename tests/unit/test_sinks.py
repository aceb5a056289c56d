"""The CSV and JSON actors write, while a session runs, what its journal alone would give."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.journal import SqliteJournal, StoredJournal
from adapters.reports.projection import LOG_COLUMNS, LogProjection, never_computed
from adapters.reports.sinks import CsvSink, JsonSink, csv_bytes, json_bytes
from adapters.reports.summary import SummaryProjection
from adapters.system import atomic_files
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.session import SinkFailed
from tests.builders import ONE_OF_EACH, closed, ended, opened, started
from tests.sessions import ScriptedFeed, edges, session

METADATA = {"session_id": "2025-a", "version": "0.1.0", "dry_run": True}


@dataclass
class Results:
    """The folder of a session and the fixed names beside it."""

    root: Path
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = self.root / "sessions" / "2025-a"
        self.folder.mkdir(parents=True)
        self.latest_log = self.root / "log.csv"
        self.latest_summary = self.root / "summary.json"
        self.log = self.folder / "log.csv"
        self.summary = self.folder / "summary.json"

    def sinks(self, *, live: bool = False) -> tuple[CsvSink, JsonSink]:
        warn = self.warnings.append
        return (
            CsvSink(self.log, self.latest_log, tag="2025-a", warn=warn, live=live),
            JsonSink(self.summary, self.latest_summary, tag="2025-a", warn=warn, live=live),
        )

    def contents(self) -> dict[str, bytes]:
        """Every file below the root by its path."""
        return {
            item.relative_to(self.root).as_posix(): item.read_bytes()
            for item in self.root.rglob("*")
            if item.is_file() and "sqlite" not in item.name
        }


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


EVENTS = [event for event in ONE_OF_EACH if not isinstance(event, ev.SessionEnded)]


async def run(
    results: Results, events: Sequence[ev.Event], journal: MemoryJournal | SqliteJournal
) -> None:
    """A session in which `events` happen, one in each slice."""
    bus = Bus(journal)
    bus.time = 1_736_251_200_000

    def publish(event: ev.Event) -> None:
        bus.time += 1
        bus.publish(event)

    feed = ScriptedFeed([partial(publish, event) for event in events[1:]])
    log, summary = results.sinks()
    with edges(bus, log.kinds, summary.kinds) as (one, two):
        bus.publish(events[0], METADATA)
        await session(bus, journal, feed, [(log, one), (summary, two)]).run()


@pytest.mark.asyncio
class TestSession:
    async def test_both_files_are_what_the_stored_journal_alone_gives(
        self, results: Results
    ) -> None:
        path = results.folder / "journal.sqlite"
        await run(results, EVENTS, SqliteJournal(path, power_safe=False))
        log, summary = LogProjection(), SummaryProjection()
        rows = []
        with closing(StoredJournal(path)) as journal:
            for record in journal.records():
                summary.take(record)
                if row := log.row(record):
                    rows.append(row)
        found = results.contents()
        assert found["sessions/2025-a/log.csv"] == csv_bytes(rows, header=True)
        assert found["sessions/2025-a/summary.json"] == json_bytes(summary)
        assert len(rows) > 5

    async def test_the_fixed_names_show_the_same_content(self, results: Results) -> None:
        await run(results, EVENTS, MemoryJournal())
        found = results.contents()
        assert sorted(found) == [
            "log.csv", "sessions/2025-a/log.csv", "sessions/2025-a/summary.json", "summary.json",
        ]  # fmt: skip
        assert found["log.csv"] == found["sessions/2025-a/log.csv"]
        assert found["summary.json"] == found["sessions/2025-a/summary.json"]
        assert results.warnings == []

    async def test_the_next_run_replaces_the_latest(self, results: Results, tmp_path: Path) -> None:
        await run(results, [started(), opened()], MemoryJournal())
        before = results.contents()["log.csv"]
        again = Results(tmp_path / "again")
        again.latest_log = results.latest_log
        await run(again, [started(), opened(), closed()], MemoryJournal())
        assert results.contents()["log.csv"] != before
        assert results.contents()["sessions/2025-a/log.csv"] == before

    async def test_a_session_in_which_nothing_happened_has_a_header_and_zeros(
        self, results: Results
    ) -> None:
        await run(results, [started()], MemoryJournal())
        found = results.contents()
        assert found["log.csv"].decode() == ",".join(LOG_COLUMNS) + "\n"
        assert json.loads(found["summary.json"])["number_of_trades"] == 0

    @pytest.mark.parametrize(("live", "count"), [(True, 1), (False, 4_000)])
    async def test_rows_are_on_disk_while_the_session_runs(
        self, results: Results, live: bool, count: int
    ) -> None:
        """A live session's at once and under both names, a replay's when they are many."""
        bus = Bus(MemoryJournal())
        log, _ = results.sinks(live=live)
        shown = results.latest_log if live else results.log
        with edges(bus, log.kinds) as (subscription,):
            bus.publish(started(), METADATA)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(log.run, subscription)
                for number in range(count):
                    bus.publish(opened(number))
                await bus.flush()
                with anyio.fail_after(60):
                    while not (shown.exists() and b"OPEN" in shown.read_bytes()):
                        await anyio.lowlevel.checkpoint()
                assert results.latest_log.exists() is live
                bus.close_subscriptions()

    async def test_a_log_that_exists_already_is_never_overwritten(self, results: Results) -> None:
        results.log.write_bytes(b"another session's")
        with pytest.raises(SinkFailed, match=r"^event log \(CSV\): ") as caught:
            await run(results, EVENTS, MemoryJournal())
        assert isinstance(caught.value.__cause__, FileExistsError)
        assert results.contents()["sessions/2025-a/log.csv"] == b"another session's"
        assert "summary.json" in results.contents()

    async def test_behind_a_lock_the_run_goes_to_a_sibling_of_the_fixed_name(
        self, results: Results, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(atomic_files, "_PAUSE_SECONDS", 0)
        really = Path.replace

        def replace(self: Path, other: Path) -> Path:
            if other == results.latest_log:
                raise PermissionError(13, "Permission denied")
            return really(self, other)

        monkeypatch.setattr(Path, "replace", replace)
        await run(results, EVENTS, MemoryJournal())
        found = results.contents()
        assert found["log.2025-a.csv"] == found["sessions/2025-a/log.csv"]
        assert "log.csv" not in found
        assert results.warnings == [
            f"{results.latest_log} is locked by another program: "
            "this run's content is in log.2025-a.csv"
        ]


class TestBytes:
    def test_the_log_is_utf_8_with_plain_line_ends_and_quotes_where_needed(self) -> None:
        row = {"event": "FILTER", "detail": 'a "quoted", split\nand é text'}
        content = csv_bytes([row], header=True)
        assert b"\r" not in content
        header, found = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
        assert tuple(header) == LOG_COLUMNS
        cells = dict(zip(header, found, strict=True))
        assert {name: text for name, text in cells.items() if text} == row

    @given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n '), max_size=4),
                    min_size=len(LOG_COLUMNS), max_size=len(LOG_COLUMNS)))  # fmt: skip
    def test_every_row_is_what_the_csv_module_writes(self, cells: list[str]) -> None:
        """But for what a spreadsheet program would compute (`test_texts_in_tables`)."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(map(never_computed, cells))
        row = dict(zip(LOG_COLUMNS, cells, strict=True))
        assert csv_bytes([row], header=False) == text.getvalue().encode()

    def test_a_column_that_nobody_declared_is_refused(self) -> None:
        with pytest.raises(ValueError, match="surprise"):
            csv_bytes([{"surprise": "1"}], header=False)

    def test_a_figure_that_is_no_number_is_refused_rather_than_written(self) -> None:
        projection = SummaryProjection()
        figures = ev.SessionFigures(max_drawdown_fraction=float("nan"), max_daily_loss_fraction=0.0,
                             daily_realized_loss=0, peak_positions=0)  # fmt: skip
        projection.take(ev.Record(1, 0, None, started()))
        projection.take(ev.Record(2, 0, None, ended(figures=figures)))
        with pytest.raises(ValueError, match="Out of range float values"):
            json_bytes(projection)

    def test_the_summary_ends_with_a_line_end_and_writes_null_for_what_is_missing(self) -> None:
        projection = SummaryProjection()
        projection.take(ev.Record(1, 0, None, started(), METADATA))
        content = json_bytes(projection)
        assert content.endswith(b"}\n")
        assert b"\r" not in content
        assert json.loads(content)["ended_at"] is None


def test_each_actor_asks_only_for_kinds_that_exist() -> None:
    kinds = set(get_args(ev.Event))
    assert CsvSink.kinds <= kinds
    assert JsonSink.kinds <= kinds
