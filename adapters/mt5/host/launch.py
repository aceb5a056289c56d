"""Where a terminal host comes from: a process of our own, or one that runs elsewhere.

A local host is written down in the state folder while it lives. When a session has crashed while
its host hung in a call, the next session finds it there and ends it before starting another: two
programs at one terminal would be worse than a killed call.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Final, Protocol, cast

import msgspec
from filelock import lock_descriptor

from adapters.mt5.api.errors import HostStartFailed
from adapters.mt5.host.service import HostConfig
from adapters.mt5.host.wire import Deadline
from adapters.system import processes
from adapters.system.atomic_files import replace_file
from engine.decoding import from_json

PYTHON_HOST: Final = (sys.executable, "-m", "adapters.mt5.host")
"""The host in the Python that runs us."""

SECRET_ENVIRONMENT: Final = "OMEGA_MT5_"  # noqa: S105 - a prefix of names, not a secret
"""Variables that begin so are kept from the host: it gets its secrets on standard input."""

_ROOT: Final = Path(__file__).resolve().parents[3]
_END_SECONDS: Final = 5.0
_LONGEST_NOTE: Final = 1 << 16


class Started(msgspec.Struct, frozen=True):
    """A host that listens.

    ``ended_orphan``: one of a crashed session had to be ended first; the outcome of its last call
    is unknown.
    """

    port: int
    ended_orphan: bool = False


class Launcher(Protocol):
    """How a `TerminalClient` gets a host and gets rid of it. Used from one thread."""

    config: HostConfig
    owns_host: bool

    def start(self, deadline: Deadline) -> Started:
        """Have a host listening. Raises HostStartFailed."""

    def is_alive(self) -> bool:
        """Whether the host that was started still runs, as far as that can be known."""

    def kill(self) -> None:
        """End the host at once."""

    def close(self) -> None:
        """End the host if it is ours, and let go of the state folder."""


class RemoteHost:
    """A host that someone else started: on another machine, reached through an SSH tunnel.

    Its port is on this machine's loopback interface. It cannot be killed from here: a call that
    hangs is ended by the host's own watchdog, and whatever supervises it starts it again.
    """

    owns_host = False

    def __init__(self, port: int, config: HostConfig) -> None:
        self.config = config
        self._port = port

    def start(self, deadline: Deadline) -> Started:
        deadline.remaining()
        return Started(port=self._port)

    def is_alive(self) -> bool:
        return True

    def kill(self) -> None:
        """Nothing to end from here."""

    def close(self) -> None:
        """Nothing to let go of."""


class _Note(msgspec.Struct, forbid_unknown_fields=True):
    """What is written down of a running host: enough to know it again, and no secret."""

    pid: Annotated[int, msgspec.Meta(ge=1)]
    birth: str


class _Announcement(msgspec.Struct):
    """The first line of a host: the port that it listens on, or why it cannot work."""

    port: int | None = None
    error: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        if self.port is None and not self.error:
            raise ValueError("neither port nor error")


def _own_note(note: Path) -> bytes | None:
    """What stands there; None unless nobody but its owner, this user, can have written it.

    A process is ended because of it, so it is judged and read through one handle: where others may
    write to the folder, another file could be put in its place meanwhile. (On Windows the folder's
    rights decide.) Raises OSError.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(note, flags)
    except PermissionError:
        if sys.platform != "win32" and note.lstat().st_uid != os.getuid():
            return None
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LONGEST_NOTE) if _is_ours(os.fstat(descriptor)) else None


