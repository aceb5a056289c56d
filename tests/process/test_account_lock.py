"""One session per account: the second is told who holds it, and a crash leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.system import processes
from adapters.system.account_lock import AccountBusy, AccountLock, Holder
from config.loader import CliOverrides, ResolvedAccount, Secret
from scripts.app.account.place import held
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
def held_elsewhere(folder: Path, session: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the account of `folder` until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), session],
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


def test_one_account_is_one_whatever_folder_the_results_lie_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sessions with two folders of results would trade an account at once."""
    monkeypatch.setenv("BUTLER_STATE", str(tmp_path / "state"))
    account = ResolvedAccount(
        profile="MINE", server="A-Demo", login=5, password=Secret("x"), default_symbol="EURUSD",
        purpose="demo", terminal_path=None, symbol_map={}, host=None, origins={}, warnings=[],
    )  # fmt: skip
    with held(account, tmp_path / "one", "s-1"):
        with (
            pytest.raises(Refused, match="is in use by session s-1"),
            held(account, tmp_path / "other", "s-2"),
        ):
            raise AssertionError("held twice")
        with held(connection.resolve(PAPER, CliOverrides(), None, {}), tmp_path / "one", "s-3"):
            """Another account."""
