"""`butler reconcile`: a broker's or a firm's statement against the account's ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import (
    AccountsOption,
    PaperCurrencyOption,
    ResultsOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines, printable_json

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


SessionJournalOption = Annotated[
    str | None,
    typer.Option("--session", help="Compare with this session's journal instead of a ledger."),
]
StatementClockOption = Annotated[
    str | None,
    typer.Option(
        "--clock",
        help="The clock that the statement is written by, such as new-york+7; by default the "
        "server's.",
    ),
]
LedgerOption = Annotated[
    str | None,
    typer.Option("--account-profile", help="Compare with this profile's account, or PAPER."),
]


def reconcile_statement(
    statement: StatementOption,
    account_profile: LedgerOption = None,
    session: SessionJournalOption = None,
    clock: StatementClockOption = None,
    account_currency: PaperCurrencyOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    price_points: PointsOption = 0,
    money: MoneyOption = 0.0,
    time_seconds: SecondsOption = 1.0,
    as_json: opt.AsJson = False,
) -> int:
    """Compare a statement with the account's ledger, or a session; exit code 5 when they differ.

    Deals are compared row by row; it writes nothing and needs no terminal.
    """
    import msgspec

    from scripts.app.operations.reconcile import (
        StatementOptions,
        reconcile_account,
        reconcile_session,
    )
    from scripts.view.reconciliation import reconciliation_lines

    if (account_profile is None) == (session is None):
        raise WrongUsage("give --account-profile NAME or --session ID, one of them")
    if session is not None and account_currency is not None:
        raise WrongUsage("--account-currency goes with --account-profile PAPER")
    results = results_folder(results_dir)
    options = StatementOptions(
        file=statement,
        clock=clock,
        price_points=price_points,
        money=money,
        seconds=time_seconds,
    )
    if session is not None:
        found = reconcile_session(session, results, options)
    else:
        chosen = choose_account(account_profile, None, None, None, accounts, account_currency)
        found = reconcile_account(chosen, results, options)
    if as_json:
        print(printable_json(msgspec.json.format(msgspec.json.encode(found)).decode()))
    else:
        print_lines(reconciliation_lines(found))
    return ExitCode.DONE if found.equal else ExitCode.DIFFERENT
