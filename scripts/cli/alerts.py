"""`butler alerts`: the services that a profile's alerts go to."""

from __future__ import annotations

from scripts.app.errors import Unreachable, WrongUsage
from scripts.app.sessions.alerts import sender
from scripts.cli.shared.account_options import AccountsOption, ProfileOption, choose_account
from scripts.cli.shared.command_line import make_app
from scripts.cli.shared.exit_codes import ExitCode

app = make_app("Alerts to a person.")


@app.callback()
def alerts() -> None:
    """Alerts to a person."""


@app.command("test")
def try_out(account_profile: ProfileOption, accounts: AccountsOption = None) -> int:
    """Send one message to every service of a profile, and say which did not take it."""
    from adapters.services.alerts import Alert, AlertKind
    from adapters.services.apprise_sender import NotTaken

    account = choose_account(account_profile, None, None, None, accounts)
    send = None if account.alerts is None else sender(account.alerts)
    if send is None:
        raise WrongUsage(
            f"profile {account_profile} names nobody to alert; give it an alerts section with "
            "urls, as config/mt5_accounts.example.yaml shows"
        )
    text = f"Alerts of profile {account_profile} arrive."
    try:
        send(Alert(AlertKind.HALT, "Execution Butler: test", text))
    except NotTaken as error:
        raise Unreachable(
            f"alerts of profile {account_profile}: {error}; check its address (the positions count "
            "urls first, then urls_from) and that this machine reaches it"
        ) from error
    print(f"sent to {send.count} services; see whether it arrived")
    return ExitCode.DONE
