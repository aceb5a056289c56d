"""Signs of life for whoever watches from outside: a file, and a ping to a dead man's switch.

Both come from the session's loop, so they stop when the loop hangs, not only when the process ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import anyio
import msgspec

from adapters.system.atomic_files import replace_file
from adapters.system.outbox import Outbox
from adapters.system.small_files import small_file
from adapters.system.threads import in_daemon
from engine.decoding import from_json
from engine.types import Millis

Warn = Callable[[str], None]

_PING_SECONDS: Final = 10.0
_MISSED: Final = 3
"""Beats that may be missing before their session is taken for mute."""

_WRITE_SECONDS: Final = 30.0
_LAST_WRITE_SECONDS: Final = 2.0


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of life. `time` is ms UTC, `seq` the last record; `alive` is False in the last."""

    session: str
    pid: int
    time: Millis
    seq: int
    state: str
    alive: bool = True
    every: float = 5.0
    """Seconds until the next one is due."""

    def fresh(self, age: float) -> bool:
        """Whether the session whose last beat is `age` seconds old lives: by that, not its word.

        A process that hangs, or was killed, leaves a beat that says alive. (`time` is that of the
        session's market, which may be another than this machine's.)
        """
        return self.alive and age <= _MISSED * max(1.0, self.every)


class Heartbeat:
    """Writes a beat to a file every so many seconds, in one step each; `run` until cancelled."""

    def __init__(
        self, file: Path, beat: Callable[[], Beat], warn: Warn, *, every: float = 5.0
    ) -> None:
        self._file = file
        self._beat = beat
        self._warn = warn
        self._every = every
        self._failing = False
        self._given = 0
        self._one_at_a_time = threading.Lock()

    async def run(self) -> None:
        """Raises TimeoutError for a disk that hangs."""
        try:
            while True:
                await self._write(self._beat(), _WRITE_SECONDS)
                await anyio.sleep(self._every)
        finally:
            with anyio.CancelScope(shield=True), contextlib.suppress(TimeoutError):
                await self._write(
                    msgspec.structs.replace(self._beat(), alive=False), _LAST_WRITE_SECONDS
                )

    async def _write(self, beat: Beat, seconds: float) -> None:
        """A full disk or a locked file is reported once; trading does not depend on this file."""
        try:
            with anyio.fail_after(seconds):
                await in_daemon(partial(self._write_newest, self._number(), beat))
        except TimeoutError as error:
            raise TimeoutError(f"{self._file} cannot be written: the disk hangs") from error
        except OSError as error:
            if not self._failing:
                self._warn(f"heartbeat: {self._file} cannot be written ({error.strerror})")
            self._failing = True
        else:
            self._failing = False

    def _number(self) -> int:
        self._given += 1
        return self._given

    def _write_newest(self, number: int, beat: Beat) -> None:
        """A beat that a slow disk held up must not come after one that is newer."""
        with self._one_at_a_time:
            if number == self._given:
                write_beat(self._file, beat)


def write_beat(file: Path, beat: Beat) -> None:
    """Write one beat in one step; raises OSError."""
    replace_file(file, msgspec.json.encode(beat) + b"\n")


def read_beat(file: Path) -> tuple[Beat, float] | None:
    """The last beat in `file` and its age in seconds; None where none can be read."""
    try:
        age = time.time() - file.stat().st_mtime
        return from_json(small_file(file), Beat), age
    except (OSError, msgspec.DecodeError):
        return None


def ping_complaint(url: str) -> str | None:
    """What is wrong with `url` as the address to ping, without quoting it; None if nothing is."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and parts.hostname
    except ValueError:
        usable = None
    return None if usable else "must be an address that begins with https:// or http://"


class Ping:
    """Asks for an address every so many seconds; the service behind it alerts when that stops.

    The address is a secret: it is in no message.
    """

    def __init__(self, url: str, warn: Warn, *, every: float = 60.0) -> None:
        """Raises ValueError for what is no address."""
        if complaint := ping_complaint(url):
            raise ValueError(f"the address to ping {complaint}")
        self._request = urllib.request.Request(url, method="GET")  # noqa: S310 - checked above
        self._warn = warn
        self._every = every
        self._answers = 0  # counted in the outbox's thread
        self._answers_seen = 0
        self._failing = False

    def __repr__(self) -> str:
        return "Ping(address hidden)"

    async def run(self) -> None:
        outbox: Outbox[None] = Outbox("ping", self._ask, room=1)
        try:
            while True:
                outbox.put(None)
                await anyio.sleep(self._every)
                news = outbox.news()
                self._tell(bool(news.failed or news.dropped))
        finally:
            outbox.finish(0)

    def _ask(self, _: None) -> None:
        with urllib.request.urlopen(self._request, timeout=_PING_SECONDS) as answer:  # noqa: S310
            answer.read(1)
        self._answers += 1

    def _tell(self, failing: bool) -> None:
        """Reported once until the address answers again: a ping under way says nothing either
        way."""
        answers, seen = self._answers, self._answers_seen
        self._answers_seen = answers
        if failing and not self._failing:
            self._warn("heartbeat: the address to ping does not answer; look at the service")
        self._failing = failing or (self._failing and answers == seen)
