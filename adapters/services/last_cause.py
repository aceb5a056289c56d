"""Why the last run of a session ended, by its log: what a start says that gives it up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from adapters.services.logs import SessionLog
from adapters.services.watchdog import HANGS as HANGS_FILE
from adapters.services.watchdog import START_HANGS, last_end
from engine.decoding import from_json

GOES_ON: Final = "the session is gone on with"
FAILED: Final = "the session failed"
HANGS: Final = "the session hangs"
WATCHDOG_ENDED: Final = "the last run of this session did not end in order"
TURNS_AGAIN: Final = "the session goes on"

_TAIL: Final = 1 << 16
_AT_ONCE: Final = 1.0
"""Seconds; the line of a hang may be written by another thread just then."""

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
        if line.event in (GOES_ON, TURNS_AGAIN):
            cause = ""
        elif line.event in (FAILED, HANGS):
            cause = line.why.partition("; the session stopped,")[0]
        elif line.event.startswith(START_HANGS):
            cause = line.event
    return cause or ended_by_watchdog(log) or CUT_OFF


def ended_by_watchdog(log: Path) -> str:
    """That the watchdog ended the last run, in words; else nothing.

    What ends a process that does not run at all can write nothing but the file of its stacks: it
    counts while it is not older than the log, to which whatever goes on adds a line.
    """
    stacks = log.with_name(HANGS_FILE)
    try:
        written = log.stat().st_mtime if log.exists() else 0.0  # a run may have had nothing to say
        if stacks.stat().st_mtime < written - _AT_ONCE:
            return ""
        end = last_end(log.parent)
    except OSError:
        return ""
    return end and f"its watchdog ended it: {end}, see {stacks}"


def tell_gone_on(log: SessionLog, hung: str) -> None:
    """`hung` is what `ended_by_watchdog` said before this run wrote its first line."""
    log.info(GOES_ON)
    if hung:
        log.warn(WATCHDOG_ENDED, why=hung)


def _tail(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""
