"""Waiting orders are filled by the first bar that reaches them, at the price the rules give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings

from engine import events as ev
from engine.types import Millis, Points, Side
from tests.random_signals import ROOMY, Market, all_given, given_signals, made_market
from tests.user_signal_runs import Told, played


class Bar(NamedTuple):
    time: Millis
    open: Points
    high: Points
    low: Points
    spread: Points


class Fate(NamedTuple):
    """What became of a waiting order in which bar; `price` is None when its time was over."""

    bar: Millis
    price: Points | None


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return made_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def bars(market: Market) -> dict[str, list[Bar]]:
    made: dict[str, list[Bar]] = {}
    for item in market.terms.inputs:
        (chunk,) = item.prepared(())
        columns = (chunk.time, chunk.open, chunk.high, chunk.low, chunk.spread)
        made[item.spec.name] = [
            Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True)
        ]
    return made


def filled_at(order: ev.OrderIntent, limit: bool, bar: Bar) -> Points | None:
    """The price at which the bar fills the order; buys are on the ask, sells on the bid."""
    level = order.terms.entry_price
    if order.terms.side is Side.LONG:
        opened, low, high = (price + bar.spread for price in (bar.open, bar.low, bar.high))
        if limit:
            return min(level, opened) if low <= level else None
        return max(level, opened) if high >= level else None
    if limit:
        return max(level, bar.open) if bar.high >= level else None
    return min(level, bar.open) if bar.low <= level else None


def fate_of(order: ev.OrderIntent, placed: Millis, bars: list[Bar]) -> Fate | None:
    """Bar by bar from the one at whose opening it was placed; None when it still waits."""
    limit = (order.terms.entry_price - order.terms.price) * order.terms.side < 0
    for bar in bars:
        if bar.time < placed:
            continue
        if order.terms.expires // 1000 * 1000 <= bar.time:
            return Fate(bar.time, None)
        price = filled_at(order, limit, bar)
        if price is not None:
            return Fate(bar.time, price)
    return None


def told_fates(told: Told) -> Iterator[tuple[int, Fate]]:
    """By order: in which bar it was filled and at what, or ended."""
    for record in told.records:
        if record.bar is None:
            continue
        match record.event:
            case ev.PositionOpened(order_id=order_id, price=price):
                yield order_id, Fate(record.bar[1], price)
            case ev.OrderCancelled(order_id=order_id):
                yield order_id, Fate(record.bar[1], None)


WITHDRAWN = "trading was halted"


def test_each_waiting_order_meets_the_fate_that_the_bars_hold_for_it(
    market: Market, bars: dict[str, list[Bar]]
) -> None:
    """Its bar and price are those of a plain scan over all bars; fills, ends and neither occur."""
    seen: set[str] = set()

    @settings(max_examples=120, deadline=None)
    @given(values=given_signals(pending=True))
    def holds(values: list[dict[str, Any]]) -> None:
        told = played(market.with_signals(all_given(market, values), **ROOMY))
        fates = dict(told_fates(told))
        accepted = {item.order_id for item in told.of(ev.OrderAccepted)}
        withdrawn = {
            item.order_id for item in told.of(ev.OrderCancelled) if item.reason == WITHDRAWN
        }
        assert not withdrawn or told.of(ev.TradingStateChanged), "only a halt takes orders back"
        for moment, order in told.timed(ev.OrderIntent):
            if order.order_id in accepted - withdrawn:
                expected = fate_of(order, moment, bars[order.terms.symbol])
                assert fates.get(order.order_id) == expected
                seen.add("waits" if expected is None else "fills" if expected.price else "ends")

    holds()
    assert seen >= {"fills", "ends"}
