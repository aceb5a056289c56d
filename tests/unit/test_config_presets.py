"""Presets: the envelope and limits are checked here, the parameters pass through unchanged."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from config.loader import (
    DEFAULT_PRESET,
    CheckedLimits,
    ConfigError,
    config_report,
    list_presets,
    load_preset,
    load_symbols,
    with_overrides,
)

PRESET = """\
name: mine
title: My own
strategy: cross
timeframe: M15
symbols: [EURUSD]
parameters:
  fast: 5
limits:
  max_positions: 2
  max_positions_per_symbol: 1
  per_trade_risk_fraction: 0.004
  daily_loss_fraction: 0.02
  reset_zone: Europe/Prague
"""
BLOCKS = re.findall(r"(?m)^\w+:.*\n(?: .*\n)*", PRESET)
"""The preset cut before each key of its top level."""
LIMITS = CheckedLimits(
    max_positions=2,
    max_positions_per_symbol=1,
    per_trade_risk_fraction=0.004,
    daily_loss_fraction=0.02,
    reset_zone="Europe/Prague",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


@pytest.fixture
def refusal(file: Path) -> Callable[[str, str], str]:
    """Replaces a part of the good preset and gives the complaint, without the file's name."""

    def of(old: str, new: str) -> str:
        assert old in PRESET
        file.write_text(PRESET.replace(old, new))
        with pytest.raises(ConfigError) as caught:
            load_preset(file)
        return str(caught.value).removeprefix(f"{file}, ")

    return of


def test_the_shipped_preset_holds_the_published_numbers() -> None:
    preset = load_preset(DEFAULT_PRESET)
    assert (preset.name, preset.strategy, preset.timeframe) == ("ftmo_m15", "ftmo_m15", "M15")
    assert preset.symbols == ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]
    assert preset.limits == LIMITS
    assert preset.parameters == {
        "sma_fast": 20,
        "sma_slow": 50,
        "warm_up_bars": 50,
        "momentum_tolerance": 0.001,
        "trend_timeframe": "H1",
        "trend_sma_fast": 50,
        "trend_sma_slow": 200,
        "trend_sideways_pips": 1.5,
        "drop_trends": ["COUNTER_TREND"],
        "sessions": {"ASIA": [0, 7], "LONDON": [8, 15], "NEW_YORK": [16, 23]},
        "drop_sessions": ["ASIA"],
        "atr_period": 14,
        "stop_atr": 1.5,
        "target_atr": 3.0,
        "trail_trigger_r": 1.5,
        "trail_distance_atr": 1.0,
        "on_opposite": "close",
        "trail": True,
        "tiers": {},
        "tier_scales": {"A": 1.5, "B": 0.75, "C": 0.0, "UNKNOWN": 0.5},
    }


