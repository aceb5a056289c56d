"""Strangers in masses, no descriptor left, a server that fails: no session ends or is mute."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec
import pytest

from adapters.services.control import ControlServer
from adapters.services.control_client import ask, live_access
from adapters.services.control_wire import FILE_NAME, LOOPBACK, ControlReply, ControlRequest
from adapters.services.heartbeat import Beat, write_beat
from engine import events as ev
from scripts.app.errors import Unreachable
from scripts.app.operations.control import only_live
from scripts.cli.shared.exit_codes import ExitCode
from tests.process.cli import ROOT, environment
from tests.process.test_control_commands import events, status, told
from tests.process.test_control_server import SECONDS, Noted

NEEDS_LIMITS = pytest.mark.skipif(sys.platform == "win32", reason="a limit on descriptors")
NEEDS_PROC = pytest.mark.skipif(sys.platform != "linux", reason="looks for a socket in /proc")

LIMIT = 256
STARVED = f"""
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
runpy.run_module("tests.process.shadow_main", run_name="__main__", alter_sys=True)
"""
"""A session that may have so many files and sockets open, and no more."""


@contextmanager
def starved(results: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", STARVED, str(results), "s-1"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def connected(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=SECONDS)


@NEEDS_LIMITS
@pytest.mark.parametrize("said", [b"", b"x"])
def test_more_connections_than_descriptors_end_nothing_and_lock_nobody_out(
    tmp_path: Path, said: bytes
) -> None:
    """As many as the session may have descriptors, and some more, silent or with a word."""
    with starved(tmp_path) as process, ExitStack() as open_ones:
        port = live_access(tmp_path / "sessions" / "s-1").port
        for _ in range(LIMIT + 44):
            external_item = open_ones.enter_context(connected(port))
            external_item.sendall(said)
        assert told(tmp_path, "pause", "--reason", "strangers").code == ExitCode.DONE
        assert status(tmp_path)["causes"] == ["paused"]
        assert told(tmp_path, "stop").code == ExitCode.DONE
        assert process.wait(SECONDS) == 0
    ended = events(tmp_path)[-1]
    assert isinstance(ended, ev.SessionEnded)
    assert ended.outcome is ev.SessionOutcome.INTERRUPTED


class Warnings:
    """Notes what is warned of, and can be waited for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first = anyio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.first.set()


def one_more() -> int | None:
    """Another descriptor; None when there is none left."""
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        return None


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Every descriptor that this process may have is taken."""
    import resource

    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    highest = max(int(entry.name) for entry in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, usual[1]))
    try:
        while (descriptor := one_more()) is not None:
            taken.append(descriptor)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        for descriptor in taken:
            os.close(descriptor)


async def answer(folder: Path) -> ControlReply:
    request = ControlRequest(action="pause", reason="why")
    return await anyio.to_thread.run_sync(lambda: ask(folder, request, seconds=SECONDS))


@NEEDS_LIMITS
@pytest.mark.asyncio
async def test_a_client_waits_until_there_is_a_descriptor_for_it(tmp_path: Path) -> None:
    """Told once; the client that came meanwhile is served as soon as it can be let in."""
    warnings, noted = Warnings(), Noted()
    server = ControlServer(tmp_path, noted, warnings, pause=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        await server.ready()
        access = live_access(tmp_path)
        with connected(access.port) as client:
            request = msgspec.json.encode(ControlRequest(action="pause", reason="why"))
            client.sendall(f"{access.token}\n".encode() + request + b"\n")
            with no_descriptor_left(), anyio.fail_after(SECONDS):
                await warnings.first.wait()
                await anyio.sleep(0.05)  # some more attempts, which are not told
            said = await anyio.to_thread.run_sync(client.recv, 65_536)
        assert msgspec.json.decode(said, type=ControlReply).done
        tasks.cancel_scope.cancel()
    assert warnings.lines == ["control: let nobody in for a while (Too many open files)"]
    assert noted.asked == [("pause", "why")]


@pytest.mark.asyncio
async def test_a_server_that_cannot_begin_is_told_and_tries_again(tmp_path: Path) -> None:
    folder, warnings, noted = tmp_path / "s-1", Warnings(), Noted()
    server = ControlServer(folder, noted, warnings, pause=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        with anyio.fail_after(SECONDS):
            await warnings.first.wait()
            folder.mkdir()
            await server.ready()
        assert (await answer(folder)).done
        tasks.cancel_scope.cancel()
    assert len(warnings.lines) == 1
    assert "No such file or directory" in warnings.lines[0]
    assert not (folder / FILE_NAME).exists()


@pytest.mark.asyncio
async def test_a_lost_or_spoilt_access_file_is_written_anew(tmp_path: Path) -> None:
    """Whoever cleans up, or writes there by mistake, locks nobody out for long; told once."""
    warnings, noted = Warnings(), Noted()
    server = ControlServer(tmp_path, noted, warnings, look=0.01)
    file = tmp_path / FILE_NAME
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        await server.ready()
        whole = file.read_bytes()
        for spoil in (file.unlink, lambda: file.write_bytes(b"f\xfcr")):
            spoil()
            with anyio.fail_after(SECONDS):
                while not file.exists() or file.read_bytes() != whole:
                    await anyio.lowlevel.checkpoint()
            assert (await answer(tmp_path)).done
        tasks.cancel_scope.cancel()
    assert warnings.lines == ["control: control.json was changed or removed, written anew"]
    assert not file.exists()


def test_a_session_without_a_good_access_file_is_known_by_its_heartbeat(tmp_path: Path) -> None:
    """It is never said that no session runs while one does."""
    folder = tmp_path / "sessions" / "s-1"
    folder.mkdir(parents=True)
    beat = Beat(session="s-1", pid=os.getpid(), time=1, seq=1, state="active")
    write_beat(folder / "heartbeat.json", beat)
    for spoilt in (None, b"f\xfcr", b"{}"):
        if spoilt is not None:
            (folder / FILE_NAME).write_bytes(spoilt)
        assert only_live(tmp_path) == folder
    write_beat(folder / "heartbeat.json", msgspec.structs.replace(beat, alive=False))
    with pytest.raises(Unreachable, match="no session runs"):
        only_live(tmp_path)


def listening_socket(port: int) -> socket.socket:
    """A second handle on this process's socket that listens on `port`."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if str(entry.readlink()).startswith("socket:"):
                found = socket.socket(fileno=os.dup(int(entry.name)))
                if found.family == socket.AF_INET and found.getsockname()[1] == port:
                    return found
                found.close()
        except FileNotFoundError:  # the listing's own descriptor
            continue
    raise AssertionError(f"nobody listens on {port}")


@NEEDS_PROC
@pytest.mark.asyncio
async def test_a_server_that_fails_while_it_serves_is_started_again(tmp_path: Path) -> None:
    """On another port, which the file then names."""
    warnings, noted = Warnings(), Noted()
    server = ControlServer(tmp_path, noted, warnings, pause=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        await server.ready()
        broken = live_access(tmp_path).port
        with listening_socket(broken) as listener:
            listener.shutdown(socket.SHUT_RDWR)
        with anyio.fail_after(SECONDS):
            await warnings.first.wait()
            await server.ready()
        assert (await answer(tmp_path)).done
        tasks.cancel_scope.cancel()
    assert warnings.lines == ["control: server failed (Invalid argument), started again"]
