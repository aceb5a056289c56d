"""What goes wrong in the application, by situation."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The exit codes of every command."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    DATA = 3
    TERMINAL = 4
    DIFFERENT = 5
    INTERRUPTED = 130


class CommandFailed(Exception):
    """Raised when a command cannot go on; its text is the one line that the user sees."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code
