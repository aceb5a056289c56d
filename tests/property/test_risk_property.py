"""Risk over any sequence of entries, fills, rejections and lost answers: the limits hold.

Prices stand still, so that all that can be lost is what was approved: whatever happens in whatever
order, the account with every order and position stopped out stays above the day's floor.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from engine import events as ev
from engine.trading import HaltCause
from engine.types import Side
from tests.builders import START, TICKS, levels, limits, signal, wired
from tests.venue_machine import SYMBOLS, VenueMachine


class Desk(VenueMachine):
    """A venue and a strategy that do as they please; risk must keep order."""

    TERMS = limits(
        max_positions=3, max_positions_per_symbol=2, per_trade_risk_fraction=0.004,
        daily_loss_fraction=0.01,
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.parts = wired(self.TERMS)

    def tested(self) -> None:
        self.parts.bus.feed(ev.AccountSeen(self.balance, self.balance, 0))

    @rule(
        symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(list(Side)),
        stop=st.integers(-5, 2_000), scale=st.floats(0, 3), fixed=st.integers(0, 400),
    )  # fmt: skip
    def an_entry_is_wanted(
        self, symbol: str, side: Side, stop: int, scale: float, fixed: int
    ) -> None:
        self.signals += 1
        away = levels(side, TICKS[symbol], stop, 3_000)
        self.parts.bus.publish(
            signal(f"s:{self.signals}", symbol=symbol, side=side, scale=scale,
                   volume=fixed * 100 if fixed > 300 else 0, **away)
        )  # fmt: skip
        self.carry_out()

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def an_order_fills_at_the_tick(self, data: st.DataObject) -> None:
        order_id = self.flight(data)
        approved = self.flights[order_id].approved
        tick = TICKS[approved.order.terms.symbol]
        price = tick.ask if approved.order.terms.side is Side.LONG else tick.bid
        self.fill(order_id, approved.volume, price)

    @precondition(lambda self: self.parts.portfolio.positions)
    @rule(data=st.data())
    def a_position_is_stopped_out(self, data: st.DataObject) -> None:
        position = self.position(data)
        self.leave(position, position.stop_loss)

    @invariant()
    def all_that_was_approved_lost_together_leaves_the_account_above_the_days_floor(self) -> None:
        worst = self.balance - sum(flight.approved.risk for flight in self.flights.values())
        for position in self.parts.portfolio.positions.values():
            profit, paid = self.profit_at(position, position.stop_loss)
            worst += profit - paid
        assert worst >= START * (1 - self.TERMS.daily_loss_fraction) - 1e-6

    @invariant()
    def a_broken_floor_never_goes_unnoticed(self) -> None:
        if self.balance <= START * (1 - self.TERMS.daily_loss_fraction):
            assert HaltCause.DAILY_LOSS in self.parts.risk.trading.causes


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.deep
class TestDeskAtLength(Desk.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=3_000, stateful_step_count=50, deadline=None)


@given(
    st.lists(st.tuples(st.integers(-50_000, 50_000), st.booleans()), max_size=40),
    st.sampled_from([0.005, 0.02, 0.172]),
)
def test_the_day_is_over_exactly_from_the_first_test_at_its_floor_to_the_next_reset(
    story: list[tuple[int, bool]], fraction: float
) -> None:
    parts = wired(limits(daily_loss_fraction=fraction))
    equity, day_start, over = START, START, False
    for change, midnight in story:
        equity += change
        floor = day_start * (1 - fraction)
        if midnight:
            parts.bus.feed(ev.ResetDue("2025-01-08", equity, equity, 0))
            day_start, over = equity, False
        else:
            parts.bus.feed(ev.AccountSeen(equity, equity, 0))
            over = over or equity <= floor + 1e-6
        assert parts.risk.losses.day_start == day_start
        assert (HaltCause.DAILY_LOSS in parts.risk.trading.causes) is over
