"""Whatever is traded: a replay's equity points are what the engine's account showed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.types import Conversion
from scripts.app.terms.replay_terms import Terms
from tests import synthetic
from tests.random_signals import ROOMY, Market, all_given, given_signals, made_market
from tests.result_runs import differing_points, witnessed
from tests.user_signal_runs import terms_of

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return made_market(tmp_path_factory.mktemp("market"))


def with_costs(terms: Terms, slippage: int, swap: float) -> Terms:
    """The terms with slippage, and with swap on both symbols."""
    import msgspec

    inputs = [
        replace(item, spec=msgspec.structs.replace(item.spec, swap_long=-swap, swap_short=swap / 3))
        for item in terms.inputs
    ]
    return replace(terms, inputs=inputs, slippage=slippage)


@SETTINGS
@given(given_signals(pending=True), st.sampled_from([0, 3]), st.sampled_from([0.0, 7.5]))
def test_points_are_what_the_engine_saw(
    market: Market, values: list[dict[str, Any]], slippage: int, swap: float
) -> None:
    """Two symbols, market and pending orders, swap and slippage, several positions at once."""
    terms = market.with_signals(all_given(market, values), **ROOMY)
    run = witnessed(with_costs(terms, slippage, swap))
    assert differing_points(run) == []
    closed = sum(trade.net for trade in run.result.trades)
    still_open = sum(
        trade.open_commission - (trade.commission - _closing(trade.parts))
        for trade in run.result.trades
        if trade.remaining
    )
    start, end = run.result.terms.start.balance, run.result.account.balance
    assert start + closed + still_open == end


def _closing(parts: Any) -> int:
    return sum(part.commission for part in parts)


@SETTINGS
@given(given_signals(pending=True))
def test_a_coarser_grid_holds_the_worst_of_its_minutes(
    minutes: Market, values: list[dict[str, Any]]
) -> None:
    """Bars of a minute give points of a quarter of an hour, with the worst minute inside."""
    run = witnessed(minutes.with_signals(all_given(minutes, values), **ROOMY))
    assert run.result.curve.period == 900_000
    assert differing_points(run) == []


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Three days of one-minute bars of two symbols."""
    folder: Path = tmp_path_factory.mktemp("minutes")
    feed = synthetic.feed(12, days=3, period=60)
    files = {
        name: synthetic.write_parquet(feed[name], folder / f"{name}.parquet")
        for name in ("EURUSD", "USDJPY")
    }
    terms = replace(terms_of(files, None), factory=None, timeframes=(), preset="signals")
    specs = {item.spec.name: item.spec for item in terms.inputs}
    assert specs["USDJPY"].conversion is Conversion.DIVIDE
    ticks = {
        item.spec.name: {
            time: (bid, bid + spread)
            for chunk in item.prepared(())
            for time, bid, spread in zip(
                chunk.time.tolist(), chunk.open.tolist(), chunk.spread.tolist(), strict=True
            )
        }
        for item in terms.inputs
    }
    return Market(terms, ticks, specs)
