"""The FTMO M15 preset bar by bar, and the parameters that it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.loader import load_preset
from engine import events as ev
from signals.strategies.ftmo_m15 import FtmoM15
from signals.strategies.ftmo_m15_rules import FtmoM15Parameters
from signals.strategies.registry import registered
from signals.strategy import View
from tests.builders import EURUSD, PARAMETERS, TICKS, parameters

PRESET = parameters()


def view() -> View:
    return View(EURUSD, TICKS["EURUSD"], None)


class TestStrategy:
    def test_features_are_those_of_the_closed_bar(self) -> None:
        strategy = FtmoM15(EURUSD, PRESET)
        seen = [
            strategy.features(ev.BarClosed("EURUSD", "M15", 900_000 * number, 110_000, 110_040,
                                           109_960, 110_000 + number))
            for number in range(51)
        ]  # fmt: skip
        last = seen[-1]
        closes = [110_000 + number for number in range(51)]
        gaps = [
            5 * sum(closes[end - 20 : end]) - 2 * sum(closes[end - 50 : end]) for end in (50, 51)
        ]
        assert (last.index, last.close, last.slow_sum) == (50, 110_050, sum(closes[1:]))
        assert (last.previous_gap, last.gap) == tuple(gaps)
        assert (last.trend_gap, last.utc_hour) == (None, 12)
        assert seen[49].previous_gap is None

    def test_hourly_bars_only_move_the_trend(self) -> None:
        strategy = FtmoM15(EURUSD, PRESET)
        for number in range(200):
            hour = ev.BarClosed("EURUSD", "H1", 0, 1, 2, 0, 100_000 + number)
            assert strategy.on_bar(hour, view()) is None
        bar = strategy.features(ev.BarClosed("EURUSD", "M15", 0, 5, 6, 4, 5))
        assert bar.trend_gap == 4 * sum(range(150, 200)) - sum(range(200))
        assert bar.index == 0


SHOWN = re.compile(r"^  # (\w+: (?:\[[^\]]*\]|\w+))(?=  |$)", re.MULTILINE)
"""Options that a preset's file shows as comments, each with what holds without it."""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ftmo_m15", {"variants", "trend_filter", "session_filter", "lots"}),
        ("sma_cross", {"on_opposite"}),
    ],
)
def test_an_option_that_is_shown_as_a_comment_holds_what_holds_without_it(
    name: str, options: set[str], tmp_path: Path
) -> None:
    preset = load_preset(name)
    text = Path(preset.file).read_text(encoding="utf-8")
    file = tmp_path / "spelt_out.yaml"
    file.write_text(SHOWN.sub(r"  \1", text), encoding="utf-8")
    spelt_out = load_preset(file).parameters
    kind = registered(name).parameters_type  # type: ignore[attr-defined]
    assert spelt_out.keys() - preset.parameters.keys() == options
    assert set(kind.__struct_fields__) == spelt_out.keys()
    assert msgspec.convert(spelt_out, kind) == msgspec.convert(preset.parameters, kind)


class TestParameters:
    def test_those_of_the_preset_work_and_can_be_read(self) -> None:
        assert msgspec.convert(msgspec.to_builtins(PRESET), FtmoM15Parameters) == PRESET

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"sma_fast": 50}, "a fast moving average must be shorter"),
            ({"trend_sma_fast": 200}, "a fast moving average must be shorter"),
            ({"drop_sessions": ["SYDNEY"]}, "there is no session 'SYDNEY' among ASIA, LONDON"),
            ({"tiers": {"SYDNEY": {"SIDEWAYS": "A"}}}, "there is no session 'SYDNEY'"),
            ({"sessions": {"ASIA": [8, 7]}}, "session ASIA: hours 8 to 7 are not within"),
            ({"sessions": {"ASIA": [0, 24]}}, "session ASIA: hours 0 to 24 are not within"),
            ({"tier_scales": {"A": 1.0, "B": 1.0}}, "tier_scales lacks C, UNKNOWN"),
            ({"tier_scales": {"A": -1.0}}, "tier_scales"),
            ({"atr_period": 0}, "atr_period"),
            ({"stop_atr": 0.0}, "stop_atr"),
            ({"target_atr": -1.0}, "target_atr"),
            ({"trail_trigger_r": -0.1}, "trail_trigger_r"),
            ({"momentum_tolerance": 1.0}, "momentum_tolerance"),
            ({"trend_timeframe": "H4"}, "trend_timeframe"),
            ({"drop_trends": ["UP"]}, "drop_trends"),
            ({"surplus": 1}, "surplus"),
            ({"variants": []}, "variants must name v1_cross or v2_momentum, each once"),
            ({"variants": ["v1_cross", "v1_cross"]}, "variants must name v1_cross or v2_mom"),
            ({"variants": ["v3"]}, "'v3'"),
            ({"lots": 0}, "lots"),
            ({"lots": "risk"}, "'risk'"),
            ({"on_opposite": "turn"}, "'turn'"),
            ({"trend_filter": "no"}, "trend_filter"),
            ({"session_filter": 1}, "session_filter"),
        ],
    )
    def test_those_that_cannot_work_are_refused(
        self, changes: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(msgspec.ValidationError, match=message):
            msgspec.convert({**PARAMETERS, **changes}, FtmoM15Parameters)
