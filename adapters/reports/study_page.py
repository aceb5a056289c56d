"""What the pages of odds and sweeps share: offline HTML with drawings inside.

No script, nothing is fetched, and they print. Every text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_STYLE = """
:root { color-scheme: light dark; --line: #1f6feb; --low: 12 70% 45%; --high: 150 60% 32%; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .25rem .6rem; text-align: right; }
th { font-weight: 600; } tbody tr { border-top: 1px solid rgb(128 128 128 / .25); }
th:first-child, td:first-child { text-align: left; } .scroll { overflow-x: auto; }
.told th:last-child, .told td:last-child { text-align: left; }
.facts th { font-weight: normal; opacity: .8; vertical-align: top; }
.facts td { text-align: left; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
.best { outline: 3px solid currentColor; outline-offset: -3px; } .note { opacity: .8; }
.figure { font-size: 2.2rem; font-weight: 600; margin: .2rem 0; }
.warning { border-left: 4px solid hsl(var(--low)); padding: .2rem .8rem; margin: .5rem 0; }
"""

Facts = Sequence[tuple[str, str]]


def whole_page(title: str, body: Iterable[str]) -> str:
    """The page as one HTML file; `body` is markup already."""
    name = escape(title)
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{name}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}</style>',
        f"</head>\n<body>\n<h1>{name}</h1>",
    )
    return "\n".join([*head, *body, "</body>\n</html>"]) + "\n"


def heading(text: str) -> str:
    """The title of a part of the page."""
    return f"<h2>{escape(text)}</h2>"


def note(text: str) -> str:
    """A sentence that stands back."""
    return f'<p class="note">{escape(text)}</p>'


def facts(found: Facts) -> Iterator[str]:
    """Names and what they are, a row each."""
    yield '<table class="facts"><tbody>'
    for name, text in found:
        yield f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
    yield "</tbody></table>"


def table(
    label: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, told: bool = False
) -> Iterator[str]:
    """A table that scrolls by itself where the window is narrow; `told`: it ends with a text."""
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
    yield '<table class="told"><thead><tr>' if told else "<table><thead><tr>"
    yield "".join(f'<th scope="col">{escape(name)}</th>' for name in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"
