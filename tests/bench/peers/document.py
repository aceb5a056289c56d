"""Puts measured tables where the documents show them."""

from __future__ import annotations

import re
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[3] / "docs" / "benchmarks.md"


def shown(document: Path, rules: str) -> str:
    """What the document shows of these rules; raises SystemExit where it has no place for them."""
    found = _block(rules).findall(document.read_text(encoding="utf-8"))
    if len(found) != 1:
        begin, end = _marks(rules)
        raise SystemExit(f"{document}: put '{begin}' and '{end}' once, each on a line of its own")
    return str(found[0])


def put(document: Path, rules: str, measured: str) -> None:
    """Replace what a document shows of these rules by what was measured now."""
    shown(document, rules)
    begin, end = _marks(rules)
    text = document.read_text(encoding="utf-8")
    whole = _block(rules).sub(lambda _: f"{begin}\n{measured}\n{end}", text)
    with document.open("w", encoding="utf-8", newline="\n") as file:
        file.write(whole)


def _marks(rules: str) -> tuple[str, str]:
    return f"<!-- measured: {rules} -->", f"<!-- measured until here: {rules} -->"


def _block(rules: str) -> re.Pattern[str]:
    begin, end = map(re.escape, _marks(rules))
    return re.compile(rf"{begin}\n(.*?)\n{end}", re.DOTALL)
