"""A broker's or a firm's statement against the deals of the account's ledger."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from adapters.state.store import FILE
from adapters.statements.reader import read_statement
from adapters.statements.reconcile import Ours, Reconciliation, Tolerance, reconcile
from adapters.statements.shape import DealKind, Statement, StatementDeal, StatementError
from config.loader import ResolvedAccount
from engine.account.history import DealType, HistoryDeal
from scripts.app.account.books import opened
from scripts.app.account.place import place_of
from scripts.app.errors import BadData, WrongUsage

_LOTS = 10**8
_ENTRIES = ("in", "out", "in/out", "out by")


def reconcile_account(
    account: ResolvedAccount,
    results: Path,
    statement: Path,
    *,
    price_points: int,
    money: float,
    seconds: float,
) -> Reconciliation:
    """Compare a statement's file with the deals that the account's store keeps; writes nothing.

    Points, money and seconds are those by which both may differ. Raises BadData for a file that
    is no statement or one of another account, WrongUsage where the account has no ledger.
    """
    theirs = _theirs(statement, account)
    ours = asyncio.run(_ours(account, results))
    tolerance = Tolerance(
        price_points=price_points, money=round(money * 100), time=round(seconds * 1000)
    )
    return reconcile(ours, theirs, tolerance, account.symbol_map)


def _theirs(file: Path, account: ResolvedAccount) -> Statement:
    try:
        theirs = read_statement(file)
    except StatementError as error:
        raise BadData(str(error)) from error
    facts = theirs.account
    if facts.login is not None and facts.login != account.login:
        raise BadData(f"{file}: it is of account {facts.login}, the profile's is {account.login}")
    return theirs


async def _ours(account: ResolvedAccount, results: Path) -> Ours:
    """The deals that the account's store keeps. Raises WrongUsage where it keeps none."""
    if not (place_of(account, results) / FILE).is_file():
        raise WrongUsage(
            "the account has no ledger yet: it is made by the first session on the account"
        )
    async with opened(account, results) as books:
        deals, opening = await books.run(lambda store: (store.deals(), store.opening()))
    return Ours(deals=tuple(_deal(deal) for deal in deals), opening=opening)


def _deal(deal: HistoryDeal) -> StatementDeal:
    capital = (DealType.BALANCE, DealType.CORRECTION, DealType.BONUS)
    kinds: dict[int, DealKind] = {
        **dict.fromkeys(capital, DealKind.CAPITAL),
        DealType.CREDIT: DealKind.CREDIT,
    }
    trade = deal.trade
    return StatementDeal(
        ticket=deal.ticket,
        time=deal.time_msc,
        kind=DealKind.TRADE if trade else kinds.get(deal.type, DealKind.OTHER),
        symbol=deal.symbol,
        side=(-1 if deal.type else 1) if trade else None,
        entry=_ENTRIES[deal.entry] if trade else "",
        volume=round(deal.volume * _LOTS) if trade else 0,
        price=Decimal(repr(deal.price)) if trade else None,
        order=deal.order,
        position=deal.position_id or None,
        profit=round(deal.profit * 100),
        commission=round(deal.commission * 100),
        swap=round(deal.swap * 100),
        fee=round(deal.fee * 100),
    )
