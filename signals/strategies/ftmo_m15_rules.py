"""The FTMO M15 preset's rules: moving-average cross and momentum, filtered by trend and session.

`decide` is pure: the features of the closed bar and the state of the symbol in, at most one
decision out. All comparisons are on integers (points and multiples of them); the only float is
the ATR.
"""

from __future__ import annotations

import enum
from math import lcm
from typing import Annotated, Literal, get_args

import msgspec

from engine.events import Tick
from engine.money import half
from engine.portfolio import Position
from engine.types import LONG, POINTS_PER_PIP, SHORT, Points, Side
from signals.strategy import Decision, Enter, Exit, Lots, MoveStop, View, volume_of

Variant = Literal["v1_cross", "v2_momentum"]
"""What may raise a signal; the name is the signal's reason."""

PER_MILLION = 1_000_000
MS_PER_HOUR = 3_600_000


class Trend(enum.StrEnum):
    UNKNOWN = "UNKNOWN"
    SIDEWAYS = "SIDEWAYS"
    WITH_TREND = "WITH_TREND"
    COUNTER_TREND = "COUNTER_TREND"


class Tier(enum.StrEnum):
    """The grade of an entry, which scales its risk."""

    A = "A"
    B = "B"
    C = "C"
    UNKNOWN = "UNKNOWN"


class FtmoM15Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The preset's numbers; `config/presets/ftmo_m15.yaml` says what each means.

    What has a default may be left out. Building one raises ValueError for values that cannot work
    together.
    """

    sma_fast: Annotated[int, msgspec.Meta(ge=1)]
    sma_slow: Annotated[int, msgspec.Meta(ge=1)]
    warm_up_bars: Annotated[int, msgspec.Meta(ge=0)]
    momentum_tolerance: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    trend_timeframe: Literal["H1"]
    trend_sma_fast: Annotated[int, msgspec.Meta(ge=1)]
    trend_sma_slow: Annotated[int, msgspec.Meta(ge=1)]
    trend_sideways_pips: Annotated[float, msgspec.Meta(ge=0)]
    drop_trends: tuple[Trend, ...]
    sessions: dict[str, tuple[int, int]]
    drop_sessions: tuple[str, ...]
    variants: tuple[Variant, ...] = get_args(Variant)
    trend_filter: bool = True
    session_filter: bool = True
    lots: Lots = "by_risk"
    atr_period: Annotated[int, msgspec.Meta(ge=1)]
    stop_atr: Annotated[float, msgspec.Meta(gt=0)]
    target_atr: Annotated[float, msgspec.Meta(gt=0)]
    on_opposite: Literal["close", "ignore", "reverse"]
    trail: bool
    trail_trigger_r: Annotated[float, msgspec.Meta(ge=0)]
    trail_distance_atr: Annotated[float, msgspec.Meta(gt=0)]
    tiers: dict[str, dict[Trend, Tier]]
    tier_scales: dict[Tier, Annotated[float, msgspec.Meta(ge=0)]]

    def __post_init__(self) -> None:
        if self.sma_fast >= self.sma_slow or self.trend_sma_fast >= self.trend_sma_slow:
            raise ValueError("a fast moving average must be shorter than its slow one")
        for name in (*self.drop_sessions, *self.tiers):
            if name not in self.sessions:
                raise ValueError(f"there is no session {name!r} among {', '.join(self.sessions)}")
        for name, (first, last) in self.sessions.items():
            if not 0 <= first <= last <= 23:
                raise ValueError(f"session {name}: hours {first} to {last} are not within 0 to 23")
        if not self.variants or len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants must name {' or '.join(get_args(Variant))}, each once")
        missing = [tier for tier in Tier if tier not in self.tier_scales]
        if missing:
            raise ValueError(f"tier_scales lacks {', '.join(missing)}")


class Features(msgspec.Struct, frozen=True, gc=False):
    """What the rules look at when bar `index` (from 0) has closed.

    `gap` and `previous_gap` are the exact cross gaps, `slow_sum` the sum of the slow average's
    closes, `trend_gap` the exact gap of the H1 averages (None while there are too few H1 bars).
    """

    index: int
    close: Points
    gap: int | None
    previous_gap: int | None
    slow_sum: int
    atr: float
    trend_gap: int | None
    utc_hour: int


def raw_signal(features: Features, parameters: FtmoM15Parameters) -> tuple[Side, Variant] | None:
    """Cross or momentum of the closed bar, before any filter; of the preset's variants alone."""
    found = _any_signal(features, parameters)
    return found if found is not None and found[1] in parameters.variants else None


