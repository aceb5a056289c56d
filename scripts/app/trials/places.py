"""Where this process finds files that another machine named."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from scripts.app.terms.request import ReplayRequest

_places: dict[str, str] = {}


def place(named: str, mine: str) -> None:
    """The file of that name is here."""
    _places[named] = mine


def holds(path: Path, digest: str) -> bool:
    """Whether the file is there with this content."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def placed(request: ReplayRequest) -> ReplayRequest:
    """The request with files where they are on this machine."""
    if not _places:
        return request

    def of_bars(text: str) -> str:
        name, equals, file = text.rpartition("=")
        return f"{name}{equals}{_places.get(file, file)}"

    return replace(
        request,
        bars=None if request.bars is None else [of_bars(text) for text in request.bars],
        symbol_spec=request.symbol_spec
        and [Path(_places.get(str(path), str(path))) for path in request.symbol_spec],
    )
