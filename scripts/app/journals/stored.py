"""Journals as commands are given them: found, opened, or refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.journal import StoredJournal
from engine.journal import KINDS, JournalDamaged
from scripts.app.errors import BadData, WrongUsage
from scripts.app.session_folder import find_journal


@contextmanager
def opened(session: str, results: Path) -> Iterator[StoredJournal]:
    """The session's journal to read; raises BadData for what is wrong with it, then or inside."""
    try:
        with StoredJournal(find_journal(results, session)) as stored:
            yield stored
    except (JournalDamaged, ValueError) as error:
        raise BadData(str(error)) from error


def known_kinds(given: list[str]) -> list[str]:
    """The kinds of records that the user named; raises WrongUsage for one that is none."""
    if unknown := [kind for kind in given if kind not in KINDS]:
        raise WrongUsage(
            f"--kind {unknown[0]}: there is no such kind; one of {', '.join(sorted(KINDS))}"
        )
    return given
