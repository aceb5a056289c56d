"""The account's store in a thread of its own: awaitable, and never two changes at once."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from adapters.state.damage import session_folders, set_aside
from adapters.state.errors import StateFailed
from adapters.state.store import FILE, AccountStore
from scripts.app.account.place import prepared
from scripts.app.account.rebuilding import journals_of, rebuild
from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from config.loader import ResolvedAccount

T = TypeVar("T")


class AccountBooks:
    """Runs jobs on the store, in the order in which they were asked for."""

    def __init__(self, folder: Path, login: int, server: str, results: Path) -> None:
        """A store that is lost or damaged is made anew from the sessions below `results`."""
        self.folder = folder
        self._results = results
        self._login, self._server = login, server
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._store: AccountStore | None = None
        self.set_aside: Path | None = None
        """Where a damaged file went that was found at the beginning."""
        self.rebuilt = 0
        """From the journals of how many sessions the store was made anew."""

    async def open(self) -> None:
        """Open the store; one that is damaged is set aside. Raises StateFailed."""
        await self._run(self._open)

    def _open(self) -> None:
        known = (self.folder / FILE).exists()
        others: list[str] = []
        try:
            store = AccountStore(self.folder, self._login, self._server)
        except StateFailed as error:
            if not error.damaged:
                raise
            known, others = False, session_folders(self.folder)
            stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
            self.set_aside = set_aside(self.folder, stamp)
            store = AccountStore(self.folder, self._login, self._server)
        self._store = store
        if not known:
            journals = journals_of(self._results, others)
            self.rebuilt = rebuild(store, self._login, self._server, journals)

    async def run(self, job: Callable[[AccountStore], T]) -> T:
        """Do `job` on the store; raises what it raises."""
        return await self._run(lambda: self._job(job))

    def _job(self, job: Callable[[AccountStore], T]) -> T:
        if self._store is None:
            raise StateFailed(self.folder, "is not open")
        return job(self._store)

    async def close(self) -> None:
        """Close the store and end its thread."""
        try:
            await self._run(self._close)
        finally:
            self._worker.shutdown(wait=False)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._worker.submit(work))


@asynccontextmanager
async def opened(account: ResolvedAccount, results: Path) -> AsyncIterator[AccountBooks]:
    """The account's store, closed in the end. Raises AppError with the remedy."""
    books = AccountBooks(prepared(account, results), account.login, account.server, results)
    try:
        try:
            await books.open()
        except StateFailed as error:
            raise WrongUsage(str(error)) from error
        yield books
    finally:
        await books.close()
