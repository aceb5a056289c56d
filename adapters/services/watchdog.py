"""Watches that a session's loop turns; works while the loop does not, and ends what never returns.

A thread looks at the age of the last turn: after a while it says where the loop stands (log, alert,
heartbeat), after a longer while it ends the process, so that whoever supervises it can start it
again. That thread is blind while one call holds the interpreter (a regex that backtracks); a timer
of `faulthandler`, which every turn sets anew, needs neither and ends the process a little later,
as an internal error does. To that timer a process that was stopped, or a machine that was paused,
looks the same; a shorter pause is logged and survived.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import anyio
import msgspec

from adapters.system.outbox import Outbox
from adapters.system.small_files import small_file

HANGS: Final = "hangs.txt"
"""The file in a session's folder that tells where its loop stood when its process was ended."""

_LONGEST: Final = 1 << 24
"""Bytes of that file; the stacks of one hang have some thousand."""

_TURN_SECONDS: Final = 0.5
_LATER_SECONDS: Final = 2.0
_STARTS: Final = 4
START_HANGS: Final = "the start hangs"
NOTHING_RAN: Final = (
    "nothing of the process ran: one call held the interpreter, "
    "or it was stopped, or the machine was paused"
)
_OPENING: Final = "the loop did not turn for"
_TIMER_OPENING: Final = "Timeout ("


class WatchdogTerms(msgspec.Struct, frozen=True, kw_only=True):
    """After how many seconds without a turn it is said, and the process ended by `leave`."""

    leave: Callable[[], None]
    told_after: float = 10.0
    ended_after: float = 30.0
    last_words: float = 10.0
    """Seconds that the notice of a hang may take to be written before the process ends: the thread
    that writes it shares the interpreter with code that hangs by computing."""

    @property
    def start_limit(self) -> float:
        """Seconds that a user's code may take while it is loaded and made."""
        return _STARTS * self.ended_after


