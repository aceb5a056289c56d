"""What can go wrong between the engine and the terminal host, by what it lets us conclude."""

from __future__ import annotations


class TerminalError(Exception):
    """Something between the engine and the terminal failed."""


class HostStartFailed(TerminalError):
    """No host could be started or reached; ``kind`` is a word for programs, the text for people."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail

    def __str__(self) -> str:
        return self.detail


class NotSent(TerminalError):
    """The request certainly never reached the terminal."""


class HostRefused(NotSent):
    """The host answered that it will not do this; ``kind`` is a `wire.Trouble`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail

    def __str__(self) -> str:
        return f"the terminal host refused: {self.detail}"


class BackendRaised(TerminalError):
    """A function that cannot trade raised an exception inside the host."""


class CallOutcomeUnknown(TerminalError):
    """The request may have taken effect: never send it again, look for its traces instead."""

    def __init__(self, function: str, why: str) -> None:
        super().__init__(function, why)
        self.function, self.why = function, why

    def __str__(self) -> str:
        return f"{self.function}: outcome unknown, {self.why}"


class ArgumentsRefused(Exception):
    """The package does not take what a function was called with.

    The fault is ours and not the link's: calling again changes nothing.
    """


class UnsuitableAccount(Exception):
    """Raised for an account on which the engine could not tell its own positions apart."""


class SnapshotFailed(Exception):
    """Raised when the terminal gave no answer about what it holds; nothing may be concluded from
    it."""


class LinkDown(Exception):
    """Raised when the link to the terminal did not come back; what is open there stays open."""
