"""The control server: orders reach the session on its own thread, and nobody else's do."""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import pytest

from adapters.services.background import BackgroundService
from adapters.services.control import ControlServer
from adapters.services.control_client import NotAnswering, NotRunning, ask, live_access
from adapters.services.control_wire import (
    FILE_NAME,
    LONGEST_REQUEST,
    LOOPBACK,
    Action,
    ControlReply,
    ControlRequest,
    read_access,
    write_access,
)
from engine import events as ev
from engine.bus import HandlerFailed
from engine.session import Session, SinkFailed
from tests.builders import ended, wired
from tests.sessions import PacedFeed, session

pytestmark = pytest.mark.asyncio

SECONDS = 60.0


@dataclass
class Noted:
    """Commands that note what they were asked, and on which thread."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    failing: Exception | None = None

    def _note(self, action: str, reason: str = "") -> ControlReply:
        if self.failing is not None:
            raise self.failing
        self.asked.append((action, reason))
        self.threads.add(threading.get_ident())
        return ControlReply(done=True, text=f"did {action}")

    def status(self) -> ControlReply:
        return self._note("status")

    def pause(self, reason: str, _origin: str) -> ControlReply:
        return self._note("pause", reason)

    def resume(self, reason: str, _origin: str) -> ControlReply:
        return self._note("resume", reason)

    def flatten(self, reason: str, _origin: str) -> ControlReply:
        return self._note("flatten", reason)

    def stop(self, reason: str, _origin: str) -> ControlReply:
        return self._note("stop", reason)


@dataclass
class Stage:
    """A server of a session's folder, and what it warned of."""

    folder: Path
    noted: Noted = field(default_factory=Noted)
    warnings: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, seconds: float = SECONDS) -> AsyncIterator[ControlServer]:
        server = ControlServer(self.folder, self.noted, self.warnings.append, seconds=seconds)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            await server.ready()
            yield server
            tasks.cancel_scope.cancel()

    async def ask(self, action: Action, reason: str = "", seconds: float = SECONDS) -> ControlReply:
        request = ControlRequest(action=action, reason=reason)
        return await anyio.to_thread.run_sync(lambda: ask(self.folder, request, seconds=seconds))

    async def say(self, content: bytes) -> bytes:
        """What the server answers to raw bytes, up to the end of the connection."""
        access = live_access(self.folder)

        def converse() -> bytes:
            with socket.create_connection((LOOPBACK, access.port), timeout=SECONDS) as sock:
                try:
                    sock.sendall(content)
                    answer = b"".join(iter(lambda: sock.recv(65_536), b""))
                except ConnectionError:
                    return b""
                return answer

        return await anyio.to_thread.run_sync(converse)

    def token(self) -> bytes:
        return live_access(self.folder).token.encode()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


class TestOrders:
    @pytest.mark.parametrize("action", ["status", "pause", "resume", "flatten", "stop"])
    async def test_each_order_reaches_its_call_with_the_reason_on_the_loops_thread(
        self, stage: Stage, action: Action
    ) -> None:
        async with stage.serving():
            reply = await stage.ask(action, "" if action == "status" else "news")
        assert reply == ControlReply(done=True, text=f"did {action}")
        assert stage.noted.asked == [(action, "" if action == "status" else "news")]
        assert stage.noted.threads == {threading.get_ident()}

    async def test_many_clients_at_once_are_all_served(self, stage: Stage) -> None:
        async with stage.serving(), anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(stage.ask, "pause", str(number))
        assert sorted(int(reason) for _, reason in stage.noted.asked) == list(range(30))


class TestAccess:
    async def test_the_file_is_its_owners_alone_and_goes_with_the_server(
        self, stage: Stage
    ) -> None:
        async with stage.serving():
            file = stage.folder / FILE_NAME
            if sys.platform != "win32":
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
            access = read_access(stage.folder)
            assert access is not None
            assert (access.pid, len(access.token)) == (os.getpid(), 64)
            assert access.token not in repr(access)
        assert not file.exists()

    async def test_it_listens_on_the_loopback_interface_only(self, stage: Stage) -> None:
        async with stage.serving():
            port = live_access(stage.folder).port
            # A server on every interface would answer on the loopback's other addresses too.
            with pytest.raises(OSError, match=r"."):
                await anyio.connect_tcp("127.0.0.2", port)

    async def test_each_server_has_a_token_of_its_own(self, tmp_path: Path) -> None:
        tokens = set()
        for name in "ab":
            (tmp_path / name).mkdir()
            stage = Stage(tmp_path / name)
            async with stage.serving():
                tokens.add(stage.token())
        assert len(tokens) == 2


