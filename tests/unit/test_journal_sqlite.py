"""The journal on disk: the loop never waits for it, and what is durable is committed."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest

from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.store import Store
from engine import events as ev
from engine.journal import JournalFailed, MemoryJournal
from tests.journals import RECORDS, connected, hash_of, read_back, record, spoil, stored

PATIENCE = 60
"""Seconds after which a test that hangs is given up; nothing that passes comes near it."""


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """Keep every other writer of the database out, as a disk that takes for ever would."""
    with connected(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def files_in(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps names by itself")
def test_the_names_of_a_new_journal_outlast_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder and the two above it, all of which may be new, are synchronised when it is made.

    A file whose name is lost with its folder is lost with all that was confirmed.
    """
    synchronised: list[int] = []
    fsync = os.fsync

    def observed(handle: int) -> None:
        synchronised.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", observed)
    path = tmp_path / "sessions" / "s-1" / "journal.sqlite"
    path.parent.mkdir(parents=True)
    Store.create(path, power_safe=True).close()
    folders = [path.parent, path.parent.parent, tmp_path]
    assert {folder.stat().st_ino for folder in folders} <= set(synchronised)


@pytest.mark.asyncio
class TestWriting:
    @pytest.mark.parametrize("power_safe", [False, True])
    async def test_records_come_back_equal_with_the_hash_of_a_memory_journal(
        self, path: Path, power_safe: bool
    ) -> None:
        journal = SqliteJournal(path, power_safe=power_safe)
        for item in RECORDS:
            journal.append(item)
            await journal.room()
        await journal.close()
        expected = hash_of(RECORDS)
        with closing(StoredJournal(path)) as back:
            assert list(back.records()) == RECORDS
            assert back.hexdigest() == back.sealed_hash() == journal.hexdigest == expected

    async def test_the_hash_ignores_about(self, path: Path, tmp_path: Path) -> None:
        await stored(path, RECORDS)
        bare = [ev.Record(item.seq, item.time, item.bar, item.event) for item in RECORDS]
        other = await stored(tmp_path / "bare.sqlite", bare)
        with closing(StoredJournal(path)) as one, closing(StoredJournal(other)) as two:
            assert one.sealed_hash() == two.sealed_hash()
            assert [item.metadata for item in two.records()] == [None] * len(RECORDS)

    async def test_what_is_durable_is_committed(self, path: Path) -> None:
        journal = SqliteJournal(path, power_safe=True)
        for seq in range(1, 6):
            journal.append(record(seq))
            await journal.durable(seq)
            with connected(path) as other:
                assert other.execute("SELECT max(seq) FROM records").fetchone() == (seq,)
        await journal.close()

    @pytest.mark.parametrize("power_safe", [False, True])
    async def test_what_may_be_shown_of_a_session_on_an_account_is_committed(
        self, path: Path, power_safe: bool
    ) -> None:
        """Where the venue outlives the session nothing is shown that a crash could undo; a replay,
        which is run again, does not wait for its disk."""
        journal = SqliteJournal(path, power_safe=power_safe)
        journal.append(record(1))
        await journal.durable(1)
        with anyio.fail_after(PATIENCE):
            for seq in range(2, 6):
                journal.append(record(seq))
                await journal.showable(seq)
                committed = seq if power_safe else 1
                with connected(path) as other:
                    assert other.execute("SELECT max(seq) FROM records").fetchone() == (committed,)
            await journal.close()

    async def test_a_failed_journal_lets_its_failure_be_shown(self, path: Path) -> None:
        """Nothing more is decided then, and what the session tells of its end is not held back."""
        journal = SqliteJournal(path, power_safe=True)
        journal.append(record(1))
        await journal.durable(1)
        spoil(path, "DROP TABLE records")
        journal.append(record(2))
        with anyio.fail_after(PATIENCE):
            await journal.showable(2)
        with pytest.raises(JournalFailed):
            await journal.close()

    async def test_a_slow_disk_holds_up_neither_appending_nor_the_loop(self, path: Path) -> None:
        journal = SqliteJournal(path, power_safe=False, busy_seconds=PATIENCE)
        journal.append(record(1))
        await journal.durable(1)
        done: list[int] = []

        async def wait_for(seq: int) -> None:
            await journal.durable(seq)
            done.append(seq)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                with write_lock(path):
                    for seq in range(2, 3_000):
                        journal.append(record(seq))
                    tasks.start_soon(wait_for, 2_999)
                    await anyio.wait_all_tasks_blocked()
                    assert done == []
            assert done == [2_999]
        await journal.close()
        assert len(read_back(path)) == 2_999

    @pytest.mark.parametrize(("power_safe", "last"), [(True, 202), (False, 200_000)])
    async def test_too_much_unwritten_work_holds_the_feed_back(
        self, path: Path, power_safe: bool, last: int
    ) -> None:
        journal = SqliteJournal(path, power_safe=power_safe, busy_seconds=PATIENCE)
        journal.append(record(1))
        await journal.durable(1)
        fed: list[int] = []

        async def feeder() -> None:
            for seq in range(2, last):
                journal.append(record(seq))
                await journal.room()
                fed.append(seq)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                with write_lock(path):
                    tasks.start_soon(feeder)
                    await anyio.wait_all_tasks_blocked()
                    held_at = len(fed)
                    await anyio.wait_all_tasks_blocked()
                    assert 0 < held_at == len(fed) < last - 2
            assert len(fed) == last - 2
        await journal.close()
        with StoredJournal(path) as back:
            assert back.check(decoding=False).records == last - 1

    @pytest.mark.parametrize("power_safe", [True, False])
    async def test_a_replay_commits_when_it_is_worth_it_and_a_live_session_each_time(
        self, path: Path, power_safe: bool
    ) -> None:
        journal = SqliteJournal(path, power_safe=power_safe)
        journal.append(record(1))
        await journal.durable(1)
        for seq in range(2, 12):
            journal.append(record(seq))
            await journal.room()
        if power_safe:
            await journal.durable(11)
        with StoredJournal(path) as back:
            assert back.last_seq == (11 if power_safe else 1)
        await journal.durable(2)
        with StoredJournal(path) as back:
            assert back.last_seq == 11
        await journal.close()

    async def test_a_journal_is_readable_while_it_grows_and_unsealed_until_closed(
        self, path: Path
    ) -> None:
        journal = SqliteJournal(path, power_safe=False)
        for item in RECORDS:
            journal.append(item)
        await journal.durable(len(RECORDS))
        with closing(StoredJournal(path)) as back:
            assert list(back.records()) == RECORDS
            assert back.sealed_hash() is None
        await journal.close()

    async def test_closing_leaves_one_file(self, path: Path) -> None:
        await stored(path, RECORDS)
        assert files_in(path.parent) == [path.name]

    async def test_an_empty_journal_is_a_journal(self, path: Path) -> None:
        await stored(path, [])
        with closing(StoredJournal(path)) as back:
            assert list(back.records()) == []
            assert back.sealed_hash() == MemoryJournal().hexdigest()

    async def test_a_file_that_exists_is_refused_and_left_alone(self, path: Path) -> None:
        await stored(path, RECORDS)
        with pytest.raises(JournalFailed, match="journal exists here already") as caught:
            SqliteJournal(path, power_safe=False)
        assert str(path) in str(caught.value)
        assert read_back(path) == RECORDS


