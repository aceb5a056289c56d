"""The FTMO M15 preset over columns: the same indicators, and where its rules may decide.

`FeatureColumns` computes `Features` bit by bit as `FtmoM15` does; `PresetScan` proposes bars, a
superset of those at which `decide` answers. What is decided there, `decide` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, lcm
from typing import Final, NamedTuple

import numpy as np

from engine.bars import Ints, PreparedBars
from engine.portfolio import Position
from engine.types import LONG, POINTS_PER_PIP, SHORT
from signals.scan import Bools, Levels, RowIndex, closings_of
from signals.strategies.ftmo_m15_rules import (
    MS_PER_HOUR,
    PER_MILLION,
    Features,
    FtmoM15Parameters,
    Tier,
    Trend,
    decide,
    session_of,
)
from signals.strategies.indicators import AverageTrueRanges, CrossGaps
from signals.strategy import Decision, View

_HAIR: Final = 1e-9  # by which a scan is wider than the rule, for what floats round off
_TRENDS: Final = (Trend.UNKNOWN, Trend.SIDEWAYS, Trend.WITH_TREND, Trend.COUNTER_TREND)
_UNKNOWN, _SIDEWAYS, _WITH, _COUNTER = range(len(_TRENDS))


class FeatureRows(NamedTuple):
    """`Features` of a chunk's M15 bars in columns; `spread` is that of the deciding tick.

    A row's `gap` is known from `known` on, its `previous_gap` one row later; its `trend_gap` where
    `trend_known`.
    """

    first_index: int
    close: Ints
    gap: Ints
    previous_gap: Ints
    known: int
    slow_sum: Ints
    atr: Sequence[float]
    trend_gap: Ints
    trend_known: Bools
    utc_hour: Ints
    spread: Ints

    def at(self, row: int) -> Features:
        """What `FtmoM15.features` gives for this row."""
        return Features(
            self.first_index + row,
            self.close.item(row),
            self.gap.item(row) if row >= self.known else None,
            self.previous_gap.item(row) if row > self.known else None,
            self.slow_sum.item(row),
            self.atr[row],
            self.trend_gap.item(row) if self.trend_known[row] else None,
            self.utc_hour.item(row),
        )


class FeatureColumns:
    """The preset's indicators over columns, chunk after chunk."""

    def __init__(self, parameters: FtmoM15Parameters) -> None:
        self._count = 0
        self._cross = CrossGaps(parameters.sma_fast, parameters.sma_slow)
        self._trend = CrossGaps(parameters.trend_sma_fast, parameters.trend_sma_slow)
        self._last_trend = np.zeros(1, dtype=np.int64)
        self._last_trend_known = False
        self._atr = AverageTrueRanges(parameters.atr_period)

    def push(self, bars: PreparedBars) -> FeatureRows:
        """Take the next chunk's M15 and H1 bars."""
        m15, h1 = closings_of(bars, "M15"), closings_of(bars, "H1")
        first, self._count = self._count, self._count + len(m15)
        gaps, trend = self._cross.push(m15.close), self._trend.push(h1.close)
        # Place 0 is the trend as the chunk before left it; an H1 bar counts with the M15 bar that
        # closes with it.
        places = h1.row.searchsorted(m15.row, side="right")
        values = np.concatenate((self._last_trend, trend.value))
        known = np.arange(len(h1)) >= trend.known
        knowns = np.concatenate(([self._last_trend_known], known))
        self._last_trend, self._last_trend_known = values[-1:], bool(knowns[-1])
        return FeatureRows(
            first,
            m15.close,
            gaps.value,
            gaps.previous,
            gaps.known,
            gaps.slow,
            self._atr.push(m15.high, m15.low, m15.close),
            values[places],
            knowns[places],
            m15.time // MS_PER_HOUR % 24,
            bars.spread[m15.row],
        )


