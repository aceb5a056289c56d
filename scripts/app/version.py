"""The program's version, and what a session says about itself beside its terms."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any


def version() -> str:
    """The installed version, or "unknown" when run without being installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("execution-butler")
    except PackageNotFoundError:
        return "unknown"


@functools.cache
def program_digest() -> str:
    """A hash over the program's own modules: two machines with the same one decide the same."""
    root = Path(__file__).resolve().parents[2]
    found = hashlib.sha256()
    for top in ("engine", "risk", "signals", "adapters", "config", "scripts"):
        for file in sorted((root / top).rglob("*.py")):
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:32]


def session_metadata(
    session_id: str, profile: str | None, *, dry_run: bool, account: str | None = None
) -> dict[str, Any]:
    """What the first record carries beside its payload; it never enters the journal hash.

    `account` is the login and server of a session on a terminal.
    """
    return {
        **({"account": account} if account else {}),
        "session_id": session_id,
        "version": version(),
        "dry_run": dry_run,
        "account_profile": profile,
    }
