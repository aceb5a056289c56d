"""A signal file that grows: each new whole line is read once, a bad one is reported and left
out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from adapters.bars.signal_files import SEPARATOR_LINE, SignalFileError, parse_line
from engine.events import UserSignal

_AT_ONCE: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 16
"""Bytes of a line: no signal has as many, and an unfinished one is read again at every look."""


class FollowedSignals:
    """Reads what is appended to a file of signals, in CSV with a header or JSON lines.

    `warn` is notified of lines that cannot be understood. A file that does not exist yet is waited
    for; one that became shorter is read from its beginning again.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._read = 0  # bytes of whole lines that were taken
        self._line = 0
        self._header: str | None = None
        self._endless = False  # in a line that is too long, up to its end

    def poll(self) -> list[UserSignal]:
        """The signals of the lines that are new; raises OSError when the file cannot be read."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._read:
            self._warn(f"{self._path}: became shorter; it is read from its beginning")
            self._read = self._line = 0
            self._header = None
            self._endless = False
        if size == self._read:
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            fresh = file.read(_AT_ONCE)
        if self._endless:
            fresh = self._after_its_end(fresh)
        whole = fresh[: fresh.rfind(b"\n") + 1]  # the last line may still be written
        self._read += len(whole)
        found = [self._signal(line) for line in whole.splitlines()]
        if len(fresh) - len(whole) > _LONGEST_LINE:
            self._read += len(fresh) - len(whole)
            self._line += 1
            self._endless = True
            self._warn(
                f"{self._path}: line {self._line}: is longer than {_LONGEST_LINE} bytes; it is "
                "left out"
            )
        return [signal for signal in found if signal is not None]

    def _after_its_end(self, fresh: bytes) -> bytes:
        end = fresh.find(b"\n") + 1
        self._endless = not end
        self._read += end or len(fresh)
        return fresh[end:] if end else b""

    def _signal(self, raw: bytes) -> UserSignal | None:
        self._line += 1
        try:
            text = raw.decode("utf-8-sig" if self._line == 1 else "utf-8")
            if not text.strip(" \t\r\n,;"):
                return None
            if self._header is None and SEPARATOR_LINE.match(f"{text}\n"):
                return None
            if self._header is None and not text.lstrip().startswith("{"):
                self._header = text
                return None
            return parse_line(self._path, self._header, text, self._line)
        except UnicodeDecodeError:
            self._warn(f"{self._path}: line {self._line}: is not UTF-8 text; it is left out")
        except SignalFileError as error:
            self._warn(f"{error}; the line is left out")
        return None
