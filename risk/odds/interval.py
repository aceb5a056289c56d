"""How far a pass probability from one record can be off.

The number of simulated paths says nothing about it: the record is short. Two intervals are made
that see the record's shortness in different ways, and their hull is the answer: over eight
processes with known probabilities each of the two alone covers too little somewhere.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec
import numpy as np

from risk.odds.draws import StationaryOrder, pseudo_histories
from risk.odds.play import HORIZON, play
from risk.odds.table import DayTable, Floats, Sizing
from risk.odds.terms import OddsTerms

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Interval(msgspec.Struct, frozen=True):
    """A range of probabilities, both ends included."""

    low: float
    high: float

    def __contains__(self, share: float) -> bool:
        return self.low <= share <= self.high

    @property
    def width(self) -> float:
        """In points of probability, from 0 to 1."""
        return self.high - self.low


def wilson(share: float | None, trials: float) -> Interval:
    """Wilson's interval for a share of `trials`, which need not be a whole number.

    E. B. Wilson, JASA 22 (1927). Without a trial: everything is possible.
    """
    if share is None or trials <= 0:
        return Interval(0.0, 1.0)
    square = _Z**2 / trials
    centre = share + square / 2
    spread = math.sqrt(share * (1 - share) * square + square**2 / 4)
    low, high = ((centre + sign * spread) / (1 + square) for sign in (-1, 1))
    return Interval(max(0.0, low), min(1.0, high))


def double_bootstrap(
    table: DayTable,
    terms: OddsTerms,
    sizing: Sizing,
    mean_block: float,
    generators: tuple[np.random.Generator, np.random.Generator],
    *,
    histories: int = 200,
    paths: int = 200,
    horizon: int = HORIZON,
) -> Floats:
    """The pass share in each of `histories` records that might have been observed instead.

    Each is drawn from the record, and `paths` are drawn from each, in the same way.
    """
    rows = pseudo_histories(table, mean_block, histories, generators[0])
    order = StationaryOrder(table, mean_block, paths, generators[1], rows)
    played = play(table, terms, sizing, order, horizon)
    shares: Floats = played.passed.reshape(histories, paths).mean(axis=1)
    return shares


def quantiles(shares: Floats) -> Interval:
    """The middle 95 % of some shares."""
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def hull(*intervals: Interval) -> Interval:
    """The smallest interval that holds all of them."""
    return Interval(min(one.low for one in intervals), max(one.high for one in intervals))
