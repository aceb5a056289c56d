"""Levels on the ticks of their symbol, and volumes that do not fit: what is sent and told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.symbol_specs import instrument
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from adapters.reports.projection import LogProjection
from engine import events as ev
from engine.events import DenyReason
from engine.types import Side
from risk.ticks import on_ticks
from tests.builders import (
    EURUSD,
    LOT,
    START,
    TICKS,
    intent,
    levels,
    of_kind,
    opened,
    signal,
    started,
    wired,
)
from tests.paper_terminals import BUY, BUY_LIMIT, NOW, sent

TICKED = msgspec.structs.replace(EURUSD, tick_size=25)


def test_ticks_come_from_the_venue_and_are_recorded_only_where_they_matter() -> None:
    account = mt5.AccountInfo.of(currency="USD", leverage=100)
    facts: dict[str, Any] = {
        "name": "EURUSD", "digits": 5, "trade_contract_size": 100_000.0, "volume_min": 0.01,
        "volume_step": 0.01, "volume_max": 50.0, "currency_base": "EUR", "currency_profit": "USD",
    }  # fmt: skip
    by_tick = {
        size: instrument("EURUSD", mt5.SymbolInfo.of(**facts, trade_tick_size=size), account, None)
        for size in (0.00025, 0.00001, 0.0)
    }
    assert [item.spec.tick_size for item in by_tick.values()] == [25, msgspec.UNSET, msgspec.UNSET]
    assert b"tick_size" in msgspec.json.encode(by_tick[0.00025].spec)
    assert b"tick_size" not in msgspec.json.encode(by_tick[0.0].spec)


@given(
    side=st.sampled_from(Side),
    stop=st.integers(0, 200_000),
    target=st.integers(0, 200_000),
    entry=st.integers(0, 200_000),
    tick=st.integers(2, 500),
)
def test_levels_lie_on_ticks_and_never_risk_more(
    side: Side, stop: int, target: int, entry: int, tick: int
) -> None:
    """Stop and target nearer to the entry, a pending entry at the better price; 0 stays none."""
    asked = intent(side=side, stop_loss=stop, take_profit=target, entry_price=entry)
    terms = on_ticks(asked, tick).terms
    for before, after, sign in (
        (stop, terms.stop_loss, side), (target, terms.take_profit, -side),
        (entry, terms.entry_price, -side),
    ):  # fmt: skip
        assert after % tick == 0
        assert 0 <= (after - before) * sign < tick
        assert after or not before or before < tick


def test_levels_that_lie_on_ticks_are_left_alone() -> None:
    order = intent(stop_loss=109_000)
    assert on_ticks(order, 10) is order


def test_an_approved_order_has_its_levels_on_ticks_and_the_risk_of_these(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = wired()
    monkeypatch.setitem(parts.portfolio.specs, "EURUSD", TICKED)
    away: dict[str, Any] = levels(Side.LONG, TICKS["EURUSD"], 503, 1_003)
    parts.bus.publish(signal(scale=0.5, **away))
    (approved,) = of_kind(parts.journal, ev.OrderApproved)
    terms = approved.order.terms
    assert (terms.stop_loss % 25, terms.take_profit % 25) == (0, 0)
    assert terms.stop_loss >= away["stop_loss"]
    assert terms.take_profit <= away["take_profit"]


def terminal() -> PaperTerminal:
    account = PaperAccount({"EURUSD": TICKED}, START)
    account.quote("EURUSD", 110_000, 110_025, NOW * 1000)
    return PaperTerminal(account)


@pytest.mark.parametrize(
    ("request_", "changed", "retcode"),
    [
        (BUY, {"sl": 1.099, "tp": 1.102}, mt5.TRADE_RETCODE_DONE),
        (BUY, {"sl": 1.09901}, mt5.TRADE_RETCODE_INVALID_STOPS),
        (BUY, {"tp": 1.10201}, mt5.TRADE_RETCODE_INVALID_STOPS),
        (BUY_LIMIT, {}, mt5.TRADE_RETCODE_DONE),
        (BUY_LIMIT, {"price": 1.09901}, mt5.TRADE_RETCODE_INVALID_PRICE),
        (BUY_LIMIT, {"sl": 1.09801}, mt5.TRADE_RETCODE_INVALID_STOPS),
    ],
)
def test_the_paper_terminal_refuses_what_lies_between_two_ticks(
    request_: dict[str, Any], changed: dict[str, Any], retcode: int
) -> None:
    paper = terminal()
    info = paper.symbol_info("EURUSD")
    assert info is not None
    assert info.trade_tick_size == 0.00025
    assert sent(paper, {**request_, **changed}).retcode == retcode


class TestVolumes:
    @pytest.mark.parametrize(
        ("asked", "reason", "words"),
        [
            (10, DenyReason.BELOW_MIN_VOLUME, "0.001 lots is below the minimum of 0.01"),
            (80 * LOT, DenyReason.INVALID_VOLUME, "80 lots is more than EURUSD takes at once, 50"),
        ],
    )
    def test_what_the_venue_cannot_take_is_denied_and_named(
        self, asked: int, reason: DenyReason, words: str
    ) -> None:
        parts = wired()
        away: dict[str, Any] = levels(Side.LONG, TICKS["EURUSD"], 500, 1_000)
        parts.bus.publish(signal(volume=asked, **away))
        (denied,) = of_kind(parts.journal, ev.OrderDenied)
        assert (denied.reason, denied.detail) == (reason, words)

    @pytest.mark.parametrize(
        ("asked", "told"), [(150, "asked for 0.015 lots"), (msgspec.UNSET, "")]
    )
    def test_a_volume_that_was_cut_is_told_with_its_position(self, asked: Any, told: str) -> None:
        log = LogProjection()
        log.row(ev.Record(1, 0, None, started()))
        row = log.row(ev.Record(2, 0, None, opened(volume=100, asked=asked)))
        assert row is not None
        assert (row["volume"], row["detail"]) == ("0.01", told)