async def _append(journal: SqliteJournal) -> None:
    journal.append(record(3))


async def _append_and_wait(journal: SqliteJournal, seq: int) -> None:
    journal.append(record(seq))
    await journal.durable(seq)


USES: dict[str, Callable[[SqliteJournal], Awaitable[None]]] = {
    "append": _append,
    "room": SqliteJournal.room,
    "durable": lambda journal: journal.durable(2),
    "close": SqliteJournal.close,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("use", USES)
class TestFailingStore:
    """Whatever is asked of a journal after its writer failed says so, and nothing hangs."""

    async def test_a_table_that_is_gone(self, path: Path, use: str) -> None:
        journal = SqliteJournal(path, power_safe=False)
        with anyio.fail_after(PATIENCE):
            await _append_and_wait(journal, 1)
            spoil(path, "DROP TABLE records")
            with pytest.raises(JournalFailed, match="no such table: records"):
                await _append_and_wait(journal, 2)
            with pytest.raises(JournalFailed, match="no such table: records") as caught:
                await USES[use](journal)
        assert str(path) in str(caught.value)
        assert isinstance(caught.value.__cause__, sqlite3.Error)

    async def test_a_folder_that_does_not_exist(self, tmp_path: Path, use: str) -> None:
        path = tmp_path / "missing" / "journal.sqlite"
        journal = SqliteJournal(path, power_safe=False)
        message = "No such file or directory; make sure that the folder exists"
        with anyio.fail_after(PATIENCE):
            with pytest.raises(JournalFailed, match=message):
                await _append_and_wait(journal, 1)
            with pytest.raises(JournalFailed, match=message) as caught:
                await USES[use](journal)
        assert str(path) in str(caught.value)
