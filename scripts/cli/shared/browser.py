"""Showing a page to the user."""

from __future__ import annotations

from pathlib import Path

from scripts.cli.shared.command_line import complain


def open_page(path: Path) -> None:
    """Open a file in the user's browser; say where it is when there is none."""
    import webbrowser

    address = path.resolve().as_uri()
    try:
        shown = webbrowser.open(address)
    except webbrowser.Error:
        shown = False
    if not shown:
        complain(f"no browser to open the page with; it is {address}")
