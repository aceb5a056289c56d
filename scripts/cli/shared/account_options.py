"""The options by which commands choose an account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.cli.shared.command_line import complain

if TYPE_CHECKING:
    from config.loader import ResolvedAccount

ProfileOption = Annotated[
    str, typer.Option("--account-profile", help="Use this profile of the accounts file, or PAPER.")
]
LoginOption = Annotated[str | None, typer.Option(help="Use this login instead of the profile's.")]
ServerOption = Annotated[str | None, typer.Option(help="Use this server instead of the profile's.")]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        help="Use this password instead of the profile's (others may see it; prefer the file)."
    ),
]
AccountsOption = Annotated[
    Path | None,
    typer.Option(help="Read the profiles from this file; by default config/mt5_accounts.yaml."),
]
PaperCurrencyOption = Annotated[
    str | None,
    typer.Option(
        "--account-currency",
        metavar="CODE",
        help="With PAPER: its account in this currency, which has books of its own; by default "
        "USD.",
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run/--no-dry-run", help="Send nothing (the default), or send orders.")
]
ResultsOption = Annotated[
    Path | None, typer.Option(help="Write the results to this folder; by default results/.")
]
SessionOption = Annotated[
    str | None, typer.Option(help="Name the session; by default the name is made from the time.")
]


def choose_account(
    profile: str | None,
    login: str | None,
    server: str | None,
    password: str | None,
    accounts: Path | None,
    currency: str | None = None,
) -> ResolvedAccount:
    """The account that these options, the environment and the profile give together.

    `currency` chooses among PAPER's. Raises AppError (wrong usage) with the field and the remedy.
    """
    from config.loader import CliOverrides, Secret
    from scripts.app.sessions.connection import checked, in_currency, resolve

    secret = None if password is None else Secret(password)
    cli = CliOverrides(login=login, server=server, password=secret)
    account = resolve(profile, cli, accounts, os.environ)
    for warning in account.warnings:
        complain(f"warning: {warning}")
    if currency is None:
        return account
    return in_currency(account, checked(account, currency))


def tell_other_books(account: ResolvedAccount, results: Path) -> None:
    """Say that PAPER is another account in another currency, where it has books in one."""
    from scripts.app.sessions.connection import with_books

    for currency in with_books(account, results):
        complain(
            f"{account.profile} has books in {currency}, too, which this does not look at: "
            f"--account-currency {currency}"
        )
