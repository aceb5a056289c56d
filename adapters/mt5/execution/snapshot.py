"""What a terminal holds, in its own structs: everything open, and what became of the rest.

These functions block. `adapters.mt5.execution.translation` reads the structs into the engine's
units.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.account_guard import objection
from adapters.mt5.api.errors import SnapshotFailed
from engine.ports import Terminal

Deals = tuple[mt5.TradeDeal, ...]

BUYING = (
    mt5.ORDER_TYPE_BUY,
    mt5.ORDER_TYPE_BUY_LIMIT,
    mt5.ORDER_TYPE_BUY_STOP,
    mt5.ORDER_TYPE_BUY_STOP_LIMIT,
)
"""Types of orders that buy; a position's type has the same two first numbers."""

_A_DAY = 86_400


def a_day_past(moment: int) -> int:
    """How far a history is asked for when the server's clock shows `moment` (seconds).

    What is known of that clock may lag behind it, by less than a day; the package takes no date
    beyond `LATEST_DATE`.
    """
    return min(moment + _A_DAY, mt5.LATEST_DATE)


class SnapshotQuery(NamedTuple):
    """What a snapshot is to contain.

    `positions` and `orders` are the tickets that the engine believes to be open. With a `span`
    (first and last second of the server's clock) all deals in it are wanted too: the traces of an
    order whose outcome is unknown. `reduced` are open positions of which a part was closed. What
    does not carry `magic` is external: what it may lose is wanted (None: nothing is external).
    """

    positions: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    span: tuple[int, int] | None = None
    reduced: tuple[int, ...] = ()
    magic: int | None = None


class Snapshot(NamedTuple):
    """What the terminal holds: everything open, and the deals and orders asked for.

    `deals` are by position, `ended` are pending orders that are no longer open, by ticket;
    `recent` are the deals of the span that was asked for. `risks` is what each external position or
    order may still lose, in the account's currency, by ticket.
    """

    account: mt5.AccountInfo
    positions: tuple[mt5.TradePosition, ...]
    orders: tuple[mt5.TradeOrder, ...]
    deals: dict[int, Deals]
    ended: dict[int, mt5.TradeOrder]
    recent: Deals = ()
    risks: dict[int, float] = {}  # noqa: RUF012 - a NamedTuple's default, never changed


def fetch_snapshot(terminal: Terminal, query: SnapshotQuery) -> Snapshot:
    """Everything that is open now, and the deals of what is not open any more.

    Raises SnapshotFailed.
    """
    positions = _told(terminal, "positions_get", terminal.positions_get())
    orders = _told(terminal, "orders_get", terminal.orders_get())
    standing = {position.ticket for position in positions}
    placed = {order.ticket for order in orders}
    gone = [ticket for ticket in query.orders if ticket and ticket not in placed]
    ended: dict[int, mt5.TradeOrder] = {}
    for ticket in gone:
        found = _told(terminal, "history_orders_get", terminal.history_orders_get(ticket=ticket))
        ended.update({order.ticket: order for order in found})
    left = [ticket for ticket in query.positions if ticket and ticket not in standing]
    left += query.reduced
    if query.span is not None:  # one of these may be the position of an order that was lost
        left += [item.ticket for item in positions if _may_be_unknown(item, query)]
    deals = {ticket: _deals(terminal, position=ticket) for ticket in {*gone, *left}}
    recent: Deals = ()
    if query.span is not None:
        recent = _deals(terminal, *query.span)
    account = terminal.account_info()
    if account is None:
        raise SnapshotFailed(f"account_info: {terminal.last_error()}")
    risks = {}
    if query.magic is not None:
        risks = _risks(terminal, positions, orders, query, account.equity)
    return Snapshot(account, positions, orders, deals, ended, recent, risks)


def _risks(
    terminal: Terminal,
    positions: tuple[mt5.TradePosition, ...],
    orders: tuple[mt5.TradeOrder, ...],
    query: SnapshotQuery,
    equity: float,
) -> dict[int, float]:
    """What each position and entry order that is not the engine's may lose, by the terminal."""
    risks = {
        item.ticket: _risk(terminal, item, item.volume, equity)
        for item in positions
        if item.ticket not in query.positions
    }
    for order in orders:
        if order.ticket not in query.orders and not order.position_id:
            risks[order.ticket] = _risk(terminal, order, order.volume_current, equity)
    return risks


def _risk(
    terminal: Terminal, item: mt5.TradePosition | mt5.TradeOrder, volume: float, equity: float
) -> float:
    """The loss at the stop, with the swap that it will book; without a stop nothing bounds it, and
    the margin stands for it. Of a symbol whose name is too long to ask about it is all there is.
    """
    if len(item.symbol) > mt5.SYMBOL_MAX_CHARS:
        return max(0.0, equity)
    kind = mt5.ORDER_TYPE_BUY if item.type in BUYING else mt5.ORDER_TYPE_SELL
    if not item.sl:
        terms = (kind, item.symbol, volume, item.price_open)
        margin: float = _told(terminal, "order_calc_margin", terminal.order_calc_margin(*terms))
        return margin
    at_stop = terminal.order_calc_profit(kind, item.symbol, volume, item.price_open, item.sl)
    profit: float = _told(terminal, "order_calc_profit", at_stop)
    accrued: float = item.swap if isinstance(item, mt5.TradePosition) else 0.0
    return max(0.0, -profit - accrued)


def _may_be_unknown(position: mt5.TradePosition, query: SnapshotQuery) -> bool:
    return position.magic == query.magic and position.ticket not in query.positions


def insist_on(seen: mt5.AccountInfo, expected: mt5.AccountInfo) -> None:
    """Raises SnapshotFailed when the figures are not the expected account's."""
    why = doubt(seen, expected)
    if why is not None:
        raise SnapshotFailed(why)


def doubt(seen: mt5.AccountInfo, expected: mt5.AccountInfo) -> str | None:
    """Why these are no figures of the expected account, or None when they are.

    Someone may log in elsewhere at the terminal. A terminal that is just logging in may tell the
    account without its figures; then nothing of it is a loss.
    """
    why = objection(seen, expected.login, expected.server)
    if why is None and expected.balance and not seen.balance and not seen.equity:
        return f"account {expected.login} comes without balance and equity"
    return why


def _deals(terminal: Terminal, *span: int, **where: int) -> Deals:
    deals: Deals = _told(terminal, "history_deals_get", terminal.history_deals_get(*span, **where))
    return deals


def _told(terminal: Terminal, function: str, answer: Any) -> Any:
    """An answer, which may be empty; None is a failure and never "none found"."""
    if answer is None:
        raise SnapshotFailed(f"{function}: {terminal.last_error()}")
    return answer
