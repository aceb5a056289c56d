"""`butler status | pause | resume | flatten | stop`: orders to a session that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared.account_options import (
    AccountsOption,
    PaperCurrencyOption,
    ResultsOption,
    choose_account,
    tell_other_books,
)
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines, printable, printable_json

if TYPE_CHECKING:
    from adapters.services.control_wire import Action, ControlReply
    from config.loader import ResolvedAccount

_WAIT = 30.0

SessionArgument = Annotated[
    str | None,
    typer.Argument(help="Id of a session or path of its folder; by default the one that runs."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON on standard output.")]
AccountOption = Annotated[
    str | None,
    typer.Option(help="Flatten this profile's account; for when no session runs on it."),
]
EverythingOption = Annotated[
    bool, typer.Option("--everything", help="With a profile: what others opened there, too.")
]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="With a profile: end a session first that does not answer."),
]
WaitOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        help=f"Seconds to wait for a session to close everything, by default {_WAIT:g}; 0 does "
        "not wait.",
    ),
]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the journal.")]


def status(
    session: SessionArgument = None, results_dir: ResultsOption = None, json: JsonOption = False
) -> int:
    """Show how a session stands; of one that is over, what its journal says."""
    from scripts.app.operations.control import status_of

    reply = status_of(session, results_folder(results_dir))
    if not json and reply.status is not None and not reply.status.running:
        complain(reply.text)
    return _show(reply, json=json)


def pause(
    session: SessionArgument = None,
    reason: ReasonOption = "",
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Let no new order leave; open positions are still managed."""
    return _order("pause", session, reason, results_dir, json=json)


def resume(
    reason: ReasonOption,
    session: SessionArgument = None,
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Clear what only you may clear: a pause, a rejection, an unknown outcome, a maximum loss."""
    return _order("resume", session, reason, results_dir, json=json)


def flatten(
    session: SessionArgument = None,
    reason: ReasonOption = "",
    account_profile: AccountOption = None,
    everything: EverythingOption = False,
    force: ForceOption = False,
    account_currency: PaperCurrencyOption = None,
    accounts: AccountsOption = None,
    wait: WaitOption = None,
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Pause, cancel pending orders and close every position of the session.

    The command waits and names what is left; the session goes on closing that, after a restart too,
    until the account shows that nothing is left. With --account-profile no session is needed: the
    account itself is flattened.
    """
    if account_profile is not None:
        if wait is not None:
            raise WrongUsage("--wait goes with a session; an account is always waited for")
        if session is not None:
            raise WrongUsage("name a session or an --account-profile, not both")
        chosen = choose_account(account_profile, None, None, None, accounts, account_currency)
        return _flatten_account(chosen, results_folder(results_dir), everything, force)
    if everything or force or account_currency is not None:
        raise WrongUsage("--everything, --force and --account-currency go with --account-profile")
    return _flatten_session(session, reason, results_folder(results_dir), wait, json=json)


def _flatten_session(
    session: str | None, reason: str, results: Path, wait: float | None, *, json: bool
) -> int:
    from msgspec.structs import replace

    from scripts.app.operations.control import flatten, left_of

    seconds = _WAIT if wait is None else wait
    reply = flatten(session, results, reason, seconds)
    left = [] if reply.status is None else left_of(reply.status)
    if not seconds:
        return _show(reply, json=json)
    text = "paused; everything is closed"
    if left:
        ends = "it goes on closing" if _runs(reply) else "it ended: --resume goes on closing"
        text = f"paused; not closed within {seconds:g} s: {', '.join(left)}; {ends}"
        complain(text)
    _show(replace(reply, text=text), json=json)
    return ExitCode.TERMINAL if left else ExitCode.DONE


def _runs(reply: ControlReply) -> bool:
    return reply.status is not None and reply.status.running


def _flatten_account(account: ResolvedAccount, where: Path, everything: bool, force: bool) -> int:
    from scripts.app.operations.flatten_account import flatten_account
    from scripts.app.operations.takeover import end_mute_session
    from scripts.view.flatten_account import closing_line, step_line

    if force and (said := end_mute_session(account, where)):
        print(printable(said))
    flatten_account(
        account,
        where,
        lambda step: print(printable(step_line(step))),
        everything=everything,
        say=complain,
    )
    print(printable(closing_line(everything=everything)))
    tell_other_books(account, where)
    return ExitCode.DONE


def stop(
    session: SessionArgument = None,
    reason: ReasonOption = "",
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """End a session in order; open positions stay as they are."""
    return _order("stop", session, reason, results_dir, json=json)


def _order(
    action: Action, session: str | None, reason: str, results: Path | None, *, json: bool
) -> int:
    from scripts.app.operations.control import command

    return _show(command(action, session, results_folder(results), reason), json=json)


def _show(reply: ControlReply, *, json: bool) -> int:
    import msgspec

    from scripts.view.status_text import status_lines

    if json:
        print(printable_json(msgspec.json.encode(reply).decode()))
    elif reply.status is not None:
        if reply.status.running:
            print(printable(reply.text))
        print_lines(status_lines(reply.status))
    return ExitCode.DONE
