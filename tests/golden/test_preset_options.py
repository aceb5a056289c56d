"""What each option of the presets changes in whole replays of a synthetic month."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.loader import load_preset
from engine import events as ev
from engine.types import UNITS_PER_LOT
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from signals.strategies.registry import registered, strategy_factory
from tests import synthetic
from tests.user_signal_runs import Told, played, with_limits


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = synthetic.feed(11, days=28)["EURUSD"]
    return synthetic.write_parquet(made, tmp_path_factory.mktemp("options") / "EURUSD.parquet")


def terms_of(bars: Path, preset: str, **changes: Any) -> Terms:
    """The replay of a preset with some of its parameters changed."""
    request = ReplayRequest(bars=[f"EURUSD={bars}"], clock="new-york+7", preset=preset)
    parameters = {**load_preset(preset).parameters, **changes}
    factory = strategy_factory(registered(preset), parameters)
    return replace(resolve_terms(request)[0], parameters=parameters, factory=factory)


@cache
def run(bars: Path, preset: str, **changes: Any) -> Told:
    changes = {name: list(x) if isinstance(x, tuple) else x for name, x in changes.items()}
    return played(terms_of(bars, preset, **changes))


def raised(told: Told, action: ev.Action = ev.Action.OPEN) -> list[ev.SignalRaised]:
    return [event for event in told.of(ev.SignalRaised) if event.terms.action is action]


@pytest.mark.parametrize("variant", ["v1_cross", "v2_momentum"])
def test_a_variant_alone_raises_all_entries(bars: Path, variant: str) -> None:
    assert {event.terms.reason for event in raised(run(bars, "ftmo_m15"))} == {
        "v1_cross",
        "v2_momentum",
    }
    assert {event.terms.reason for event in raised(run(bars, "ftmo_m15", variants=(variant,)))} == {
        variant
    }


def test_without_the_trend_filter_some_entries_are_against_the_trend(bars: Path) -> None:
    assert not any("COUNTER" in event.note for event in raised(run(bars, "ftmo_m15")))
    without = raised(run(bars, "ftmo_m15", trend_filter=False))
    assert any("COUNTER_TREND" in event.note for event in without)


def test_without_the_session_filter_some_entries_are_made_at_night(bars: Path) -> None:
    def hours(told: Told) -> set[int]:
        return {int(event.terms.signal_id.rsplit(":", 1)[1]) // 3600 % 24 for event in raised(told)}

    assert min(hours(run(bars, "ftmo_m15"))) >= 8
    assert min(hours(run(bars, "ftmo_m15", session_filter=False))) < 8


def test_fixed_lots_are_what_is_opened(bars: Path) -> None:
    sized = {event.volume for event in run(bars, "ftmo_m15").of(ev.PositionOpened)}
    fixed = {event.volume for event in run(bars, "ftmo_m15", lots=0.25).of(ev.PositionOpened)}
    assert len(sized) > 1
    assert fixed == {UNITS_PER_LOT // 4}


def test_fixed_lots_that_risk_too_much_are_denied_not_cut(bars: Path) -> None:
    told = run(bars, "ftmo_m15", lots=20)
    assert told.of(ev.PositionOpened) == []
    reasons = {event.reason for event in told.of(ev.OrderDenied)}
    assert ev.DenyReason.PER_TRADE_RISK in reasons
    assert reasons <= {ev.DenyReason.PER_TRADE_RISK, ev.DenyReason.INVALID_STOPS}


def test_the_example_sized_by_risk_spends_the_risk_of_a_trade(bars: Path) -> None:
    approved = [
        event
        for event in run(bars, "sma_cross", lots="by_risk").of(ev.OrderApproved)
        if event.order.terms.action is ev.Action.OPEN
    ]
    assert {event.volume for event in run(bars, "sma_cross").of(ev.PositionOpened)} == {1_000}
    assert len({event.volume for event in approved}) > 1
    assert all(0.97 * 40_000 < event.risk <= 40_005 for event in approved[:3])


@pytest.mark.parametrize("preset", ["ftmo_m15", "sma_cross"])
class TestOpposite:
    """What becomes of a position when the signal turns."""

    def test_to_ignore_it_never_leaves_by_signal(self, bars: Path, preset: str) -> None:
        assert raised(run(bars, preset, on_opposite="close"), ev.Action.CLOSE)
        assert raised(run(bars, preset, on_opposite="ignore"), ev.Action.CLOSE) == []

    def test_to_reverse_opens_the_other_way_at_the_tick_of_the_close(
        self, bars: Path, preset: str
    ) -> None:
        """At the same price: what closes a long opens a short, and the reverse."""
        told = run(bars, preset, on_opposite="reverse")
        turns = reversals(told)
        assert len(turns) >= 5
        for closed, opened in turns:
            assert opened.side is not closed.side
            assert opened.price == closed.price
        assert reversals(run(bars, preset, on_opposite="close")) == []

    def test_a_reversal_never_holds_two_positions(self, bars: Path, preset: str) -> None:
        """With one position allowed in all, none of its entries is denied for that."""
        terms = with_limits(terms_of(bars, preset, on_opposite="reverse"), max_positions=1)
        told = played(terms)
        assert reversals(told)
        assert told.end.figures.peak_positions == 1
        reasons = {event.reason for event in told.of(ev.OrderDenied)}
        assert not reasons & {ev.DenyReason.MAX_POSITIONS, ev.DenyReason.MAX_POSITIONS_PER_SYMBOL}

    def test_playing_every_bar_gives_the_same_records(self, bars: Path, preset: str) -> None:
        terms = terms_of(bars, preset, on_opposite="reverse")
        assert run(bars, preset, on_opposite="reverse").records == (
            played(replace(terms, every_bar=True)).records
        )


def reversals(told: Told) -> list[tuple[ev.PositionClosed, ev.PositionOpened]]:
    """Closes by the opposite signal with the opening that follows in the same instant."""
    deals = [
        record
        for record in told.records
        if isinstance(record.event, ev.PositionClosed | ev.PositionOpened)
    ]
    return [
        (one.event, other.event)
        for one, other in pairwise(deals)
        if isinstance(one.event, ev.PositionClosed)
        and isinstance(other.event, ev.PositionOpened)
        and one.event.reason == "OPPOSITE"
        and one.time == other.time
    ]
