"""What the client says of a session that lives, lives badly, or does not; and its records."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

from adapters.services.control_client import Busy, Mute, NotRunning, SessionClient
from adapters.services.control_wire import FILE_NAME, LOOPBACK, write_access
from adapters.services.heartbeat import Beat, write_beat
from tests.process.test_control_commands import shadow, told

SHORT = 0.5


def beating(folder: Path, *, age: float = 0.0, pid: int | None = None) -> None:
    """A heartbeat of this process, or another, that is `age` seconds old."""
    beat = Beat(session="s-1", pid=pid or os.getpid(), time=0, seq=1, state="active")
    write_beat(folder / "heartbeat.json", beat)
    then = time.time() - age
    os.utime(folder / "heartbeat.json", (then, then))


def nobody(folder: Path) -> socket.socket:
    """A port of ours at which nobody is let in."""
    taken = socket.socket()
    taken.bind((LOOPBACK, 0))
    write_access(folder, taken.getsockname()[1], "0" * 64)
    return taken


def test_a_session_that_beats_and_lets_nobody_in_is_busy(tmp_path: Path) -> None:
    beating(tmp_path)
    with nobody(tmp_path), pytest.raises(Busy, match=r"it is busy: its port or token is refused"):
        SessionClient(tmp_path, seconds=SHORT).status()


def test_a_session_that_just_starts_its_server_again_is_busy(tmp_path: Path) -> None:
    beating(tmp_path)
    with pytest.raises(Busy, match="it is busy: it takes no orders, but it lives"):
        SessionClient(tmp_path, seconds=SHORT).stop()


def test_a_session_whose_heartbeat_stopped_is_mute(tmp_path: Path) -> None:
    beating(tmp_path, age=100)
    with socket.create_server((LOOPBACK, 0)) as silent:
        write_access(tmp_path, silent.getsockname()[1], "0" * 64)
        with pytest.raises(Mute, match=r"does not answer within 0\.5 s, and its last heartbeat"):
            SessionClient(tmp_path, seconds=SHORT).pause("why")


def test_the_heartbeat_of_a_process_that_is_gone_proves_nothing(tmp_path: Path) -> None:
    beating(tmp_path, pid=2**22 - 3)
    with pytest.raises(NotRunning, match="it takes no orders"):
        SessionClient(tmp_path, seconds=SHORT).status()


def test_a_peer_that_drips_does_not_hold_the_client(tmp_path: Path) -> None:
    """One deadline over all: a byte now and then does not begin it anew."""
    over = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as server:
        write_access(tmp_path, server.getsockname()[1], "0" * 64)

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                while not over.wait(0.05):
                    try:
                        peer.send(b"x")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises(Exception, match=r"does not answer within 0\.5 s"):
                SessionClient(tmp_path, seconds=SHORT).status()
        finally:
            over.set()
            dripping.join()


def test_a_command_never_says_of_a_session_that_lives_that_it_does_not_run(tmp_path: Path) -> None:
    """Its access file was spoilt: it lets the command in once it has written the file anew."""
    with shadow(tmp_path) as process:
        file = tmp_path / "sessions" / "s-1" / FILE_NAME
        access = msgspec.json.decode(file.read_bytes())
        file.write_bytes(msgspec.json.encode({**access, "token": "0" * 64}))
        said = told(tmp_path, "pause", "s-1")
        assert process.poll() is None
    assert said.code in (0, 4), said
    assert said.code == 0 or "it is busy" in said.line
    assert "not running" not in "".join((*said.out, *said.err))
