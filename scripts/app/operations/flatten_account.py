"""Flattening an account when no session runs on it: close what the engine has opened there.

The guard holds as everywhere: the host checks the account in the same request as each order.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import TerminalError
from adapters.mt5.execution.remote import DEADLINES
from adapters.mt5.execution.requests import filling_of
from config.loader import ResolvedAccount
from scripts.app.account.place import paper_books
from scripts.app.errors import AppError, NeedsAttention, Unreachable
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.permission import refuse_without_permission
from scripts.app.sessions.replay import DEVIATION, MAGIC

_DONE = (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_DONE_PARTIAL, mt5.TRADE_RETCODE_PLACED)
_COMMENT = "flatten"
_AGAIN = (
    "not everything is known to be closed: give the command again once the terminal answers, it"
    " closes only what still stands"
)


class Closing(enum.StrEnum):
    """What became of a request to close a position or to cancel an order."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class FlattenStep(NamedTuple):
    """One request: what it was for, its outcome, and code and text of the terminal's answer."""

    kind: str
    ticket: int
    symbol: str
    outcome: Closing
    code: int
    text: str


Tell = Callable[[FlattenStep], None]
"""Takes each step as soon as its outcome is known."""


def flatten_account(
    account: ResolvedAccount, results: Path, tell: Tell, *, everything: bool
) -> None:
    """Cancel orders and close positions: those with the engine's mark, or `everything`.

    Each is asked for once. Raises NeedsAttention that names what is still there at the end, and
    Unreachable that says how to go on where the link breaks in between.
    """
    asyncio.run(_flatten(account, results, tell, everything))


async def _flatten(account: ResolvedAccount, results: Path, tell: Tell, everything: bool) -> None:
    hosts, symbols = results / "hosts", [account.default_symbol]
    books = paper_books(account, results)
    async with connected(account, hosts, trading=True, symbols=symbols, books=books) as connection:
        await refuse_without_permission(connection)
        try:
            left = await _close(connection, tell, everything)
        except (TerminalError, AppError) as error:
            raise Unreachable(f"{error}; {_AGAIN}") from error
    if left:
        tickets = ", ".join(str(item.ticket) for item in left)
        raise NeedsAttention(f"still there: {tickets}; look at the terminal")


async def _close(connection: Connection, tell: Tell, everything: bool) -> list[Any]:
    """Cancel orders, close positions, and return what is still there after that."""
    for order in _chosen(await connection.call("orders_get"), everything):
        request = {"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket}
        tell(await _sent(connection, "order", order, request))
    for position in _chosen(await connection.call("positions_get"), everything):
        request = await _closing(connection, position)
        tell(await _sent(connection, "position", position, request))
    return [
        *_chosen(await connection.call("positions_get"), everything),
        *_chosen(await connection.call("orders_get"), everything),
    ]


def _chosen(items: Any, everything: bool) -> list[Any]:
    return [item for item in items if everything or item.magic == MAGIC]


async def _closing(connection: Connection, position: mt5.TradePosition) -> dict[str, Any]:
    info = await connection.call("symbol_info", position.symbol)
    tick = await connection.call("symbol_info_tick", position.symbol)
    long = position.type == mt5.POSITION_TYPE_BUY
    return {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": position.symbol,
        "volume": position.volume,
        "type": mt5.ORDER_TYPE_SELL if long else mt5.ORDER_TYPE_BUY,
        "position": position.ticket,
        "price": tick.bid if long else tick.ask,
        "deviation": DEVIATION,
        "type_filling": filling_of(info.filling_mode),
        "magic": position.magic,
        "comment": _COMMENT,
    }


async def _sent(
    connection: Connection, kind: str, item: Any, request: dict[str, Any]
) -> FlattenStep:
    """One request, never repeated, with its outcome."""
    answer = await connection.terminal.call("order_send", request, deadline=DEADLINES["order_send"])
    if answer.failed:
        outcome, (code, text) = Closing.UNKNOWN, answer.last_error
    else:
        code, text = answer.value.retcode, answer.value.comment
        outcome = Closing.DONE if code in _DONE else Closing.REFUSED
    return FlattenStep(kind, item.ticket, item.symbol, outcome, code, text)
