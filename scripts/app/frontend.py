"""What a run needs of whoever started it; commands bring a screen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from engine.portfolio import Portfolio


class Interrupt(Protocol):
    """Whether a signal asked for the end."""

    @property
    def asked(self) -> bool: ...


class Frontend(Protocol):
    """How a run reaches its user, and how the user ends it."""

    @property
    def warn(self) -> Callable[[str], None] | None:
        """Takes the warnings of a session's log; None when none are to be shown."""

    def tell(self, notes: list[str]) -> None:
        """Show notes on what was resolved, one a line."""

    def interruptible(self, request_stop: Callable[[], None]) -> AbstractContextManager[Interrupt]:
        """While inside, an interrupt calls `request_stop` instead of raising."""

    def progress(self, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Something to tell how much of `total` is done."""

    def tell_left_open(
        self, portfolio: Portfolio, *, profile: str, goes_on: str, dry_run: bool
    ) -> None:
        """Show what a session leaves open, even where nothing else is: open positions are money.

        `goes_on` is the command that manages them again, and what it does.
        """
