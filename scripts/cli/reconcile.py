"""`butler reconcile`: a broker's or a firm's statement against the account's ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.session_folder import home
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import (
    AccountsOption,
    ProfileOption,
    ResultsOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode

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
    """Compare a statement with the account's ledger; exit code 5 when they differ.

    Deals are compared row by row; it writes nothing and needs no terminal.
    """
    import msgspec

    from scripts.app.operations.reconcile import reconcile_account
    from scripts.view.reconciliation import reconciliation_lines

    found = reconcile_account(
        choose_account(account_profile, None, None, None, accounts),
        results_dir if results_dir is not None else home() / "results",
        statement,
        price_points=price_points,
        money=money,
        seconds=time_seconds,
    )
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print("\n".join(reconciliation_lines(found)))
    return ExitCode.DONE if found.equal else ExitCode.DIFFERENT
