"""The exit codes of every command, and which one each error of the application has."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from scripts.app import errors

if TYPE_CHECKING:
    from engine.events import SessionOutcome


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


def ended(outcome: SessionOutcome) -> ExitCode:
    """The exit code of a session that ran to its end; a failed one raises an error instead."""
    return ExitCode.INTERRUPTED if outcome == "interrupted" else ExitCode.DONE
