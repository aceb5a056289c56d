"""Texts from outside (reasons, ids, a venue's messages) on a person's terminal."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """One line that a terminal shows and never obeys: what is not printable is escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def printable_json(text: str) -> str:
    """The same JSON: what a terminal could obey can only stand in its texts, and is escaped."""
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    import json

    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in line)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, each as one that a terminal shows and never obeys."""
    for line in lines:
        print(printable(line))
