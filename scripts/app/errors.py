"""What goes wrong in the application, by situation.

The text of each is the one line that the user sees. What a situation means to the shell is decided
by the commands alone, in one table of `scripts/cli/shared`.
"""

from __future__ import annotations


class AppError(Exception):
    """Raised when a command cannot go on; the base of every situation below."""


class WrongUsage(AppError):
    """Raised when what the user asked for, or a configuration file, contradicts itself or this
    machine."""


class BadData(AppError):
    """Raised when bars, signals, a journal or another run's files cannot be used."""


class Unreachable(AppError):
    """Raised when the terminal, a running session or an alert's service does not answer."""


class Refused(AppError):
    """Raised when the terminal, the account or a running session does not allow what was asked."""


class UnsuitableProfile(AppError):
    """Raised when only a person can make the account usable: it is no demo account, another one,
    refuses its login for good, or nets positions. Trying again changes nothing."""


class NeedsAttention(AppError):
    """Raised when something stays behind at the terminal that the user must look at."""


class InternalFault(AppError):
    """Raised when the program itself, or the user's strategy, failed."""
