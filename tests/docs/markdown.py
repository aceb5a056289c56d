"""Small pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; a bar in a cell is escaped."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines
    )


def code(text: object) -> str:
    """`text` as code."""
    return f"`{text}`"


def codes(words: Iterable[object]) -> str:
    """Several words as code, with commas between them."""
    return ", ".join(map(code, words))
