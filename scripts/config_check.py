"""`butler config check`: which values hold, and where each comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import CommandFailed, Exit, complain, home, make_app

app = make_app("Look at the configuration.")


@app.callback()
def config() -> None:
    """Look at the configuration."""


@app.command("check")
def check(
    account_profile: Annotated[
        str | None, typer.Option(help="Profile of the accounts file to resolve.")
    ] = None,
    login: Annotated[str | None, typer.Option(help="Replaces the profile's login.")] = None,
    server: Annotated[str | None, typer.Option(help="Replaces the profile's server.")] = None,
    password: Annotated[
        str | None,
        typer.Option(help="Replaces the profile's password (others may see it; prefer the file)."),
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="Accounts file; by default config/mt5_accounts.yaml.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Preset to check.")] = "ftmo_m15",
) -> int:
    """Check the accounts file and a preset; show each value and its origin, never a password."""
    from config.loader import (
        CliOverrides,
        ConfigError,
        Secret,
        accounts_file,
        config_report,
        load_profiles,
        resolve_account,
    )
    from scripts.strategies import load

    overrides = CliOverrides(
        login=login, server=server, password=None if password is None else Secret(password)
    )
    account = None
    try:
        chosen = load(preset).preset
        file = accounts if accounts is not None else accounts_file(home())
        profiles = load_profiles(file) if accounts is not None or file.is_file() else {}
        if account_profile is not None or any((login, server, password)):
            account = resolve_account(account_profile, profiles, overrides, os.environ)
    except ConfigError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    for warning in account.warnings if account else ():
        complain(f"warning: {warning}")
    for row in config_report(account, chosen, chosen.limits):
        print(f"{row.field:<44} {row.value:<32} {row.origin}")
    if account is None:
        names = ", ".join(profiles) if profiles else "none"
        print(f"accounts file {file}: profiles {names}")
    return Exit.DONE