def _any_signal(features: Features, parameters: FtmoM15Parameters) -> tuple[Side, Variant] | None:
    gap, previous = features.gap, features.previous_gap
    if gap is None or previous is None or features.index < parameters.warm_up_bars:
        return None
    if previous <= 0 < gap:
        return LONG, "v1_cross"
    if previous >= 0 > gap:
        return SHORT, "v1_cross"
    tolerance = round(parameters.momentum_tolerance * PER_MILLION)
    close = features.close * parameters.sma_slow * PER_MILLION
    if previous > 0 and gap > 0 and close >= (PER_MILLION - tolerance) * features.slow_sum:
        return LONG, "v2_momentum"
    if previous < 0 and gap < 0 and close <= (PER_MILLION + tolerance) * features.slow_sum:
        return SHORT, "v2_momentum"
    return None


def trend_of(side: Side, trend_gap: int | None, parameters: FtmoM15Parameters) -> Trend:
    """Where `side` lies against the H1 trend."""
    if trend_gap is None:
        return Trend.UNKNOWN
    common = lcm(parameters.trend_sma_fast, parameters.trend_sma_slow)
    sideways = parameters.trend_sideways_pips * POINTS_PER_PIP * common
    if abs(trend_gap) < sideways:
        return Trend.SIDEWAYS
    return Trend.WITH_TREND if (trend_gap > 0) == (side is LONG) else Trend.COUNTER_TREND


def session_of(utc_hour: int, parameters: FtmoM15Parameters) -> str | None:
    """The session that `utc_hour` belongs to, or None outside all of them."""
    for name, (first, last) in parameters.sessions.items():
        if first <= utc_hour <= last:
            return name
    return None


def decide(features: Features, view: View, parameters: FtmoM15Parameters) -> Decision | None:
    """The one decision that the closed bar leads to: leave, else protect, else enter."""
    raw = raw_signal(features, parameters)
    position = view.position
    if position is None:
        return None if raw is None else _entry(*raw, features, view, parameters)
    if raw is not None and raw[0] is not position.side and parameters.on_opposite != "ignore":
        if parameters.on_opposite == "close":
            return Exit("OPPOSITE")
        return Exit("OPPOSITE", lambda now: _entry(*raw, features, now, parameters))
    return _trail(features, position, view.tick, parameters) if parameters.trail else None


def _entry(
    side: Side, tag: str, features: Features, view: View, parameters: FtmoM15Parameters
) -> Enter | None:
    trend = trend_of(side, features.trend_gap, parameters)
    session = session_of(features.utc_hour, parameters)
    if parameters.trend_filter and trend in parameters.drop_trends:
        return None
    if parameters.session_filter and (session is None or session in parameters.drop_sessions):
        return None
    tier = parameters.tiers.get(session or "", {}).get(trend, Tier.UNKNOWN)
    scale = parameters.tier_scales[tier]
    if scale == 0:
        return None
    entry = view.tick.ask if side is LONG else view.tick.bid
    return Enter(
        side=side,
        stop_loss=entry - side * half(parameters.stop_atr * features.atr),
        take_profit=entry + side * half(parameters.target_atr * features.atr),
        reason=tag,
        scale=scale,
        volume=volume_of(parameters.lots),
        note=f"{session or 'NO_SESSION'} {trend} {tier}",
    )


def _trail(
    features: Features, position: Position, tick: Tick, parameters: FtmoM15Parameters
) -> MoveStop | None:
    """After a move of so many R, pull the stop behind the close, never below the entry."""
    risked = abs(position.entry - position.first_stop)
    distance = half(parameters.trail_distance_atr * features.atr)
    if position.side is LONG:
        move = features.close - position.entry
        stop = max(position.entry, features.close - distance, position.stop_loss)
        valid = stop < tick.bid
    else:
        closing = features.close + tick.ask - tick.bid
        move = position.entry - closing
        stop = min(position.entry, closing + distance, position.stop_loss)
        valid = stop > tick.ask
    if move < parameters.trail_trigger_r * risked or stop == position.stop_loss or not valid:
        return None
    return MoveStop(stop, "TRAIL")
