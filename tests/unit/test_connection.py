"""Which account a profile means, and what is said when its terminal cannot be used."""

from __future__ import annotations

import asyncio
import functools
import os
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from adapters.mt5.host.client import AsyncTerminal
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import Hello
from config.loader import CliOverrides, ResolvedAccount
from scripts.app.errors import AppError
from scripts.app.sessions import connection
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER
from scripts.app.sessions.permission import refuse_unsuitable
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from tests.builders import EURUSD
from tests.paper_terminals import terminal_at_ticks, told
from tests.process.hosts import FAULTY_HOST

SPEC: dict[str, Any] = {
    "symbols": [EURUSD], "login": LOGIN, "server": SERVER, "prices": {"EURUSD": 1.1},
}  # fmt: skip


def paper() -> ResolvedAccount:
    return connection.resolve(PAPER, CliOverrides(), None, {})


def refusal(account: ResolvedAccount, folder: Path) -> AppError:
    """Why the account's terminal cannot be used."""

    async def connect() -> None:
        async with connection.connected(account, folder, trading=True, symbols=["EURUSD"]):
            raise AssertionError("connected")

    with pytest.raises(AppError) as caught:
        asyncio.run(connect())
    return caught.value


def behind(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Another terminal behind the PAPER account."""
    text = msgspec.json.encode({**SPEC, **changes}).decode()
    monkeypatch.setattr(connection, "paper_spec", lambda *_: text)


def test_paper_needs_no_file_and_no_secret() -> None:
    account = paper()
    assert (account.login, account.server, account.purpose) == (LOGIN, SERVER, "demo")
    assert account.password.reveal() == ""
    assert account.host is None


def test_an_unknown_profile_is_a_wrong_option_that_names_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text("profiles:\n  MINE: {server: A-Demo, login: 1, password: x}\n")
    with pytest.raises(AppError, match="MINE") as caught:
        connection.resolve("OTHER", CliOverrides(), file, {})
    assert exit_code(caught.value) is ExitCode.USAGE


def test_a_remote_host_needs_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMEGA_MT5_HOST_TOKEN", raising=False)
    account = msgspec.structs.replace(paper(), host="127.0.0.1:1")
    error = refusal(account, tmp_path)
    assert exit_code(error) is ExitCode.USAGE
    assert "OMEGA_MT5_HOST_TOKEN is not set" in str(error)


def test_a_terminal_path_beside_a_remote_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host starts the terminal: the profile's path would be ignored without a word."""
    monkeypatch.setenv("OMEGA_MT5_HOST_TOKEN", os.urandom(32).hex())
    account = msgspec.structs.replace(paper(), host="127.0.0.1:1", terminal_path="C:/mt5.exe")
    error = refusal(account, tmp_path)
    assert exit_code(error) is ExitCode.USAGE
    assert "terminal_path has no effect with host" in str(error)


def test_a_remote_host_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = os.urandom(32).hex()
    monkeypatch.setenv("OMEGA_MT5_HOST_TOKEN", token)
    error = refusal(msgspec.structs.replace(paper(), host="127.0.0.1:1"), tmp_path)
    assert exit_code(error) is ExitCode.TERMINAL
    assert "the host on port 1" in str(error)
    assert token not in str(error)


def test_a_real_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behind(monkeypatch, trade_mode="real")
    error = refusal(paper(), tmp_path)
    assert exit_code(error) is ExitCode.USAGE
    assert "no demo account" in str(error)


def test_a_terminal_with_another_account_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind(monkeypatch, login=77)
    error = refusal(paper(), tmp_path)
    assert exit_code(error) is ExitCode.USAGE
    assert f"account 77 is logged in, not {LOGIN}" in str(error)
    assert "terminal_path of its own" in str(error)


def test_what_the_terminal_says_when_it_cannot_connect_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = {"kind": "fail", "code": -6}
    faulty = functools.partial(LocalHost, command=FAULTY_HOST)
    monkeypatch.setattr(connection, "LocalHost", faulty)
    behind(monkeypatch, faults={"script": [{"function": "initialize", "fault": fault}]})
    error = refusal(paper(), tmp_path)
    assert exit_code(error) is ExitCode.USAGE
    assert str(error).startswith("initialize: -6 ")
    assert "check login, password and server" in str(error)


def test_a_netting_account_is_refused_before_anything_is_begun() -> None:
    """Only a person can settle it: exit code 2, with what to use instead."""
    netting = told(terminal_at_ticks().account_info())._with(margin_mode=0)
    hello = Hello(1, "3.12", "5", "paper", netting.login, netting.server, trading=True)
    unused = cast("AsyncTerminal", None)  # the account says it alone
    with pytest.raises(AppError, match="hedging") as refused:
        refuse_unsuitable(connection.Connection(unused, hello, netting, ended_orphan=False))
    assert exit_code(refused.value) is ExitCode.USAGE
