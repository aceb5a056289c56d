"""Report pages of tests: made, and read back as a browser reads them."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_VOID = frozenset({"meta", "link", "br", "img", "input"})


@dataclass
class Page(HTMLParser):
    """What a page says: its figures by key, its elements, its text outside of scripts."""

    html: str
    figures: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._figure = ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append((tag, known))
        if tag not in _VOID:
            self._open.append(tag)
        if "data-figure" in known:
            self._figure = known["data-figure"] or ""
            self.figures[self._figure] = known["data-value"] or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        self._figure = ""

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "script":
            self.scripts.append(data)
        elif inside != "style":
            self.text.append(data)
            if self._figure:
                self.shown[self._figure] = data

    @property
    def words(self) -> str:
        """All text that a reader sees."""
        return " ".join(" ".join(self.text).split())

    @property
    def policy(self) -> str:
        """The content security policy."""
        return next(
            item["content"] or ""
            for tag, item in self.tags
            if tag == "meta" and item.get("http-equiv") == "Content-Security-Policy"
        )

    @property
    def packed(self) -> str:
        """The packed data."""
        return self.scripts[0]


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The document and the columns of a page's data, by a reading of its own."""
    whole = zlib.decompress(base64.b64decode(text))
    length = int.from_bytes(whole[:4], "little")
    meta = json.loads(whole[4 : 4 + length])
    columns: dict[str, list[int]] = {}
    at = 4 + length
    for column in meta["columns"]:
        size, rows = column["bytes"], column["rows"]
        planes = [whole[at + plane * rows : at + (plane + 1) * rows] for plane in range(size)]
        columns[column["name"]] = [
            int.from_bytes(bytes(plane[row] for plane in planes), "little", signed=True)
            for row in range(rows)
        ]
        at += size * rows
    assert at == len(whole)
    return meta["document"], columns
