"""The one error that the file readers raise for bad input."""

from __future__ import annotations

import re
from pathlib import Path


class BarFileError(Exception):
    """Raised when a bar file cannot be opened, recognised or read.

    Its text is one line that names the file, the line or row if there is one, what was found
    there and what to do about it. `line` is counted from 1: a line of a text file, a row of a
    Parquet file.
    """

    def __init__(
        self, path: Path, message: str, line: int | None = None, unit: str = "line"
    ) -> None:
        super().__init__(path, message, line, unit)  # as they came: a copy is made of them
        self.path, self.line = path, line

    def __str__(self) -> str:
        path, message, line, unit = self.args
        where = "" if line is None else f" {unit} {line}:"
        return f"{path}:{where} {message}"


def shown(text: str, limit: int = 40) -> str:
    """A field's value as a message may show it: one line, quoted, at most `limit` characters."""
    return repr(text if len(text) <= limit else text[:limit] + "...")


_PLAIN = re.compile(r"[\w./\\:+=~-]+")


def import_command(path: Path, *options: str) -> str:
    """The command that makes a clean file of the one at `path`, as it can be typed in any shell."""
    ending = "-clean.parquet" if path.suffix == ".parquet" else ".parquet"
    words = (str(path), "--out", str(path.with_name(path.stem + ending)), *options)
    typed = (word if _PLAIN.fullmatch(word) else f'"{word}"' for word in words)
    return "butler data import " + " ".join(typed)
