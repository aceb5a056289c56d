"""What must be closed whatever the venue answers: it stands until the account shows that it is.

A close that a limit, a weekend or the user orders is no wish of the moment. Its order may be
refused, filled in part, or never leave; then another order asks again, after a pause that grows.
While an order of it is under way or of unknown outcome, nothing is sent.
"""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.types import Millis

MANUAL_REASON = "MANUAL"
"""Why a position was closed that the user ordered to be closed."""

FLATTEN_REASON = "FLATTEN"
"""Why positions are closed when a limit is hit whose action is to close everything."""

WEEKEND_REASON = "WEEKEND"
"""Why positions are closed before a weekend over which nothing may stay open."""

STANDING_REASONS = frozenset({MANUAL_REASON, FLATTEN_REASON, WEEKEND_REASON})

FIRST: Millis = 5_000
LONGEST: Millis = 60_000
"""The first pause before another order asks again, and the longest; each twice the one before."""

WITHOUT_PRICE: Millis = 900_000
"""So long is waited where no price has come since: a market that is closed refuses every close."""


def stands(terms: ev.OrderTerms) -> bool:
    """Whether these terms close a position that must be closed whatever the venue answers."""
    return terms.action is ev.CLOSE and terms.reason in STANDING_REASONS


class _Standing(msgspec.Struct):
    """`ended` is when the last order of it ended and left the position open; None before that."""

    terms: ev.OrderTerms
    pause: Millis = 0
    ended: Millis | None = None


class StandingCloses:
    """The positions that must be closed, by ticket; `everything` once the user ordered it so.

    It follows from recorded events alone, but for the prices at which was asked: after a restart
    any price is a fresh one.
    """

    def __init__(self) -> None:
        self.everything = False
        self._wanted: dict[int, _Standing] = {}
        self._priced: dict[int, ev.Tick | None] = {}

    def __contains__(self, position: int) -> bool:
        return position in self._wanted

    def priced(self, position: int, tick: ev.Tick | None) -> None:
        """A close of `position` is asked for at this price."""
        self._priced[position] = tick

    def asked(self, terms: ev.OrderTerms) -> None:
        """An order to close a position was made, for one of the reasons that stand."""
        standing = self._wanted.setdefault(terms.position, _Standing(terms))
        standing.terms, standing.ended = terms, None
        standing.pause = min(2 * standing.pause, LONGEST) or FIRST

    def ended(self, position: int, now: Millis) -> None:
        """The order that was to close it is over, whatever its reason; the position may stand."""
        if (standing := self._wanted.get(position)) is not None:
            standing.ended = now

    def closed(self, position: int) -> None:
        """Nothing of it is left."""
        self._wanted.pop(position, None)
        self._priced.pop(position, None)

    def due(self, position: int, now: Millis, tick: ev.Tick | None) -> bool:
        """Whether to ask (again) now for the close of a position that no order is closing."""
        standing = self._wanted.get(position)
        if standing is None:
            return self.everything
        if standing.ended is None:
            return False
        fresh = tick is not None and tick is not self._priced.get(position)
        return now >= standing.ended + (standing.pause if fresh else WITHOUT_PRICE)

    def terms(self, position: int) -> ev.OrderTerms | None:
        """The terms on which it was last asked for; None where only `everything` stands."""
        standing = self._wanted.get(position)
        return None if standing is None else standing.terms
