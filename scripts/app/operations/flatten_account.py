"""Flattening an account when no session runs on it: close what the engine has opened there.

The guard holds as everywhere: the host checks the account in the same request as each order.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import ArgumentsRefused, TerminalError
from adapters.mt5.execution.remote import DEADLINES
from adapters.mt5.execution.requests import filling_of
from adapters.state.errors import StateFailed
from config.loader import ResolvedAccount
from engine.clock import SystemClock
from scripts.app.account.books import AccountBooks, opened
from scripts.app.account.market_time import played_until
from scripts.app.account.place import paper_books
from scripts.app.errors import AppError, NeedsAttention, Unreachable
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.paper import books_at
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


@dataclass(frozen=True, kw_only=True)
class _Flattening:
    """One run of the command: its terminal, who hears of it, and where its requests are kept.

    `books` is None where the account's ledger cannot be used, which keeps nobody from closing.
    """

    connection: Connection
    tell: Tell
    everything: bool
    name: str
    books: AccountBooks | None
    server: int | None
    say: Callable[[str], None]
    numbers: count[int]

    async def keep_request(self) -> None:
        """Count a request that is about to leave: a firm counts those of the day, too."""
        if self.books is None:
            return
        number, name = next(self.numbers), self.name
        try:
            played = await played_until(self.books, self.server)
            at = SystemClock().now() if played is None else played[0]
            await self.books.run(lambda store: store.add_request(name, number, at))
        except StateFailed as error:
            self.say(_uncounted(error))


def flatten_account(
    account: ResolvedAccount,
    results: Path,
    tell: Tell,
    *,
    everything: bool,
    say: Callable[[str], None],
) -> None:
    """Cancel orders and close positions: those with the engine's mark, or `everything`.

    Each is asked for once, and counted in the account's ledger; `say` hears where that cannot be.
    Raises NeedsAttention that names what is still there at the end, and Unreachable that says how
    to go on where the link breaks in between.
    """
    asyncio.run(_flatten(account, results, tell, everything, say))


async def _flatten(
    account: ResolvedAccount,
    results: Path,
    tell: Tell,
    everything: bool,
    say: Callable[[str], None],
) -> None:
    hosts, symbols = results / "hosts", [account.default_symbol]
    paper = paper_books(account, results)
    async with (
        connected(account, hosts, trading=True, symbols=symbols, books=paper) as connection,
        _ledger(account, results, say) as books,
    ):
        await refuse_without_permission(connection)
        run = _Flattening(
            connection=connection,
            tell=tell,
            everything=everything,
            name=f"flatten-{SystemClock().now()}",
            books=books,
            server=books_at(paper),
            say=say,
            numbers=count(1),
        )
        try:
            left = await _close(run)
        except (TerminalError, AppError) as error:
            raise Unreachable(f"{error}; {_AGAIN}") from error
    if left:
        tickets = ", ".join(str(item.ticket) for item in left)
        raise NeedsAttention(f"still there: {tickets}; look at the terminal")


@asynccontextmanager
async def _ledger(
    account: ResolvedAccount, results: Path, say: Callable[[str], None]
) -> AsyncIterator[AccountBooks | None]:
    """The account's store; None where it cannot be used: what is open is closed all the same."""
    async with AsyncExitStack() as stack:
        books = None
        try:
            books = await stack.enter_async_context(opened(account, results))
        except AppError as error:
            say(_uncounted(error))
        yield books


def _uncounted(error: Exception) -> str:
    return f"warning: the requests are not counted in the account's ledger: {error}"


async def _close(run: _Flattening) -> list[Any]:
    """Cancel orders, close positions, and return what is still there after that."""
    connection, everything = run.connection, run.everything
    for order in _chosen(await connection.call("orders_get"), everything):
        request = {"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket}
        run.tell(await _sent(run, "order", order, request))
    for position in _chosen(await connection.call("positions_get"), everything):
        try:
            request = await _closing(connection, position)
        except (AppError, ArgumentsRefused) as error:  # the others are closed all the same
            run.tell(_not_asked(position, str(error)))
            continue
        run.tell(await _sent(run, "position", position, request))
    return [
        *_chosen(await connection.call("positions_get"), everything),
        *_chosen(await connection.call("orders_get"), everything),
    ]


def _chosen(items: Any, everything: bool) -> list[Any]:
    return [item for item in items if everything or item.magic == MAGIC]


def _not_asked(position: mt5.TradePosition, why: str) -> FlattenStep:
    """Of a symbol that the terminal cannot tell about, nothing can be asked for."""
    refused = Closing.REFUSED
    return FlattenStep("position", position.ticket, position.symbol, refused, mt5.RES_E_FAIL, why)


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
        # The order is the Butler's, whoever opened the position: so it counts once.
        "magic": MAGIC,
        "comment": _COMMENT,
    }


async def _sent(run: _Flattening, kind: str, item: Any, request: dict[str, Any]) -> FlattenStep:
    """One request, kept before it leaves and never repeated, with its outcome."""
    await run.keep_request()
    terminal = run.connection.terminal
    answer = await terminal.call("order_send", request, deadline=DEADLINES["order_send"])
    if answer.failed:
        outcome, (code, text) = Closing.UNKNOWN, answer.last_error
    else:
        code, text = answer.value.retcode, answer.value.comment
        outcome = Closing.DONE if code in _DONE else Closing.REFUSED
    return FlattenStep(kind, item.ticket, item.symbol, outcome, code, text)
