"""One session per account: the second is told who holds it, and a crash leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from adapters.system import processes
from adapters.system.account_lock import AccountBusy, AccountLock, Holder
from config.loader import CliOverrides, ResolvedAccount, Secret
from scripts.app.account.place import held, place_of
from scripts.app.errors import AppError, Refused
from scripts.app.sessions import connection
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from tests.process.cli import ROOT, SECONDS, environment

ACCOUNT = "account 5 on A-Demo"
HOLD = """
import pathlib, sys
from adapters.system import processes
from adapters.system.account_lock import AccountLock
lock = AccountLock(pathlib.Path(sys.argv[1]), "account", sys.argv[2])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def lock(folder: Path, session: str = "mine") -> AccountLock:
    return AccountLock(folder, ACCOUNT, session)


@contextmanager
def held_elsewhere(folder: Path, session: str, code: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the account of `folder` until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder), session],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_second_is_told_session_and_process_of_the_first(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "s-1") as process:
        with pytest.raises(AccountBusy) as caught:
            lock(tmp_path).acquire()
        birth = processes.birth_of(process.pid) or ""
        assert caught.value.holder == Holder(session="s-1", pid=process.pid, birth=birth)
        assert str(caught.value) == f"{ACCOUNT} is in use by session s-1 (process {process.pid})"


def test_when_the_holder_is_killed_the_account_is_free(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "s-1") as process:
        process.kill()
        process.wait(SECONDS)
        mine = lock(tmp_path)
        mine.acquire()
        mine.release()


def test_two_sessions_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    mine = lock(tmp_path)
    mine.acquire()
    with pytest.raises(AccountBusy, match=f"session mine .process {os.getpid()}."):
        lock(tmp_path).acquire()
    mine.release()
    lock(tmp_path).release()
    again = lock(tmp_path)
    again.acquire()
    again.release()


@pytest.mark.parametrize(
    "note", [b"{", b'{"session": "f\xfcr", "pid": 1}', b'{"x": ' + b"[" * 4_000]
)
def test_a_holder_that_has_not_said_who_it_is_holds_all_the_same(
    tmp_path: Path, note: bytes
) -> None:
    mine = lock(tmp_path)
    mine.acquire()
    (tmp_path / "session.lock").write_bytes(note)
    with pytest.raises(AccountBusy, match="in use by another session"):
        lock(tmp_path).acquire()
    mine.release()


def test_a_program_that_the_holder_started_does_not_hold_on_to_it(tmp_path: Path) -> None:
    mine = lock(tmp_path)
    mine.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mine.release()
        other = lock(tmp_path)
        other.acquire()
        other.release()
        child.kill()


@pytest.mark.parametrize(
    "folder",
    [f"accounts/{SERVER.lower()}-{LOGIN}", f"hosts/{SERVER}-{LOGIN}"],
    ids=["now", "before"],
)
def test_a_command_on_an_account_in_use_ends_with_one_line(tmp_path: Path, folder: str) -> None:
    """Also while a Butler of the last release has it, which locks in the folder of results."""
    hosts = tmp_path / "hosts"
    account = connection.resolve(PAPER, CliOverrides(), None, {})

    async def connect() -> None:
        async with connection.connected(account, hosts, trading=False, symbols=["EURUSD"]):
            raise AssertionError("connected")

    with held_elsewhere(tmp_path / folder, "s-1") as process:
        with pytest.raises(AppError) as caught:
            asyncio.run(connect())
        assert exit_code(caught.value) is ExitCode.TERMINAL
        holder = f"session s-1 (process {process.pid})"
        assert str(caught.value) == (
            f"account {LOGIN} on {SERVER} is in use by {holder}; stop it first "
            "(butler stop SESSION), or use another account"
        )


def mine() -> ResolvedAccount:
    return ResolvedAccount(
        profile="MINE", server="A-Demo", login=5, password=Secret("x"), default_symbol="EURUSD",
        purpose="demo", terminal_path=None, symbol_map={}, host=None, origins={}, warnings=[],
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of this user, and the account's own in it."""
    monkeypatch.setenv("BUTLER_STATE", str(tmp_path / "state"))
    return place_of(mine(), tmp_path)


SESSION = """
import pathlib, sys
from scripts.app.account.place import held, place_of
from tests.process.test_account_lock import mine
with held(mine(), pathlib.Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def session_elsewhere(results: Path, session: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A session of another process that has the account, and writes to `results`."""
    return held_elsewhere(results, session, SESSION)


@pytest.mark.usefixtures("state")
class TestTwoFoldersOfResults:
    """Two sessions with two folders of results would trade an account at once."""

    def test_the_second_is_refused_and_told_the_first(self, tmp_path: Path) -> None:
        with session_elsewhere(tmp_path / "one", "s-1") as process:
            words = f"is in use by session s-1 .process {process.pid}."
            with pytest.raises(Refused, match=words), held(mine(), tmp_path / "other", "s-2"):
                raise AssertionError("held twice")
            paper = connection.resolve(PAPER, CliOverrides(), None, {})
            with held(paper, tmp_path / "one", "s-3"):
                """Another account."""

    def test_what_a_killed_one_left_keeps_nobody_out(self, tmp_path: Path, state: Path) -> None:
        with session_elsewhere(tmp_path / "one", "s-1") as process:
            process.kill()
            process.wait(SECONDS)
        assert b"s-1" in (state / "session.lock").read_bytes()
        with held(mine(), tmp_path / "other", "s-2"):
            assert b"s-2" in (state / "session.lock").read_bytes()

    @pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
    @pytest.mark.parametrize("put", [None, b"", b"f\xfcr"], ids=["nothing", "empty", "foreign"])
    def test_taking_its_file_away_lets_no_second_in(
        self, tmp_path: Path, state: Path, put: bytes | None
    ) -> None:
        with session_elsewhere(tmp_path / "one", "s-1"):
            (state / "session.lock").unlink()
            if put is not None:
                (state / "session.lock").write_bytes(put)
            with (
                pytest.raises(Refused, match="is in use by another session"),
                held(mine(), tmp_path / "other", "s-2"),
            ):
                raise AssertionError("held twice")
        with held(mine(), tmp_path / "other", "s-2"):
            """Free again."""

    @pytest.mark.parametrize("content", [b"", b"my notes\n", b"f\xfcr", b"{" * 5_000])
    def test_a_foreign_file_that_nobody_has_locked_is_taken(
        self, tmp_path: Path, state: Path, content: bytes
    ) -> None:
        state.mkdir(parents=True)
        (state / "session.lock").write_bytes(content)
        with (
            held(mine(), tmp_path / "one", "s-1"),
            pytest.raises(Refused, match="is in use by session s-1"),
            held(mine(), tmp_path / "other", "s-2"),
        ):
            raise AssertionError("held twice")

    @pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
    @pytest.mark.parametrize("put", ["folder", "pipe"])
    def test_what_is_no_file_is_named_with_the_remedy(
        self, tmp_path: Path, state: Path, put: str
    ) -> None:
        state.mkdir(parents=True)
        path = state / "session.lock"
        path.mkdir() if put == "folder" else os.mkfifo(path)
        with (
            pytest.raises(AppError, match=r"cannot be locked .* BUTLER_STATE") as caught,
            held(mine(), tmp_path / "one", "s-1"),
        ):
            raise AssertionError("held")
        assert exit_code(caught.value) is ExitCode.USAGE
        assert str(path) in str(caught.value)
