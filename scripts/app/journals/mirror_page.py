"""The page of a session with the replay of its own bars beside it."""

from __future__ import annotations

from pathlib import Path

from scripts.app.journals.mirror import Mirrored
from scripts.app.journals.report import compared_with
from scripts.app.results.pages import PageFile
from scripts.app.results.verdict import hindsight_of

PAGE = "mirror.html"


def write_mirror(mirrored: Mirrored, out: Path | None = None) -> Path:
    """Write the page, by default into the session's folder; raises WrongUsage."""
    page = PageFile(out or mirrored.journal.parent / PAGE)
    runs = mirrored.replay, mirrored.session
    other = compared_with(mirrored.compared, "A", runs, mirrored.why())
    result = mirrored.session.result
    page.write(result, hindsight_of(result), other)
    return page.path
