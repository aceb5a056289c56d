"""A sweep as one offline page: the curve after each choice first, then luck, then the heat map.

Its frame is that of `adapters.reports.study_page`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from adapters.reports.study_page import facts, heading, note, table, whole_page

WIDTH, HEIGHT, EDGE = 960, 280, 46
"""Of a drawing, in its own units; it is scaled to the page."""


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
    return whole_page(page.title, _body(page))


def _body(page: SweepPage) -> Iterator[str]:
    yield heading("Out of sample")
    yield from facts(page.outside)
    if page.curve:
        yield from _curve(page.curve)
    yield heading("How much is luck")
    yield from facts(page.luck)
    if page.heat is not None:
        yield from _heat(page.heat)
    yield heading("In sample")
    yield from table("In sample", page.head, page.best, told=True)
    yield note(page.note)


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
