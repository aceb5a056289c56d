"""Taking an account over from a session that does not answer any more."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from adapters.services.control_client import Mute, NotAnswering, NotRunning, SessionClient
from adapters.system import processes
from adapters.system.account_lock import AccountBusy, AccountLock, Holder
from scripts.app.errors import Refused

_ANSWER_SECONDS: Final = 20.0
"""Longer than a heartbeat may be missing, so that a session that only is busy is seen to be."""

_END_SECONDS: Final = 10.0


def end_mute_session(lock: AccountLock, results: Path) -> str | None:
    """End the process of the session that holds the account, if it does not answer.

    What it says to the user about it; None when nobody holds the account. Raises Refused for a
    session that answers, and for a holder that cannot be proved to be the process it names: an id
    that another process has got meanwhile is never ended.
    """
    try:
        lock.acquire()
    except AccountBusy as error:
        return _ended(error.holder, results)
    lock.release()
    return None


def _ended(holder: Holder | None, results: Path) -> str:
    if holder is None or not holder.birth or processes.birth_of(holder.pid) != holder.birth:
        raise Refused(
            "the account is held by a process that cannot be proved to be a session of this "
            "program: end it by hand, then give the command again without --force"
        )
    folder = results / "sessions" / holder.session
    try:
        SessionClient(folder, seconds=_ANSWER_SECONDS).status()
    except Mute:
        pass
    except (NotAnswering, NotRunning) as error:
        raise Refused(
            f"session {holder.session} (process {holder.pid}) is not proved to hang: {error}; "
            f"--results-dir must be its own folder, here {results}; give the command again, or "
            "end the process by hand"
        ) from error
    else:
        raise Refused(
            f"session {holder.session} answers: butler flatten {holder.session} closes its "
            "positions; --force is for one that does not answer"
        )
    processes.end(holder.pid)
    if not processes.wait_until_gone(holder.pid, holder.birth, _END_SECONDS):
        raise Refused(f"process {holder.pid} of session {holder.session} cannot be ended")
    return f"session {holder.session} did not answer: its process {holder.pid} was ended"
