"""`butler flatten --account-profile`: an account is flattened when no session runs on it."""

from __future__ import annotations

import asyncio
import functools
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.host.launch import LocalHost
from adapters.state.store import AccountStore
from config.loader import CliOverrides, ResolvedAccount
from scripts.app.errors import AppError
from scripts.app.operations import flatten_account as operations
from scripts.app.operations.flatten_account import Closing, FlattenStep, flatten_account
from scripts.app.sessions import connection
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER
from scripts.app.sessions.replay import MAGIC
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from scripts.view.flatten_account import step_line
from tests.builders import EURUSD

ENTRY: dict[str, Any] = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY,
    "price": 1.1, "deviation": 10, "type_filling": mt5.ORDER_FILLING_FOK, "comment": "",
}  # fmt: skip
WAITING: dict[str, Any] = {
    **ENTRY, "action": mt5.TRADE_ACTION_PENDING, "type": mt5.ORDER_TYPE_BUY_LIMIT, "price": 1.05,
    "type_filling": mt5.ORDER_FILLING_RETURN,
}  # fmt: skip


def plays(monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]) -> None:
    """From now on the paper account is the one of `spec`."""
    text = msgspec.json.encode(spec).decode()
    monkeypatch.setattr(connection, "paper_spec", lambda *_: text)


def spec_of(folder: Path, *faults: dict[str, Any]) -> dict[str, Any]:
    """An account with its books in `folder`, and what goes wrong there."""
    spec: dict[str, Any] = {
        "symbols": [EURUSD], "login": LOGIN, "server": SERVER, "prices": {"EURUSD": 1.1},
        "swing": 5, "state": str(folder / "books.json"),
    }  # fmt: skip
    return {**spec, "faults": {"script": faults}} if faults else spec


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResolvedAccount:
    """A paper account with a position and an order of ours, and a position of a stranger's."""
    plays(monkeypatch, spec_of(tmp_path))
    paper = connection.resolve(PAPER, CliOverrides(), None, {})

    async def trade() -> None:
        async with connection.connected(
            paper, tmp_path / "hosts", trading=True, symbols=["EURUSD"]
        ) as link:
            for request, magic in ((ENTRY, MAGIC), (WAITING, MAGIC), (ENTRY, 7)):
                answer = await link.call("order_send", {**request, "magic": magic})
                assert answer.retcode == mt5.TRADE_RETCODE_DONE

    asyncio.run(trade())
    return paper


def test_what_the_engine_opened_is_closed_and_nothing_else(
    account: ResolvedAccount, tmp_path: Path
) -> None:
    ours = flattened(account, tmp_path, everything=False)
    assert [(step.kind, step.outcome) for step in ours] == [
        ("order", Closing.DONE),
        ("position", Closing.DONE),
    ]
    (foreign,) = flattened(account, tmp_path, everything=True)
    assert step_line(foreign) == "position 3 on EURUSD: gone"


def unexpected(line: str) -> None:
    pytest.fail(line)


def flattened(account: ResolvedAccount, folder: Path, *, everything: bool) -> list[FlattenStep]:
    """The steps that it took to flatten the account."""
    steps: list[FlattenStep] = []
    flatten_account(account, folder, steps.append, everything=everything, say=unexpected)
    return steps


def test_the_guard_holds_without_a_session(account: ResolvedAccount, tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(account, login=LOGIN + 1)
    with pytest.raises(AppError, match="is logged in") as caught:
        flattened(wrong, tmp_path, everything=True)
    assert exit_code(caught.value) is ExitCode.USAGE, "a person must settle it"


def test_a_link_that_breaks_in_between_is_told_with_how_to_go_on_and_the_next_time_closes_the_rest(
    account: ResolvedAccount,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faulty = functools.partial(
        LocalHost, command=(sys.executable, "-m", "tests.process.faulty_host")
    )
    monkeypatch.setattr(connection, "LocalHost", faulty)
    broken = {"function": "order_send", "call": 3, "fault": {"kind": "no_ipc", "span": 1_000}}
    plays(monkeypatch, spec_of(tmp_path, broken))
    steps: list[FlattenStep] = []
    with pytest.raises(AppError, match="give the command again") as caught:
        flatten_account(account, tmp_path, steps.append, everything=True, say=unexpected)
    assert exit_code(caught.value) is ExitCode.TERMINAL
    gone = {step.ticket for step in steps if step.outcome is Closing.DONE}
    assert len(gone) == 2
    plays(monkeypatch, spec_of(tmp_path))
    rest = flattened(account, tmp_path, everything=True)
    assert gone.isdisjoint(step.ticket for step in rest), "nothing is asked for twice"


def test_a_position_that_cannot_be_asked_about_keeps_no_other_one_open(
    account: ResolvedAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A symbol with a name that the package does not take: told, left, and the rest is closed."""
    closing = operations._closing

    async def strange(link: connection.Connection, position: Any) -> dict[str, Any]:
        if position.magic == MAGIC:
            await link.call("symbol_info", "A-SYMBOL-WITH-MORE-THAN-29-CHARS")
        return await closing(link, position)

    monkeypatch.setattr(operations, "_closing", strange)
    steps: list[FlattenStep] = []
    with pytest.raises(AppError, match="still there: 1; look at the terminal"):
        flatten_account(account, tmp_path, steps.append, everything=True, say=unexpected)
    assert [step.outcome for step in steps] == [Closing.DONE, Closing.REFUSED, Closing.DONE]
    assert "symbol_info('A-SYMBOL-WITH-MORE-THAN-29-CHARS'): -2" in step_line(steps[1])


def place(folder: Path) -> Path:
    """Where the paper account's ledger lies."""
    return folder / "accounts" / f"{SERVER.lower()}-{LOGIN}"


def test_each_request_is_counted_in_the_accounts_ledger(
    account: ResolvedAccount, tmp_path: Path
) -> None:
    """A firm counts what was asked of its server, also where no session asked; the order that
    closes a stranger's position is the Butler's own and counts no second time.
    """
    steps = flattened(account, tmp_path, everything=True)
    with AccountStore(place(tmp_path), LOGIN, SERVER) as store:
        assert len(store.requests(0)) == len(steps) == 3
    books = msgspec.json.decode((tmp_path / "books.json").read_bytes())
    closing = [deal for deal in books["deals"] if deal["entry"] == mt5.DEAL_ENTRY_OUT]
    assert [deal["magic"] for deal in closing] == [MAGIC, MAGIC]


def test_an_account_is_flattened_though_its_ledger_cannot_be_used(
    account: ResolvedAccount, tmp_path: Path
) -> None:
    """What is open may cost more than a request that is not counted, and that is said."""
    (place(tmp_path) / "ledger.sqlite").mkdir(parents=True)
    said: list[str] = []
    steps: list[FlattenStep] = []
    flatten_account(account, tmp_path, steps.append, everything=False, say=said.append)
    assert [step.outcome for step in steps] == [Closing.DONE, Closing.DONE]
    (line,) = said
    assert line.startswith("warning: the requests are not counted in the account's ledger: ")
