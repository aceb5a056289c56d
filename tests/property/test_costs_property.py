"""Money adds up: every cent of balance and equity can be named, whatever trading costs."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.paper.broker.swap import swap_of
from engine import events as ev
from engine import money
from engine.events import UserSignal
from engine.types import Cents, Millis, Points, Side, SymbolSpec
from scripts.app.terms.replay_terms import Terms
from tests import synthetic
from tests.user_signal_runs import PERIOD, Told, played, terms_of, with_limits

DAY: Millis = 86_400_000
MONDAY: Millis = synthetic.SPRING * 1_000
START: Cents = 10_000_000
NIGHTS = {0: 0, 1: 1, 2: 1, 3: 3, 4: 1, 5: 1, 6: 0}
"""Nights charged at the midnight that ends each weekday, 0 being Sunday."""


@dataclass(frozen=True)
class Market:
    """Terms without signals, and by symbol each bar's time, closing bid and spread."""

    terms: Terms
    closes: dict[str, tuple[list[Millis], list[tuple[Points, Points]]]]

    def tick(self, symbol: str, moment: Millis) -> tuple[Points, Points]:
        """Bid and ask of the last bar that ended at `moment` or before."""
        times, ticks = self.closes[symbol]
        bid, spread = ticks[bisect_right(times, moment - PERIOD) - 1]
        return bid, bid + spread


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Eleven days of three symbols by the UTC clock, a weekend among them."""
    folder, feed = tmp_path_factory.mktemp("market"), synthetic.feed(23, days=11)
    files = {
        name: synthetic.write_parquet(bars, folder / f"{name}.parquet")
        for name, bars in feed.items()
    }
    terms = replace(terms_of(files, None), factory=None, timeframes=(), preset="signals")
    closes: dict[str, Any] = {}
    for item in terms.inputs:
        (chunk,) = item.prepared(())
        ends = zip(chunk.close.tolist(), chunk.spread.tolist(), strict=True)
        closes[item.spec.name] = (chunk.time.tolist(), list(ends))
    return Market(terms, closes)


RATES = st.floats(-40, 40).map(lambda rate: round(rate, 2))
COSTS = st.fixed_dictionaries(
    {
        "slippage": st.integers(0, 20),
        "commission": st.floats(0, 2_000).map(lambda cents: round(cents, 1)),
        "swap_long": RATES,
        "swap_short": RATES,
    }
)
TRADES = st.lists(
    st.fixed_dictionaries(
        {
            "bar": st.integers(0, 9 * 96),
            "symbol": st.sampled_from(list(synthetic.NATURES)),
            "side": st.sampled_from(Side),
            "stop": st.integers(100, 1_500),
            "target": st.none() | st.integers(100, 1_500),
            "hold": st.none() | st.integers(1, 5 * 96),
        }
    ),
    min_size=4,
    max_size=20,
)


def costly(market: Market, costs: dict[str, Any], trades: list[dict[str, Any]]) -> Terms:
    """The market on these costs, with signals whose levels lie around its prices."""
    rates = {name: value for name, value in costs.items() if name != "slippage"}
    inputs = [
        replace(item, spec=msgspec.structs.replace(item.spec, **rates))
        for item in market.terms.inputs
    ]
    specs = {item.spec.name: item.spec for item in inputs}
    signals = [_signal(market, specs[trade["symbol"]], trade) for trade in trades]
    in_order = tuple(sorted(signals, key=lambda signal: signal.time))
    terms = replace(market.terms, inputs=inputs, signals=in_order, slippage=costs["slippage"])
    return with_limits(terms, max_positions=6, max_positions_per_symbol=3, daily_loss_fraction=0.2)


def _signal(market: Market, spec: SymbolSpec, trade: dict[str, Any]) -> UserSignal:
    time, side = MONDAY + trade["bar"] * PERIOD, trade["side"]
    bid, _ = market.tick(spec.name, max(time, MONDAY + PERIOD))
    target, hold = trade["target"], trade["hold"]
    return UserSignal(
        line=2,
        time=time,
        symbol=spec.name,
        side=side,
        stop_loss=spec.price(bid - side * trade["stop"]),
        take_profit=None if target is None else spec.price(bid + side * target),
        exit_time=None if hold is None else time + hold * PERIOD,
    )


def swap_due(market: Market, spec: SymbolSpec, held: ev.PositionOpened, span: range) -> Cents:
    """Swap of a position over the server's midnights in `span`, each rounded on its own."""
    total = 0
    for midnight in range(-(-span.start // DAY) * DAY, span.stop, DAY):
        weekday = (midnight // DAY - 1 + 4) % 7  # of the day that ends; day 0 was a Thursday
        if nights := NIGHTS[weekday]:
            tick = market.tick(spec.name, midnight)
            total += swap_of(spec, held.side, held.volume, nights, *tick)
    return total


def check_swaps(market: Market, terms: Terms, told: Told) -> dict[int, Cents]:
    """Each close realises the swap of the midnights it was held over; gives that of the others."""
    specs = {item.spec.name: item.spec for item in terms.inputs}
    opened = {item.position: (moment, item) for moment, item in told.timed(ev.PositionOpened)}
    for moment, closed in told.timed(ev.PositionClosed):
        since, held = opened.pop(closed.position)
        # At midnight itself the venue's closes come before the posting and orders after it.
        until = moment + 1 if closed.order_id else moment
        due = swap_due(market, specs[held.symbol], held, range(since + 1, until))
        assert closed.swap == due
    end = told.records[-1].time + 1
    return {
        position: swap_due(market, specs[held.symbol], held, range(since + 1, end))
        for position, (since, held) in opened.items()
    }


def check_balance(told: Told) -> None:
    """The balance is the start and what was booked.

    Of several positions that one bar closed, each close tells the balance after all of them.
    """
    balance = START
    for item, following in pairwise(told.records):
        match item.event:
            case ev.PositionOpened() as opened:
                balance += opened.commission
                assert opened.account.balance == balance
            case ev.PositionClosed() as closed:
                balance += closed.profit + closed.commission + closed.swap
                if not isinstance(following.event, ev.PositionClosed):
                    assert closed.account.balance == balance
            case ev.AccountUpdated(account=account):
                assert account.balance == balance, "a posting is realised with the close"
    assert told.end.account.balance == balance


def check_equity(market: Market, told: Told, swaps: dict[int, Cents]) -> None:
    """What equity is above the balance: each open position at its closing side, and its swap."""
    floating = 0
    for held in told.of(ev.PositionOpened):
        if held.position in swaps:
            spec = next(s for s in told.of(ev.SessionStarted)[0].symbols if s.name == held.symbol)
            bid, ask = market.tick(held.symbol, told.records[-1].time + DAY)
            price = bid if held.side is Side.LONG else ask
            floating += money.profit(spec, held.side, held.volume, held.price, price, bid, ask)
    account = told.end.account
    assert account.equity - account.balance == floating + sum(swaps.values())


def check_nets(told: Told) -> None:
    """Each trade's net is its profit, both commissions and its swap."""
    paid = {item.position: item.commission for item in told.of(ev.PositionOpened)}
    for closed in told.of(ev.PositionClosed):
        costs = closed.commission + closed.swap + paid[closed.position]
        assert closed.net == closed.profit + costs


def check_slippage(market: Market, told: Told, slippage: Points) -> None:
    """Openings are at the tick of their time, worse by the slippage."""
    prices = {
        item.terms.signal_id: item.terms.price
        for item in told.of(ev.SignalRaised)
        if item.terms.action is ev.Action.OPEN
    }
    for opened in told.of(ev.PositionOpened):
        assert opened.price == prices[opened.signal_id] + opened.side * slippage
        assert opened.symbol in market.closes


def test_every_cent_is_accounted_for(market: Market) -> None:
    @settings(max_examples=30, deadline=None)
    @given(costs=COSTS, trades=TRADES)
    def holds(costs: dict[str, Any], trades: list[dict[str, Any]]) -> None:
        terms = costly(market, costs, trades)
        told = played(terms)
        swaps = check_swaps(market, terms, told)
        check_balance(told)
        check_equity(market, told, swaps)
        check_nets(told)
        check_slippage(market, told, costs["slippage"])

    holds()


def test_such_trades_are_opened_held_and_closed(market: Market) -> None:
    """The property above is about something: a dozen trades, each way of leaving, all costs."""
    trades: list[dict[str, Any]] = [
        {"bar": 60 * n, "symbol": symbol, "side": side, "stop": 500, "target": 600, "hold": hold}
        for n, (symbol, side, hold) in enumerate(
            [(s, side, hold) for s in synthetic.NATURES for side in Side for hold in (None, 90)]
        )
    ]
    last = {"bar": 840, "symbol": "EURUSD", "side": Side.LONG, "stop": 1_500}
    trades.append({**last, "target": None, "hold": None})
    costs = {"slippage": 2, "commission": 250.0, "swap_long": -7.0, "swap_short": 3.0}
    told = played(costly(market, costs, trades))
    assert len(told.of(ev.PositionOpened)) >= 8
    assert {item.reason for item in told.of(ev.PositionClosed)} >= {"SL", "TP", "END"}
    assert any(item.swap for item in told.of(ev.PositionClosed))
    assert told.end.open_positions
