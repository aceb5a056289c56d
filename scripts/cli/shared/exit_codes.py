"""The exit codes of every command, and which one each error of the application has."""

from __future__ import annotations

import enum
from typing import Final

from scripts.app import errors


class ExitCode(enum.IntEnum):
    """How a command ended, for the shell."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    DATA = 3
    TERMINAL = 4
    DIFFERENT = 5
    HUNG = 6
    INTERRUPTED = 130


BY_ERROR: Final[dict[type[errors.AppError], ExitCode]] = {
    errors.WrongUsage: ExitCode.USAGE,
    errors.BadData: ExitCode.DATA,
    errors.Unreachable: ExitCode.TERMINAL,
    errors.Refused: ExitCode.TERMINAL,
    errors.UnsuitableProfile: ExitCode.USAGE,
    errors.NeedsAttention: ExitCode.TERMINAL,
    errors.InternalFault: ExitCode.INTERNAL,
}


def exit_code(error: errors.AppError) -> ExitCode:
    """The exit code of an error of the application."""
    return BY_ERROR[type(error)]
