"""`butler config check`: which values hold, and where each comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import home
from scripts.cli.shared.account_options import (
    AccountsOption,
    LoginOption,
    PasswordOption,
    ServerOption,
    choose_account,
)
from scripts.cli.shared.command_line import make_app
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines

app = make_app("Look at the configuration.")


@app.callback()
def config() -> None:
    """Look at the configuration."""


@app.command("check")
def check(
    account_profile: Annotated[
        str | None, typer.Option(help="Profile of the accounts file, or PAPER, to resolve.")
    ] = None,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    preset: Annotated[str, typer.Option(help="Preset to check.")] = "ftmo_m15",
) -> int:
    """Check the accounts file and a preset; show each value and its origin, never a password."""
    from config.loader import ConfigError, accounts_file, config_report, load_profiles
    from scripts.app.terms.strategies import load

    account = None
    try:
        chosen = load(preset).preset
        file = accounts if accounts is not None else accounts_file(home())
        profiles = load_profiles(file) if accounts is not None or file.is_file() else {}
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    if account_profile is not None or any((login, server, password)):
        account = choose_account(account_profile, login, server, password, accounts)
    for row in config_report(account, chosen, chosen.limits):
        print_lines([f"{row.field:<44} {row.value:<32} {row.origin}"])
    if account is None:
        names = ", ".join(profiles) if profiles else "none"
        print_lines([f"accounts file {file}: profiles {names}"])
    return ExitCode.DONE
