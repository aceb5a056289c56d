"""Opening a user's signal file for a command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from adapters.bars.signal_files import SignalFileError, read_signals
from engine.events import UserSignal
from scripts.app.errors import BadData


@dataclass(frozen=True)
class UserSignalFile:
    """The signals of a file, in order of time, and the hash of its bytes."""

    signals: tuple[UserSignal, ...]
    sha256: str


def open_signals(path: Path) -> UserSignalFile:
    """Read the file; raises AppError with one line for what cannot be read."""
    try:
        signals = read_signals(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except SignalFileError as error:
        raise BadData(str(error)) from error
    return UserSignalFile(tuple(sorted(signals, key=lambda signal: signal.time)), digest)
