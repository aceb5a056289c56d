"""What a session writes its journal with: the loop never waits on the disk.

`append` only encodes and queues; a thread commits whole batches. What is appended between two calls
of `room`, `durable` or `showable` is committed together: as the bus works an input off without a
pause, an input and all that follows from it are on the disk whole or not at all. `durable` waits
for the commit that holds a record, and so does `showable` on an account; `room` holds the feed back
while too many batches are unwritten.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import anyio
import anyio.to_thread

from adapters.journal.chain import Row
from adapters.journal.runs import RecordBuffer
from adapters.journal.store import BUSY_SECONDS, Store, failure
from engine.events import Record
from engine.journal import JournalDamaged, JournalFailed, JournalHash

_MAX_WAITING = 64
_WORTH_A_COMMIT = 8_192
"""Records that a commit is begun for where nobody waits for any of them: a replay's."""
_MAX_WAITING_LARGE = 8
"""Of such batches; so what is in memory stays within some 20 MB."""


class SqliteJournal:
    """Implements `engine.ports.Journal` in a new file, or goes on in one that was reopened.

    Must be created inside a running event loop.
    """

    def __init__(
        self,
        path: Path,
        *,
        power_safe: bool,
        busy_seconds: float = BUSY_SECONDS,
        reopened: Store | None = None,
    ) -> None:
        """`power_safe` synchronises every commit with the disk: needed where the venue outlives us.

        Without it a power cut may cost the last commits, never the file's integrity: enough where
        the venue is simulated in this process and dies with it. A commit waits for another program
        that locks the file for `busy_seconds`; then the journal has failed.

        Raises JournalFailed when there is a file at `path` already; see `reopen`.
        """
        if reopened is None and path.exists():
            raise JournalFailed(f"{path}: a journal exists here already; nothing is overwritten")
        self._path = path
        self._power_safe = power_safe
        self._busy_seconds = busy_seconds
        self._reopened = reopened
        last_seq = reopened.last_seq if reopened else 0
        self._pending = RecordBuffer(str(path), last_seq, together=not power_safe)
        self.append: Callable[[Record], None] = self._pending.append
        """Takes the next record, see `RecordBuffer.append`."""
        self._max_waiting = _MAX_WAITING if power_safe else _MAX_WAITING_LARGE
        self._batches: queue.SimpleQueue[list[Row] | None] = queue.SimpleQueue()
        self._handed_over = 0
        self._written_batches = 0
        self._written_seq = last_seq
        self._hexdigest = reopened.hexdigest if reopened else JournalHash().hexdigest()
        self._progress = anyio.Event()
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._writer.start()

    @classmethod
    async def reopen(
        cls, path: Path, *, power_safe: bool, busy_seconds: float = BUSY_SECONDS
    ) -> Self:
        """The journal at `path`, to be continued with the record `last_seq` + 1.

        It may be sealed or left by a process that was killed. What a session builds on is checked
        first. Raises JournalDamaged when it is not in order (then nothing is changed),
        JournalFailed when another process writes to it or it cannot be written to.
        """

        def open_store() -> Store:
            return Store.reopen(path, power_safe=power_safe, busy_seconds=busy_seconds)

        try:
            store = await anyio.to_thread.run_sync(open_store)
        except JournalDamaged:
            raise
        except Exception as error:
            raise failure(path, error) from error
        return cls(path, power_safe=power_safe, reopened=store)

    # --- the loop's side ---

    @property
    def last_seq(self) -> int:
        """The number of the last record that was appended, by whichever session; 0 at first."""
        return self._pending.last_seq

    @property
    def hexdigest(self) -> str:
        """The journal hash of everything written so far."""
        return self._hexdigest

    async def room(self) -> None:
        self._check()
        if not self._power_safe and len(self._pending) < _WORTH_A_COMMIT:
            return
        self._hand_over()
        while self._handed_over - self._written_batches > self._max_waiting:
            await self._next_progress()

    async def durable(self, seq: int) -> None:
        """Wait for the commit with the record `seq`; raises JournalFailed if it never comes."""
        self._check()
        if seq > self._pending.last_seq:
            raise JournalFailed(f"{self._path}: record {seq} was never appended")
        self._hand_over()
        while self._written_seq < seq:
            await self._next_progress()

    async def showable(self, seq: int) -> None:
        """Wait for the commit with the record `seq`; at once for a replay, which is run again, and
        when the journal has failed."""
        if not self._power_safe:
            return
        self._hand_over()
        while self._written_seq < seq and self._pending.failure is None:
            await self._progress.wait()

    async def close(self) -> None:
        """Write the rest, seal the file with the journal hash and merge the write-ahead log."""
        try:
            self._hand_over()
        finally:
            self._batches.put(None)
            await anyio.to_thread.run_sync(self._writer.join)
        self._check()

    def _hand_over(self) -> None:
        if self._pending:
            self._handed_over += 1
            self._batches.put(self._pending.take())

    def _check(self) -> None:
        if self._pending.failure is not None:
            failed = self._pending.failure
            raise JournalFailed(str(failed)) from failed.__cause__

    async def _next_progress(self) -> None:
        self._check()
        await self._progress.wait()

    def _wake(self) -> None:
        self._progress.set()
        self._progress = anyio.Event()

    # --- the writer's side ---

    def _write_all(self) -> None:
        try:
            store = self._reopened or self._create()
            try:
                self._write_batches(store)
                if self._pending.failure is None:  # else there are records that it lacks
                    store.seal()
            finally:
                store.close()
        except Exception as error:
            # Whatever it is, the loop must hear of it: nobody else would.
            failed = failure(self._path, error)
            failed.__cause__ = error
            self._pending.failure = failed
        self._tell_loop()

    def _create(self) -> Store:
        return Store.create(
            self._path, power_safe=self._power_safe, busy_seconds=self._busy_seconds
        )

    def _write_batches(self, store: Store) -> None:
        while (batch := self._batches.get()) is not None:
            count = 1
            # What came meanwhile joins the same commit: one synchronisation serves them all.
            while not self._batches.empty():
                more = self._batches.get()
                if more is None:
                    self._batches.put(None)
                    break
                batch.extend(more)
                count += 1
            store.write(batch)
            self._hexdigest = store.hexdigest
            self._written_batches += count
            self._written_seq = store.last_seq
            self._tell_loop()

    def _tell_loop(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop is gone: nobody waits any more.
            return
