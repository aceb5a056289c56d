"""The FTMO M15 preset, rule by rule, on small features made by hand."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from engine import events as ev
from engine.portfolio import Position
from engine.types import Side
from signals.strategies.ftmo_m15_rules import (
    Features,
    FtmoM15Parameters,
    Tier,
    Trend,
    decide,
    raw_signal,
    session_of,
    trend_of,
)
from signals.strategy import Decision, Enter, Exit, MoveStop, View
from tests.builders import EURUSD, TICKS, parameters

PRESET = parameters()
LONDON = 9


def features(**changes: Any) -> Features:
    """A cross upwards in London, with the trend and an ATR of 80 points."""
    return msgspec.structs.replace(
        Features(60, 110_000, 10, -10, 5_500_000, 80.0, 4_000, LONDON), **changes
    )


def position(side: Side = Side.LONG, **changes: Any) -> Position:
    """Entered at 110,000 with a first stop 100 points away."""
    stop = 110_000 - side * 100
    return Position(
        **{
            "ticket": 7, "symbol": "EURUSD", "side": side, "volume": 100, "entry": 110_000,
            "first_stop": stop, "stop_loss": stop, "take_profit": 110_000 + side * 900,
            "signal_id": "s:1", "strategy_id": "s", "commission": -3, **changes,
        }
    )  # fmt: skip


def view(held: Position | None = None, tick: ev.Tick = TICKS["EURUSD"]) -> View:
    return View(EURUSD, tick, held)


def decided(held: Position | None = None, terms: FtmoM15Parameters = PRESET, **changes: Any
            ) -> Decision | None:  # fmt: skip
    return decide(features(**changes), view(held), terms)


class TestRawSignal:
    @pytest.mark.parametrize(
        ("previous", "gap", "side"),
        [
            (-1, 1, Side.LONG), (0, 1, Side.LONG), (1, -1, Side.SHORT), (0, -1, Side.SHORT),
            (-1, 0, None), (1, 0, None), (0, 0, None),
        ],
    )  # fmt: skip
    def test_a_cross_is_a_gap_that_leaves_zero_or_changes_its_sign(
        self, previous: int, gap: int, side: Side | None
    ) -> None:
        # The close is on the wrong side of the average: momentum cannot be the reason.
        close = 100_000 if (side or Side.LONG) is Side.LONG else 120_000
        found = raw_signal(features(previous_gap=previous, gap=gap, close=close), PRESET)
        assert found == (None if side is None else (side, "v1_cross"))

    @pytest.mark.parametrize(
        ("gap", "close", "side"),
        [
            # The average is 110,000: 999/1000 of it is 109,890, 1001/1000 is 110,110.
            (1, 109_890, Side.LONG), (1, 109_889, None), (1, 120_000, Side.LONG),
            (-1, 110_110, Side.SHORT), (-1, 110_111, None), (-1, 100_000, Side.SHORT),
        ],
    )  # fmt: skip
    def test_momentum_holds_up_to_exactly_a_thousandth_on_the_wrong_side(
        self, gap: int, close: int, side: Side | None
    ) -> None:
        found = raw_signal(features(previous_gap=gap, gap=gap, close=close), PRESET)
        assert found == (None if side is None else (side, "v2_momentum"))

    @pytest.mark.parametrize(("slow_sum", "holds"), [(5_500_000, True), (5_500_001, False)])
    def test_momentum_is_judged_on_the_sum_not_on_a_rounded_average(
        self, slow_sum: int, holds: bool
    ) -> None:
        found = raw_signal(
            features(previous_gap=1, gap=1, close=109_890, slow_sum=slow_sum), PRESET
        )
        assert (found is not None) is holds

    def test_nothing_is_signalled_before_both_averages_were_full_twice(self) -> None:
        assert raw_signal(features(gap=None), PRESET) is None
        assert raw_signal(features(previous_gap=None), PRESET) is None

    @pytest.mark.parametrize(("index", "signals"), [(49, False), (50, True)])
    def test_nothing_is_signalled_before_the_warm_up_is_over(
        self, index: int, signals: bool
    ) -> None:
        assert (raw_signal(features(index=index), PRESET) is not None) is signals


class TestTrend:
    @pytest.mark.parametrize(
        ("gap", "long", "short"),
        [
            (None, Trend.UNKNOWN, Trend.UNKNOWN),
            (0, Trend.SIDEWAYS, Trend.SIDEWAYS),
            (2_999, Trend.SIDEWAYS, Trend.SIDEWAYS),
            (-2_999, Trend.SIDEWAYS, Trend.SIDEWAYS),
            (3_000, Trend.WITH_TREND, Trend.COUNTER_TREND),
            (-3_000, Trend.COUNTER_TREND, Trend.WITH_TREND),
        ],
    )
    def test_sideways_ends_at_exactly_a_pip_and_a_half(
        self, gap: int | None, long: Trend, short: Trend
    ) -> None:
        assert trend_of(Side.LONG, gap, PRESET) is long
        assert trend_of(Side.SHORT, gap, PRESET) is short

    @pytest.mark.parametrize(
        ("gap", "enters"), [(4_000, True), (2_999, True), (None, True), (-3_000, False)]
    )
    def test_only_entries_against_the_trend_are_dropped(
        self, gap: int | None, enters: bool
    ) -> None:
        assert isinstance(decided(trend_gap=gap), Enter) is enters


class TestSession:
    @pytest.mark.parametrize(
        ("hour", "session"),
        [(0, "ASIA"), (7, "ASIA"), (8, "LONDON"), (15, "LONDON"), (16, "NEW_YORK"),
         (23, "NEW_YORK")],
    )  # fmt: skip
    def test_both_hours_of_a_session_belong_to_it(self, hour: int, session: str) -> None:
        assert session_of(hour, PRESET) == session
        assert isinstance(decided(utc_hour=hour), Enter) is (session != "ASIA")

    def test_an_hour_outside_all_sessions_is_not_traded(self) -> None:
        short_day = parameters(sessions={"LONDON": (8, 15)}, drop_sessions=())
        assert session_of(16, short_day) is None
        assert decided(terms=short_day, utc_hour=16) is None
        assert isinstance(decided(terms=short_day, utc_hour=15), Enter)


class TestEntry:
    def test_a_long_is_measured_from_the_ask(self) -> None:
        assert decided() == Enter(
            side=Side.LONG, stop_loss=110_010 - 120, take_profit=110_010 + 240,
            reason="v1_cross", scale=0.5, note="LONDON WITH_TREND UNKNOWN",
        )  # fmt: skip

    def test_a_short_is_measured_from_the_bid(self) -> None:
        assert decided(gap=-10, previous_gap=10, trend_gap=-4_000) == Enter(
            side=Side.SHORT, stop_loss=110_000 + 120, take_profit=110_000 - 240,
            reason="v1_cross", scale=0.5, note="LONDON WITH_TREND UNKNOWN",
        )  # fmt: skip

    def test_distances_are_rounded_half_away_from_zero(self) -> None:
        # 1.5 x 81 = 121.5 and 3 x 80.5 = 241.5 points.
        entry = decided(atr=81.0)
        assert isinstance(entry, Enter)
        assert (entry.stop_loss, entry.take_profit) == (110_010 - 122, 110_010 + 243)
        entry = decided(atr=80.5)
        assert isinstance(entry, Enter)
        assert (entry.stop_loss, entry.take_profit) == (110_010 - 121, 110_010 + 242)

    @pytest.mark.parametrize(("tier", "scale"), [(Tier.A, 1.5), (Tier.B, 0.75), (Tier.C, None)])
    def test_the_tier_of_session_and_trend_scales_the_entry_or_drops_it(
        self, tier: Tier, scale: float | None
    ) -> None:
        graded = parameters(tiers={"LONDON": {Trend.WITH_TREND: tier}})
        entry = decided(terms=graded)
        assert (entry.scale if isinstance(entry, Enter) else None) == scale
        # Another pair is not in the table.
        other = decided(terms=graded, trend_gap=0)
        assert isinstance(other, Enter)
        assert (other.scale, other.note) == (0.5, "LONDON SIDEWAYS UNKNOWN")

    def test_without_a_signal_there_is_nothing_to_do(self) -> None:
        assert decided(gap=0) is None


class TestExit:
    @pytest.mark.parametrize("reason", ["cross", "momentum"])
    def test_a_signal_the_other_way_closes_before_trend_and_session_are_asked(
        self, reason: str
    ) -> None:
        previous, gap = {"cross": (10, -10), "momentum": (-10, -10)}[reason]
        against = features(previous_gap=previous, gap=gap, utc_hour=3, trend_gap=9_000)
        assert decide(against, view(position(Side.LONG)), PRESET) == Exit("OPPOSITE")

    def test_a_preset_may_keep_the_position_and_go_on_trailing(self) -> None:
        patient = parameters(on_opposite="ignore")
        moved = features(previous_gap=10, gap=-10, close=110_150, atr=60.0)
        seen = view(position(Side.LONG), ev.Tick("EURUSD", 110_150, 110_160))
        assert decide(moved, seen, PRESET) == Exit("OPPOSITE")
        assert decide(moved, seen, patient) == MoveStop(110_090, "TRAIL")

    def test_it_comes_before_the_trail(self) -> None:
        held = position(Side.SHORT)
        assert decided(held, close=109_000, atr=50.0) == Exit("OPPOSITE")

    def test_a_signal_the_same_way_opens_no_second_position(self) -> None:
        assert decided(position(Side.LONG)) is None

    def test_a_preset_may_reverse_and_then_enters_by_the_tick_of_that_moment(self) -> None:
        turned = decided(position(Side.SHORT), parameters(on_opposite="reverse"))
        assert isinstance(turned, Exit)
        assert turned.reason == "OPPOSITE"
        assert turned.reverse_with is not None
        later = view(None, ev.Tick("EURUSD", 110_030, 110_041))
        assert turned.reverse_with(later) == Enter(
            side=Side.LONG, stop_loss=110_041 - 120, take_profit=110_041 + 240,
            reason="v1_cross", scale=0.5, note="LONDON WITH_TREND UNKNOWN",
        )  # fmt: skip

    @pytest.mark.parametrize("filtered", [{"utc_hour": 3}, {"trend_gap": -9_000}])
    def test_a_reversal_that_trend_or_session_drop_only_closes(
        self, filtered: dict[str, Any]
    ) -> None:
        turned = decided(position(Side.SHORT), parameters(on_opposite="reverse"), **filtered)
        assert isinstance(turned, Exit)
        assert turned.reverse_with is not None
        assert turned.reverse_with(view()) is None


class TestOptions:
    """Each option off or on, against the preset as it is shipped."""

    CROSS: ClassVar[dict[str, Any]] = {"previous_gap": -10, "gap": 10}
    MOMENTUM: ClassVar[dict[str, Any]] = {"previous_gap": 10, "gap": 10}

    @pytest.mark.parametrize(("variant", "left"), [("v1_cross", CROSS), ("v2_momentum", MOMENTUM)])
    def test_a_variant_that_is_off_neither_enters_nor_leaves(
        self, variant: str, left: dict[str, Any]
    ) -> None:
        only = parameters(variants=[variant])
        for gaps in (self.CROSS, self.MOMENTUM):
            wanted = gaps == left
            assert isinstance(decided(**gaps), Enter)
            assert isinstance(decided(terms=only, **gaps), Enter) is wanted
            held = position(Side.SHORT)
            assert isinstance(decided(held, only, **gaps), Exit) is wanted

    def test_without_the_trend_filter_entries_against_the_trend_are_made_and_say_so(self) -> None:
        assert decided(trend_gap=-9_000) is None
        entry = decided(terms=parameters(trend_filter=False), trend_gap=-9_000)
        assert isinstance(entry, Enter)
        assert entry.note == "LONDON COUNTER_TREND UNKNOWN"

    def test_without_the_session_filter_every_hour_is_traded(self) -> None:
        always = parameters(session_filter=False)
        assert decided(utc_hour=3) is None
        entry = decided(terms=always, utc_hour=3)
        assert isinstance(entry, Enter)
        assert entry.note == "ASIA WITH_TREND UNKNOWN"

    def test_without_the_session_filter_hours_outside_all_sessions_are_traded_too(self) -> None:
        short_day = {"sessions": {"LONDON": (8, 15)}, "drop_sessions": ()}
        assert decided(terms=parameters(**short_day), utc_hour=20) is None
        entry = decided(terms=parameters(session_filter=False, **short_day), utc_hour=20)
        assert isinstance(entry, Enter)
        assert entry.note == "NO_SESSION WITH_TREND UNKNOWN"

    def test_a_tier_of_no_risk_drops_the_entry_whatever_filter_is_off(self) -> None:
        graded = parameters(
            session_filter=False, trend_filter=False, lots=0.1, tiers={"ASIA": {"WITH_TREND": "C"}}
        )
        assert decided(terms=graded, utc_hour=3) is None

    @pytest.mark.parametrize(("lots", "volume"), [(0.1, 1_000), (50, 500_000), (1e-9, 1)])
    def test_fixed_lots_are_the_volume_and_never_turn_into_sizing_by_risk(
        self, lots: float, volume: int
    ) -> None:
        entry, sized = decided(terms=parameters(lots=lots)), decided()
        assert isinstance(entry, Enter)
        assert isinstance(sized, Enter)
        assert (entry.volume, sized.volume) == (volume, 0)


class TestTrail:
    """R is 100 points: the stop trails once the price has moved 150."""

    def trail(
        self, held: Position, close: int, atr: float, tick: ev.Tick | None = None
    ) -> Decision | None:
        seen = features(gap=held.side * 10, previous_gap=held.side * 10, close=close, atr=atr)
        usual = ev.Tick("EURUSD", close, close + 10)
        return decide(seen, view(held, tick or usual), PRESET)

    def test_a_long_trails_an_atr_behind_the_close_from_exactly_one_and_a_half_r(self) -> None:
        held = position(Side.LONG)
        assert self.trail(held, 110_149, 50.0) is None
        assert self.trail(held, 110_150, 50.0) == MoveStop(110_100, "TRAIL")

    def test_a_short_is_measured_at_the_ask_of_this_tick(self) -> None:
        held = position(Side.SHORT)
        assert self.trail(held, 109_841, 50.0) is None  # the ask moved 149
        assert self.trail(held, 109_840, 50.0) == MoveStop(109_900, "TRAIL")

    def test_the_distance_is_rounded_half_away_from_zero(self) -> None:
        assert self.trail(position(Side.LONG), 110_200, 50.5) == MoveStop(110_149, "TRAIL")

    @pytest.mark.parametrize("side", list(Side))
    def test_it_is_never_behind_the_entry(self, side: Side) -> None:
        close = 110_000 + side * 160
        assert self.trail(position(side), close, 400.0) == MoveStop(110_000, "TRAIL")

    @pytest.mark.parametrize("side", list(Side))
    def test_it_never_goes_back(self, side: Side) -> None:
        held = position(side, stop_loss=110_000 + side * 140)
        assert self.trail(held, 110_000 + side * 200, 100.0) is None

    @pytest.mark.parametrize("side", list(Side))
    def test_a_stop_that_would_not_change_is_not_sent(self, side: Side) -> None:
        spread = 0 if side is Side.LONG else 10
        held = position(side, stop_loss=110_000 + side * 100)
        assert self.trail(held, 110_000 + side * 150 - spread, 50.0) is None

    def test_a_stop_at_or_beyond_the_tick_is_not_sent(self) -> None:
        """The new bar may have opened far from the old close."""
        held = position(Side.LONG)
        at, above = ev.Tick("EURUSD", 110_150, 110_160), ev.Tick("EURUSD", 110_151, 110_161)
        assert self.trail(held, 110_200, 50.0, at) is None
        assert self.trail(held, 110_200, 50.0, above) == MoveStop(110_150, "TRAIL")
        short = position(Side.SHORT)
        at, below = ev.Tick("EURUSD", 109_850, 109_860), ev.Tick("EURUSD", 109_849, 109_859)
        assert self.trail(short, 109_800, 50.0, at) is None
        assert self.trail(short, 109_800, 50.0, below) == MoveStop(109_860, "TRAIL")

    def test_r_is_that_of_the_first_stop_however_far_the_stop_has_moved(self) -> None:
        held = position(Side.LONG, stop_loss=110_090)
        assert self.trail(held, 110_149, 10.0) is None
        assert self.trail(held, 110_150, 10.0) == MoveStop(110_140, "TRAIL")

    def test_a_preset_may_leave_the_first_stop_where_it_is(self) -> None:
        moved = features(previous_gap=10, gap=10, close=110_150, atr=50.0)
        seen = view(position(Side.LONG), ev.Tick("EURUSD", 110_150, 110_160))
        assert decide(moved, seen, PRESET) == MoveStop(110_100, "TRAIL")
        assert decide(moved, seen, parameters(trail=False)) is None
