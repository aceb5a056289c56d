"""When a session on a terminal looked at its market, and when it could not. Pure.

What a look finds unchanged leaves no record, so a long time without one says only that nothing was
learned: the market was closed, or nobody looked. A lost link, a mute feed and a session that did
not run are on record to the moment.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from engine.types import Millis

QUIET_AFTER: Final[Millis] = 900_000
"""Records further apart leave a gap: on an open market each M15 bar brings some."""


_SHORTEST: Final[Millis] = 60_000
"""No part of a strip is shorter."""


class CoverageState(enum.StrEnum):
    """What is known of a stretch of time, the graver the later."""

    WATCHED = "watched"
    QUIET = "nothing new"
    MUTE = "no prices"
    LINK_DOWN = "link down"
    NOT_RUNNING = "not running"


GRAVITY: Final = {state: place for place, state in enumerate(CoverageState)}
"""How grave each is."""


class CoverageSpan(NamedTuple):
    """From `first` to `last` (ms UTC) all was as `state` says."""

    first: Millis
    last: Millis
    state: CoverageState


class MarketCoverage:
    """Takes the times of records and what they say of link and feed; `spans` is what came of it."""

    def __init__(self) -> None:
        self._spans: list[CoverageSpan] = []
        self._last: Millis | None = None
        self._down = self._mute = False

    def seen(self, time: Millis) -> None:
        """Something is on record at `time`."""
        if self._last is None:
            self._last = time
        elif time > self._last:
            quiet = time - self._last > QUIET_AFTER
            own = CoverageState.QUIET if quiet else CoverageState.WATCHED
            self._add(self._last, time, self._holding(own))

    def link(self, up: bool) -> None:
        """From the last time on the link is lost, or there again."""
        self._down = not up

    def feed(self, mute: bool) -> None:
        """From the last time on no prices come, or they do again."""
        self._mute = mute

    def resumed(self, time: Millis) -> None:
        """The session did not run since the last time; it looks afresh now."""
        if self._last is not None and time > self._last:
            self._add(self._last, time, CoverageState.NOT_RUNNING)
        self._down = self._mute = False

    def _holding(self, state: CoverageState) -> CoverageState:
        if self._down:
            return CoverageState.LINK_DOWN
        return CoverageState.MUTE if self._mute else state

    def _add(self, first: Millis, last: Millis, state: CoverageState) -> None:
        if self._spans and self._spans[-1].state is state and self._spans[-1].last == first:
            first = self._spans.pop().first
        self._spans.append(CoverageSpan(first, last, state))
        self._last = last

    @property
    def spans(self) -> tuple[CoverageSpan, ...]:
        """Every stretch between the first record and the last, without a gap."""
        return tuple(self._spans)


def sums(spans: Iterable[CoverageSpan]) -> dict[CoverageState, tuple[int, Millis, Millis]]:
    """Of each state how many stretches there were, their length in all, and the longest."""
    found = dict.fromkeys(CoverageState, (0, 0, 0))
    for first, last, state in spans:
        count, whole, longest = found[state]
        found[state] = count + 1, whole + last - first, max(longest, last - first)
    return found


def cells(spans: tuple[CoverageSpan, ...], most: int) -> list[CoverageSpan]:
    """The run in at most so many equal parts, each as grave as the gravest moment in it."""
    if not spans:
        return []
    begin, end = spans[0].first, spans[-1].last
    count = max(1, min(most, -(-(end - begin) // _SHORTEST)))
    edges = [begin + (end - begin) * at // count for at in range(count + 1)]
    worst = [CoverageState.WATCHED] * count
    at = 0
    for first, last, state in spans:
        while at + 1 < count and edges[at + 1] <= first:
            at += 1
        place = at
        while place < count and edges[place] < last:
            worst[place] = max(worst[place], state, key=GRAVITY.__getitem__)
            place += 1
    return [CoverageSpan(*edge, state) for edge, state in zip(pairwise(edges), worst, strict=True)]
