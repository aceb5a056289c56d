"""A broker's or a firm's statement against the deals of the account's ledger."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from adapters.journal import StoredJournal
from adapters.state.store import FILE
from adapters.statements.reader import read_statement
from adapters.statements.reconcile import Ours, Reconciliation, Tolerance, reconcile
from adapters.statements.shape import (
    DealKind,
    Statement,
    StatementDeal,
    StatementError,
    StatementPosition,
)
from config.loader import ResolvedAccount
from engine import events as ev
from engine.account.history import DealType, HistoryDeal
from engine.journal import JournalDamaged
from scripts.app.account.books import opened
from scripts.app.account.place import place_of
from scripts.app.errors import BadData, WrongUsage
from scripts.app.operations.session_deals import deals_of
from scripts.app.session_folder import find_journal
from signals.market_data.clocks import CLOCKS, is_clock, server_of, utc_of

_LOTS = 10**8
_DEALT = {"session_started", "order_filled", "position_opened", "position_closed"}
_ENTRIES = ("in", "out", "in/out", "out by")


class StatementOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The statement's file and the clock it is written by (None: the server's).

    Both sides may differ by so many points of the price, so much money and so many seconds.
    """

    file: Path
    clock: str | None = None
    price_points: int = 0
    money: float = 0.0
    seconds: float = 1.0

    @property
    def tolerance(self) -> Tolerance:
        """What still counts as equal."""
        return Tolerance(
            price_points=self.price_points,
            money=round(self.money * 100),
            time=round(self.seconds * 1000),
        )


def reconcile_account(
    account: ResolvedAccount, results: Path, options: StatementOptions
) -> Reconciliation:
    """Compare a statement's file with the deals that the account's store keeps; writes nothing.

    Raises BadData for a file that is no statement or one of another account, WrongUsage where the
    account has no ledger or the server's clock is not known but needed.
    """
    theirs = _theirs(options.file, account.login)
    ours, clock = asyncio.run(_ours(account, results))
    if options.clock is not None:
        if clock is None:
            raise WrongUsage(
                "--clock: the ledger does not know its server's clock yet; it is noted by the "
                "first session that sees fresh ticks"
            )
        theirs = _on_clock(theirs, _known(options.clock), clock)
    return reconcile(ours, theirs, options.tolerance, account.symbol_map)


def reconcile_session(session: str, results: Path, options: StatementOptions) -> Reconciliation:
    """Compare a statement's file with the trades in a session's journal; writes nothing.

    Raises BadData for files that cannot be read or are of different accounts.
    """
    path = find_journal(results, session)
    try:
        with StoredJournal(path) as stored:
            records = list(stored.records(kinds=_DEALT))
    except (JournalDamaged, sqlite3.Error) as error:
        raise BadData(str(error)) from error
    started = records[0].event if records else None
    if not isinstance(started, ev.SessionStarted):
        raise BadData(f"{path}: it does not begin with the start of a session")
    login, _, _ = str((records[0].metadata or {}).get("account", "")).partition("@")
    theirs = _theirs(options.file, int(login) if re.fullmatch("[0-9]{1,18}", login) else None)
    clock = _known(options.clock or (started.data[0].clock if started.data else "utc"))
    deals = deals_of(records, started.symbols, lambda second: server_of(clock, second))
    return reconcile(Ours(deals=deals), theirs, options.tolerance)


def _known(clock: str) -> str:
    if not is_clock(clock):
        raise WrongUsage(
            f"--clock {clock}: write one of {', '.join(CLOCKS)}, or a time zone such as Europe/Kyiv"
        )
    return clock


def _on_clock(theirs: Statement, clock: str, server: str) -> Statement:
    """The statement with its times on the server's clock."""

    def moved(at: int) -> int:
        return server_of(server, utc_of(clock, at // 1000)) * 1000 + at % 1000

    return msgspec.structs.replace(
        theirs,
        deals=tuple(msgspec.structs.replace(deal, time=moved(deal.time)) for deal in theirs.deals),
        positions=tuple(_moved(item, moved) for item in theirs.positions),
        open_positions=tuple(_moved(item, moved) for item in theirs.open_positions),
        made=None if theirs.made is None else moved(theirs.made),
    )


def _moved(position: StatementPosition, moved: Callable[[int], int]) -> StatementPosition:
    closed = None if position.closed is None else moved(position.closed)
    return msgspec.structs.replace(position, opened=moved(position.opened), closed=closed)


def _theirs(file: Path, login: int | None) -> Statement:
    try:
        theirs = read_statement(file)
    except StatementError as error:
        raise BadData(str(error)) from error
    facts = theirs.account
    if login is not None and facts.login not in (None, login):
        raise BadData(f"{file}: it is of account {facts.login}, ours is {login}")
    return theirs


async def _ours(account: ResolvedAccount, results: Path) -> tuple[Ours, str | None]:
    """The deals that the account's store keeps, and the server's clock where it is known.

    Raises WrongUsage where it keeps none.
    """
    if not (place_of(account, results) / FILE).is_file():
        raise WrongUsage(
            "the account has no ledger yet: it is made by the first session on the account"
        )
    async with opened(account, results) as books:
        deals, opening, clocks = await books.run(
            lambda store: (store.deals(), store.opening(), store.clock())
        )
    ours = Ours(deals=tuple(_deal(deal) for deal in deals), opening=opening)
    return ours, clocks[-1][1] if clocks else None


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
