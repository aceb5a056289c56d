"""Flattening an account when no session runs on it: close what the engine has opened there.

The guard holds as everywhere: the host checks the account in the same request as each order.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import TerminalError
from adapters.mt5.execution.remote import DEADLINES
from adapters.mt5.execution.requests import filling_of
from scripts.app.account.place import lock_of, paper_books
from scripts.app.errors import AppError, NeedsAttention, Unreachable
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.permission import refuse_without_permission
from scripts.app.sessions.replay import DEVIATION, MAGIC
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.takeover import end_mute_session

if TYPE_CHECKING:
    from pathlib import Path

    from config.loader import ResolvedAccount

_DONE = (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_DONE_PARTIAL, mt5.TRADE_RETCODE_PLACED)
_COMMENT = "flatten"
_AGAIN = (
    "not everything is known to be closed: give the command again once the terminal answers, it"
    " closes only what still stands"
)


def flatten_account(
    account: ResolvedAccount, results: Path, *, everything: bool, force: bool = False
) -> int:
    """Withdraw orders and close positions; prints a line for each, returns the exit code.

    Only those with the engine's mark, unless `everything`. Each is asked for once: what is still
    there at the end is named, and the code is 4. Where the link breaks in between, AppError
    says how to go on. With `force` a session that holds the account and does not answer is ended
    first.
    """
    if force and (said := end_mute_session(lock_of(account, results, "(a command)"), results)):
        print(said)
    return asyncio.run(_flatten(account, results, everything))


async def _flatten(account: ResolvedAccount, results: Path, everything: bool) -> int:
    hosts, symbols = results / "hosts", [account.default_symbol]
    books = paper_books(account, results)
    async with connected(account, hosts, trading=True, symbols=symbols, books=books) as connection:
        await refuse_without_permission(connection)
        try:
            left = await _close(connection, everything)
        except (TerminalError, AppError) as error:
            raise Unreachable(f"{error}; {_AGAIN}") from error
    if left:
        tickets = ", ".join(str(item.ticket) for item in left)
        raise NeedsAttention(f"still there: {tickets}; look at the terminal")
    print("nothing of the engine's is left open" if not everything else "nothing is left open")
    return ExitCode.DONE


async def _close(connection: Connection, everything: bool) -> list[Any]:
    """Withdraw orders, close positions, and tell what is still there after that."""
    for order in _chosen(await connection.call("orders_get"), everything):
        request = {"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket}
        await _send(connection, f"order {order.ticket} on {order.symbol}", request)
    for position in _chosen(await connection.call("positions_get"), everything):
        request = await _closing(connection, position)
        await _send(connection, f"position {position.ticket} on {position.symbol}", request)
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


async def _send(connection: Connection, what: str, request: dict[str, Any]) -> None:
    """One request, never repeated; its outcome is printed."""
    answer = await connection.terminal.call("order_send", request, deadline=DEADLINES["order_send"])
    if answer.failed:
        print(f"{what}: outcome unknown ({answer.last_error[0]} {answer.last_error[1]})")
    elif answer.value.retcode in _DONE:
        print(f"{what}: gone")
    else:
        print(f"{what}: refused, {answer.value.retcode} {answer.value.comment}")
