"""`butler alerts`: the services that a profile's alerts go to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scripts.account_options import AccountsOption, ProfileOption, choose_account
from scripts.cli import CommandFailed, Exit, make_app

if TYPE_CHECKING:
    from adapters.alerts import Policy
    from adapters.apprise_sender import AppriseSender
    from config.loader import AlertSettings

app = make_app("Alerts to a person.")


@app.callback()
def alerts() -> None:
    """Alerts to a person."""


@app.command("test")
def try_out(account_profile: ProfileOption, accounts: AccountsOption = None) -> int:
    """Send one message to every service of a profile, and say which did not take it."""
    from adapters.alerts import Alert, AlertKind
    from adapters.apprise_sender import NotTaken

    account = choose_account(account_profile, None, None, None, accounts)
    send = None if account.alerts is None else sender(account.alerts)
    if send is None:
        raise CommandFailed(
            f"profile {account_profile} names nobody to alert; give it an alerts section with "
            "urls, as config/mt5_accounts.example.yaml shows",
            Exit.USAGE,
        )
    text = f"Alerts of profile {account_profile} arrive."
    try:
        send(Alert(AlertKind.HALT, "Execution Butler: test", text))
    except NotTaken as error:
        raise CommandFailed(
            f"alerts of profile {account_profile}: {error}; check its address (the positions count "
            "urls first, then urls_from) and that this machine reaches it",
            Exit.TERMINAL,
        ) from error
    print(f"sent to {send.count} services; see whether it arrived")
    return Exit.DONE


def sender(settings: AlertSettings) -> AppriseSender | None:
    """What sends to the profile's services, None without any; raises CommandFailed."""
    from adapters.apprise_sender import AlertsUnavailable, AppriseSender
    from config.loader import ConfigError

    try:
        urls = settings.addresses(os.environ)
        return AppriseSender([url.reveal() for url in urls]) if urls else None
    except (ConfigError, AlertsUnavailable) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error


def policy(settings: AlertSettings) -> Policy:
    """The kinds that the profile wants, in the alert actor's terms."""
    from adapters.alerts import AlertKind, Policy

    return Policy(
        kinds=frozenset(map(AlertKind, settings.kinds)),
        disconnect_after=settings.disconnect_seconds * 1000,
    )
