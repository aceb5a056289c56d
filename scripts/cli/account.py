"""`butler account`: where an account stands by its ledger, and what a profile should state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import (
    AccountsOption,
    PaperCurrencyOption,
    ResultsOption,
    choose_account,
    tell_other_books,
)
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines

if TYPE_CHECKING:
    from scripts.app.operations.account import AccountStanding

NameArgument = Annotated[str, typer.Argument(help="Show this profile's account, or PAPER.")]
ResetOption = Annotated[
    bool, typer.Option("--reset", help="With PAPER: give it fresh books; the old ones are kept.")
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-history",
        help="Take the terminal's history as it reads now, once you have looked at it.",
    ),
]
RebaseOption = Annotated[
    bool,
    typer.Option("--rebase", help="Count the largest loss from today's balance; needs --reason."),
]
ReasonOption = Annotated[str | None, typer.Option(help="Say why; the ledger keeps it.")]


ObjectivesOption = Annotated[
    str | None,
    typer.Option(
        metavar="RULES[:PHASE]",
        help="Hold it against a firm's rules, such as ftmo_2step, or a YAML of your own.",
    ),
]


def account(
    name: NameArgument,
    objectives: ObjectivesOption = None,
    reset: ResetOption = False,
    accept_history: AcceptOption = False,
    rebase: RebaseOption = False,
    reason: ReasonOption = None,
    account_currency: PaperCurrencyOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    as_json: opt.AsJson = False,
) -> int:
    """Show where an account stands by its ledger: floors, days, target, what is against trading.

    Nothing is sent, and nothing is written but by --reset, --accept-history and --rebase.
    """
    from scripts.app.operations.account import LedgerChange, fresh_books, standing

    chosen = choose_account(name, None, None, None, accounts, account_currency)
    results = results_folder(results_dir)
    if reset:
        place, stamp = fresh_books(chosen, results)
        print_lines([f"PAPER has fresh books; the old ones are in {place}, named .reset-{stamp}"])
        return ExitCode.DONE
    if rebase and not reason:
        raise WrongUsage("--rebase needs --reason TEXT: say why the largest loss counts anew")
    change = LedgerChange(rebase=reason if rebase else None, accept_history=accept_history)
    _show(standing(chosen, results, objectives, change), as_json=as_json)
    tell_other_books(chosen, results)
    return ExitCode.DONE


def _show(found: AccountStanding, *, as_json: bool) -> None:
    import json

    from scripts.view.account_text import account_json, account_lines

    if as_json:
        print(json.dumps(account_json(found), indent=2, allow_nan=False))
        return
    print_lines(account_lines(found))
    if found.challenge_yaml is not None:
        print_lines(["", "To paste below the profile, where it fits:", ""])
        print_lines(found.challenge_yaml.splitlines())
