"""Rules of the execution model that hold for any bar, and the books of any story of an account."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar, ExitReason, level_hit, worst_price
from engine import money
from engine.types import Points, Side
from tests.builders import SPECS, START, TICKS

sides = st.sampled_from(list(Side))
SYMBOLS = sorted(SPECS)
distances = st.tuples(st.integers(0, 400), st.integers(0, 400))


@st.composite
def bars(draw: st.DrawFn, around: Points = 100_000) -> Bar:
    """A bar whose four prices and spread belong together."""
    prices = sorted(draw(st.lists(st.integers(-800, 800), min_size=4, max_size=4)))
    low, one, other, high = (around + price for price in prices)
    first, last = draw(st.sampled_from([(one, other), (other, one), (low, high), (high, low)]))
    return Bar(first, high, low, last, draw(st.integers(0, 100)))


levels = st.just(0) | st.integers(98_000, 102_000)


@given(sides, levels, levels, bars())
def test_a_stop_is_never_filled_better_and_a_target_exactly_at_its_price(
    side: Side, stop: Points, target: Points, bar: Bar
) -> None:
    found = level_hit(side, stop, target, bar)
    spread = 0 if side is Side.LONG else bar.spread
    reached = range(bar.low + spread, bar.high + spread + 1)
    if found is None:
        assert stop not in reached
        assert target not in reached
    elif found.reason is ExitReason.STOP:
        assert (found.price - stop) * side <= 0
        assert found.price in reached
    else:
        assert found.price == target


@given(sides, levels, bars())
def test_no_tick_of_the_bar_is_worse_than_its_worst_price(
    side: Side, stop: Points, bar: Bar
) -> None:
    worst = worst_price(side, stop, bar)
    spread = 0 if side is Side.LONG else bar.spread
    assert worst in range(bar.low + spread, bar.high + spread + 1)
    found = level_hit(side, stop, 0, bar)
    if found is None:
        assert all(
            (price + spread - worst) * side >= 0
            for price in (bar.open, bar.high, bar.low, bar.close)
        )
    else:
        assert worst == found.price


@given(levels, levels, bars())
def test_without_a_spread_a_short_is_a_long_seen_in_a_mirror(
    stop: Points, target: Points, bar: Bar
) -> None:
    def mirrored(price: Points) -> Points:
        return 200_000 - price if price else 0

    plain = msgspec.structs.replace(bar, spread=0)
    mirror = Bar(mirrored(bar.open), mirrored(bar.low), mirrored(bar.high), mirrored(bar.close), 0)
    long = level_hit(Side.LONG, stop, target, plain)
    short = level_hit(Side.SHORT, mirrored(stop), mirrored(target), mirror)
    if long is None or short is None:
        assert long is short is None
    else:
        assert (short.price, short.reason) == (mirrored(long.price), long.reason)


class Books(RuleBasedStateMachine):
    """Whatever is dealt, the books add up to the cent."""

    def __init__(self) -> None:
        super().__init__()
        self.account = PaperAccount(SPECS, START, slippage=2)
        for tick in TICKS.values():
            self.account.quote(tick.symbol, tick.bid, tick.ask, 0)
        self.posted = 0

    def _position(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.account.positions)))

    @rule(symbol=st.sampled_from(SYMBOLS), side=sides, steps=st.integers(1, 300), away=distances)
    def open(self, symbol: str, side: Side, steps: int, away: tuple[int, int]) -> None:
        price, (stop, aim) = self.account.bids[symbol], away
        self.account.open(
            symbol, side, steps * 100, price - side * stop if stop else 0,
            price + side * aim if aim else 0, 1, "",
        )  # fmt: skip

    @precondition(lambda self: self.account.positions)
    @rule(data=st.data(), part=st.booleans())
    def close(self, data: st.DataObject, part: bool) -> None:
        position = self.account.positions[self._position(data)]
        volume = data.draw(st.integers(1, position.volume // 100)) * 100 if part else None
        self.account.close(position, 1, "", volume)

    @rule(symbol=st.sampled_from(SYMBOLS), data=st.data())
    def play(self, symbol: str, data: st.DataObject) -> None:
        bar = data.draw(bars(around=self.account.bids[symbol]))
        self.account.quote(symbol, bar.open, bar.open + bar.spread, self.account.now)
        if not self.account.held[symbol]:
            assert self.account.worst_equity(symbol, bar) == self.account.equity()
        before = len(self.account.deals)
        exits = self.account.play(symbol, bar)
        assert len(self.account.deals) - before == exits
        self.account.quote(symbol, bar.close, bar.close + bar.spread, self.account.now + 1)

    @rule(symbol=st.sampled_from(SYMBOLS), charge=st.integers(-300, 300))
    def swap(self, symbol: str, charge: int) -> None:
        for position in self.account.positions.values():
            if position.spec.name == symbol:
                position.swap += charge
                self.posted += charge

    @invariant()
    def the_balance_is_the_sum_of_all_deals(self) -> None:
        deals = self.account.deals
        assert deals[0].profit == START
        assert self.account.balance == sum(
            deal.profit + deal.commission + deal.swap for deal in deals
        )
        assert [deal.ticket for deal in deals] == list(range(1, len(deals) + 1))

    @invariant()
    def equity_is_the_balance_with_every_position_closed_at_its_side_of_the_tick(self) -> None:
        account = self.account
        floating = sum(
            money.profit(
                item.spec, item.side, item.volume, item.entry,
                account.bids[item.spec.name] if item.side is Side.LONG
                else account.asks[item.spec.name],
                account.bids[item.spec.name], account.asks[item.spec.name],
            ) + item.swap
            for item in account.positions.values()
        )  # fmt: skip
        assert account.equity() == account.balance + floating

    @invariant()
    def margin_and_counts_are_those_of_the_open_positions(self) -> None:
        account, open_now = self.account, list(self.account.positions.values())
        assert account.margin == sum(item.margin for item in open_now)
        for symbol in SYMBOLS:
            assert account.held[symbol] == sum(item.spec.name == symbol for item in open_now)
        for item in open_now:
            assert item.margin == money.margin(item.spec, item.volume, item.entry)

    @invariant()
    def what_a_position_dealt_is_what_it_holds(self) -> None:
        account = self.account
        for ticket in {deal.position for deal in account.deals if deal.position}:
            first, *others = account.deals_of(ticket)
            left = first.volume - sum(deal.volume for deal in others)
            held = account.positions.get(ticket)
            assert left == (held.volume if held else 0)

    @invariant()
    def swap_is_realised_or_still_open_but_never_lost(self) -> None:
        realised = sum(deal.swap for deal in self.account.deals)
        waiting = sum(position.swap for position in self.account.positions.values())
        assert realised + waiting == self.posted


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