class PresetScan:
    """Where the preset may decide: entries, opposite signals, closes that may pull a stop."""

    def __init__(self, rows: FeatureRows, parameters: FtmoM15Parameters) -> None:
        self._rows = rows
        self._parameters = parameters
        raw = _raw_sides(rows, parameters)
        self._entries = RowIndex((raw != 0) & _may_enter(rows, raw, parameters))
        leaves = parameters.on_opposite != "ignore"
        self._opposite = {side: RowIndex((raw == -side) & leaves) for side in (LONG, SHORT)}
        # The closing price of a side, and the stop that trails behind it (a point nearer, as the
        # distance is rounded); a short's are negative, so that for both more is further ahead.
        asks = rows.close + rows.spread
        distance = np.floor(parameters.trail_distance_atr * np.array(rows.atr)) - 1
        self._closing = {
            LONG: Levels(rows.close, rows.close - distance),
            SHORT: Levels(-asks, -(asks + distance)),
        }
        self._asked: tuple[Position | None, int, int] = None, 0, 0

    def next(self, index: int, position: Position | None) -> int:
        if position is None:
            return self._entries.next(index)
        asked, since, found = self._asked
        if asked is position and since <= index <= found:
            return found  # nothing about the position has changed
        found = self._opposite[position.side].next(index)
        if self._parameters.trail:
            found = self._pulling(position, index, found)
        self._asked = position, index, found
        return found

    def decide(self, index: int, view: View) -> Decision | None:
        return decide(self._rows.at(index), view, self._parameters)

    def _pulling(self, position: Position, index: int, end: int) -> int:
        """The first close that is far enough ahead of the entry, with a stop behind it to go to.

        A stop that is behind the entry may always go to the entry.
        """
        side, entry = position.side, position.side * position.entry
        stop = side * position.stop_loss
        far = entry + self._parameters.trail_trigger_r * abs(position.entry - position.first_stop)
        return self._closing[side].next(index, end, far - 1, -inf if entry > stop else stop)


def _raw_sides(rows: FeatureRows, parameters: FtmoM15Parameters) -> Ints:
    """The side of `raw_signal` per row, or 0; momentum a hair wider than it is."""
    gap, previous = rows.gap, rows.previous_gap
    tolerance = round(parameters.momentum_tolerance * PER_MILLION) / PER_MILLION + _HAIR
    close = rows.close * float(parameters.sma_slow)
    slow = rows.slow_sum.astype(np.float64)
    crossed, moving = ("v1_cross" in parameters.variants, "v2_momentum" in parameters.variants)
    near_long, near_short = close >= (1 - tolerance) * slow, close <= (1 + tolerance) * slow
    long = (gap > 0) & np.where(previous <= 0, crossed, moving & near_long)
    short = (gap < 0) & np.where(previous >= 0, crossed, moving & near_short)
    sides = long.astype(np.int64) - short.astype(np.int64)
    sides[: max(rows.known + 1, parameters.warm_up_bars - rows.first_index, 0)] = 0
    return sides


def _may_enter(rows: FeatureRows, sides: Ints, parameters: FtmoM15Parameters) -> Bools:
    """Whether trend and session let the row's side enter."""
    hours = np.array([_scales(hour, parameters) for hour in range(24)])
    common = lcm(parameters.trend_sma_fast, parameters.trend_sma_slow)
    sideways = parameters.trend_sideways_pips * POINTS_PER_PIP * common
    trend = rows.trend_gap.astype(np.float64)
    aligned = np.where((trend > 0) == (sides > 0), _WITH, _COUNTER)
    aligned = np.where(np.abs(trend) < sideways, _SIDEWAYS, aligned)
    aligned = np.where(rows.trend_known, aligned, _UNKNOWN)
    result: Bools = hours[rows.utc_hour, aligned]
    # What float rounding may have put on the wrong side is left to the rules themselves.
    near = np.abs(np.abs(trend) - sideways) <= _HAIR * (sideways + 1)
    return result | (rows.trend_known & near)


def _scales(hour: int, parameters: FtmoM15Parameters) -> list[bool]:
    """By trend, whether an entry at this hour is let pass with a scale above 0."""
    session = session_of(hour, parameters)
    if parameters.session_filter and (session is None or session in parameters.drop_sessions):
        return [False] * len(_TRENDS)
    tiers = parameters.tiers.get(session or "", {})
    dropped = parameters.drop_trends if parameters.trend_filter else ()
    return [
        trend not in dropped and parameters.tier_scales[tiers.get(trend, Tier.UNKNOWN)] != 0
        for trend in _TRENDS
    ]
