"""Paper terminals for tests: a quoted account, made with few words."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.rules import AccountTerms, SymbolRules
from engine.types import Millis
from tests.builders import SPECS, START, TICKS

NOW = 1_736_251_200
"""Tuesday, 2025-01-07 12:00 of the server's clock, in seconds."""

BUY: dict[str, Any] = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.5, "price": 1.1001,
    "type": mt5.ORDER_TYPE_BUY, "type_filling": mt5.ORDER_FILLING_FOK, "sl": 1.099, "tp": 1.102,
    "deviation": 10, "magic": 26, "comment": "ab-1",
}  # fmt: skip
"""A good request at the usual tick of 1.10000 / 1.10010."""

BUY_LIMIT: dict[str, Any] = {
    **BUY, "action": mt5.TRADE_ACTION_PENDING, "type": mt5.ORDER_TYPE_BUY_LIMIT, "price": 1.0990,
    "sl": 1.098, "tp": 1.101, "type_filling": mt5.ORDER_FILLING_RETURN,
}  # fmt: skip
"""A good request to wait 110 points below the ask."""

T = TypeVar("T")


def told(answer: T | None) -> T:
    """An answer that is no failure."""
    assert answer is not None
    return answer


def account_at_ticks(now: Millis = NOW * 1000, **options: Any) -> PaperAccount:
    """The starting balance and the usual ticks."""
    account = PaperAccount(SPECS, START, **options)
    for tick in TICKS.values():
        account.quote(tick.symbol, tick.bid, tick.ask, now)
    return account


def terminal_at_ticks(
    rules: dict[str, Any] | None = None, terms: dict[str, Any] | None = None, **options: Any
) -> PaperTerminal:
    """A terminal at the usual ticks.

    `rules` are those of EURUSD, `terms` the account's; `options` make the account.
    """
    symbol_rules = {"EURUSD": SymbolRules(**rules)} if rules else {}
    return PaperTerminal(
        account_at_ticks(**options), terms=AccountTerms(rules=symbol_rules, **(terms or {}))
    )


def sent(terminal: PaperTerminal, request: dict[str, Any]) -> mt5.OrderSendResult:
    """The result of a request that the package takes."""
    result = terminal.order_send(request)
    assert isinstance(result, mt5.OrderSendResult), terminal.last_error()
    return result


def done(terminal: PaperTerminal, request: dict[str, Any]) -> mt5.OrderSendResult:
    """The result of a request that the server carries out."""
    result = sent(terminal, request)
    assert result.retcode == mt5.TRADE_RETCODE_DONE, result
    return result


def books(account: PaperAccount) -> tuple[Any, ...]:
    """Everything that an order could change, to be compared."""
    positions = [msgspec.to_builtins(item) for item in account.positions.values()]
    orders = [msgspec.to_builtins(item) for item in account.orders.values()]
    return (account.balance, account.margin, list(account.deals), positions, orders)
