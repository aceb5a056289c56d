"""Hosts that hang, die or are left behind: what the client concludes, and that nothing stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.mt5.api.errors import CallOutcomeUnknown, HostStartFailed, NotSent
from adapters.mt5.host import launch
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost, RemoteHost
from adapters.mt5.host.wire import Deadline
from adapters.system import processes
from tests.process.hosts import SECONDS, Barrier, config, host_pid, local_host, running

NEEDS_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="process groups, PyDLL(None)")


def identity(pid: int) -> str:
    birth = processes.birth_of(pid)
    assert birth is not None, f"process {pid} is not running"
    return birth


@contextmanager
def session(folder: Path, barrier: Barrier, symbol: str) -> Iterator[tuple[int, int]]:
    """A session in a process of its own that has asked for `symbol`: its pid and its host's."""
    arguments = ["-m", "tests.process.session_main", str(folder), str(barrier.port), symbol]
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        if symbol != "-":
            barrier.wait_until_reached()
        try:
            yield process.pid, pid
        finally:
            process.kill()


# --- calls that do not come back -----------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["HANG", pytest.param("SEIZE", marks=NEEDS_POSIX)])
def test_a_missed_deadline_kills_the_host_and_leaves_the_outcome_unknown(
    tmp_path: Path, symbol: str
) -> None:
    with Barrier() as barrier, running(tmp_path, barrier.port) as client:
        pid = host_pid(tmp_path)
        with pytest.raises(CallOutcomeUnknown, match=r"order_send: .* within 0\.2 s") as unknown:
            client.call("order_send", {"symbol": symbol}, deadline=0.2)
        assert unknown.value.function == "order_send"
        assert processes.birth_of(pid) is None


@NEEDS_POSIX
def test_killing_a_host_ends_what_it_started(tmp_path: Path) -> None:
    with Barrier() as barrier, running(tmp_path, barrier.port) as client:
        child = client.call("symbols_total", deadline=SECONDS).value
        birth = identity(child)
        with pytest.raises(CallOutcomeUnknown):
            client.call("symbol_info_tick", "HANG", deadline=0.1)
        assert processes.wait_until_gone(child, birth, SECONDS)


def test_a_host_that_dies_in_a_call_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    lost = pytest.raises(CallOutcomeUnknown, match="the terminal host is lost")
    with running(tmp_path) as client, lost:
        client.call("order_send", {"symbol": "EXIT"}, deadline=SECONDS)


def test_a_call_to_a_host_that_died_before_is_known_not_to_be_sent(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        pid = host_pid(tmp_path)
        birth = identity(pid)
        processes.end(pid)
        assert processes.wait_until_gone(pid, birth, SECONDS)
        with pytest.raises(NotSent, match="the terminal host is gone; restart it"):
            client.call("order_send", {"symbol": "EURUSD"}, deadline=SECONDS)


def test_without_a_host_nothing_is_sent_until_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        with pytest.raises(CallOutcomeUnknown):
            client.call("symbol_info_tick", "EXIT", deadline=SECONDS)
        with pytest.raises(NotSent, match="restart it"):
            client.call("version", deadline=SECONDS)
        assert not client.restart().ended_orphan
        assert client.call("version", deadline=SECONDS).value[0] == 500


def test_the_back_off_grows_until_a_call_succeeds(tmp_path: Path) -> None:
    slept: list[float] = []
    launcher = local_host(tmp_path)
    remote = RemoteHost(launcher.start(Deadline(SECONDS)).port, config())
    with TerminalClient(remote, backoff=(0.5, 1.0), sleep=slept.append) as client:
        for _ in range(3):
            client.restart()
        client.call("version", deadline=SECONDS)
        client.restart()
    launcher.close()
    assert slept == [0.5, 1.0, 1.0, 0.5]


@NEEDS_POSIX
def test_a_host_that_nobody_can_kill_ends_itself_after_the_deadline(tmp_path: Path) -> None:
    with Barrier() as barrier:
        launcher = local_host(tmp_path, barrier.port)
        port = launcher.start(Deadline(SECONDS)).port
        pid = host_pid(tmp_path)
        birth = identity(pid)
        with TerminalClient(RemoteHost(port, config())) as client:
            client.start()
            with pytest.raises(CallOutcomeUnknown):
                client.call("order_send", {"symbol": "SEIZE"}, deadline=0.1)
        assert processes.wait_until_gone(pid, birth, SECONDS)
        launcher.close()


# --- parents and orphans -------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["-", "HANG"])
def test_a_host_ends_when_its_parent_dies_even_in_a_call(tmp_path: Path, symbol: str) -> None:
    with Barrier() as barrier, session(tmp_path, barrier, symbol) as (parent, host):
        birth = identity(host)
        processes.end(parent)
        assert processes.wait_until_gone(host, birth, SECONDS)


@NEEDS_POSIX
def test_a_host_left_hanging_by_a_crashed_session_is_ended_before_the_next_one(
    tmp_path: Path,
) -> None:
    with Barrier() as barrier:
        with session(tmp_path, barrier, "SEIZE") as (_, orphan):
            birth = identity(orphan)
        assert identity(orphan) == birth  # its parent is gone, and it cannot notice
        with TerminalClient(local_host(tmp_path)) as client:
            assert client.start().ended_orphan
            assert processes.birth_of(orphan) is None
            assert client.call("version", deadline=SECONDS).value[0] == 500


def test_a_process_that_took_over_the_id_of_a_dead_host_is_left_alone(tmp_path: Path) -> None:
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with innocent:
        note = {"pid": innocent.pid, "birth": "another boot 12345"}
        (tmp_path / "terminal-host.json").write_text(json.dumps(note), encoding="utf-8")
        with TerminalClient(local_host(tmp_path)) as client:
            assert not client.start().ended_orphan
            assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b'{"pid": 12',
        b'{"pid": "x", "birth": "y"}',
        b'{"pid": 12, "birth": "\xfc"}',
        b'{"pid": -1, "birth": ""}',
        b"[" * 100_000,
    ],
)
def test_a_note_that_is_cut_short_or_none_does_not_stop_the_next_start(
    tmp_path: Path, note: bytes
) -> None:
    (tmp_path / "terminal-host.json").write_bytes(note)
    with TerminalClient(local_host(tmp_path)) as client:
        assert not client.start().ended_orphan