@contextmanager
def limited(
    terms: WatchdogTerms, tell: Callable[[str], None], folder: Path | None = None
) -> Iterator[None]:
    """End the process, as an internal error does, when what is inside is not over in time.

    For code of a user's that runs before the loop turns: `tell` hears where it stands before it is
    ended, unless one call holds the interpreter. Its stacks go to the session's `folder`, or to
    stderr.
    """
    path = None if folder is None else folder / HANGS
    over, own = threading.Event(), threading.get_ident()

    def watch() -> None:
        if not over.wait(terms.told_after):
            tell(
                f"{START_HANGS}: not over after {terms.told_after:g} s, it stands at "
                f"{_place(own)}; after {terms.start_limit:g} s the process is ended"
            )

    with _stacks_to(path) as file:
        faulthandler.dump_traceback_later(terms.start_limit, exit=True, file=file)
        threading.Thread(target=watch, name="start", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            faulthandler.cancel_dump_traceback_later()
    if path is not None:
        _leave_no_empty(path)


def _stacks_to(path: Path | None) -> IO[bytes]:
    """The file, or a second handle on stderr; nowhere where there is none any more."""
    if path is not None:
        return path.open("ab", buffering=0)
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb", buffering=0)
    except (AttributeError, OSError, ValueError):
        return Path(os.devnull).open("wb", buffering=0)


def _leave_no_empty(path: Path) -> None:
    with suppress(FileNotFoundError):  # the user may remove it at any time
        if not path.stat().st_size:
            path.unlink(missing_ok=True)


def _place(thread: int) -> str:
    """Where a thread stands, innermost first; no values, which may be secrets."""
    frame = sys._current_frames().get(thread)
    places: list[str] = []
    while frame is not None and len(places) < 12:
        code = frame.f_code
        places.append(f"{code.co_name} ({code.co_filename}:{frame.f_lineno})")
        frame = frame.f_back
    return " < ".join(places)


class Watchdog:
    """Work that lasts as long as the session; `run` is the loop's turns."""

    def __init__(
        self,
        folder: Path,
        terms: WatchdogTerms,
        hangs: Callable[[str], None],
        turns_again: Callable[[], None],
    ) -> None:
        """`hangs` takes where the loop stands, `turns_again` hears that it went on; both are called
        in a thread of their own, which may hang with them.
        """
        self._path = folder / HANGS
        self._terms = terms
        self._hangs = hangs
        self._turns_again = turns_again
        self._turned = time.monotonic()
        self._over = threading.Event()
        self._loop_thread = threading.get_ident()

    async def run(self) -> None:
        self._loop_thread = threading.get_ident()
        self._over.clear()
        try:
            with self._path.open("ab", buffering=0) as file:
                await self._keep_turning(file)
        finally:
            _leave_no_empty(self._path)

    async def _keep_turning(self, file: IO[bytes]) -> None:
        try:
            self._turn(file)
            threading.Thread(target=self._watch, args=(file,), name="watchdog", daemon=True).start()
            while True:
                await anyio.sleep(min(_TURN_SECONDS, self._terms.told_after / 4))
                self._turn(file)
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._over.set()

    def _turn(self, file: IO[bytes]) -> None:
        self._turned = time.monotonic()
        later = self._terms.ended_after + self._terms.last_words + _LATER_SECONDS
        faulthandler.dump_traceback_later(later, exit=True, file=file)

    def _watch(self, file: IO[bytes]) -> None:
        outbox: Outbox[Callable[[], None]] = Outbox("hang", lambda tell: tell(), room=4)
        told, away, looked = False, 0.0, time.monotonic()
        while not self._over.wait(min(_TURN_SECONDS, self._terms.told_after / 4)):
            since, looked = looked, time.monotonic()
            age = looked - self._turned
            if age < self._terms.told_after:
                if told:
                    outbox.put(self._turns_again)
                told, away = False, 0.0
                continue
            if looked - since > self._terms.told_after:
                away += looked - since  # nor did this thread run: the loop's turn may come next
            if not told:
                told = True
                where = self._where(age, away)
                outbox.put(lambda where=where: self._hangs(where))  # type: ignore[misc]
            if age - away >= self._terms.ended_after:
                outbox.finish(self._terms.last_words)
                self._end(file, age)
        outbox.finish(0)

    def _where(self, age: float, away: float) -> str:
        where = f"no turn for {age:.0f} s, the loop stands at {_place(self._loop_thread)}"
        return f"{where}; for {away:.0f} s of it {NOTHING_RAN}" if away else where

    def _end(self, file: IO[bytes], age: float) -> None:
        file.write(f"{_OPENING} {age:.0f} s\n".encode())
        faulthandler.dump_traceback(file=file, all_threads=True)
        self._terms.leave()


def hangs_within(folder: Path, source: str) -> int:
    """How often a session's process was ended while code that `source` (a file) called hung.

    Raises OSError for a file that is there and cannot be read.
    """
    try:
        text = small_file(folder / HANGS, _LONGEST).decode(errors="replace")
    except FileNotFoundError:
        return 0
    hangs: list[bool] = []
    for line in text.splitlines():
        if line.startswith((_OPENING, _TIMER_OPENING)):
            hangs.append(False)
        elif hangs and f'"{source}"' in line:
            hangs[-1] = True
    return sum(hangs)


def last_end(folder: Path) -> str:
    """How the last process that was ended for a hang ended, in words; nothing where none was.

    Raises OSError for a file that cannot be read.
    """
    text = small_file(folder / HANGS, _LONGEST).decode(errors="replace")
    ends = [line for line in text.splitlines() if line.startswith((_OPENING, _TIMER_OPENING))]
    if not ends:
        return ""
    if ends[-1].startswith(_OPENING):
        return ends[-1]
    after = ends[-1].removeprefix(_TIMER_OPENING).rstrip("!").removesuffix(")")
    return f"{_OPENING} {after} (h:m:s); it hung, or {NOTHING_RAN}"
