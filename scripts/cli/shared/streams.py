"""The program's standard streams: none of them is missing, and a lost stderr is no failure."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Lasting(io.RawIOBase):
    """Passes bytes on for as long as somebody takes them; what nobody takes is dropped.

    Messages for people go through it. Trading must not depend on whether anybody still reads
    them (a closed pipe, a dead log shipper, a full disk): a session's log has them too.
    """

    def __init__(self, raw: io.RawIOBase, owner: io.TextIOWrapper) -> None:
        """`owner` is kept, since it closes `raw` when nobody has it any more."""
        super().__init__()
        self._raw = raw
        self._owner = owner

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._raw.isatty()

    def fileno(self) -> int:
        return self._raw.fileno()

    def write(self, content: ReadableBuffer, /) -> int:
        whole = memoryview(content).cast("B")
        left = whole
        while left:
            try:
                taken = self._raw.write(left)
            except OSError:
                break
            if not taken:  # a stream that does not block, and is full
                break
            left = left[taken:]
        return len(whole)


def lasting(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A text stream to where `stream` leads whose writes never raise OSError.

    It keeps nothing back, so a signal's handler may write while another line is being written.
    """
    buffer = stream.buffer
    raw = buffer.raw if isinstance(buffer, io.BufferedWriter) else buffer
    if not isinstance(raw, io.RawIOBase):
        return stream  # bytes that are kept in memory
    # typeshed asks for a buffer, but unbuffered streams of Python itself are made like this.
    return io.TextIOWrapper(
        _Lasting(raw, stream),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors=stream.errors,
        write_through=True,
    )


def prepare_streams() -> None:
    """Make the standard streams fit for the program; call it before anything is written.

    Those that the caller closed (`2>&-`, a program without a console) lead nowhere instead: what
    is meant for one would otherwise come out at another, or in a file that got its descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It has to last as long as the program.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A console with another code page must not turn a message into a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = lasting(sys.stderr)
