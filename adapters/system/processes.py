"""Processes by their identity: when one began, and how to end it. Windows, Linux and macOS."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

_POLL_SECONDS = 0.02
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_LOW_PRIORITY: Final[int] = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", 5)
"""Of Windows, else what `nice` adds."""


def birth_of(pid: int) -> str | None:
    """When the process `pid` began, in words that no later process of that id repeats.

    None when there is no such process (one that has ended but was not yet collected is none).
    """
    try:
        process = psutil.Process(pid)
        # While other threads of a killed process still end, its sockets and locks are still held.
        if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1:
            return None
        return _began(process)
    except psutil.NoSuchProcess:
        return None


def _began(process: psutil.Process) -> str:
    """The beginning of a process, whatever happens to the system's clock meanwhile."""
    if sys.platform != "linux":
        return repr(process.create_time())
    # There psutil adds the time of the boot, which moves when the clock is set.
    try:
        # No Path of the moment: its parts are interned, which many looks a second wear out.
        with open(  # noqa: PTH123
            f"/proc/{process.pid}/stat", encoding="utf-8", errors="replace"
        ) as found:
            stat = found.read()
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(process.pid) from error
    # The command's name, in parentheses, may hold anything; the fields behind it do not.
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"


def end(pid: int) -> None:
    """End the process `pid` at once; nothing happens when it is gone.

    Outside Windows its group goes with it. On Windows only this process: a trading terminal that it
    started belongs to the user. (A Python launcher takes the interpreter that it launched with it.)
    """
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        if sys.platform != "win32" and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            psutil.Process(pid).kill()


def yield_to_others() -> None:
    """Let every other process of this machine have the processor first."""
    own = psutil.Process()
    with contextlib.suppress(psutil.AccessDenied):
        own.nice(_LOW_PRIORITY)


def allow_open_files(wanted: int) -> None:
    """Let this process have so many files and connections open, as far as the system lets it."""
    if sys.platform == "win32":
        return  # its limit is far higher
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def detached() -> dict[str, Any]:
    """Arguments of Popen that keep the console's Ctrl+C from the child, and windows away."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def wait_until_gone(
    pid: int, birth: str, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Wait for the end of the process `pid` that began at `birth`; False if it outlasts that."""
    end_at = time.monotonic() + seconds
    while birth_of(pid) == birth:
        if time.monotonic() > end_at:
            return False
        sleep(_POLL_SECONDS)
    return True
