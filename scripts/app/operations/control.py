"""Commands to a session that runs in another process, and what its journal says once it is over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import msgspec

from adapters.journal import StoredJournal
from adapters.reports.status import EVENT_NAMES, Status, StatusFold
from adapters.services.control_client import (
    Mute,
    NotAnswering,
    NotRunning,
    SessionClient,
    shows_life,
)
from adapters.services.control_wire import (
    FILE_NAME,
    LONGEST_REASON,
    Action,
    ControlReply,
    ControlRequest,
)
from adapters.services.last_cause import ended_by_watchdog
from engine.journal import JournalDamaged
from scripts.app.errors import AppError, BadData, Refused, Unreachable, WrongUsage
from scripts.app.session_folder import HEARTBEAT, JOURNAL, LOG, find_journal

_LOOK_SECONDS: Final = 0.3
"""So often a flatten is looked after."""

FROM_COMMAND_LINE: Final = "cli"
"""The origin on record of what `butler pause` and its like order."""


def _folder_of(session: str | None, results: Path) -> Path:
    """The folder of the session that the user named, or of the only one that runs."""
    return find_journal(results, session).parent if session is not None else only_live(results)


def status_of(session: str | None, results: Path) -> ControlReply:
    """How a session stands; of one that is over, what its journal says. Raises AppError."""
    folder = _folder_of(session, results)
    try:
        return _taken(SessionClient(folder).status(), folder)
    except NotAnswering as error:
        raise _hangs(folder, error) from error
    except NotRunning as error:
        text = f"session {folder.name} is not running: {_gone(error, folder)}"
        text += "; this is from its journal"
        return ControlReply(done=True, text=text, status=journaled(folder))


def command(action: Action, session: str | None, results: Path, reason: str) -> ControlReply:
    """Send a command to a session; raises AppError when it does not take it."""
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise WrongUsage(f"--reason: write one line of at most {LONGEST_REASON} characters")
    folder = _folder_of(session, results)
    request = ControlRequest(action=action, reason=reason, origin=FROM_COMMAND_LINE)
    try:
        return _taken(SessionClient(folder).ask(request), folder)
    except NotAnswering as error:
        raise _hangs(folder, error) from error
    except NotRunning as error:
        raise Unreachable(
            f"session {folder.name} is not running: {_gone(error, folder)}; its journal says: "
            f"{_last_words(folder)}"
        ) from error


def _gone(error: NotRunning, folder: Path) -> str:
    """How it shows that a session is gone, and why where its watchdog ended it."""
    why = ended_by_watchdog(folder / LOG)
    return f"{error}; {why}; --resume {folder.name} goes on with it" if why else str(error)


def flatten(session: str | None, results: Path, reason: str, seconds: float) -> ControlReply:
    """Have a session close everything, and wait up to so many seconds until nothing is left.

    The answer's text says what is left. Raises AppError when the session does not take the order.
    """
    folder = _folder_of(session, results)
    reply = command("flatten", str(folder), results, reason)
    until = time.monotonic() + seconds
    while time.monotonic() < until and reply.status is not None and left_of(reply.status):
        if not reply.status.running:
            break
        time.sleep(_LOOK_SECONDS)
        reply = status_of(str(folder), results)
    return reply


def left_of(status: Status) -> list[str]:
    """What a flatten still has to close or cancel, each in words."""
    left = [
        f"position {item.ticket} {item.symbol} {item.side} {item.volume:.2f}"
        for item in status.positions
    ]
    for item in status.orders:
        outcome = " (its outcome is unknown)" if item.order_id in status.unresolved else ""
        left.append(f"order {item.order_id} {item.action} {item.symbol}{outcome}")
    return left


def _taken(reply: ControlReply, folder: Path) -> ControlReply:
    if not reply.done:
        raise Refused(f"session {folder.name}: {reply.text}")
    return reply


def _hangs(folder: Path, error: Exception) -> AppError:
    remedy = "look at its heartbeat, log and terminal"
    if isinstance(error, Mute):
        remedy += "; butler flatten --account-profile NAME --force takes its account over"
    return Unreachable(f"session {folder.name}: {error}; {remedy}")


def only_live(results: Path) -> Path:
    """The folder of the only session that runs; raises AppError for none or several."""
    files = (results / "sessions").glob(f"*/{HEARTBEAT}")
    folders = {file.parent for file in (*files, *(results / "sessions").glob(f"*/{FILE_NAME}"))}
    live = [folder for folder in sorted(folders) if shows_life(folder)]
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
    try:
        status = journaled(folder)
    except AppError as error:
        return f"nothing ({error})"
    left = f", {len(status.positions)} positions open" if status.positions else ""
    return f"{status.life}, trading {status.state}{left}"
