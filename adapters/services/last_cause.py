"""Why the last run of a session ended, by its log: what a start says that gives it up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from adapters.services.watchdog import START_HANGS
from engine.decoding import from_json

GOES_ON: Final = "the session is gone on with"
FAILED: Final = "the session failed"
HANGS: Final = "the session hangs"

_TAIL: Final = 1 << 16
CUT_OFF: Final = "it was cut off: a crash, a kill or a power cut"


class _Line(msgspec.Struct):
    event: str
    why: str = ""


def last_cause(log: Path) -> str:
    """In words; what was before the session was last gone on with is not of its last run."""
    cause = ""
    for raw in _tail(log).split(b"\n"):
        try:
            line = from_json(raw, _Line)
        except msgspec.DecodeError:  # one that was cut off, or is not ours
            continue
        if line.event == GOES_ON:
            cause = ""
        elif line.event in (FAILED, HANGS):
            cause = line.why.partition("; the session stopped,")[0]
        elif line.event.startswith(START_HANGS):
            cause = line.event
    return cause or CUT_OFF


def _tail(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""
