"""The one error that bad configuration gives, and the form in which a parser reports it."""

from __future__ import annotations

from pathlib import Path

KeyPath = tuple[str | int, ...]
"""Where a value stands in a file: the keys and list positions that lead to it."""


class ConfigError(Exception):
    """Raised when a setting is missing, unknown or wrong.

    ``str()`` is the one line to show: file, line, key path, what is wrong and the remedy. The
    callers keep values that may be a password out of `message`. `path` is a key path such as
    ``profiles.FTMO_TRIAL.login``, an option such as ``--login``, or a variable's name.
    """

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        path: str | None = None,
        line: int | None = None,
    ) -> None:
        self.message = " ".join(message.split())
        self.file = None if file is None else str(file)
        self.path = path or None
        self.line = line
        super().__init__(self.message)  # what a copy is made with; the rest is kept beside it

    def __str__(self) -> str:
        place = [self.file] if self.file else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.path:
            place.append(self.path)
        return f"{', '.join(place)}: {self.message}" if place else self.message


class BadYaml(Exception):
    """Raised by the parser, which does not know the file's name. Its message quotes no content."""

    def __init__(self, message: str, *, line: int | None = None, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.path = path
