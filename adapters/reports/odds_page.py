"""Odds as one offline page: the probability with its interval first, then what they stand on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from adapters.reports.study_page import facts, heading, note, table, whole_page

WIDTH, LEFT, BAR = 960, 190, 26
"""Of a drawing, in its own units: its width, where bars begin, and the height of a line."""


class Range(msgspec.Struct, frozen=True):
    """A range of shares, drawn as a bar; without a name it is the last one's point alone."""

    name: str
    low: float
    high: float
    text: str


class Part(msgspec.Struct, frozen=True):
    """A share of all attempts."""

    name: str
    share: float
    text: str


class OddsPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows; texts are as a person reads them, shares are from 0 to 1."""

    title: str
    figure: str
    told: tuple[str, ...]
    point: float
    ranges: tuple[Range, ...]
    parts: tuple[Part, ...]
    outcome: tuple[tuple[str, str], ...]
    days: tuple[tuple[str, ...], ...] = ()
    cost: tuple[tuple[str, str], ...] = ()
    risks: tuple[tuple[str, ...], ...] = ()
    risk_head: tuple[str, ...] = ()
    risk_notes: tuple[str, ...] = ()
    basis: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def odds_page(page: OddsPage) -> str:
    """The page as one HTML file."""
    return whole_page(page.title, _body(page))


def _body(page: OddsPage) -> Iterator[str]:
    yield f'<p class="figure">{escape(page.figure)}</p>'
    yield from (f"<p>{escape(text)}</p>" for text in page.told)
    yield from _ranges(page)
    yield from (f'<p class="warning">{escape(text)}</p>' for text in page.warnings)
    yield heading("What comes of an attempt")
    yield from _parts(page.parts)
    yield from facts(page.outcome)
    if page.days:
        yield heading("Days to pass")
        yield from table("Days to pass", ("of those that pass", "firm days", "calendar days"),
                         page.days)  # fmt: skip
    if page.cost:
        yield heading("Cost, in fees alone")
        yield from facts(page.cost)
    if page.risks or page.risk_notes:
        yield heading("Risk per trade, each replayed by itself")
    if page.risks:
        yield from table("Risk per trade", page.risk_head, page.risks, told=True)
    yield from map(note, page.risk_notes)
    yield heading("What it stands on")
    yield from facts(page.basis)
    yield from map(note, page.notes)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - 70), 1)


def _ranges(page: OddsPage) -> Iterator[str]:
    """The intervals over an axis from 0 to 100 %; the point is a line through all of them."""
    height = BAR * len(page.ranges) + 30
    told = "; ".join(f"{one.name} {one.text}" for one in page.ranges)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told)}">'
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield (
            f'<line x1="{_x(share)}" x2="{_x(share)}" y1="4" y2="{height - 22}" '
            'stroke="currentColor" stroke-opacity=".2"/>'
            f'<text x="{_x(share)}" y="{height - 6}" text-anchor="middle">{share:.0%}</text>'
        )
    for number, one in enumerate(page.ranges):
        y = 4 + BAR * number
        wide = max(2.0, _x(one.high) - _x(one.low))
        opacity = 0.75 if not number else 0.35
        yield (
            f'<text x="0" y="{y + 15}">{escape(one.name)}</text>'
            f'<rect x="{_x(one.low)}" y="{y + 4}" width="{wide:.1f}" height="{BAR - 10}" '
            f'fill="var(--line)" fill-opacity="{opacity}"/>'
        )
    yield (
        f'<line x1="{_x(page.point)}" x2="{_x(page.point)}" y1="2" y2="{height - 22}" '
        'stroke="currentColor" stroke-width="3"/></svg>'
    )


def _parts(parts: Sequence[Part]) -> Iterator[str]:
    """A bar for each way in which an attempt ends; its share stands beside it."""
    height = BAR * len(parts) + 4
    told = ", ".join(f"{one.name} {one.text}" for one in parts)
    yield f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told)}">'
    for number, one in enumerate(parts):
        y = 2 + BAR * number
        side = "--high" if not number else "--low"
        yield (
            f'<text x="0" y="{y + 15}">{escape(one.name)}</text>'
            f'<rect x="{LEFT}" y="{y + 4}" width="{_x(one.share) - LEFT:.1f}" '
            f'height="{BAR - 10}" fill="hsl(var({side}))" fill-opacity=".8"/>'
            f'<text x="{_x(one.share) + 8}" y="{y + 16}">{escape(one.text)}</text>'
        )
    yield "</svg>"
