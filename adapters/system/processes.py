"""The few facts about processes that the standard library lacks, on Windows, Linux and macOS."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

_POLL_SECONDS = 0.02


def birth_of(pid: int) -> str | None:
    """When the process `pid` began, in words that no later process of that id repeats.

    None when there is no such process (one that has ended but was not yet collected is none).
    """
    if sys.platform == "win32":
        return _birth_windows(pid)
    if sys.platform == "linux":
        return _birth_linux(pid)
    return _birth_ps(pid)


def _birth_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may hold anything; the fields behind it do not.
    fields = stat.rpartition(")")[2].split()
    state, threads, start_ticks = fields[0], int(fields[17]), fields[19]
    # While other threads of a killed process still end, its sockets and locks are still held.
    ended = state == "X" or (state == "Z" and threads <= 1)
    return None if ended else f"{boot} {start_ticks}"


def _birth_ps(pid: int) -> str | None:
    # A fixed program with an integer: nothing here comes from outside.
    done = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, start = done.stdout.strip().partition(" ")
    return None if not start or state.startswith("Z") else start.strip()


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _QUERY_LIMITED = 0x1000
    _TERMINATE = 0x0001
    _STILL_ACTIVE = 259
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.OpenProcess.restype = wintypes.HANDLE
    _kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel.GetExitCodeProcess.argtypes = (wintypes.HANDLE, wintypes.LPDWORD)
    _kernel.TerminateProcess.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *([ctypes.c_void_p] * 4))

    def _birth_windows(pid: int) -> str | None:
        handle = _kernel.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return None
        try:
            code = wintypes.DWORD()
            times = [wintypes.FILETIME() for _ in range(4)]
            known = _kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            timed = _kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
            if not known or not timed or code.value != _STILL_ACTIVE:
                return None
            return f"{times[0].dwHighDateTime} {times[0].dwLowDateTime}"
        finally:
            _kernel.CloseHandle(handle)

    def end(pid: int) -> None:
        """End the process `pid` at once; nothing happens when it is gone.

        Only this process: a trading terminal that it started belongs to the user. (A Python
        launcher takes the interpreter that it launched with it.)
        """
        handle = _kernel.OpenProcess(_TERMINATE, False, pid)
        if handle:
            _kernel.TerminateProcess(handle, 1)
            _kernel.CloseHandle(handle)

    def detached() -> dict[str, Any]:
        """Arguments of Popen that keep the console's Ctrl+C from the child, and windows away."""
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}

    def lock(file: IO[bytes]) -> bool:
        """Take the file for this process until it ends; False when another one has it."""
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def end(pid: int) -> None:
        """End the process `pid` and its group at once; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)

    def detached() -> dict[str, Any]:
        """Arguments of Popen that keep the console's Ctrl+C from the child: a group of its own."""
        return {"start_new_session": True}

    def lock(file: IO[bytes]) -> bool:
        """Take the file for this process until it ends; False when another one has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


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
