"""Where an account's state lies, and its lock: one for a user, a server and a login.

The built-in paper account is one account for each folder of results, since its books lie there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.state.errors import StateFailed
from adapters.state.place import VARIABLE, account_folder, prepare, state_folder
from adapters.system.account_lock import AccountBusy, AccountLock
from scripts.app.errors import Refused, WrongUsage

if TYPE_CHECKING:
    from config.loader import ResolvedAccount

PAPER = "PAPER"
"""The built-in profile: a paper terminal in a host of its own, on any system."""

_BOOKS = "paper_account.json"
_HOSTS = "hosts"


def place_of(account: ResolvedAccount, results: Path) -> Path:
    """The folder of the account's ledger and lock."""
    state = results if account.profile == PAPER else state_folder(os.environ, Path.home())
    return account_folder(state, account.server, account.login)


def paper_books(account: ResolvedAccount, results: Path) -> Path | None:
    """The books of the paper account, which every session that sends to it shares."""
    return place_of(account, results) / _BOOKS if account.profile == PAPER else None


def prepared(account: ResolvedAccount, results: Path) -> Path:
    """The same folder, made. Raises AppError with the remedy."""
    folder = place_of(account, results)
    try:
        prepare(folder)
    except StateFailed as error:
        raise WrongUsage(str(error)) from error
    return folder


def results_of(state: Path) -> Path:
    """The folder of results whose terminal hosts lie in `state`."""
    return state.parent if state.name == _HOSTS else state


def lock_of(account: ResolvedAccount, results: Path, session: str) -> AccountLock:
    """The account's lock, not yet taken. Raises AppError with the remedy."""
    return AccountLock(prepared(account, results), _name(account), session)


def _name(account: ResolvedAccount) -> str:
    return f"account {account.login} on {account.server}"


@contextmanager
def held(account: ResolvedAccount, results: Path, session: str) -> Iterator[None]:
    """The account for `session` alone; released at the end, and when the process ends.

    Raises Refused when another session has it.
    """
    # A Butler of the last release locks the folder of results.
    earlier = results / _HOSTS / f"{account.server}-{account.login}"
    locks = [lock_of(account, results, session), AccountLock(earlier, _name(account), session)]
    try:
        _take(locks, results)
        yield
    finally:
        for lock in locks:
            lock.release()


def _take(locks: Sequence[AccountLock], results: Path) -> None:
    for lock in locks:
        where = "--results-dir" if lock.folder.is_relative_to(results) else VARIABLE
        remedy = f"remove what is there, or choose another folder with {where}"
        try:
            lock.acquire()
        except AccountBusy as error:
            raise Refused(
                f"{error}; stop it first (butler stop SESSION), or use another account"
            ) from error
        except OSError as error:
            raise WrongUsage(
                f"{lock.path}: the account cannot be locked ({error.strerror}); {remedy}"
            ) from error
