"""Worked cases of odds, read from a file beside the checkout where there is one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.rules import load_rules
from risk.odds.blocks import optimal_blocks
from risk.odds.costs import costs
from risk.odds.draws import StationaryOrder
from risk.odds.history import history
from risk.odds.overfitting import overfitting
from risk.odds.paths import Cause, Outcome, Played
from risk.odds.play import play
from risk.odds.sharpe import Moments, deflated_sharpe
from risk.odds.table import Sizing, table_of
from risk.odds.terms import terms_of
from tests.odds_records import INITIAL, flat_days, row_day, stream

FILE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "odds_vectors.json"
PATHS = 40_000

Case = dict[str, Any]


def close(share: float, expected: float, slack: float = 1e-4) -> bool:
    """Within four standard errors of so many paths."""
    return abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / PATHS) + slack


def drawn(case: Case, days: list[Any], horizon: int, block: float, sizing: str) -> Played:
    initial = case.get("initial", INITIAL)
    table = table_of(flat_days(days, initial))
    terms = terms_of(load_rules(case.get("rules", "ftmo_2step")), initial)
    order = StationaryOrder(table, block, PATHS, stream())
    return play(table, terms, Sizing(sizing), order, horizon)


def check_history(case: Case) -> None:
    table = table_of([row_day(row, i) for i, row in enumerate(case["days"])])
    terms = terms_of(load_rules(case["rules"]), case["initial"])
    found = history(table, terms, Sizing(case["sizing"]))
    played = found.played
    got = {}
    for i, start in enumerate(found.starts):
        phase = int(played.phase[i])
        outcome = Outcome(played.outcome[i]).name.lower()
        cause = Cause(played.cause[i]).rule
        got[str(start)] = [outcome, cause, phase, played.days[i][:phase].tolist()]
    assert got == case["expected"]


def check_stationary(case: Case) -> None:
    played = drawn(case, case["days"], 20_000, case["mean_block"], case["sizing"])
    expected = case["expected"]
    assert played.decided.all()
    assert close(float(played.passed.mean()), expected["passed"])
    beyond = (played.phase > 1) | played.passed
    assert close(float(beyond.mean()), expected["phase1"])
    assert close(float(played.ended_by(Cause.DAILY_LOSS).mean()), expected["daily"])
    assert close(float(played.ended_by(Cause.MAX_LOSS).mean()), expected["max"])
    assert played.elapsed.mean() == pytest.approx(expected["days"], rel=0.015)


def check_enumeration(case: Case) -> None:
    played = drawn(case, case["days"], case["firm_days"], case["mean_block"], case["sizing"])
    found = {
        "passed": float(played.passed.mean()),
        "unfinished": float((~played.decided).mean()),
        "breached:daily_loss": float(played.ended_by(Cause.DAILY_LOSS).mean()),
        "breached:max_loss": float(played.ended_by(Cause.MAX_LOSS).mean()),
    }
    for name, share in found.items():
        assert close(share, case["expected"].get(name, 0.0)), name


def check_coin(case: Case) -> None:
    up = round(20 * case["p_up"])
    days = [[[0, 100_000]]] * up + [[[-100_000, -100_000]]] * (20 - up)
    played = drawn(case, days, 20_000, 1.0, "absolute")
    assert close(float(played.passed.mean()), case["expected"]["passed"], 0)
    beyond = (played.phase > 1) | played.passed
    assert close(float(beyond.mean()), case["expected"]["phase1"], 0)


def check_blocks(case: Case) -> None:
    stationary, circular = optimal_blocks(np.array(case["series"]))
    assert stationary == pytest.approx(case["expected"]["stationary"], rel=1e-9)
    assert circular == pytest.approx(case["expected"]["circular"], rel=1e-9)


def check_deflated(case: Case) -> None:
    one = Moments(
        sharpe=case["sharpe"], days=case["days"], skew=case["skew"], kurtosis=case["kurtosis"]
    )
    found = deflated_sharpe(one, case["trials"], case["variance_of_trials"])
    assert found.expected == pytest.approx(case["expected"]["sr0"], abs=1e-9)
    assert found.probability == pytest.approx(case["expected"]["dsr"], abs=1e-9)


def check_pbo(case: Case) -> None:
    found = overfitting(np.array(case["results"]), case["splits"])
    assert found.pbo == pytest.approx(case["expected"]["pbo"], abs=1e-12)
    assert found.median_rank == pytest.approx(case["expected"]["median_rank"], abs=1e-12)
    assert found.loss == pytest.approx(case["expected"]["loss"], abs=1e-12)


def check_cost(case: Case) -> None:
    found = costs(case["pass_probability"], case["fee"])
    expected = case["expected"]
    assert found.attempts == pytest.approx(expected["attempts"], rel=1e-12)
    assert found.fees == pytest.approx(expected["cost"], rel=1e-12)
    assert found.budget90 == expected["budget90"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "history": check_history,
    "stationary_bootstrap_exact": check_stationary,
    "enumeration": check_enumeration,
    "coin_days": check_coin,
    "block_length": check_blocks,
    "deflated_sharpe": check_deflated,
    "pbo": check_pbo,
    "cost": check_cost,
}


def test_every_worked_case_comes_out_as_worked() -> None:
    """Histories exactly, draws within their Monte Carlo error, formulas to their last digits."""
    if not FILE.exists():
        pytest.skip(f"{FILE} is not there")
    for case in json.loads(FILE.read_text(encoding="utf-8"))["cases"]:
        CHECKS[case["kind"]](case)
