"""The one error of an account's state."""

from __future__ import annotations

from pathlib import Path


class StateFailed(Exception):
    """Raised when an account's state cannot be kept or read: file, what is wrong, the remedy.

    `damaged` tells that the file itself is broken, so that setting it aside helps: what it held
    but for stored deals and the baseline is rebuilt from the terminal and the journals.
    """

    def __init__(self, path: Path, message: str, *, damaged: bool = False) -> None:
        super().__init__(path, message)
        self.path, self.message, self.damaged = path, message, damaged

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
