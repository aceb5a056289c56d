"""What is said of a symbol that the terminal did not select, or on which nothing may be opened."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.host.client import AsyncTerminal, CallResult, TerminalClient
from adapters.mt5.host.service import Hello
from scripts.app.errors import Refused
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.live import instruments
from tests.paper_terminals import terminal_at_ticks, told
from tests.unit.test_venue import InThisProcess

BROKEN = (-10_001, "IPC send failed")


class Failing(InThisProcess):
    """A terminal at which some functions fail as if its pipe had broken; `mode` is the trade mode
    of its symbols."""

    def __init__(self, *functions: str, mode: int = mt5.SYMBOL_TRADE_MODE_FULL) -> None:
        super().__init__(terminal_at_ticks(), 0)
        self.functions, self.mode = functions, mode

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        if function in self.functions:
            return CallResult(function, False if function == "symbol_select" else None, BROKEN)
        answer = super().call(function, *args, deadline=deadline, **kwargs)
        if function != "symbol_info" or answer.failed:
            return answer
        return answer._replace(value=answer.value._with(trade_mode=self.mode))


def found(client: Failing, symbol: str, *, managed: bool = False) -> dict[str, Instrument]:
    """The symbol as a session gets it from that terminal."""
    account = told(client.terminal.account_info())
    hello = Hello(1, "3.12", "5", "paper", account.login, account.server, trading=True)

    async def ask() -> dict[str, Instrument]:
        terminal = AsyncTerminal(cast("TerminalClient", client))
        connection = Connection(terminal, hello, account, ended_orphan=False)
        try:
            return await instruments(connection, [symbol], {}, {}, managed=managed)
        finally:
            await terminal.close()

    return asyncio.run(ask())


def refusal(symbol: str, *failing: str) -> str:
    """Why a session cannot have the symbol while these functions fail."""
    with pytest.raises(Refused) as refused:
        found(Failing(*failing), symbol)
    return str(refused.value)


@pytest.mark.parametrize("mode", [mt5.SYMBOL_TRADE_MODE_DISABLED, mt5.SYMBOL_TRADE_MODE_CLOSEONLY])
def test_a_symbol_on_which_nothing_may_be_opened_is_managed_by_a_session_that_goes_on(
    mode: int,
) -> None:
    """One such symbol must not leave the positions of all others without their session; what
    only enters and leaves (smoke test, scripts) is refused it."""
    assert found(Failing(mode=mode), "EURUSD", managed=True)["EURUSD"].name == "EURUSD"
    with pytest.raises(Refused, match="on this account"):
        found(Failing(mode=mode), "EURUSD")


@pytest.mark.parametrize("failing", [(), ("symbol_info",), ("symbols_get",)], ids=str)
def test_a_symbol_that_is_there_is_never_called_missing(failing: tuple[str, ...]) -> None:
    """One call that fails says nothing about what the terminal has: its own error is given."""
    text = refusal("EURUSD", "symbol_select", *failing)
    assert text == "the terminal did not select EURUSD: -10001 IPC send failed; try again"


def test_a_symbol_that_is_missing_is_said_to_be_with_those_like_it() -> None:
    assert refusal("EUR") == (
        "the terminal has no symbol EUR; it has EURUSD: set symbol_map in the profile"
    )
    assert refusal("NONE") == "the terminal has no symbol NONE"


def test_a_name_that_the_package_does_not_take_is_refused_before_anything_is_asked() -> None:
    name = "EURUSD" * 5
    text = refusal(name, "symbol_select")
    assert text == (
        f"the symbol {name} cannot be traded: the MetaTrader5 package takes 29 characters"
    )