def _is_ours(facts: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    others_may_write = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.getuid() and not others_may_write


class LocalHost:
    """A host in a child process, one per state folder.

    `command` is the program with its arguments (for Wine: ``("wine", "python.exe", "-m",
    "adapters.mt5.host")``). The folder is locked until `close`, so that no second session ends
    a host that is in use. The host's error output goes to ``terminal-host.log`` there.
    """

    owns_host = True

    def __init__(
        self, config: HostConfig, state_folder: Path, command: Sequence[str] = PYTHON_HOST
    ) -> None:
        self.config = config
        self._command = tuple(command)
        self._folder = state_folder
        self._note = state_folder / "terminal-host.json"
        self._log = state_folder / "terminal-host.log"
        self._lock: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, deadline: Deadline) -> Started:
        self._take_folder()
        ended_orphan = self._end_orphan()
        process = self._spawn()
        try:
            self._tell_config(process)
            port = self._port_of(self._first_line(process, deadline))
        except BaseException:
            self.kill()
            raise
        return Started(port=port, ended_orphan=ended_orphan)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the host and, outside Windows, what it started; returns when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            processes.end(process.pid)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unwritten bytes for a dead process
                    pipe.close()
        # The note stays where the process outlasts this: the next start will look at it again.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
            self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Let an idle host end by itself (its standard input ends), and kill any other."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self.kill()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # --- the state folder

    def _take_folder(self) -> None:
        if self._lock is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = (self._folder / "terminal-host.lock").open("ab")
        except OSError as error:
            raise HostStartFailed(
                "folder", f"state folder {self._folder}: {error.strerror}; choose a writable one"
            ) from error
        if not lock_descriptor(file.fileno(), blocking=False):
            file.close()
            raise HostStartFailed(
                "busy", f"another session uses the terminal host of {self._folder}; stop it first"
            )
        self._lock = file

    def _end_orphan(self) -> bool:
        """End the host that the folder's note speaks of, if that very process still runs."""
        try:
            if (content := _own_note(self._note)) is None:
                self._note.unlink()
                return False
            note = from_json(content, _Note)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise HostStartFailed(
                "folder", f"{self._note}: {error.strerror}; make it readable, or delete it"
            ) from error
        except msgspec.DecodeError:
            # Cut short by a crash while it was written: that host had not yet received anything.
            # Or not ours: it tells nothing of a process that could be ended.
            self._note.unlink()
            return False
        ours = processes.birth_of(note.pid) == note.birth
        if ours:
            processes.end(note.pid)
            if not processes.wait_until_gone(note.pid, note.birth, _END_SECONDS):
                raise HostStartFailed(
                    "orphan", f"process {note.pid}, an earlier terminal host, cannot be ended"
                )
        self._note.unlink()
        return ours

    # --- the process

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(SECRET_ENVIRONMENT)}
        try:
            with self._log.open("wb") as log:
                # The command is the caller's own program, never text from outside.
                process = subprocess.Popen(  # noqa: S603
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=_ROOT,
                    env=environment,
                    **processes.detached(),
                )
        except OSError as error:
            raise HostStartFailed(
                "command", f"terminal host {self._command[0]!r}: {error.strerror}"
            ) from error
        self._process = process
        birth = processes.birth_of(process.pid)
        if birth is not None:
            note = _Note(pid=process.pid, birth=birth)
            replace_file(self._note, msgspec.json.encode(note), owner_only=True)
        return process

    def _tell_config(self, process: subprocess.Popen[bytes]) -> None:
        stdin = cast("IO[bytes]", process.stdin)
        # A host that died at once breaks the pipe; its missing announcement tells the story.
        with contextlib.suppress(OSError):
            stdin.write(msgspec.json.encode(self.config) + b"\n")
            stdin.flush()

    def _first_line(self, process: subprocess.Popen[bytes], deadline: Deadline) -> bytes:
        """The announcement; a helper thread reads it because pipes know no time-out on Windows."""
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        pipe = cast("IO[bytes]", process.stdout)
        reader = threading.Thread(target=lambda: lines.put(pipe.readline()), daemon=True)
        reader.start()
        try:
            line = lines.get(timeout=deadline.remaining())
        except (queue.Empty, TimeoutError):
            raise HostStartFailed("slow", "the terminal host did not start") from None
        reader.join()
        return line

    def _port_of(self, line: bytes) -> int:
        try:
            facts = from_json(line, _Announcement)
        except msgspec.DecodeError:
            raise HostStartFailed(
                "died", f"the terminal host ended before it was ready; see {self._log}"
            ) from None
        if facts.port is None:
            raise HostStartFailed(facts.kind, facts.error)
        return facts.port
