"""`butler status | pause | resume | flatten | stop`: orders to a session that runs elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import AppError, BadData, Refused, Unreachable, WrongUsage
from scripts.app.session_folder import home
from scripts.cli.shared.account_options import AccountsOption, ResultsOption, choose_account
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

if TYPE_CHECKING:
    from adapters.reports.status import Status
    from adapters.services.control_wire import Action, ControlReply

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
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the journal.")]


def status(
    session: SessionArgument = None, results_dir: ResultsOption = None, json: JsonOption = False
) -> int:
    """Show how a session stands; of one that is over, what its journal says."""
    from adapters.services.control_client import NotAnswering, NotRunning, SessionClient
    from adapters.services.control_wire import ControlReply

    folder = _folder(session, results_dir)
    try:
        reply = SessionClient(folder).status()
    except NotAnswering as error:
        raise _hangs(folder, error) from error
    except NotRunning as error:
        text = f"session {folder.name} is not running: {error}; this is from its journal"
        reply = ControlReply(done=True, text=text, status=journaled(folder))
        if not json:
            complain(text)
    return show(reply, folder, json=json)


def pause(
    session: SessionArgument = None,
    reason: ReasonOption = "",
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Let no new order leave; open positions are still managed."""
    return order("pause", session, reason, results_dir, json=json)


def resume(
    reason: ReasonOption,
    session: SessionArgument = None,
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Clear what only you may clear: a pause, a rejection, an unknown outcome, a maximum loss."""
    return order("resume", session, reason, results_dir, json=json)


def flatten(
    session: SessionArgument = None,
    reason: ReasonOption = "",
    account_profile: AccountOption = None,
    everything: EverythingOption = False,
    force: ForceOption = False,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    json: JsonOption = False,
) -> int:
    """Pause, cancel pending orders and close every position of the session.

    With --account-profile no session is needed: the account itself is flattened.
    """
    if account_profile is not None:
        return _flatten_account(account_profile, accounts, session, results_dir, everything, force)
    if everything or force:
        raise WrongUsage("--everything and --force go with --account-profile")
    return order("flatten", session, reason, results_dir, json=json)


def _flatten_account(
    profile: str,
    accounts: Path | None,
    session: str | None,
    results: Path | None,
    everything: bool,
    force: bool,
) -> int:
    if session is not None:
        raise WrongUsage("name a session or an --account-profile, not both")
    from scripts.cli.flatten_account import flatten_account

    account = choose_account(profile, None, None, None, accounts)
    where = results if results is not None else home() / "results"
    return flatten_account(account, where, everything=everything, force=force)


def stop(
    session: SessionArgument = None, results_dir: ResultsOption = None, json: JsonOption = False
) -> int:
    """End a session in order; open positions stay as they are."""
    return order("stop", session, "", results_dir, json=json)


def order(
    action: Action, session: str | None, reason: str, results: Path | None, *, json: bool
) -> int:
    """Give an order; raises AppError with exit code 4 when the session does not take it."""
    from adapters.services.control_client import NotAnswering, NotRunning, SessionClient
    from adapters.services.control_wire import LONGEST_REASON, ControlRequest

    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise WrongUsage(f"--reason: write one line of at most {LONGEST_REASON} characters")
    folder = _folder(session, results)
    try:
        reply = SessionClient(folder).ask(ControlRequest(action=action, reason=reason))
    except NotAnswering as error:
        raise _hangs(folder, error) from error
    except NotRunning as error:
        raise Unreachable(
            f"session {folder.name} is not running: {error}; its journal says: "
            f"{_last_words(folder)}"
        ) from error
    return show(reply, folder, json=json)


def _hangs(folder: Path, error: Exception) -> AppError:
    from adapters.services.control_client import Mute

    remedy = "look at its heartbeat, log and terminal"
    if isinstance(error, Mute):
        remedy += "; butler flatten --account-profile NAME --force takes its account over"
    return Unreachable(f"session {folder.name}: {error}; {remedy}")


def _folder(session: str | None, results: Path | None) -> Path:
    from scripts.app.session_folder import find_journal

    where = results if results is not None else home() / "results"
    return find_journal(where, session).parent if session is not None else only_live(where)


def only_live(results: Path) -> Path:
    """The folder of the only session that runs; raises AppError for none or several."""
    from adapters.services.control_client import NotRunning, live_access
    from adapters.services.control_wire import FILE_NAME

    live: list[Path] = []
    for file in sorted((results / "sessions").glob(f"*/{FILE_NAME}")):
        try:
            live_access(file.parent)
        except NotRunning:
            continue
        live.append(file.parent)
    if not live:
        raise Unreachable(
            f"no session runs in {results / 'sessions'}; name one to see how it ended, or give "
            "the folder of the results with --results-dir"
        )
    if len(live) > 1:
        names = ", ".join(folder.name for folder in live)
        raise WrongUsage(f"several sessions run: {names}; name one of them")
    return live[0]


def journaled(folder: Path) -> Status:
    """How the session stood by its journal; raises AppError when that cannot be read."""
    import msgspec

    from adapters.journal import StoredJournal
    from adapters.reports.status import EVENT_NAMES, StatusFold
    from engine.journal import JournalDamaged
    from scripts.app.session_folder import JOURNAL

    fold = StatusFold()
    try:
        with StoredJournal(folder / JOURNAL) as stored:
            for record in stored.records(kinds=EVENT_NAMES):
                fold.take(record)
            status = fold.recorded()
            # Inputs have no part in the status, but the last of them is how far the session came.
            last = next(iter(stored.records(stored.last_seq)), None)
        if last is not None and last.seq > status.seq:
            return msgspec.structs.replace(status, seq=last.seq, time=last.time)
        return status
    except (JournalDamaged, ValueError) as error:
        raise BadData(str(error)) from error


def _last_words(folder: Path) -> str:
    """How the session ended by its journal, or why that does not tell."""
    from scripts.view.status_text import life

    try:
        status = journaled(folder)
    except AppError as error:
        return f"nothing ({error})"
    left = f", {len(status.positions)} positions open" if status.positions else ""
    return f"{life(status)}, trading {status.state}{left}"


def show(reply: ControlReply, folder: Path, *, json: bool) -> int:
    """Print a reply; raises AppError when the session refused."""
    import msgspec

    from scripts.view.status_text import status_lines

    if not reply.done:
        raise Refused(f"session {folder.name}: {reply.text}")
    if json:
        print(msgspec.json.encode(reply).decode())
        return ExitCode.DONE
    if reply.status is not None:
        if reply.status.running:
            print(printable(reply.text))
        print("\n".join(status_lines(reply.status)))
    return ExitCode.DONE
