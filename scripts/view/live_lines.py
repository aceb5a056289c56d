"""Lines that are written while a screen is drawn: they go above it, and hold up nobody.

Whoever prints (a strategy, a library, a warning of ours) hands a line over and goes on. A thread of
its own writes all lines that wait at once, with one redraw of the screen: a slow terminal, or one
that takes nothing at all, holds up that thread alone.
"""

from __future__ import annotations

import io
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from adapters.system.outbox import Outbox

if TYPE_CHECKING:
    from rich.console import Console

_MOST_WAITING = 2_000
_LONGEST = 16_000
"""Characters without a line's end that are kept; then they are a line."""

_LAST_SECONDS = 2.0
"""How long a terminal may take for the last lines, and for taking the screen away."""


class LinesAbove:
    """Lines that wait for a terminal; of more than there is room for, the newest are kept."""

    def __init__(self, console: Console) -> None:
        self.drawing = threading.Lock()
        """Held by who writes to the terminal: a screen between two lines would be one row off."""
        self._console = console
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._asked = False
        self._outbox: Outbox[Callable[[], None]] = Outbox(
            "screen lines", lambda work: work(), room=16
        )

    def put(self, line: str) -> None:
        """Take a line; never waits for the terminal."""
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(line)
            asked, self._asked = self._asked, True
        if not asked:
            self._outbox.put(self._show)

    def finish(self, last: Callable[[], None]) -> None:
        """Show what waits, then do `last` in the same thread; waits for them, but not for ever."""
        self._outbox.put(last)
        self._outbox.finish(_LAST_SECONDS)

    def _show(self) -> None:
        from rich.text import Text

        with self._lock:
            lines, dropped = list(self._waiting), self._dropped
            self._waiting.clear()
            self._dropped, self._asked = 0, False
        if dropped:
            lines.insert(0, f"({dropped:,} lines left out: the terminal was too slow for them)")
        if lines:
            shown = Text("\n").join(map(Text.from_ansi, lines))
            with self.drawing:
                self._console.print(shown, highlight=False, soft_wrap=True)


class Above(io.TextIOBase):
    """Stands in for a terminal's stream while a screen is drawn; afterwards it is that stream."""

    def __init__(self, stream: TextIO, lines: LinesAbove) -> None:
        self.rich_proxied_file = stream
        """By this name rich finds the stream itself, to draw on."""
        self._lines: LinesAbove | None = lines
        self._lock = threading.Lock()
        self._begun = ""

    def write(self, text: str, /) -> int:
        with self._lock:
            lines = self._lines
            if lines is not None:
                *whole, self._begun = (self._begun + text).split("\n")
                if len(self._begun) > _LONGEST:
                    whole, self._begun = [*whole, self._begun], ""
                for line in whole:
                    lines.put(line)
        if lines is None:
            self.rich_proxied_file.write(text)
        return len(text)

    def flush(self) -> None:
        if self._lines is None:
            self.rich_proxied_file.flush()

    def part(self) -> None:
        """The screen ends: what has no line's end yet is a line, and the stream is itself again."""
        with self._lock:
            lines, self._lines = self._lines, None
            if self._begun and lines is not None:
                lines.put(self._begun)
            self._begun = ""

    def fileno(self) -> int:
        return self.rich_proxied_file.fileno()

    def isatty(self) -> bool:
        return self.rich_proxied_file.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.rich_proxied_file.encoding


@contextmanager
def lines_above(console: Console) -> Iterator[LinesAbove]:
    """While inside, what is written to the terminal goes above the console's screen.

    Standard output stays as it is where it leads into a file or a pipe.
    """
    lines = LinesAbove(console)
    stdout, stderr = sys.stdout, sys.stderr
    parted = []
    if stdout.isatty():
        parted.append(Above(stdout, lines))
        sys.stdout = parted[-1]
    if stderr.isatty():
        parted.append(Above(stderr, lines))
        sys.stderr = parted[-1]
    try:
        yield lines
    finally:
        for stream in parted:
            stream.part()
        sys.stdout, sys.stderr = stdout, stderr
