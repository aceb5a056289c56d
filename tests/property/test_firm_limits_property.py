"""The guard over any sequence of entries, fills, lost answers, prices, stops and resets.

Prices move and jump, but a fill is never worse than what the limits allow for: by the slippage at
an entry, by slippage and gap at a stop. Then no position limit is ever exceeded, orders in flight
and of unknown outcome included, and equity never reaches a floor of the firm's, resets included.
"""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from engine import events as ev
from engine import money
from engine.portfolio import Position
from engine.rules import (
    AmountBase,
    BreachAt,
    DailyLoss,
    DayStartBasis,
    MaxLoss,
    Mode,
    Phase,
    RuleSet,
)
from engine.types import Cents, Points, Side, Units
from risk import exposure
from risk.challenge import Challenge, ChallengeActor
from tests.builders import LOT, SPECS, account, levels, limits, of_kind, signal, wired
from tests.challenges import rules
from tests.venue_machine import SPREADS, SYMBOLS, VenueMachine

SLIPPAGE, GAP = 20, 0.002

FIRMS = st.builds(
    lambda daily, maximum: rules(daily=daily, maximum=maximum, phases=(Phase(name="only"),)),
    st.builds(
        DailyLoss,
        percent=st.sampled_from([100, 200]),
        day_start=st.sampled_from(list(DayStartBasis)),
        amount_base=st.sampled_from(list(AmountBase)),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
    st.builds(
        MaxLoss,
        percent=st.sampled_from([150, 300]),
        mode=st.sampled_from(list(Mode)),
        trails=st.sampled_from([DayStartBasis.BALANCE, DayStartBasis.LARGER]),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
)


class Market(VenueMachine):
    """A venue, a strategy and a price that do as they please within the allowances."""

    TERMS = limits(
        max_positions=4, max_positions_per_symbol=2, per_trade_risk_fraction=0.004,
        daily_loss_fraction=0.5, max_symbol_risk_fraction=0.008, max_currency_risk_fraction=0.009,
        max_orders_per_day=12, allow_slippage_points=SLIPPAGE, allow_gap_fraction=GAP,
        firm_reserve_fraction=0.0, keep_stops=True,
    )  # fmt: skip

    @initialize(firm=FIRMS)
    def a_firm_is_chosen(self, firm: RuleSet) -> None:
        self.parts = wired(self.TERMS, challenge=Challenge(rules=firm))
        self.days = 0

    # --- what the strategy does ---

    @rule(
        symbol=st.sampled_from(SYMBOLS), side=st.sampled_from(list(Side)),
        stop=st.sampled_from([5, 40, 150, 600, 2_000]), scale=st.sampled_from([0.3, 1.0, 3.0]),
        fixed=st.sampled_from([0, 0, 0, 10_000, 300_000]),
    )  # fmt: skip
    def an_entry_is_wanted(
        self, symbol: str, side: Side, stop: Points, scale: float, fixed: Units
    ) -> None:
        self.signals += 1
        away = levels(side, self.parts.portfolio.ticks[symbol], stop, 3_000)
        self.parts.bus.publish(
            signal(f"s:{self.signals}", symbol=symbol, side=side, scale=scale, volume=fixed, **away)
        )
        self.carry_out()

    @precondition(lambda self: self.parts.portfolio.positions)
    @rule(data=st.data(), by=st.integers(-300, 300))
    def a_stop_is_to_be_moved(self, data: st.DataObject, by: Points) -> None:
        position = self.position(data)
        tick = self.parts.portfolio.ticks[position.symbol]
        stop = position.stop_loss + by
        if (tick.bid - stop if position.side is Side.LONG else stop - tick.ask) <= 0:
            return
        self.signals += 1
        before = len(of_kind(self.parts.journal, ev.OrderApproved))
        self.parts.bus.publish(
            signal(f"m:{self.signals}", symbol=position.symbol, side=position.side,
                   action=ev.Action.MODIFY, position=position.ticket, stop_loss=stop)
        )  # fmt: skip
        approvals = of_kind(self.parts.journal, ev.OrderApproved)
        self.seen = len(approvals)
        if self.seen > before:
            self._moved(position, approvals[-1].order, stop)

    def _moved(self, position: Position, order: ev.OrderIntent, stop: Points) -> None:
        self.submitted(order, 0)
        self.parts.bus.publish(
            ev.StopModified(
                order_id=order.order_id, position=position.ticket, symbol=position.symbol,
                side=position.side, volume=position.volume, stop_loss=stop,
                take_profit=position.take_profit, reason="m", account=account(self.balance),
            )
        )  # fmt: skip

    def closed_by_order(self, order: ev.OrderIntent) -> None:
        position = self.parts.portfolio.positions[order.terms.position]
        tick = self.parts.portfolio.ticks[position.symbol]
        price = tick.bid if position.side is Side.LONG else tick.ask
        self.leave(position, price, order.order_id)

    # --- what the venue does ---

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), slipped=st.integers(-SLIPPAGE, SLIPPAGE), part=st.integers(1, 4))
    def an_order_fills_all_or_in_part(
        self, data: st.DataObject, slipped: Points, part: int
    ) -> None:
        order_id = self.flight(data)
        approved = self.flights[order_id].approved
        order, least = approved.order, SPECS[approved.order.terms.symbol].volume_min
        volume = max(least, approved.volume * part // 4 // 100 * 100)
        self.fill(order_id, volume, order.terms.price + order.terms.side * slipped)

    @rule(symbol=st.sampled_from(SYMBOLS), by=st.integers(-2_500, 2_500))
    def the_price_moves_and_stops_are_hit(self, symbol: str, by: Points) -> None:
        """What is in flight fills near its price: the price stands still for it."""
        if any(item.approved.order.terms.symbol == symbol for item in self.flights.values()):
            return
        held = [item for item in self.parts.portfolio.positions.values() if item.symbol == symbol]
        spread = SPREADS[symbol]
        bid = self._within_the_gap(held, self.parts.portfolio.ticks[symbol].bid + by, spread)
        self.parts.bus.feed(ev.Tick(symbol, bid, bid + spread))
        for position in held:
            side = position.side
            price = bid if side is Side.LONG else bid + spread
            if (price - position.stop_loss) * side <= 0:
                self.leave(position, price - side * SLIPPAGE)
        self.tested()

    def _within_the_gap(self, held: list[Position], bid: Points, spread: Points) -> Points:
        """The price, kept from jumping farther beyond the first stop that it hits than allowed."""
        for position in sorted(held, key=lambda item: -item.side * item.stop_loss):
            reach = ceil(GAP * position.stop_loss)
            if position.side is Side.LONG and bid <= position.stop_loss:
                return max(bid, position.stop_loss - reach)
            if position.side is Side.SHORT and bid + spread >= position.stop_loss:
                return min(bid, position.stop_loss + reach - spread)
        return max(bid, 1_000)

    @rule(swap=st.sampled_from([0, 0, -2_000, -300, 400]))
    def a_night_passes_and_a_day_turns(self, swap: Cents) -> None:
        """A lot is charged `swap`: less than the gap that is allowed for at every stop."""
        for position in list(self.parts.portfolio.positions.values()):
            accrued = position.swap + swap * position.volume // LOT
            self.parts.bus.feed(ev.SwapSeen(position.ticket, accrued))
        self.days += 1
        self.approved_today = 0
        self.parts.bus.feed(ev.ResetDue(f"day {self.days}", self.balance, self._equity(), 0))
        self.carry_out()

    def _equity(self) -> Cents:
        total = self.balance
        for position in self.parts.portfolio.positions.values():
            tick, spec = self.parts.portfolio.ticks[position.symbol], SPECS[position.symbol]
            price = tick.bid if position.side is Side.LONG else tick.ask
            total += position.swap + money.profit(
                spec, position.side, position.volume, position.entry, price, tick.bid, tick.ask
            )
        return total

    def tested(self) -> None:
        self.parts.bus.feed(ev.AccountSeen(self.balance, self._equity(), 0))
        self.carry_out()

    # --- what must hold ---

    def _firm(self) -> ChallengeActor:
        challenge_actor = self.parts.challenge_actor
        assert isinstance(challenge_actor, ChallengeActor)
        return challenge_actor

    @invariant()
    def equity_never_reaches_a_floor_of_the_firms(self) -> None:
        assert self._equity() > self._firm().state.floor
        assert self._firm().lows.min_buffer > 0
        assert not of_kind(self.parts.journal, ev.AttemptEnded)

    @invariant()
    def if_every_stop_were_hit_now_the_account_would_still_stand(self) -> None:
        lost = sum(item.approved.worst or item.approved.risk for item in self.flights.values())
        for position in self.parts.portfolio.positions.values():
            spec, spread = SPECS[position.symbol], SPREADS[position.symbol]
            lost += exposure.worst_of_position(self.TERMS, spec, position, spread, self.balance)
        assert self.balance - lost > self._firm().state.floor


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.mark.deep
class TestMarketAtLength(Market.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=3_000, stateful_step_count=50, deadline=None)
