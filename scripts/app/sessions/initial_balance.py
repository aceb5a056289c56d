"""Whether an account's own figures show the balance that a firm's phase began with.

Floors and target hang on that balance. On an account that has traded, or to which money was paid or
from which it was withdrawn, today's balance is another one, and only the user knows the right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.mt5.api import contract as mt5
from engine.clock import SystemClock
from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.challenge import Challenge
    from scripts.app.sessions.connection import Connection

_AHEAD = 2 * 86_400
"""Seconds: no server's clock is further ahead of ours."""

_TRADES = (mt5.DEAL_TYPE_BUY, mt5.DEAL_TYPE_SELL)


async def refuse_unknown_initial(connection: Connection, challenge: Challenge | None) -> None:
    """Raise AppError (wrong usage) unless it is known what balance `challenge` began with."""
    why = await unknown_initial(connection, challenge)
    if why is not None:
        raise WrongUsage(why)


async def unknown_initial(connection: Connection, challenge: Challenge | None) -> str | None:
    """Why today's balance need not be the one that `challenge` began with, and the remedy.

    None where it is, where the user has named another one, and without objectives. Raises
    AppError when the terminal does not tell its history.
    """
    if challenge is None or challenge.initial_balance is not None:
        return None
    until = SystemClock().now() // 1000 + _AHEAD
    deals = await connection.call("history_deals_get", 0, until)
    doubt = doubt_about(deals, connection.account.balance)
    if doubt is None:
        return None
    return (
        f"--objectives on account {connection.account.login}: {doubt}; floors and target hang on "
        "the balance that the firm's phase began with: give it with --initial-balance AMOUNT"
    )


def doubt_about(deals: Sequence[mt5.TradeDeal], balance: float) -> str | None:
    """Why an account of these deals has not had `balance` from its beginning, or None."""
    trades = sum(deal.type in _TRADES for deal in deals)
    if trades:
        return f"its history shows {trades:,} trading deals, and its balance is {balance:,.2f} now"
    paid = [deal for deal in deals if deal.type == mt5.DEAL_TYPE_BALANCE]
    if not paid:
        return f"its history shows no deposit that {balance:,.2f} could be"
    first = min(paid, key=lambda deal: (deal.time_msc, deal.ticket)).profit
    if round(first * 100) != round(balance * 100):
        return f"its balance is {balance:,.2f}, its first deposit was {first:,.2f}"
    return None
