"""Ctrl+C and a polite kill: the first asks for an orderly end, the second leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")


def _is_heard(number: int) -> bool:
    hang_up = getattr(signal, "SIGHUP", None)
    return number != hang_up or signal.getsignal(number) is not signal.SIG_IGN


def leave_hung() -> None:
    """End a process that hangs, from another thread than the one that does."""
    os._exit(ExitCode.HUNG)


@dataclass
class SignalInterrupt:
    """Whether a signal asked for the end."""

    asked: bool = False


@contextmanager
def orderly_stop(request_stop: Callable[[], None]) -> Iterator[SignalInterrupt]:
    """While inside, signals ask `request_stop` instead of raising; works on every platform.

    Plain signal handlers are used because asyncio on Windows has none of its own.
    """
    interrupt = SignalInterrupt()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        if interrupt.asked:
            os._exit(ExitCode.INTERRUPTED)
        interrupt.asked = True
        complain("stopping in order; once more to leave at once")
        request_stop()

    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # What is ignored stays ignored: `nohup` keeps a session alive when its console is closed.
    numbers = [item for item in known if _is_heard(item)]
    previous = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield interrupt
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
