"""`butler doctor`: is everything in place for this account? One line each, with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.session_folder import results_folder
from scripts.cli.shared.account_options import (
    AccountsOption,
    LoginOption,
    PasswordOption,
    ProfileOption,
    ResultsOption,
    ServerOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable


def doctor(
    account_profile: ProfileOption,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    save_symbols: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the facts of the symbols here, for --symbol-spec FILE."
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Examine these symbols instead of the profile's.")
    ] = None,
) -> int:
    """Examine packages, folders, terminal, account, symbols and clock; exit code 4 for a failure.

    Nothing is sent and nothing is changed.
    """
    from scripts.app.operations.doctor import examine
    from scripts.view.doctor import finding_line

    account = choose_account(account_profile, login, server, password, accounts)
    healthy = examine(
        account,
        results_folder(results_dir),
        lambda finding: print(printable(finding_line(finding))),
        symbols=symbol,
        save=save_symbols,
    )
    return ExitCode.DONE if healthy else ExitCode.TERMINAL
