"""A text file that never outgrows its size: old parts move aside, the oldest are deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO


class RotatingText:
    """Writes whole lines to `path`; full parts are `path`.1 (the newest), `path`.2 and so on.

    Where another program keeps a part from being moved (an open file on Windows), the file grows on
    and is moved at the next occasion: no line is lost.
    """

    def __init__(self, path: Path, *, largest: int, keep: int) -> None:
        """`largest` bytes go into one part, and `keep` full parts are kept beside the current."""
        self._path = path
        self._largest = largest
        self._keep = keep
        self._file = self._opened()
        self._size = path.stat().st_size

    def write(self, text: str) -> None:
        """Append `text`, in a new part when the current one would outgrow its size."""
        length = len(text.encode())
        if self._size and self._size + length > self._largest:
            self._rotate()
        self._file.write(text)
        self._size += length

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _opened(self) -> TextIO:
        return self._path.open("a", encoding="utf-8", newline="\n")

    def _rotate(self) -> None:
        self._file.close()
        try:
            for number in range(self._keep, 0, -1):
                part = self._part(number - 1)
                if part.exists():
                    part.replace(self._part(number))
            if not self._keep:
                self._path.unlink()
        except PermissionError:
            pass  # tried again when as much has been written once more
        self._file = self._opened()
        self._size = 0

    def _part(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
