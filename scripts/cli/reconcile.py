"""`butler reconcile`: a broker's or a firm's statement against the account's ledger."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import BadData, WrongUsage
from scripts.app.session_folder import home
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import (
    AccountsOption,
    ProfileOption,
    ResultsOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from adapters.statements.reconcile import Ours, Reconciliation
    from adapters.statements.shape import StatementDeal, StatementPosition
    from engine.account.history import HistoryDeal

_LOTS = 10**8
_ENTRIES = ("in", "out", "in/out", "out by")

StatementOption = Annotated[
    Path,
    typer.Option(
        "--statement",
        help="Read this statement: MT5's ReportHistory (xlsx, html), the strategy tester's, or "
        "MetriX CSV.",
    ),
]
PointsOption = Annotated[int, typer.Option(min=0, help="Points by which prices may differ.")]
MoneyOption = Annotated[float, typer.Option(min=0.0, help="Money by which amounts may differ.")]
SecondsOption = Annotated[float, typer.Option(min=0.0, help="Seconds by which times may differ.")]


def reconcile_statement(
    account_profile: ProfileOption,
    statement: StatementOption,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    price_points: PointsOption = 0,
    money: MoneyOption = 0.0,
    time_seconds: SecondsOption = 1.0,
    as_json: opt.AsJson = False,
) -> int:
    """Compare a statement with the deals of the account's ledger, row by row; writes nothing and
    needs no terminal."""
    from adapters.statements.reader import read_statement
    from adapters.statements.reconcile import Tolerance, reconcile
    from adapters.statements.shape import StatementError

    chosen = choose_account(account_profile, None, None, None, accounts)
    results = results_dir if results_dir is not None else home() / "results"
    try:
        theirs = read_statement(statement)
    except StatementError as error:
        raise BadData(str(error)) from error
    facts = theirs.account
    if facts.login is not None and facts.login != chosen.login:
        raise BadData(
            f"{statement}: it is of account {facts.login}, the profile's is {chosen.login}"
        )
    ours = asyncio.run(_ours(chosen, results))
    tolerance = Tolerance(
        price_points=price_points, money=round(money * 100), time=round(time_seconds * 1000)
    )
    found = reconcile(ours, theirs, tolerance, chosen.symbol_map)
    _show(found, as_json=as_json)
    return ExitCode.DONE if found.equal else ExitCode.DIFFERENT


async def _ours(chosen: Any, results: Path) -> Ours:
    """The deals that the account's store keeps. Raises WrongUsage where it keeps none."""
    from adapters.state.store import FILE
    from adapters.statements.reconcile import Ours
    from scripts.app.account.books import opened
    from scripts.app.account.place import place_of

    if not (place_of(chosen, results) / FILE).is_file():
        raise WrongUsage(
            "the account has no ledger yet: it is made by the first session on the account"
        )
    async with opened(chosen, results) as books:
        deals, opening = await books.run(lambda store: (store.deals(), store.opening()))
    return Ours(deals=tuple(_deal(deal) for deal in deals), opening=opening)


def _deal(deal: HistoryDeal) -> StatementDeal:
    from adapters.statements.shape import DealKind, StatementDeal
    from engine.account.history import DealType

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


def _words(row: StatementDeal | StatementPosition) -> str:
    """A row in a trader's words."""
    what = row.symbol or "capital"
    return f"{row.ticket} {what} {row.volume / _LOTS:g} lots, net {row.net / 100:,.2f}"


def _show(found: Reconciliation, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    print(f"matched        {found.matched}")
    tables = {
        "only in the statement": found.only_statement,
        "only in the ledger": found.only_ours,
        "ambiguous": found.ambiguous,
    }
    for side, rows in tables.items():
        if rows:
            print(f"{side:<22} {len(rows)}")
            for row in rows:
                print(f"  {_words(row)}")
    for item in found.differs:
        print(f"differs        row {item.row}, {item.ticket}: {item.field} {item.ours} here, "
              f"{item.theirs} there")  # fmt: skip
    for line in found.explained:
        print(line)
    print("equal" if found.equal else "not equal")
