"""The heartbeat of a session on a terminal: a strip over the run, and what it sums up to."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.reports.page.sections import Cell, Table
from adapters.reports.page.words import percent, span, when
from engine.result import CoverageState, RunResult
from engine.result.coverage import QUIET_AFTER, cells, sums

_MOST = 240
"""Parts of the strip; on a narrow screen each still has a pixel."""

# The strip's class and how far below the top its part begins: told by more than colour.
_LOOKS = {
    CoverageState.WATCHED: ("watched", 0),
    CoverageState.QUIET: ("quiet", 6),
    CoverageState.MUTE: ("mute", 4),
    CoverageState.LINK_DOWN: ("link", 2),
    CoverageState.NOT_RUNNING: ("away", 8),
}

_MEANINGS = {
    CoverageState.WATCHED: f"records at most {QUIET_AFTER // 60_000} minutes apart",
    CoverageState.QUIET: "longer without one: a closed market, or nobody looked",
    CoverageState.MUTE: "the feed was mute while the market should have been open",
    CoverageState.LINK_DOWN: "the terminal did not answer",
    CoverageState.NOT_RUNNING: "last record to resume: it ended, hung or was killed",
}


def state_words() -> list[list[str | int]]:
    """Class, height, name and meaning of each state, the gravest last: for a page's script."""
    return [[*_LOOKS[state], str(state), _MEANINGS[state]] for state in CoverageState]


@dataclass(frozen=True)
class StripPart:
    """A part of the strip: its looks, and its words on hovering."""

    tone: str
    top: int
    text: str


@dataclass(frozen=True)
class HeartbeatStrip:
    """The strip from `begin` to `end`, in words, and its sums."""

    beats: list[StripPart]
    begin: str
    end: str
    text: str
    table: Table


def strip(result: RunResult) -> HeartbeatStrip | None:
    """The run's heartbeat; None of a replay, or of a session that has only just begun."""
    spans = result.coverage
    if not spans:
        return None
    zone = result.terms.day_zone
    begin, end = spans[0].first, spans[-1].last
    beats = []
    for cell in cells(spans, _MOST):
        tone, top = _LOOKS[cell.state]
        beats.append(StripPart(tone, top, f"{when(cell.first, zone)}: {cell.state}"))
    rows, told = [], []
    for state, (count, whole, longest) in sums(spans).items():
        if count:
            share = percent(whole / (end - begin))
            told.append(f"{state} {share}")
            rows.append(
                [
                    Cell(state, number=False),
                    Cell(f"{count:,}"),
                    Cell(span(whole / 1000)),
                    Cell(share),
                    Cell(span(longest / 1000)),
                    Cell(_MEANINGS[state], number=False),
                ]
            )
    head = ("", "stretches", "in all", "of the run", "longest", "what that means")
    return HeartbeatStrip(
        beats, when(begin, zone), when(end, zone), "; ".join(told),
        Table("heartbeat", "Time watched", head, rows),
    )  # fmt: skip
