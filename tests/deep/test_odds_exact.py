"""The fold over firm days against exact replays, one from each day on which an attempt can begin.

At least 98 of 100 starts agree on outcome, cause and phase, and on the length within two days.
Each difference must be explained, and the explanation is tried: a replay begins the next phase at
once, with what else is traded on the day of the pass, and the fold on the next day that begins with
nothing open. So both must have passed on the same day, and a replay of that phase alone, begun on
the fold's day, must end as the fold's does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.app.odds.estimate import odds_terms
from scripts.app.odds.exact import ExactHistory, exact_history
from scripts.app.odds.records import ReplaySource
from scripts.app.terms.objectives import resolve
from scripts.app.terms.request import ReplayRequest
from tests.commands import butler

pytestmark = pytest.mark.deep

AGREE, STARTS = 0.98, 60

PRESET = """
name: {name}
title: Cross of two averages, sized by risk
strategy: sma_cross
timeframe: M15
symbols: [EURUSD]
parameters: {{sma_fast: {fast}, sma_slow: {slow}, atr_period: 14, stop_atr: 1.5, target_atr: 3.0,
  lots: by_risk}}
limits: {{max_positions: 2, max_positions_per_symbol: 1, per_trade_risk_fraction: {risk},
  daily_loss_fraction: 0.2, max_loss_fraction: null, reset_zone: Europe/Prague}}
"""

CASES = (
    ("ftmo_m15", "ftmo_2step", None),
    ("slow", "ftmo_2step", (37, 130, 0.01)),
    ("quick", "ftmo_2step", (21, 150, 0.01)),
    ("bold", "ftmo_1step", (15, 60, 0.02)),
    ("calm", "ftmo_1step", (30, 90, 0.015)),
)


def exact(preset: str, rules: str) -> ExactHistory:
    request = ReplayRequest(preset=preset, start="2023-03-01", end="2023-10-01")
    challenge = resolve(rules, None, None)
    assert challenge is not None
    terms, _ = ReplaySource(request).terms()
    return exact_history(request, challenge, odds_terms(challenge, terms.starting_balance, None))


@pytest.mark.parametrize(("name", "rules", "parameters"), CASES, ids=[case[0] for case in CASES])
def test_the_fold_says_what_an_exact_replay_from_each_start_says(
    name: str, rules: str, parameters: tuple[int, int, float] | None, tmp_path: Path
) -> None:
    preset = name
    if parameters is not None:
        fast, slow, risk = parameters
        file = tmp_path / f"{name}.yaml"
        file.write_text(PRESET.format(name=name, fast=fast, slow=slow, risk=risk).lstrip())
        preset = str(file)
    found = exact(preset, rules)
    assert found.differences is not None
    starts = len(found.attempts)
    unexplained = [one for one in found.differences if not one.explained]
    alike = [
        one for one in found.differences
        if (one.exact.outcome, one.exact.cause, one.exact.phase)
        == (one.folded.outcome, one.folded.cause, one.folded.phase)
    ]  # fmt: skip
    print(name, rules, starts, found.passes, found.decided, found.causes)
    for one in found.differences:
        print("   ", one)
    assert starts >= STARTS
    assert 1 - (len(found.differences) - len(alike)) / starts >= AGREE, found.differences
    assert not unexplained


def test_a_preset_that_keeps_a_reserve_has_an_exact_history_alone(tmp_path: Path) -> None:
    """Its days depend on how the attempt stands: the draw is refused, and --exact answers."""
    file = tmp_path / "reserve.yaml"
    text = PRESET.format(name="reserve", fast=21, slow=50, risk=0.01)
    file.write_text(text.lstrip().replace("reset_zone", "firm_reserve_fraction: 0.01, reset_zone"))
    period = ("--from", "2023-01-01", "--to", "2023-06-01")
    asked = ("odds", "--preset", file, *period, "--results-dir", tmp_path)
    refused = butler(*asked)
    assert refused.code == 3
    assert "--exact" in refused.line
    said = butler(*asked, "--exact")
    assert said.code == 0, said.err
    assert "entries depend on how the attempt stands" in "\n".join(said.out)
