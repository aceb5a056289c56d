"""Opening a user's signal file for a command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from adapters.bars.signal_files import SignalFileError, read_signals
from engine.events import GivenSignal
from scripts.app.errors import CommandFailed, Exit


@dataclass(frozen=True)
class Given:
    """The signals of a file, in order of time, and the hash of its bytes."""

    signals: tuple[GivenSignal, ...]
    sha256: str


def open_signals(path: Path) -> Given:
    """Read the file; raises CommandFailed with one line for what cannot be read."""
    try:
        signals = read_signals(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except SignalFileError as error:
        raise CommandFailed(str(error), Exit.DATA) from error
    return Given(tuple(sorted(signals, key=lambda signal: signal.time)), digest)