REQUEST = msgspec.json.encode(ControlRequest(action="pause"))


class TestStrangers:
    async def test_a_wrong_token_gets_no_word_and_does_nothing(self, stage: Stage) -> None:
        async with stage.serving():
            assert await stage.say(b"0" * 64 + b"\n" + REQUEST + b"\n") == b""
            assert await stage.say(stage.token()[:-1] + b"x\n" + REQUEST + b"\n") == b""
        assert stage.noted.asked == []
        assert stage.warnings == [
            "control: a client sent a wrong token (further attempts are not logged)"
        ]

    async def test_a_client_that_says_too_little_is_dropped_in_time(self, stage: Stage) -> None:
        async with stage.serving(seconds=0.05):
            access = live_access(stage.folder)
            whole = stage.token() + b"\n" + REQUEST + b"\n"
            for said in (b"", b"00", stage.token() + b"\n", stage.token() + b'\n{"action', whole):
                # It is all there before the server's time begins: the loop is ours until we wait.
                with socket.create_connection((LOOPBACK, access.port), timeout=SECONDS) as sock:
                    sock.sendall(said)
                    answer = await anyio.to_thread.run_sync(sock.recv, 65_536)
                assert bool(answer) == (said == whole)
        assert msgspec.json.decode(answer, type=ControlReply).done
        assert stage.noted.asked == [("pause", "")]

    async def test_a_client_that_leaves_at_any_point_harms_nobody(self, stage: Stage) -> None:
        async with stage.serving():
            access = live_access(stage.folder)
            whole = stage.token() + b"\n" + REQUEST + b"\n"
            for length in (0, 10, 64, 65, 70, len(whole)):
                with socket.create_connection((LOOPBACK, access.port)) as sock:
                    sock.sendall(whole[:length])
            assert (await stage.ask("status")).done

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            (b"hello", "not a request"),
            (b'{"action": "explode"}', "not a request"),
            (b'{"action": "pause", "more": 1}', "not a request"),
            (b'{"action": "pause", "reason": 7}', "not a request"),
            (b'{"action": "pause", "reason": "' + b"x" * 300 + b'"}', "not a request"),
            (b'{"action": "pause", "reason": "a\\nb"}', "printable"),
            (b"\xff\xfe", "not a request"),
            ('{"action": "pause", "reason": "für heute"}'.encode("latin-1"), "is not UTF-8"),
            (b'{"action": "\xfc"}', "not a request"),
            (b"[" * LONGEST_REQUEST, "not a request"),
            (b"x" * (LONGEST_REQUEST + 1), "at most"),
        ],
    )
    async def test_a_request_that_is_none_is_refused_in_words(
        self, stage: Stage, line: bytes, told: str
    ) -> None:
        async with stage.serving():
            answer = await stage.say(stage.token() + b"\n" + line + b"\n")
        reply = msgspec.json.decode(answer, type=ControlReply)
        assert not reply.done
        assert told in reply.text
        assert stage.noted.asked == []


class TestDeadSessions:
    async def test_without_a_file_no_session_runs(self, stage: Stage) -> None:
        with pytest.raises(NotRunning, match="takes no orders"):
            await stage.ask("pause")

    async def test_a_file_of_a_process_that_is_gone_is_told_as_that(self, stage: Stage) -> None:
        write_access(stage.folder, 1, "0" * 64)
        file = stage.folder / FILE_NAME
        dead = msgspec.structs.replace(live_access(stage.folder), birth="another boot 1")
        file.write_bytes(msgspec.json.encode(dead))
        with pytest.raises(NotRunning, match=f"process {os.getpid()} is gone"):
            await stage.ask("pause")

    async def test_a_port_that_nobody_listens_on_is_refused(self, stage: Stage) -> None:
        with socket.socket() as taken:  # bound but not listening: it stays ours, and nobody answers
            taken.bind((LOOPBACK, 0))
            write_access(stage.folder, taken.getsockname()[1], "0" * 64)
            with pytest.raises(NotRunning, match="refused"):
                await stage.ask("pause")

    async def test_a_port_that_another_session_took_refuses_the_token(self, tmp_path: Path) -> None:
        for name in ("dead", "alive"):
            (tmp_path / name).mkdir()
        alive = Stage(tmp_path / "alive")
        async with alive.serving():
            write_access(tmp_path / "dead", live_access(alive.folder).port, "0" * 64)
            with pytest.raises(NotRunning, match="refused"):
                await Stage(tmp_path / "dead").ask("stop")
        assert alive.noted.asked == []

    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b'{"port": 1, "token": "\xfc", "pid": 1, "birth": ""}',
            b'{"port": 70000, "token": "", "pid": 1, "birth": ""}',
            b'{"port": 1, "token": "", "pid": -1, "birth": ""}',
            b'{"port": ' + b"[" * 60_000,
        ],
    )
    async def test_a_damaged_file_is_told(self, stage: Stage, content: bytes) -> None:
        (stage.folder / FILE_NAME).write_bytes(content)
        with pytest.raises(NotRunning, match="is damaged"):
            await stage.ask("pause")

    @pytest.mark.parametrize("answer", [b"hello\n", b'{"done": true, "text": "\xfc"}\n'])
    async def test_an_answer_that_is_no_session_s_is_told(
        self, stage: Stage, answer: bytes
    ) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            write_access(stage.folder, other.getsockname()[1], "0" * 64)

            def reply() -> None:
                client, _ = other.accept()
                with client:
                    client.sendall(answer)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65_536):
                        pass

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.to_thread.run_sync, reply)
                with pytest.raises(NotRunning, match="at its port is not a session"):
                    await stage.ask("pause")

    async def test_a_process_that_lives_and_does_not_answer_is_told_apart(
        self, stage: Stage
    ) -> None:
        with socket.create_server((LOOPBACK, 0)) as silent:
            write_access(stage.folder, silent.getsockname()[1], "0" * 64)
            with pytest.raises(NotAnswering, match=r"does not answer within 0\.05 s"):
                await stage.ask("pause", seconds=0.05)


