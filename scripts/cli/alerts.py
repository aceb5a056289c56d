"""`butler alerts`: the services that a profile's alerts go to."""

from __future__ import annotations

from scripts.cli.shared.account_options import AccountsOption, ProfileOption, choose_account
from scripts.cli.shared.command_line import make_app
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines

app = make_app("Alerts to a person.")


@app.callback()
def alerts() -> None:
    """Alerts to a person."""


@app.command("test")
def try_out(account_profile: ProfileOption, accounts: AccountsOption = None) -> int:
    """Send one message to every service of a profile, and say which did not take it."""
    from scripts.app.sessions.alerts import send_test

    account = choose_account(account_profile, None, None, None, accounts)
    count = send_test(account_profile, account.alerts)
    print_lines([f"sent to {count} services; see whether it arrived"])
    return ExitCode.DONE
