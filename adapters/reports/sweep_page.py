"""A sweep as one offline page: the curve after each choice first, then luck, then the heat map.

Plain HTML with drawings inside: no script, nothing is fetched, and it prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

WIDTH, HEIGHT, EDGE = 960, 280, 46
"""Of a drawing, in its own units; it is scaled to the page."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --line: #1f6feb; --low: 12 70% 45%; --high: 150 60% 32%; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .25rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } .scroll { overflow-x: auto; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
.best { outline: 3px solid currentColor; outline-offset: -3px; } .note { opacity: .8; }
"""


class HeatMap(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over two parameters, the others at their best. None: no such trial."""

    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    figures: tuple[tuple[float | None, ...], ...]
    name: str


class SweepPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows; `curve` is the joined relative result of the test days by date."""

    title: str
    outside: tuple[tuple[str, str], ...]
    luck: tuple[tuple[str, str], ...]
    curve: tuple[tuple[str, float], ...] = ()
    heat: HeatMap | None = None
    best: tuple[tuple[str, ...], ...] = ()
    head: tuple[str, ...] = ()
    note: str = ""


def sweep_page(page: SweepPage) -> str:
    """The page as one HTML file."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: SweepPage) -> Iterator[str]:
    title = escape(page.title)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}</style>'
    yield f"</head>\n<body>\n<h1>{title}</h1>"
    yield "<h2>Out of sample</h2>"
    yield from _facts(page.outside)
    if page.curve:
        yield from _curve(page.curve)
    yield "<h2>How much is luck</h2>"
    yield from _facts(page.luck)
    if page.heat is not None:
        yield from _heat(page.heat)
    yield "<h2>In sample</h2>"
    yield from _table(page.head, page.best)
    yield f'<p class="note">{escape(page.note)}</p>\n</body>\n</html>'


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "<table><tbody>"
    for name, text in facts:
        yield f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
    yield "</tbody></table>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield '<div class="scroll" tabindex="0" role="region" aria-label="In sample"><table><thead><tr>'
    yield "".join(f'<th scope="col">{escape(name)}</th>' for name in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"


def _curve(curve: Sequence[tuple[str, float]]) -> Iterator[str]:
    """The result after each test day; the line at 0 is where it began."""
    values = [0.0, *(value for _, value in curve)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return round(EDGE / 2 + (HEIGHT - EDGE) * (high - value) / span, 1)

    step = (WIDTH - 2 * EDGE) / max(1, len(values) - 1)
    points = " ".join(f"{EDGE + i * step:.1f},{y(value)}" for i, value in enumerate(values))
    told = f"from {curve[0][0]} to {curve[-1][0]}: {curve[-1][1]:+.1%}"
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Joined test days {told}">'
    for value in sorted({low, 0.0, high}):
        yield (
            f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y(value)}" y2="{y(value)}" '
            f'stroke="currentColor" stroke-opacity="{0.5 if not value else 0.2}"/>'
            f'<text x="2" y="{y(value) + 4}">{value:+.1%}</text>'
        )
    yield f'<polyline points="{points}" fill="none" stroke="var(--line)" stroke-width="2"/>'
    yield f'<text x="{EDGE}" y="{HEIGHT - 4}">{escape(curve[0][0])}</text>'
    yield (
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 4}" text-anchor="end">{escape(curve[-1][0])}</text>'
        "</svg>"
    )


def _heat(heat: HeatMap) -> Iterator[str]:
    known = [value for row in heat.figures for value in row if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    yield f"<h2>{escape(heat.name)} over {escape(heat.across)} and {escape(heat.down)}</h2>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Heat map"><table><thead><tr>'
    corner = f'<th scope="col">{escape(heat.down)} \\ {escape(heat.across)}</th>'
    yield corner + "".join(f'<th scope="col">{escape(name)}</th>' for name in heat.columns)
    yield "</tr></thead><tbody>"
    for name, row in zip(heat.rows, heat.figures, strict=True):
        cells = "".join(_cell(value, low, high) for value in row)
        yield f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _cell(value: float | None, low: float, high: float) -> str:
    """The figure stands in the cell: colour is never the only sign."""
    if value is None:
        return "<td>-</td>"
    share = (value - low) / (high - low) if high > low else 1.0
    side, depth = ("--high", 2 * share - 1) if share >= 0.5 else ("--low", 1 - 2 * share)
    best = ' class="best"' if value == high else ""
    return f'<td{best} style="background: hsl(var({side}) / {0.75 * depth:.2f})">{value:.4g}</td>'