def test_a_note_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "terminal-host.json").mkdir()
    error = start_failure(local_host(tmp_path))
    assert error.kind == "folder"
    assert "terminal-host.json" in str(error)


def test_a_second_session_cannot_take_over_the_folder_of_a_running_one(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        with pytest.raises(HostStartFailed, match="another session uses") as failed:
            local_host(tmp_path).start(Deadline(SECONDS))
        assert failed.value.kind == "busy"
        assert client.call("version", deadline=SECONDS).value[0] == 500
    with running(tmp_path) as successor:
        assert successor.call("version", deadline=SECONDS).value[0] == 500


def test_closing_ends_the_host_and_leaves_no_note(tmp_path: Path) -> None:
    with running(tmp_path):
        pid = host_pid(tmp_path)
    assert processes.birth_of(pid) is None
    assert not (tmp_path / "terminal-host.json").exists()


# --- starts that fail ----------------------------------------------------------------------------


def start_failure(launcher: LocalHost, seconds: float = SECONDS) -> HostStartFailed:
    client = TerminalClient(launcher, start_seconds=seconds)
    with client, pytest.raises(HostStartFailed) as failed:
        client.start()
    return failed.value


@pytest.mark.skipif(sys.platform == "win32", reason="the package can be installed there")
def test_a_missing_package_is_named_with_the_remedy(tmp_path: Path) -> None:
    error = start_failure(LocalHost(config(), tmp_path))
    assert error.kind == "backend-missing"
    assert "run the host under Wine" in str(error)


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    error = start_failure(LocalHost(config(backend="module:os"), tmp_path))
    assert (error.kind, str(error)) == (
        "config",
        "backend 'module' is unknown; known: MetaTrader5, paper",
    )


@pytest.mark.parametrize("line", [b"hi", b'{"port": "\xfc"}', b'{"error": "\xfc"}', b"{}", b"[]"])
def test_a_program_that_is_no_host_is_noticed(tmp_path: Path, line: bytes) -> None:
    program = f"import sys; sys.stdout.buffer.write({line!r} + b'\\n')"
    error = start_failure(LocalHost(config(), tmp_path, (sys.executable, "-c", program)))
    assert error.kind == "died"
    assert str(tmp_path / "terminal-host.log") in str(error)


def test_a_host_that_does_not_come_up_in_time_is_killed(tmp_path: Path) -> None:
    silent = (sys.executable, "-c", "input(); input()")
    assert start_failure(LocalHost(config(), tmp_path, silent), seconds=0.2).kind == "slow"
    assert not (tmp_path / "terminal-host.json").exists()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    error = start_failure(LocalHost(config(), tmp_path, ("no-such-program",)))
    assert error.kind == "command"
    assert str(error).startswith("terminal host 'no-such-program': ")


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    error = start_failure(local_host(tmp_path / "file"))
    assert error.kind == "folder"
    assert str(tmp_path / "file") in str(error)


@NEEDS_POSIX
def test_a_note_that_is_exchanged_while_it_is_looked_at_ends_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write into its folder could put another one in its place."""
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with innocent:
        file, other = tmp_path / "terminal-host.json", tmp_path / "other.json"
        file.write_text('{"pid":4194301,"birth":"b 1"}', encoding="utf-8")
        file.chmod(0o600)
        other.write_text(json.dumps({"pid": innocent.pid, "birth": identity(innocent.pid)}))
        judged = launch._is_ours

        def exchanged(given: Any) -> bool:
            found = judged(given)
            other.replace(file)
            return found

        monkeypatch.setattr(launch, "_is_ours", exchanged)
        with TerminalClient(local_host(tmp_path)) as client:
            assert not client.start().ended_orphan
            assert innocent.poll() is None
        innocent.kill()


@NEEDS_POSIX
def test_a_note_that_others_could_have_written_ends_no_process(tmp_path: Path) -> None:
    """Whoever may write into the file could name any process of this user."""
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with innocent:
        note = {"pid": innocent.pid, "birth": identity(innocent.pid)}
        file = tmp_path / "terminal-host.json"
        file.write_text(json.dumps(note), encoding="utf-8")
        file.chmod(0o666)
        with TerminalClient(local_host(tmp_path)) as client:
            assert not client.start().ended_orphan
            assert innocent.poll() is None
            assert file.stat().st_mode & 0o077 == 0, "its own note is for its owner alone"
        innocent.kill()
