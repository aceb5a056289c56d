"""A strategy that looks at columns decides what it decides bar by bar, and misses nothing."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events as ev
from engine.bars import PreparedBars
from engine.portfolio import Position
from engine.types import Side
from signals.market_data.bars import BarPreparer, Ints
from signals.scan import closings_of, scan_of
from signals.strategies.ftmo_m15 import FtmoM15
from signals.strategies.ftmo_m15_rules import FtmoM15Parameters
from signals.strategies.ftmo_m15_scan import FeatureColumns
from signals.strategies.sma_cross import SmaCross
from signals.strategies.sma_cross import SmaCrossParameters as CrossParameters
from signals.strategy import Decision, Exit, View
from tests.builders import EURUSD, parameters

NOON = 20_000 * 86_400 + 12 * 3_600
LENGTHS: dict[str, st.SearchStrategy[Any]] = {
    "sma_fast": st.integers(1, 4),
    "sma_slow": st.integers(5, 9),
    "trend_sma_fast": st.integers(1, 2),
    "trend_sma_slow": st.integers(3, 5),
}
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "warm_up_bars": st.integers(0, 12),
    "momentum_tolerance": st.sampled_from([0.0, 1e-6, 0.001, 0.3]),
    "trend_sideways_pips": st.sampled_from([0.0, 0.1, 1.5, 20.0]),
    "drop_trends": st.sampled_from([[], ["COUNTER_TREND"], ["UNKNOWN", "SIDEWAYS"]]),
    "drop_sessions": st.sampled_from([[], ["ASIA"], ["LONDON", "NEW_YORK"]]),
    "tiers": st.sampled_from([{}, {"LONDON": {"WITH_TREND": "C", "SIDEWAYS": "A"}}]),
    "on_opposite": st.sampled_from(["close", "ignore", "reverse"]),
    "variants": st.sampled_from([["v1_cross"], ["v2_momentum"]]),
    "session_filter": st.booleans(),
    "trend_filter": st.booleans(),
    "trail": st.booleans(),
    "trail_trigger_r": st.sampled_from([0.0, 0.5, 1.5]),
    "trail_distance_atr": st.sampled_from([0.1, 1.0, 3.0]),
    "atr_period": st.integers(1, 5),
}
CHANGES = st.fixed_dictionaries(LENGTHS, optional=OTHERS)


@st.composite
def histories(draw: st.DrawFn) -> list[PreparedBars]:
    """A walk of five-minute bars with holes in it, in chunks of any size."""
    seed, count = draw(st.integers(0, 10**6)), draw(st.integers(1, 400))
    rng = np.random.default_rng(seed)
    times = NOON + 300 * np.cumsum(rng.integers(1, 3, count))
    closes = 110_000 + np.cumsum(rng.integers(-40, 41, count))
    opens = closes + rng.integers(-9, 10, count)
    highs = np.maximum(opens, closes) + rng.integers(0, 30, count)
    lows = np.minimum(opens, closes) - rng.integers(0, 30, count)
    spreads = rng.integers(0, 15, count)
    preparer = BarPreparer(EURUSD, _same)
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=3)))
    return [
        preparer.prepare(
            times[start:end], opens[start:end] / 100_000, highs[start:end] / 100_000,
            lows[start:end] / 100_000, closes[start:end] / 100_000, spreads[start:end],
        )
        for start, end in zip([0, *cuts], [*cuts, count], strict=True)
    ]  # fmt: skip


def _same(server: Ints) -> Ints:
    return server


POSITIONS = st.none() | st.builds(
    lambda side, offset, risked, pulled: (side, offset, risked, pulled),
    st.sampled_from(Side),
    st.integers(-300, 300),
    st.integers(1, 60),
    st.integers(0, 120),
)


def position_at(drawn: tuple[Side, int, int, int] | None, close: int) -> Position | None:
    """An open position around `close`, whose stop may have been pulled."""
    if drawn is None:
        return None
    side, offset, risked, pulled = drawn
    entry = close + offset
    first = entry - side * risked
    return Position(
        ticket=1, symbol="EURUSD", side=side, volume=1_000, entry=entry, first_stop=first,
        stop_loss=first + side * pulled, take_profit=0, signal_id="s", strategy_id="t",
        commission=0,
    )  # fmt: skip


def told(decision: Decision | None, view: View) -> Any:
    """A decision as it can be compared: a reversal by the entry that it leads to."""
    if isinstance(decision, Exit) and decision.reverse_with is not None:
        return decision.reason, decision.reverse_with(view)
    return decision


def check_decisions(
    live: Any, scanned: Any, history: list[PreparedBars], drawn: tuple[Side, int, int, int] | None
) -> None:
    """Bar by bar and over columns the same decision; where there is one, the scan proposes it."""
    scan = scan_of(scanned)
    assert scan is not None
    for bars in history:
        columns = scan(bars)
        m15 = closings_of(bars, "M15")
        index = 0
        for row, closed in bars.closed.items():
            bid = bars.open.item(row)
            tick = ev.Tick("EURUSD", bid, bid + bars.spread.item(row))
            for bar in closed:
                view = View(EURUSD, tick, position_at(drawn, bar.close))
                decision = live.on_bar(bar, view) if bar.timeframe in live.timeframes else None
                if bar.timeframe == "M15":
                    assert told(columns.decide(index, view), view) == told(decision, view)
                    proposed = columns.next(index, view.position)
                    assert index <= proposed <= len(m15)
                    assert decision is None or proposed == index
                    index += 1


@settings(max_examples=60, deadline=None)
@given(histories(), CHANGES, POSITIONS)
def test_the_preset_decides_the_same_over_columns(
    history: list[PreparedBars],
    changes: dict[str, Any],
    drawn: tuple[Side, int, int, int] | None,
) -> None:
    chosen = parameters(**changes)
    check_decisions(FtmoM15(EURUSD, chosen), FtmoM15(EURUSD, chosen), history, drawn)


@settings(max_examples=30, deadline=None)
@given(histories(), st.integers(1, 9), st.integers(1, 9), POSITIONS)
def test_the_cross_decides_the_same_over_columns(
    history: list[PreparedBars], fast: int, slow: int, drawn: tuple[Side, int, int, int] | None
) -> None:
    chosen = CrossParameters(
        sma_fast=fast, sma_slow=slow, atr_period=3, stop_atr=1.5, target_atr=3.0, lots=0.1
    )
    check_decisions(SmaCross(EURUSD, chosen), SmaCross(EURUSD, chosen), history, drawn)


@settings(max_examples=30, deadline=None)
@given(histories(), CHANGES)
def test_features_are_the_same_to_the_last_bit(
    history: list[PreparedBars], changes: dict[str, Any]
) -> None:
    chosen: FtmoM15Parameters = parameters(**changes)
    live, columns = FtmoM15(EURUSD, chosen), FeatureColumns(chosen)
    nothing = View(EURUSD, ev.Tick("EURUSD", 1, 2), None)
    for bars in history:
        rows, index = columns.push(bars), 0
        for closed in bars.closed.values():
            for bar in closed:
                if bar.timeframe == "H1":
                    live.on_bar(bar, nothing)
                else:
                    assert rows.at(index) == live.features(bar)
                    index += 1


@settings(max_examples=30, deadline=None)
@given(histories(), CHANGES, POSITIONS, st.integers(0, 200))
def test_what_was_found_for_a_position_is_what_is_found_anew(
    history: list[PreparedBars],
    changes: dict[str, Any],
    drawn: tuple[Side, int, int, int] | None,
    since: int,
) -> None:
    """A scan that is asked again about the same open position need not look again."""
    strategy = FtmoM15(EURUSD, parameters(**changes))
    for bars in history:
        columns, count = strategy.scan_columns(bars), len(closings_of(bars, "M15"))
        held = position_at(drawn, 110_000)
        asked = [columns.next(index, held) for index in range(min(since, count), count)]
        again = [columns.next(index, copy(held)) for index in range(min(since, count), count)]
        assert asked == again
