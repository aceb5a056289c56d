"""A replay's short way to its terminal records what the long one through the package records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import events as ev
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests import synthetic
from tests.random_signals import ROOMY, Market, all_given, given_signals, made_market
from tests.user_signal_runs import Told, played


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return made_market(tmp_path_factory.mktemp("market"))


def both_ways(terms: Terms) -> Told:
    """What both ways record, or a failure at their first difference."""
    short, long = played(terms), played(terms, by_requests=True)
    for one, other in zip(short.records, long.records, strict=True):
        assert one == other
    return short


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_signals(pending=True), st.sampled_from([0, 3]))
def test_signals_at_the_market_and_pending_ones_take_both_ways_alike(
    market: Market, values: list[dict[str, Any]], slippage: int
) -> None:
    terms = market.with_signals(all_given(market, values), **ROOMY)
    both_ways(replace(terms, slippage=slippage))


def test_a_preset_that_trails_its_stops_takes_both_ways_alike(tmp_path: Path) -> None:
    bars = synthetic.write_parquet(synthetic.feed(11, days=21)["EURUSD"], tmp_path / "bars.parquet")
    told = both_ways(resolve_terms(ReplayRequest(bars=[f"EURUSD={bars}"], clock="new-york+7"))[0])
    assert told.of(ev.StopModified), "levels are changed"
    assert {closed.reason for closed in told.of(ev.PositionClosed)} >= {"SL", "TP"}
