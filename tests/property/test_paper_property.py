"""Whatever is sent to a paper terminal and whatever the market does, its books add up."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar, entry_in, level_hit, since_entry
from adapters.paper.terminal.functions import PaperTerminal
from engine import money
from engine.types import Side
from tests.builders import EURUSD, SPECS, START, USDJPY
from tests.paper_terminals import account_at_ticks, told
from tests.simulation.fault_injector import Effects, FaultyTerminal
from tests.simulation.faults import FaultKind, FaultPlan

SYMBOLS = {"EURUSD": 110_000, "USDJPY": 150_000}
KINDS = sorted(
    {mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_BUY_STOP}
    | {mt5.ORDER_TYPE_SELL_LIMIT, mt5.ORDER_TYPE_SELL_STOP}
)

symbols = st.sampled_from(sorted(SYMBOLS))
sides = st.sampled_from(list(Side))
volumes = st.integers(1, 300).map(lambda hundredths: hundredths / 100)
distances = st.integers(1, 400)
moves = st.integers(-300, 300)


@st.composite
def bars(draw: st.DrawFn, around: int = 110_000) -> Bar:
    opened, close = (around + draw(moves) for _ in range(2))
    high = max(opened, close) + draw(st.integers(0, 200))
    low = min(opened, close) - draw(st.integers(0, 200))
    return Bar(opened, high, low, close, draw(st.integers(0, 40)))


class Trading(RuleBasedStateMachine):
    """Random requests, bars, ticks and nights on a hedging or netting account."""

    @initialize(netting=st.booleans(), slippage=st.integers(0, 5), stop_out=st.booleans())
    def open_account(self, netting: bool, slippage: int, stop_out: bool) -> None:
        self.account = account_at_ticks(
            netting=netting, slippage=slippage, stop_out=50 if stop_out else None
        )
        self.terminal = PaperTerminal(self.account)
        self.orders_made = 0

    def send(self, request: dict[str, Any]) -> None:
        foretold = told(self.terminal.order_check(request)).retcode
        before = self.account.balance, len(self.account.deals), len(self.account.orders)
        result = told(self.terminal.order_send(request))
        if foretold:
            assert result.retcode == foretold
            now = self.account.balance, len(self.account.deals), len(self.account.orders)
            assert now == before
        else:
            assert result.retcode == mt5.TRADE_RETCODE_DONE

    @rule(symbol=symbols, side=sides, volume=volumes, stop=distances, gain=distances)
    def deal(self, symbol: str, side: Side, volume: float, stop: int, gain: int) -> None:
        spec = SPECS[symbol]
        price = self.account.bids[symbol] if side is Side.LONG else self.account.asks[symbol]
        self.send({
            "action": mt5.TRADE_ACTION_DEAL, "symbol": symbol, "volume": volume,
            "type": mt5.ORDER_TYPE_BUY if side is Side.LONG else mt5.ORDER_TYPE_SELL,
            "sl": spec.price(price - side * stop), "tp": spec.price(price + side * gain),
        })  # fmt: skip

    @rule(symbol=symbols, kind=st.sampled_from(KINDS), volume=volumes, away=distances)
    def wait_for(self, symbol: str, kind: int, volume: float, away: int) -> None:
        spec = SPECS[symbol]
        below = kind in (mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_SELL_STOP)
        price = self.account.bids[symbol] - away if below else self.account.asks[symbol] + away
        self.send({
            "action": mt5.TRADE_ACTION_PENDING, "symbol": symbol, "volume": volume, "type": kind,
            "price": spec.price(price), "type_filling": mt5.ORDER_FILLING_RETURN,
            "type_time": mt5.ORDER_TIME_SPECIFIED,
            "expiration": self.account.now // 1000 + 3_600,
        })  # fmt: skip

    @rule(which=st.integers(0, 5), share=st.integers(1, 100))
    def close(self, which: int, share: int) -> None:
        positions = list(self.account.positions.values())
        if not positions:
            return
        position = positions[which % len(positions)]
        volume = max(position.volume * share // 10_000 * 100, 100)
        kind = mt5.ORDER_TYPE_SELL if position.side is Side.LONG else mt5.ORDER_TYPE_BUY
        self.send({
            "action": mt5.TRADE_ACTION_DEAL, "symbol": position.spec.name, "type": kind,
            "volume": volume / 10_000, "position": position.ticket,
        })  # fmt: skip

    @rule(symbol=symbols, bar=bars())
    def play(self, symbol: str, bar: Bar) -> None:
        shift = SYMBOLS[symbol] - 110_000
        opened, high, low, close = (
            price + shift for price in (bar.open, bar.high, bar.low, bar.close)
        )
        bar = Bar(opened, high, low, close, bar.spread)
        self.account.now += 900_000
        books = len(self.account.deals) + len(self.account.order_history)
        happened = self.account.play(symbol, bar)
        # every fill and exit adds a deal and an order that is over, every expiry only the latter
        added = len(self.account.deals) + len(self.account.order_history) - books
        assert happened <= added <= 2 * happened
        self.account.quote(symbol, bar.close, bar.close + bar.spread, self.account.now)

    @rule(symbol=symbols, bid=moves, spread=st.integers(0, 30))
    def tick(self, symbol: str, bid: int, spread: int) -> None:
        price = SYMBOLS[symbol] + bid
        self.account.quote(symbol, price, price + spread, self.account.now + 1_000)
        self.account.match_tick(symbol)
        assert self.account.match_tick(symbol) <= len(self.account.positions)

    @invariant()
    def the_balance_is_the_sum_of_the_deals(self) -> None:
        deals = self.account.deals
        assert self.account.balance == sum(d.profit + d.commission + d.swap for d in deals)
        assert [deal.ticket for deal in deals] == list(range(1, len(deals) + 1))

    @invariant()
    def equity_is_the_balance_plus_what_is_open(self) -> None:
        positions = told(self.terminal.positions_get())
        floating = sum(round((item.profit + item.swap) * 100) for item in positions)
        assert self.account.equity() == self.account.balance + floating

    @invariant()
    def margin_and_counts_are_those_of_the_open_positions(self) -> None:
        positions = self.account.positions.values()
        assert self.account.margin == sum(item.margin for item in positions)
        counted = Counter(item.spec.name for item in positions)
        assert {name: held for name, held in self.account.held.items() if held} == counted
        if self.account.netting:
            assert set(counted.values()) <= {1}
        for item in positions:
            assert item.margin == money.margin(item.spec, item.volume, item.entry)

    @invariant()
    def volumes_in_and_out_are_those_that_are_open(self) -> None:
        volume: Counter[str] = Counter()
        for deal in self.account.deals[1:]:
            volume[deal.symbol] += deal.volume * (1 if deal.kind == mt5.DEAL_TYPE_BUY else -1)
        for item in self.account.positions.values():
            volume[item.spec.name] -= item.volume * item.side
        assert not any(volume.values())

    @invariant()
    def every_ticket_is_one_order(self) -> None:
        orders = [*self.account.order_history, *self.account.orders.values()]
        tickets = [order.ticket for order in orders]
        assert len(set(tickets)) == len(tickets)
        filled = {o.ticket for o in orders if o.state == mt5.ORDER_STATE_FILLED}
        assert {deal.order for deal in self.account.deals[1:]} == filled


Trading.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestTrading = Trading.TestCase


@given(bars(), sides, st.booleans(), st.integers(109_000, 111_000))
def test_an_entry_is_inside_the_bar_and_never_better_than_its_limit_nor_its_stop(
    bar: Bar, side: Side, limit: bool, level: int
) -> None:
    price = entry_in(side, limit, level, bar)
    if price is None:
        return
    shift = bar.spread if side is Side.LONG else 0
    assert bar.low + shift <= price <= bar.high + shift
    assert (level - price) * side >= 0 if limit else (price - level) * side >= 0


@given(bars(), sides, st.booleans(), st.integers(109_000, 111_000), distances)
def test_a_stop_in_the_bar_of_the_entry_never_earns(
    bar: Bar, side: Side, limit: bool, level: int, distance: int
) -> None:
    price = entry_in(side, limit, level, bar)
    if price is None:
        return
    bid = price - bar.spread if side is Side.LONG else price
    hit = level_hit(side, level - side * distance, 0, since_entry(bar, bid))
    if hit is not None:
        assert (hit.price - price) * side <= 0


@given(st.lists(st.tuples(sides, st.integers(1, 50), moves), min_size=1, max_size=12))
def test_netting_earns_at_most_a_point_less_per_deal_than_hedging(
    deals: list[tuple[Side, int, int]],
) -> None:
    """The average entry is rounded against the position: never in its favour, never by more.

    Without a spread, which a hedged pair pays twice.
    """
    netting, hedging = (PaperAccount({"EURUSD": EURUSD}, START, netting=on) for on in (True, False))
    traded = 0
    for side, hundredths, move in deals:
        for account in (netting, hedging):
            account.quote("EURUSD", 110_000 + move, 110_000 + move, 0)
            account.open("EURUSD", side, hundredths * 100, 0, 0, 0, "")
        traded += hundredths
    lost = hedging.equity() - netting.equity()
    # a point of 0.01 lot is a cent; every deal may round by a cent as well
    assert -len(deals) <= lost <= len(deals) * (traded + 1)


@given(st.sampled_from(sorted(SPECS)), sides, st.integers(1, 30_000), moves, st.integers(1, 900))
def test_a_deal_closes_at_the_formulas_profit_whole_cents_a_point_or_not(
    symbol: str, side: Side, volume: int, moved: int, percent: int
) -> None:
    """The account, the position and the formula agree to the cent, for a part as for the whole."""
    account = account_at_ticks()
    spec, price = account.specs[symbol], account.asks[symbol]
    opened = account.open(symbol, side, volume, 0, 0, 0, "")
    position = account.positions[opened.order]
    bid, ask = price + moved, price + moved + 7
    account.quote(symbol, bid, ask, account.now)
    close = bid if side is Side.LONG else ask
    part = max(1, volume * percent // 900)
    whole, half = (
        money.profit(spec, side, units, position.entry, close, bid, ask) for units in (volume, part)
    )
    assert position.profit(bid, ask) == whole
    assert account.equity() - account.balance == whole
    assert account.close(position, 0, "", part).profit == half


@given(st.sampled_from([EURUSD, USDJPY]), sides, volumes, distances)
def test_two_halves_cost_the_same_as_the_whole_but_for_a_cent_of_rounding(
    spec: Any, side: Side, volume: float, move: int
) -> None:
    results = []
    units = round(volume * 5_000) // 100 * 100 * 2 or 200
    for parts in (1, 2):
        account = PaperAccount(SPECS, START)
        account.quote(spec.name, SYMBOLS[spec.name], SYMBOLS[spec.name] + 10, 0)
        account.open(spec.name, side, units, 0, 0, 0, "")
        account.quote(spec.name, SYMBOLS[spec.name] + move, SYMBOLS[spec.name] + move + 10, 0)
        for _ in range(parts):
            (position,) = account.positions.values()
            account.close(position, 0, "", volume=units // parts)
        assert not account.positions
        results.append(account.balance)
    assert abs(results[0] - results[1]) <= 2


@given(st.integers(0, 1 << 32), st.lists(st.integers(0, 3), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_under_any_faults_every_ticket_is_dealt_once_and_the_books_add_up(
    seed: int, steps: list[int]
) -> None:
    """Nothing is executed twice, whatever the answers said."""
    paper = PaperTerminal(account_at_ticks())
    nothing = Effects(hang=lambda: None, die=lambda: None, wait=lambda _: None)
    rng = Random(seed)  # noqa: S311 - nothing secret
    terminal = FaultyTerminal(paper, FaultPlan(rng, dict.fromkeys(FaultKind, 0.1)), nothing)
    sends = 0
    for step in steps:
        if step == 0:
            sends += 1
            terminal.order_send(
                {"action": 1, "symbol": "EURUSD", "volume": 0.1, "magic": 1, "comment": str(sends)}
            )
        elif step == 1:
            terminal.positions_get()
        else:
            terminal.history_deals_get(0, mt5.LATEST_DATE)
    for account in (paper.account, terminal.other.account):
        deals = account.deals
        assert account.balance == sum(d.profit + d.commission + d.swap for d in deals)
        entries = Counter(d.comment for d in deals if d.magic == 1 and d.entry == 0)
        assert all(count == 1 for count in entries.values())
