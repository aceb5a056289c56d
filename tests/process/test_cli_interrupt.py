"""Ctrl+C while a replay runs: an orderly end with everything on disk; twice: out at once."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from engine.events import Record
from scripts.cli.shared.interrupts import orderly_stop
from tests import synthetic
from tests.process.cli import SECONDS, butler_process, environment, everything

SLOWLY = """
import contextlib
import time
from scripts.cli.main import main
from scripts.cli.shared.screen import Screen

usual = Screen.progress

@contextlib.contextmanager
def slowly(screen, total):
    with usual(screen, total) as show:
        yield lambda done: (time.sleep(0.5), show(done))

Screen.progress = slowly
main()
"""
"""The program over slower bars: no replay is over before it is interrupted."""

NEEDS_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="stops a process, uses a fifo")
LOG, SUMMARY = "execution_sim_log.csv", "execution_sim_summary.json"


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Over a year of M1 bars: about a hundred slices, of which the first few are let happen."""
    made = synthetic.feed(4, days=400, period=synthetic.MINUTE)["EURUSD"]
    return synthetic.write_parquet(made, tmp_path_factory.mktemp("long") / "eurusd_m1.parquet")


@contextmanager
def heard_signals() -> Iterator[None]:
    """Processes that are started inside hear Ctrl+C and a closed console.

    A shell's background jobs ignore the one, `nohup` the other, and so would all that they start.
    """
    heard: dict[int, Any] = {signal.SIGINT: signal.default_int_handler}
    if sys.platform != "win32":
        heard[signal.SIGHUP] = signal.SIG_DFL
    usual = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


@contextmanager
def replaying(bars: Path, results: Path) -> Iterator[subprocess.Popen[str]]:
    """A replay of `bars` in a process of its own; killed if it is still there at the end."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP  # or the interruption would reach us too
    with heard_signals():
        process = subprocess.Popen(
            [sys.executable, "-c", SLOWLY, "replay", "--bars", f"EURUSD={bars}",
             "--clock", "new-york+7", "--results-dir", str(results), "--session-id", "long"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            creationflags=flags,
        )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_records(process: subprocess.Popen[str], journal: Path, least: int) -> None:
    """Returns once the journal on disk holds `least` records of the running replay."""
    deadline = time.monotonic() + SECONDS
    while records_in(journal) < least:
        assert process.poll() is None, "the replay ended before it could be interrupted"
        assert time.monotonic() < deadline, "no sign of progress"
        time.sleep(0.01)


def records_in(journal: Path) -> int:
    if not journal.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
            (last,) = connection.execute("SELECT max(seq) FROM records").fetchone()
    except sqlite3.OperationalError:  # the table is about to be made
        return 0
    return int(last or 0)


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl+C does; on Windows Ctrl+Break, which alone can be sent to another process."""
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)


def stored(journal: Path) -> tuple[list[Record], str | None]:
    """All records, and the seal once it was found to fit them; None for a journal without."""
    opened = StoredJournal(journal)
    records, sealed = list(opened.records()), opened.sealed_hash()
    assert sealed in (None, opened.hexdigest())
    opened.close()
    return records, sealed


def test_an_interrupted_replay_ends_in_order(minutes: Path, tmp_path: Path) -> None:
    """Exit code 130; the journal is sealed and whole, the summary says `interrupted`.

    What was recorded until then is what an undisturbed run records.
    """
    session = tmp_path / "sessions" / "long"
    with replaying(minutes, tmp_path) as process:
        wait_for_records(process, session / "journal.sqlite", 300)
        interrupt(process)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "butler: stopping in order; once more to leave at once"
    assert "interrupted" in out.splitlines()[0]
    records, sealed = stored(session / "journal.sqlite")
    assert sealed is not None
    last = records[-1].event
    assert isinstance(last, ev.SessionEnded)
    assert last.outcome is ev.SessionOutcome.INTERRUPTED
    for name in (LOG, SUMMARY):
        assert (tmp_path / name).read_bytes() == (session / name).read_bytes()
    summary = json.loads((tmp_path / SUMMARY).read_text(encoding="utf-8"))
    assert summary["outcome"] == "interrupted"
    assert summary["final_equity"] == last.account.equity / 100
    assert records[1:-1] == undisturbed(minutes, tmp_path, records[-2].time, len(records))


def undisturbed(minutes: Path, results: Path, until: int, count: int) -> list[Record]:
    """As many records but the first and last, from a run that goes a day further than `until`."""
    end = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(until // 1000 + 86_400))
    said = butler_process(
        "replay", "--quiet", "--bars", f"EURUSD={minutes}", "--clock", "new-york+7", "--to", end,
        "--results-dir", results, "--session-id", "undisturbed",
    )  # fmt: skip
    assert said.code == 0
    records, _ = stored(results / "sessions" / "undisturbed" / "journal.sqlite")
    return records[1 : count - 1]


@NEEDS_POSIX
def test_a_second_signal_leaves_at_once(minutes: Path, tmp_path: Path) -> None:
    """Exit code 130 without the orderly end; what the journal has until then can be read.

    Both signals wait for a stopped process, so that the second arrives during the first's ending.
    Two of a kind would wait as one, hence the polite kill, which counts the same. The first may
    not have come to its line yet when the second ends everything.
    """
    session = tmp_path / "sessions" / "long"
    with replaying(minutes, tmp_path) as process:
        wait_for_records(process, session / "journal.sqlite", 300)
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert out == ""
    assert err in ("", "butler: stopping in order; once more to leave at once\n")
    records, sealed = stored(session / "journal.sqlite")
    assert sealed is None
    assert len(records) >= 300
    assert not isinstance(records[-1].event, ev.SessionEnded)
    assert not (tmp_path / SUMMARY).exists()
    said = butler_process("journal", "export", "long", "--results-dir", tmp_path)
    assert said.code == 0
    summary = json.loads((session / "export" / SUMMARY).read_text(encoding="utf-8"))
    assert (summary["outcome"], summary["final_equity"]) == (None, None)


@NEEDS_POSIX
def test_an_interruption_before_the_session_leaves_nothing(tmp_path: Path) -> None:
    """While the bars are still being checked there is nothing to end in order."""
    fifo, results = tmp_path / "bars", tmp_path / "results"
    os.mkfifo(fifo)
    with replaying(fifo, results) as process:
        with opened_for_reading(fifo):
            interrupt(process)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, "", "butler: interrupted\n")
    assert everything(tmp_path).keys() == {"bars"}


@contextmanager
def opened_for_reading(fifo: Path) -> Iterator[None]:
    """Waits for someone to read the fifo, who finds it empty once this is left."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            end = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:  # ENXIO: no reader yet
                raise
            time.sleep(0.01)
        else:
            break
    try:
        yield
    finally:
        os.close(end)


@NEEDS_POSIX
def test_a_closed_console_ends_a_replay_in_order(minutes: Path, tmp_path: Path) -> None:
    """SIGHUP is what a process gets whose console is closed, on Linux and macOS."""
    session = tmp_path / "sessions" / "long"
    with replaying(minutes, tmp_path) as process:
        wait_for_records(process, session / "journal.sqlite", 300)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    records, sealed = stored(session / "journal.sqlite")
    assert sealed is not None
    assert isinstance(records[-1].event, ev.SessionEnded)


@NEEDS_POSIX
def test_what_is_started_with_nohup_outlives_its_console() -> None:
    """A signal that is ignored stays ignored."""
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asked: list[None] = []
    try:
        with orderly_stop(lambda: asked.append(None)) as interrupt:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not interrupt.asked
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)
    assert asked == []
