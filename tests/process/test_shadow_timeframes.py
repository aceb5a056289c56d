"""A strategy gets the bars that it asks for, live as in a replay, whatever their length."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests import synthetic
from tests.commands import butler
from tests.process.shadows import assert_same_trades, played

STRATEGY = """
import msgspec
from engine.types import Side
from signals.strategy import Enter, Exit

class Parameters(msgspec.Struct, frozen=True):
    pass

class Alternating:
    parameters_type = Parameters
    timeframes = ({timeframe!r},)

    def __init__(self, spec, parameters):
        self.bars = 0

    def on_bar(self, bar, view):
        self.bars += 1
        if view.position is not None:
            return Exit("TURN")
        side = Side.LONG if bar.close >= bar.open else Side.SHORT
        stop = bar.close - side * 3000
        return Enter(side=side, stop_loss=stop, take_profit=0, reason="TURN", volume=1000)
"""

PRESET = """
name: alternating
title: Alternating
strategy: alternating.py:Alternating
timeframe: M15
symbols: [EURUSD]
parameters: {}
limits:
  max_positions: 1
  max_positions_per_symbol: 1
  per_trade_risk_fraction: 0.1
  daily_loss_fraction: 0.5
  reset_zone: Europe/Prague
"""

BARS = {"M1": (60, 90), "M5": (60, 240), "M15": (900, 60), "H1": (900, 96), "H4": (900, 192)}
"""The period of the recorded bars in seconds, and how many are played."""


def preset_of(folder: Path, timeframe: str) -> Path:
    (folder / "alternating.py").write_text(STRATEGY.format(timeframe=timeframe), encoding="utf-8")
    preset = folder / "alternating.yaml"
    preset.write_text(PRESET, encoding="utf-8")
    return preset


def bars_of(folder: Path, period: int, count: int) -> Path:
    made = synthetic.feed(7, days=3, period=period)["EURUSD"]
    path = synthetic.write_parquet(made, folder / "whole.parquet")
    short = folder / "EURUSD.parquet"
    pq.write_table(pq.read_table(path).slice(0, count), short)
    return short


@pytest.mark.parametrize(
    "timeframe",
    ["M1", *(pytest.param(name, marks=pytest.mark.deep) for name in ("M5", "M15", "H1", "H4"))],
)
def test_a_live_session_trades_what_a_replay_trades(tmp_path: Path, timeframe: str) -> None:
    """Entered and left by the same bars of the same length at the same prices."""
    period, count = BARS[timeframe]
    terms = (
        "--preset", preset_of(tmp_path, timeframe),
        "--bars", f"EURUSD={bars_of(tmp_path, period, count)}", "--quiet",
    )  # fmt: skip
    code, said = played(tmp_path, *terms, "--speed", "max", "--session-id", "live")
    assert code == 0, said
    replay = butler("replay", *terms, "--results-dir", tmp_path, "--session-id", "replayed")
    assert replay.code == 0, replay
    assert_same_trades(tmp_path, "replayed", "live")
    log = tmp_path / "sessions" / "live" / "mt5_demo_exec_log.csv"
    assert log.read_text(encoding="utf-8").count(",OPEN,") > 2
