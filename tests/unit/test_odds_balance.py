"""A strategy that decides by its balance has no odds; one that only trades another size has."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.app.odds.balance import TradingStep, first_other_decision
from tests.commands import butler

STRATEGY = """
from __future__ import annotations

import msgspec

from engine.types import LONG, SHORT
from signals.strategy import Enter, Exit


class Parameters(msgspec.Struct, frozen=True):
    leaves_at: int = 0


class Mine:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        self.leaves_at = parameters.leaves_at

    def on_bar(self, bar, view):
        hour = bar.time // 3_600_000 % 24
        if view.position is not None:
            too_large = self.leaves_at and view.position.volume >= self.leaves_at
            return Exit(reason="large") if too_large or hour >= 16 else None
        if hour != 8:
            return None
        price, side = view.tick.bid, LONG if bar.close > bar.open else SHORT
        return Enter(side=side, stop_loss=price - side * 300, take_profit=price + side * 400,
                     reason="x")
"""

PRESET = """
name: mine
title: Mine
strategy: mine.py:Mine
timeframe: M15
symbols: [EURUSD]
parameters: {{leaves_at: {leaves_at}}}
limits: {{max_positions: 1, max_positions_per_symbol: 1, per_trade_risk_fraction: 0.005,
  daily_loss_fraction: 0.5, max_loss_fraction: null, reset_zone: Europe/Prague}}
"""


def odds_of(folder: Path, leaves_at: int) -> tuple[int, str]:
    (folder / "mine.py").write_text(STRATEGY, "utf-8")
    file = folder / "mine.yaml"
    file.write_text(PRESET.format(leaves_at=leaves_at).lstrip(), "utf-8")
    said = butler(
        "odds", "--preset", file, "--to", "2023-05-01", "--no-table", "--paths", 100,
        "--results-dir", folder,
    )  # fmt: skip
    return said.code, "\n".join([*said.out, *said.err])


def test_a_strategy_that_decides_by_its_volume_is_refused_with_the_moment(tmp_path: Path) -> None:
    """Risk sizes about 1.6 lots; with twice the balance it is more than its own threshold."""
    code, told = odds_of(tmp_path, 20_000)
    assert code == 3
    assert "the strategy reads its balance (with another one it decides otherwise at 2023-01-0" in (
        told
    )
    assert "--exact" in told


def test_a_strategy_that_only_trades_another_size_has_odds(tmp_path: Path) -> None:
    code, told = odds_of(tmp_path, 0)
    assert code == 0, told
    assert "volumes follow the balance" in told


def step(time: int, *what: object, decision: bool = True) -> TradingStep:
    return TradingStep(time, decision, what)


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [
        ([step(1, "a")], [step(1, "a")], None),
        ([step(1, "a"), step(2, "b")], [step(1, "a")], 2),
        ([step(1, "a")], [step(1, "b")], 1),
        ([step(3, "a")], [step(2, "x", decision=False)], None),
        ([step(2, "a")], [step(2, "x", decision=False)], None),
        ([step(2, "a")], [step(3, "x", decision=False)], 2),
    ],
    ids=["alike", "one more", "another", "a denial first", "a denial at once", "a denial later"],
)
def test_only_a_decision_that_differs_first_is_the_strategys(
    one: list[TradingStep], other: list[TradingStep], at: int | None
) -> None:
    """What a denial or a limit brought about is not."""
    assert first_other_decision(one, other) == at
    assert first_other_decision(other, one) == at