@pytest.mark.parametrize("name", list_presets())
def test_every_shipped_preset_is_named_like_its_file_and_knows_its_symbols(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert set(preset.symbols) <= set(load_symbols())


def test_presets_are_listed() -> None:
    assert DEFAULT_PRESET in list_presets()
    assert list_presets() == sorted(list_presets())


def test_a_users_file_loads_by_path_and_by_text(file: Path) -> None:
    file.write_text(PRESET)
    assert load_preset(file).title == "My own"
    assert load_preset(str(file)) == load_preset(file)
    assert load_preset(file).limits.max_loss_fraction is None


@pytest.mark.parametrize(("written", "value"), [("null", None), ("0.1", 0.1)])
def test_the_maximum_loss_may_be_off(file: Path, written: str, value: float | None) -> None:
    file.write_text(f"{PRESET}  max_loss_fraction: {written}\n")
    assert load_preset(file).limits.max_loss_fraction == value


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no preset 'ftmo_m5'; did you mean ftmo_m15\?"):
        load_preset("ftmo_m5")


@pytest.mark.parametrize("name", ["none.yaml", "none.yml", "folder/none", "folder\\none"])
def test_a_path_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_preset(name)


@pytest.mark.parametrize(
    "key", ["name", "title", "strategy", "timeframe", "symbols", "parameters", "limits"]
)
def test_every_key_of_the_envelope_is_needed(file: Path, key: str) -> None:
    kept = [block for block in BLOCKS if not block.startswith(f"{key}:")]
    assert len(kept) == len(BLOCKS) - 1
    file.write_text("".join(kept))
    with pytest.raises(ConfigError, match=f"{key}: is missing; add `{key}:`"):
        load_preset(file)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: mine", "name: My Own", "line 1, name: must be lower-case letters, digits and _"),
        ("strategy: cross", "strategy: ../x", "line 3, strategy: must be a strategy's name"),
        ("M15", "M16", "line 4, timeframe: must be one of M1, M5, M15, M30, H1, H4, D1, not 'M16'"),
        ("[EURUSD]", "EURUSD", "line 5, symbols: must be a list but is text 'EURUSD'"),
        ("[EURUSD]", "[]", "line 5, symbols: is an empty list"),
        ("[EURUSD]", "[EURUSD, 5]", "line 5, symbols[1]: must be text but is 5"),
        ("[EURUSD]", "[EURUSD, EURUSD]", "line 5, symbols[1]: 'EURUSD' is listed twice"),
        ("  fast: 5", "  fast:", "line 7, parameters.fast: has no value"),
        ("  fast: 5", "  a: {b: [1, null]}", "line 7, parameters.a.b[1]: has no value"),
        ("  fast: 5", "  a: [[[[[1]]]]]", "line 7, parameters.a[0][0][0]: is nested too deeply"),
        ("parameters:", "parameter:", "line 6, parameter: unknown key 'parameter'; did you mean"),
        ("  max_positions: 2", "  positions: 2", "line 9, limits.positions: unknown key"),
        ("  max_positions: 2\n", "", "line 8, limits.max_positions: is missing; add"),
        ("max_positions: 2", "max_positions: 0", "line 9, limits.max_positions: must be a whole"),
        ("max_positions: 2", "max_positions: 2.0", "line 9, limits.max_positions: must be a whole"),
        ("max_positions: 2", "max_positions: true", "line 9, limits.max_positions: must be"),
        ("max_positions: 2", "max_positions:", "line 9, limits.max_positions: has no value"),
        (
            "0.02",
            "2",
            "line 12, limits.daily_loss_fraction: must be a fraction above 0",
        ),
        ("0.02", "1.0", "line 12, limits.daily_loss_fraction: must be a fraction"),
        ("0.02", "0.0", "line 12, limits.daily_loss_fraction: must be a fraction"),
        ("0.02", "-0.02", "line 12, limits.daily_loss_fraction: must be a fraction"),
        ("0.02", "2%", "line 12, limits.daily_loss_fraction: must be a fraction"),
        ("0.02", "1e-3", "line 12, limits.daily_loss_fraction: must be a fraction"),
        ("Europe/Prague", "Prague", "line 13, limits.reset_zone: there is no time zone 'Prague'"),
        ("Europe/Prague", "Europe", "line 13, limits.reset_zone: there is no time zone 'Europe'"),
        ("Europe/Prague", "../etc", "line 13, limits.reset_zone: there is no time zone '../etc'"),
        ("Europe/Prague", "2", "line 13, limits.reset_zone: must be the name of a time zone"),
    ],
)
def test_a_wrong_preset_is_one_error_with_its_path(
    refusal: Callable[[str, str], str], old: str, new: str, said: str
) -> None:
    assert refusal(old, new).startswith(said)


def test_limits_are_checked_wherever_they_are_built() -> None:
    with pytest.raises(ConfigError, match=r"limits\.max_positions: must be a whole number"):
        CheckedLimits(
            max_positions=0,
            max_positions_per_symbol=1,
            per_trade_risk_fraction=0.004,
            daily_loss_fraction=0.02,
            reset_zone="Europe/Prague",
        )


