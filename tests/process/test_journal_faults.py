"""A journal whose disk is full, whose file is locked or cut short, whose process is killed.

Real file systems, limits and processes: what was confirmed is there afterwards, the message says
what to do, and the journal goes on once the cause is gone.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.journal import SqliteJournal, StoredJournal
from engine.journal import JournalFailed
from tests.commands import butler
from tests.journals import connected, read_back, record, stored
from tests.process import journal_main
from tests.process.cli import COMMAND, ROOT, SECONDS, environment

MANY = 1_000_000
"""More records than any of the disks and limits below can hold."""

WRITER = (sys.executable, "-m", "tests.process.journal_main")


def confirmed(lines: list[str]) -> int:
    """The last record that a writer said to be durable."""
    return max(int(line.split()[1]) for line in lines if line.startswith("durable "))


def holds(path: Path, least: int) -> int:
    """Insists that the journal is whole with at least so many records, the writer's; how many."""
    records = read_back(path)
    assert records == [journal_main.record(seq) for seq in range(1, len(records) + 1)]
    assert len(records) >= least
    with StoredJournal(path) as back:
        assert back.check().records == len(records)
    return len(records)


async def go_on(path: Path, last: int) -> None:
    await journal_main.write(path, last, ["reopen", "power-safe"])


@contextmanager
def writing(path: Path, last: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A writer in a process of its own; it is killed at the end if it still runs."""
    with subprocess.Popen(
        [*WRITER, str(path), str(last), *words], cwd=ROOT, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def first_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip() for _ in range(count)]


class TestOtherProcesses:
    def test_a_killed_writer_leaves_what_it_confirmed_and_its_journal_goes_on(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "journal.sqlite"
        with writing(path, MANY) as process:
            told = first_lines(process, 4)
            process.kill()
        count = holds(path, confirmed(told))
        with StoredJournal(path) as back:
            assert back.sealed_hash() is None
        asyncio.run(go_on(path, count + 5))
        assert holds(path, 0) == count + 5
        assert [item.name for item in tmp_path.iterdir()] == [path.name]
        with StoredJournal(path) as back:
            assert back.sealed_hash() == back.hexdigest()

    def test_a_journal_in_use_is_read_but_neither_written_to_nor_deleted(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "sessions" / "live" / "journal.sqlite"
        path.parent.mkdir(parents=True)
        with writing(path, journal_main.EVERY, "then-wait") as process:
            first_lines(process, 1)
            assert holds(path, 3) == 3
            with pytest.raises(JournalFailed, match="another process is writing to it") as caught:
                asyncio.run(SqliteJournal.reopen(path, power_safe=False))
            assert str(path) in str(caught.value)
            said = butler(
                "journal", "prune", "--keep", 0, "--unsealed", "--yes", "--results-dir", tmp_path
            )
            assert said.err == ["butler: live stays: it is in use"]
        assert holds(path, 3) == 3
        asyncio.run(go_on(path, 4))
        assert holds(path, 4) == 4

    def test_a_program_that_keeps_the_file_locked_stops_the_journal(self, tmp_path: Path) -> None:
        path = tmp_path / "journal.sqlite"

        async def locked_out() -> None:
            journal = SqliteJournal(path, power_safe=True, busy_seconds=0.05)
            journal.append(record(1))
            await journal.durable(1)
            with connected(path) as other:
                other.execute("BEGIN IMMEDIATE")
                journal.append(record(2))
                for _ in range(2):
                    with pytest.raises(JournalFailed, match="locked; close the program that keeps"):
                        await journal.durable(2)
            with pytest.raises(JournalFailed, match="database is locked"):
                journal.append(record(3))

        asyncio.run(locked_out())
        assert read_back(path) == [record(1)]

    def test_somebody_who_reads_while_a_session_ends_does_not_make_it_fail(
        self, tmp_path: Path
    ) -> None:
        """Merging the write-ahead log has to wait then; sealed it is, and whole."""
        path = tmp_path / "journal.sqlite"

        async def closed_under_a_reader() -> None:
            journal = SqliteJournal(path, power_safe=True, busy_seconds=0.05)
            journal.append(record(1))
            await journal.durable(1)
            with StoredJournal(path) as reader:
                records = reader.records()
                assert next(records) == record(1)
                await journal.close()
                assert list(records) == []

        asyncio.run(closed_under_a_reader())
        with StoredJournal(path) as back:
            assert back.check().sealed
        assert read_back(path) == [record(1)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
class TestAnErrorInTheMiddle:
    def test_a_file_that_may_not_grow(self, tmp_path: Path) -> None:
        """As a disk that fails a write: the journal stops, and goes on where it may grow again."""
        path = tmp_path / "journal.sqlite"
        limited = (
            "import resource, runpy, signal, sys; "
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); "
            "runpy.run_module('tests.process.journal_main', run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", limited, str(path), str(MANY), "power-safe"],
            cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", timeout=SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        *told, last = done.stdout.splitlines()
        assert last.startswith(f"failed {path}: ")
        assert last.endswith(("; make sure that the disk is in order and not full",
                              "; make room on that disk"))  # fmt: skip
        count = holds(path, confirmed(told))
        asyncio.run(go_on(path, count + 5))
        assert holds(path, 0) == count + 5


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `on_small_disk` puts a file system of its own; skips where nobody may make one."""
    folder = tmp_path_factory.mktemp("disk")
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("a small file system is made with Linux' unshare and tmpfs")
    tried = on_small_disk(folder, "true")
    if tried.returncode:
        pytest.skip(f"no file system may be made here: {tried.stderr.strip()}")
    return folder


def on_small_disk(
    folder: Path, script: str, kilobytes: int = 600
) -> subprocess.CompletedProcess[str]:
    """Runs a shell script with a small file system at `folder`, which ends with it."""
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c",
         f"mount -t tmpfs -o size={kilobytes}k none {folder} && {script}"],
        cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", timeout=SECONDS,
        check=False,
    )  # fmt: skip


