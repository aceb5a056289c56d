"""Pages, scripts and styles of the server: our own, the report's, and the chart library's."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from adapters.reports.page.document import page_text
from adapters.reports.page.plotly_js import csp_hash, plotly_script

_SCRIPTS: Final = {
    "overview.js": ("common.js", "overview.js"),
    "session.js": ("common.js", "drawing.js", "heartbeat.js", "controls.js", "session.js"),
}
"""Each script of a page, of these parts of ours."""

_OF_REPORT: Final = {"session.js": ("data.js", "format.js", "chart.js", "layers.js", "trades.js")}
"""Parts of the report's page that stand before ours: one chart, one table, one way of figures."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_WORTH_PACKING: Final = 4_096


@dataclass(frozen=True)
class Asset:
    """A file as it is served; `packed` is it in gzip, where that is worth it."""

    content: bytes
    kind: str
    etag: str
    packed: bytes | None


class Assets:
    """Everything that is served from files; each is read and packed once."""

    def __init__(self) -> None:
        self._static: dict[str, Asset | None] = {}

    def page(self, name: str, *, controls: bool) -> bytes:
        """A page of ours; `controls`: it offers commands."""
        return _text(name).replace("{{controls}}", "yes" if controls else "no").encode()

    def static(self, name: str) -> Asset | None:
        """A script or a style; None when there is none of this name."""
        if name not in self._static:
            if len(self._static) > 32:  # names that strangers never reach, and visitors may invent
                return None
            self._static[name] = _made(name)
        return self._static[name]


def _made(name: str) -> Asset | None:
    if name == "plotly.js":
        text = plotly_script()
    elif name == "site.css":
        text = page_text("page.css") + _text("site.css")
    elif name in _SCRIPTS:
        parts = [page_text(part) for part in _OF_REPORT.get(name, ())]
        parts += [_text(part) for part in _SCRIPTS[name]]
        text = "(() => {\n'use strict';\n" + "\n".join(parts) + "\n})();\n"
    else:
        return None
    content = text.encode()
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, f"{kind}; charset=utf-8", etag, _packed(content))


def _packed(content: bytes) -> bytes | None:
    if len(content) < _WORTH_PACKING:
        return None
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return packer.compress(content) + packer.flush()


@cache
def door_page() -> tuple[bytes, str]:
    """The page that exchanges the token, and its policy: only its own script runs."""
    script = _text("door.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {csp_hash(script)}",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return _text("door.html").replace("{{script}}", script).encode(), policy


@cache
def _text(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")