def test_options_replace_limits_and_none_leaves_them() -> None:
    changed = with_overrides(LIMITS, max_positions=3, max_loss_fraction=0.1, reset_zone=None)
    assert (changed.max_positions, changed.max_loss_fraction) == (3, 0.1)
    assert changed.reset_zone == LIMITS.reset_zone
    assert with_overrides(LIMITS) == LIMITS


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_positions": 0}, "--max-positions: must be a whole number of at least 1, not 0"),
        ({"daily_loss_fraction": -0.1}, "--daily-loss-fraction: must be a fraction"),
        ({"max_loss_fraction": float("nan")}, "--max-loss-fraction: must be a fraction"),
        ({"max_position": 1}, "--max-position: no such limit; did you mean --max-positions?"),
        ({"colour": 1}, "--colour: no such limit"),
    ],
)
def test_a_bad_option_is_named_as_it_is_typed(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_overrides(LIMITS, **options)
    assert str(caught.value).startswith(said)


def test_the_report_shows_every_number_and_which_limits_options_changed() -> None:
    preset = load_preset(DEFAULT_PRESET)
    rows = {
        row.field: row
        for row in config_report(
            preset=preset, limits=with_overrides(preset.limits, max_positions=5)
        )
    }
    assert rows["parameters.sessions.LONDON"].value == "8, 15"
    assert rows["parameters.tiers"].value == "(none)"
    assert rows["limits.max_loss_fraction"].value == "off"
    assert (rows["limits.max_positions"].value, rows["limits.max_positions"].origin) == (
        "5",
        "command line",
    )
    assert rows["limits.reset_zone"].origin.startswith("preset ftmo_m15 in ")


GUARD = """\
  reset_hour: 17
  max_order_lots: 2.5
  max_symbol_risk_fraction: 0.01
  max_orders_per_hour: 5
  cool_down_minutes: 30
  allow_slippage_points: 10
  allow_gap_fraction: 0.002
  firm_reserve_fraction: 0.0
  keep_stops: true
  actions: {daily_loss: latch_and_flatten, cool_down: until_reset}
"""


def test_further_limits_are_off_unless_a_preset_gives_them(file: Path) -> None:
    file.write_text(PRESET)
    assert load_preset(file).limits.terms() == {
        "max_positions": 2, "max_positions_per_symbol": 1, "per_trade_risk_fraction": 0.004,
        "daily_loss_fraction": 0.02, "max_loss_fraction": None, "reset_zone": "Europe/Prague",
    }  # fmt: skip
    file.write_text(PRESET + GUARD)
    limits = load_preset(file).limits
    assert (limits.max_order_lots, limits.firm_reserve_fraction, limits.keep_stops) == (
        2.5, 0.0, True,
    )  # fmt: skip
    assert limits.actions == {"daily_loss": "latch_and_flatten", "cool_down": "until_reset"}
    assert set(limits.terms()) - set(LIMITS.terms()) == {
        line.split(":")[0].strip() for line in GUARD.splitlines()
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_order_lots: 0", "limits.max_order_lots: must be a number above 0, not 0"),
        ("max_orders_per_day: 0", "limits.max_orders_per_day: must be a whole number"),
        ("cool_down_minutes: -1", "limits.cool_down_minutes: must be a whole number of at least 0"),
        ("allow_gap_fraction: 1.0", "limits.allow_gap_fraction: must be a fraction from 0"),
        ("reset_hour: 24", "limits.reset_hour: must be a whole number from 0 to 23"),
        ("keep_stops: 1", "limits.keep_stops: must be true or false"),
        ("actions: {daily_los: latch}", "did you mean daily_loss?"),
        ("actions: {daily_loss: deny}", "daily_loss must be one of until_reset, latch"),
        ("actions: latch", "must be a mapping such as {daily_loss: latch}"),
    ],
)
def test_a_wrong_further_limit_is_named(file: Path, line: str, said: str) -> None:
    file.write_text(f"{PRESET}  {line}\n")
    with pytest.raises(ConfigError) as caught:
        load_preset(file)
    assert said in str(caught.value)
