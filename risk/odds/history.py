"""The record as it was: an attempt from every flat start."""

from __future__ import annotations

import msgspec

from risk.odds.draws import RecordOrder
from risk.odds.paths import Played
from risk.odds.play import play
from risk.odds.table import DayTable, Ints, Sizing
from risk.odds.terms import OddsTerms


class HistoryOdds(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the attempts; `starts` are their first days."""

    starts: Ints
    played: Played
    days: int

    @property
    def passes(self) -> int:
        """Attempts that passed every phase."""
        return int(self.played.passed.sum())

    @property
    def decided(self) -> int:
        """Attempts that came to an end within the record."""
        return int(self.played.decided.sum())

    @property
    def unfinished(self) -> int:
        """Attempts that the record was too short for."""
        return len(self.starts) - self.decided

    @property
    def pass_share(self) -> float | None:
        """Passes of the decided attempts; None when none was decided."""
        return self.passes / self.decided if self.decided else None

    @property
    def independent(self) -> float:
        """Attempts that would fit into the record one after another, so that none overlap.

        Attempts from neighbouring days share nearly all their days; they are no more evidence than
        this many.
        """
        if not self.decided:
            return 0.0
        return self.days / float(self.played.elapsed[self.played.decided].mean())


def history(table: DayTable, terms: OddsTerms, sizing: Sizing) -> HistoryOdds:
    """An attempt from each day that begins with nothing open, over the days that follow it."""
    starts = table.flat_starts
    played = play(table, terms, sizing, RecordOrder(starts, len(table)), len(table))
    return HistoryOdds(starts=starts, played=played, days=len(table))
