"""What is asked of a terminal around an order, in one go: send and read back, or only look.

These functions block; in a replay they run in place on the paper terminal, against a terminal host
in the worker thread. What the answers mean is decided in `adapters.mt5.gateway`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from adapters.mt5 import contract as mt5
from engine.ports import Terminal

Deals = tuple[mt5.TradeDeal, ...]


class Reply(NamedTuple):
    """The answer to a trade request with `last_error` of the same moment.

    `deals` are those of the position concerned and `account` the figures after it, as far as the
    terminal knew them already: its history may lag behind.
    """

    result: mt5.OrderSendResult | None
    error: tuple[int, str]
    deals: Deals = ()
    account: mt5.AccountInfo | None = None


class Look(NamedTuple):
    """What the terminal holds: everything open, and the deals and orders asked for.

    `deals` are by position, `ended` are pending orders that are no longer open, by ticket.
    """

    account: mt5.AccountInfo
    positions: tuple[mt5.TradePosition, ...]
    orders: tuple[mt5.TradeOrder, ...]
    deals: dict[int, Deals]
    ended: dict[int, mt5.TradeOrder]


class LookFailed(Exception):
    """Raised when the terminal could not tell what it holds; nothing may be concluded from it."""


def carry_out(terminal: Terminal, request: dict[str, Any]) -> Reply:
    """Send a request once and read back what it did."""
    result = terminal.order_send(request)
    error = terminal.last_error()
    if result is None or request["action"] == mt5.TRADE_ACTION_SLTP:
        account = None if result is None else terminal.account_info()
        return Reply(result, error, (), account)
    ticket = request.get("position") or result.order
    deals = terminal.history_deals_get(position=ticket) if result.deal else ()
    return Reply(result, error, deals or (), terminal.account_info())


def look(terminal: Terminal, known: Iterable[int], working: Iterable[int]) -> Look:
    """Everything that is open now, and the deals of what is not open any more.

    `known` are the tickets of positions and `working` those of pending orders that the engine
    believes to be open. Raises LookFailed.
    """
    positions = _told(terminal, "positions_get", terminal.positions_get())
    orders = _told(terminal, "orders_get", terminal.orders_get())
    standing = {position.ticket for position in positions}
    placed = {order.ticket for order in orders}
    deals: dict[int, Deals] = {}
    ended: dict[int, mt5.TradeOrder] = {}
    for ticket in [ticket for ticket in working if ticket not in placed]:
        deals[ticket] = _deals(terminal, ticket)
        found = _told(terminal, "history_orders_get", terminal.history_orders_get(ticket=ticket))
        ended.update({order.ticket: order for order in found})
    for ticket in known:
        if ticket not in deals and ticket not in standing:
            deals[ticket] = _deals(terminal, ticket)
    account = terminal.account_info()
    if account is None:
        raise LookFailed(f"account_info: {terminal.last_error()}")
    return Look(account, positions, orders, deals, ended)


def _deals(terminal: Terminal, position: int) -> Deals:
    return _told(terminal, "history_deals_get", terminal.history_deals_get(position=position))


def _told(terminal: Terminal, function: str, answer: Any) -> Any:
    """An answer, which may be empty; None is a failure and never "none found"."""
    if answer is None:
        raise LookFailed(f"{function}: {terminal.last_error()}")
    return answer
