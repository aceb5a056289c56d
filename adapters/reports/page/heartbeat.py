"""The heartbeat of a session on a terminal: a strip over the run, and what it sums up to."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.reports.page.sections import Cell, Table
from adapters.reports.page.words import percent, span, when
from engine.result import RunResult, WatchState
from engine.result.watch import QUIET_AFTER, cells, sums

_MOST = 240
"""Parts of the strip; on a narrow screen each still has a pixel."""

# The strip's class and how far below the top its part begins: told by more than colour.
_LOOKS = {
    WatchState.WATCHED: ("watched", 0),
    WatchState.QUIET: ("quiet", 6),
    WatchState.MUTE: ("mute", 4),
    WatchState.LINK_DOWN: ("link", 2),
    WatchState.NOT_RUNNING: ("away", 8),
}

_MEANINGS = {
    WatchState.WATCHED: f"records at most {QUIET_AFTER // 60_000} minutes apart",
    WatchState.QUIET: "longer without one: a closed market, or nobody looked",
    WatchState.MUTE: "the feed was mute while the market should have been open",
    WatchState.LINK_DOWN: "the terminal did not answer",
    WatchState.NOT_RUNNING: "from its last record until it was gone on with: ended, killed or hung",
}


@dataclass(frozen=True)
class Beat:
    """A part of the strip: its looks, and its words on hovering."""

    tone: str
    top: int
    text: str


@dataclass(frozen=True)
class Heartbeat:
    """The strip from `begin` to `end`, in words, and its sums."""

    beats: list[Beat]
    begin: str
    end: str
    text: str
    table: Table


def strip(result: RunResult) -> Heartbeat | None:
    """The run's heartbeat; None of a replay, or of a session that has only just begun."""
    spans = result.watch
    if not spans:
        return None
    zone = result.terms.day_zone
    begin, end = spans[0].first, spans[-1].last
    beats = []
    for cell in cells(spans, _MOST):
        tone, top = _LOOKS[cell.state]
        beats.append(Beat(tone, top, f"{when(cell.first, zone)}: {cell.state}"))
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
    return Heartbeat(
        beats, when(begin, zone), when(end, zone), "; ".join(told),
        Table("heartbeat", "Time watched", head, rows),
    )  # fmt: skip