class TestAFullDisk:
    def test_the_journal_stops_and_goes_on_once_there_is_room(
        self, small_disk: Path, tmp_path: Path
    ) -> None:
        """Nothing that was confirmed is lost, and the seal comes in the end."""
        path, writer = small_disk / "journal.sqlite", " ".join(WRITER)
        ballast, full, later = small_disk / "ballast", tmp_path / "full", tmp_path / "later"
        done = on_small_disk(
            small_disk,
            f"head -c 450000 /dev/zero >{ballast} && {writer} {path} {MANY} power-safe && "
            f"mkdir {full} {later} && cp {path}* {full} && rm {ballast} && "
            f"{writer} {path} 50 power-safe reopen && cp {path}* {later}",
        )
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        stopped = next(number for number, line in enumerate(lines) if line.startswith("failed"))
        message = f"failed {path}: database or disk is full; make room on that disk"
        assert lines[stopped] == message
        assert holds(full / path.name, confirmed(lines[:stopped])) < 50
        assert lines[-1] == "sealed"
        assert holds(later / path.name, 0) == 50
        assert [item.name for item in later.iterdir()] == [path.name]

    def test_a_session_ends_with_one_line_that_says_so(
        self, small_disk: Path, tmp_path: Path
    ) -> None:
        """Exit code 2, no traceback; the records up to then are in the journal."""
        path = small_disk / "sessions" / "full" / "journal.sqlite"
        done = on_small_disk(
            small_disk,
            f"{' '.join(COMMAND)} replay --quiet --session-id full --results-dir {small_disk}; "
            f"echo code $?; cp {path}* {tmp_path}",
            kilobytes=1300,  # for some commits of a replay, not for all
        )
        assert done.stdout.splitlines() == ["code 2"]
        assert done.stderr.splitlines() == [
            f"butler: the journal cannot be written ({path}: database or disk is full; make room "
            f"on that disk); the session stopped, everything up to then is in {path.parent}"
        ]
        with StoredJournal(tmp_path / path.name) as back:
            whole = back.check()
        # How many commits there was room for is the machine's affair: the first may be too much.
        assert not whole.sealed


def test_a_journal_cut_short_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Half a file, as a failing disk leaves it."""
    path = asyncio.run(stored(tmp_path / "journal.sqlite", map(record, range(1, 500))))
    path.write_bytes(path.read_bytes()[:12_000])
    kept = path.read_bytes()
    said = butler("journal", "verify", path, "--results-dir", tmp_path)
    assert (said.code, said.out) == (3, [])
    assert said.line.startswith(f"{path}: ")
    with pytest.raises(Exception, match="malformed") as caught:
        asyncio.run(SqliteJournal.reopen(path, power_safe=False))
    assert type(caught.value).__name__ == "JournalDamaged"
    assert path.read_bytes() == kept
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
