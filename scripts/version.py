"""The program's version."""

from __future__ import annotations


def version() -> str:
    """The installed version, or "unknown" when run without being installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("execution-butler")
    except PackageNotFoundError:
        return "unknown"