class TestInASession:
    """As an I/O actor it lives exactly as long as the session and never changes its outcome."""

    async def test_it_ends_with_the_session(self, stage: Stage) -> None:
        parts, feed = wired(), PacedFeed()
        server = ControlServer(stage.folder, stage.noted, stage.warnings.append)
        actor = BackgroundService("control", server.run)
        subscription = parts.bus.subscribe(actor.name, actor.kinds)
        run = session(parts.bus, parts.journal, feed, [(actor, subscription)])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run.run)
            await server.ready()
            assert (await stage.ask("stop", "enough")).done
            run.request_stop()
        assert not (stage.folder / FILE_NAME).exists()
        assert parts.journal.records[-1].event == ended(ev.SessionOutcome.INTERRUPTED)

    async def test_a_command_is_answered_once_it_is_kept(self, stage: Stage) -> None:
        """Who was told that trading is paused finds it so after a crash; a session that ends by
        the command waits for that answer."""
        kept, asked = anyio.Event(), anyio.Event()
        replies: list[ControlReply] = []

        async def recorded() -> None:
            asked.set()
            await kept.wait()

        async def ask() -> None:
            replies.append(await stage.ask("stop", "enough"))

        server = ControlServer(
            stage.folder, stage.noted, stage.warnings.append, seconds=SECONDS, recorded=recorded
        )
        async with anyio.create_task_group() as tasks, anyio.create_task_group() as serving:
            serving.start_soon(server.run)
            await server.ready()
            tasks.start_soon(ask)
            await asked.wait()
            assert replies == []
            serving.cancel_scope.cancel()
            kept.set()
        assert replies == [ControlReply(done=True, text="did stop")]

    async def test_a_command_that_fails_ends_the_session_for_that_reason(
        self, stage: Stage
    ) -> None:
        parts, feed = wired(), PacedFeed()
        stage.noted.failing = HandlerFailed("risk", "an order")
        server = ControlServer(stage.folder, stage.noted, stage.warnings.append)
        actor = BackgroundService("control", server.run)
        subscription = parts.bus.subscribe(actor.name, actor.kinds)
        run = session(parts.bus, parts.journal, feed, [(actor, subscription)])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._failing, run)
            await server.ready()
            reply = await stage.ask("pause")
        assert reply == ControlReply(
            done=False, text="the session fails: risk failed on 'an order'"
        )
        assert not (stage.folder / FILE_NAME).exists()

    async def test_a_command_that_fails_by_itself_is_told_and_ends_nothing(
        self, stage: Stage
    ) -> None:
        stage.noted.failing = ZeroDivisionError("broken")
        async with stage.serving():
            reply = await stage.ask("pause")
            assert reply == ControlReply(done=False, text="pause failed: ZeroDivisionError: broken")
            stage.noted.failing = None
            assert (await stage.ask("pause")).done
        assert stage.warnings == ["control: pause failed (ZeroDivisionError: broken)"]

    async def _failing(self, run: Session) -> None:
        with pytest.raises(SinkFailed, match=r"^control: risk failed on 'an order'$"):
            await run.run()
