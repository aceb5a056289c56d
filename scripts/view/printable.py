"""Texts from outside (reasons, ids, a venue's messages) on a person's terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line that a terminal shows and never obeys: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
