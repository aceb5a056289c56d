"""The guard over any sequence of entries, fills, lost answers, prices, stops and resets.

Prices move and jump, but a fill is never worse than what the limits allow for: by the slippage at
an entry, by slippage and gap at a stop. Then no position limit is ever exceeded, orders in flight
and of unknown outcome included, and equity never reaches a floor of the firm's, resets included.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine import events as ev
from engine import money
from engine.market import Position
from engine.rules import AmountBase, Anchor, BreachAt, DailyLoss, MaxLoss, Mode, Phase
from engine.types import Cents, Points, Side, Units
from risk import exposure
from risk.evaluation import Course, Evaluation
from risk.limits import RISK_TOLERANCE
from tests.builders import SPECS, START, TICKS, account, levels, limits, of_kind, signal, wired
from tests.courses import rules

SLIPPAGE, GAP = 20, 0.002
TERMS = limits(
    max_positions=4,
    max_positions_per_symbol=2,
    per_trade_risk_fraction=0.004,
    daily_loss_fraction=0.5,
    max_symbol_risk_fraction=0.008,
    max_currency_risk_fraction=0.009,
    max_orders_per_day=12,
    allow_slippage_points=SLIPPAGE,
    allow_gap_fraction=GAP,
    firm_reserve_fraction=0.0,
    keep_stops=True,
)
SYMBOLS = sorted(SPECS)
SPREADS = {name: tick.ask - tick.bid for name, tick in TICKS.items()}

FIRMS = st.builds(
    lambda daily, maximum: rules(daily=daily, maximum=maximum, phases=(Phase(name="only"),)),
    st.builds(
        DailyLoss,
        percent=st.sampled_from([100, 200]),
        anchor=st.sampled_from(list(Anchor)),
        amount_base=st.sampled_from(list(AmountBase)),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
    st.builds(
        MaxLoss,
        percent=st.sampled_from([150, 300]),
        mode=st.sampled_from(list(Mode)),
        trails=st.sampled_from([Anchor.BALANCE, Anchor.LARGER]),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
)


@dataclass
class Flight:
    """An approved entry and what may still become of it."""

    approved: ev.OrderApproved
    unknown: bool = False


class Market(RuleBasedStateMachine):
    """A venue, a strategy and a price that do as they please within the allowances."""

    @initialize(firm=FIRMS)
    def a_firm_is_chosen(self, firm: object) -> None:
        self.parts = wired(TERMS, course=Course(rules=firm))  # type: ignore[arg-type]
        self.balance: Cents = START
        self.flights: dict[int, Flight] = {}
        self.seen = self.signals = self.tickets = self.days = 0
        self.approved_today = 0

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
        away = levels(side, self.parts.market.ticks[symbol], stop, 3_000)
        self.parts.bus.publish(
            signal(f"s:{self.signals}", symbol=symbol, side=side, scale=scale, volume=fixed, **away)
        )
        self._carry_out()

    @precondition(lambda self: self.parts.market.positions)
    @rule(data=st.data(), by=st.integers(-300, 300))
    def a_stop_is_to_be_moved(self, data: st.DataObject, by: Points) -> None:
        position = self._position(data)
        tick = self.parts.market.ticks[position.symbol]
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
            order = approvals[-1].order
            self._submitted(order, 0)
            self.parts.bus.publish(
                ev.StopModified(
                    order_id=order.order_id, position=position.ticket, symbol=position.symbol,
                    side=position.side, volume=position.volume, stop_loss=stop,
                    take_profit=position.take_profit, reason="m", account=account(self.balance),
                )
            )  # fmt: skip

    def _carry_out(self) -> None:
        """Submit what risk approved; what is to be closed is closed at the tick."""
        approvals = of_kind(self.parts.journal, ev.OrderApproved)
        new, self.seen = approvals[self.seen :], len(approvals)
        for approved in new:
            order = approved.order
            self._submitted(order, approved.volume)
            if order.action is ev.Action.OPEN:
                self.approved_today += 1
                self.flights[order.order_id] = Flight(approved)
            else:
                position = self.parts.market.positions[order.position]
                tick = self.parts.market.ticks[position.symbol]
                price = tick.bid if position.side is Side.LONG else tick.ask
                self._leave(position, price, order.order_id)

    def _submitted(self, order: ev.OrderIntent, volume: Units) -> None:
        self.parts.bus.publish(
            ev.OrderSubmitted(order_id=order.order_id, symbol=order.symbol, action=order.action,
                              side=order.side, volume=volume)
        )  # fmt: skip

    # --- what the venue does ---

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), slipped=st.integers(-SLIPPAGE, SLIPPAGE), part=st.integers(1, 4))
    def an_order_fills_all_or_in_part(
        self, data: st.DataObject, slipped: Points, part: int
    ) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.flights)))
        approved = self.flights.pop(order_id).approved
        order, spec = approved.order, SPECS[approved.order.symbol]
        volume = max(spec.volume_min, approved.volume * part // 4 // 100 * 100)
        paid = money.commission(spec, volume)
        self.tickets += 1
        self.balance -= paid
        price = order.price + order.side * slipped
        self.parts.bus.publish(
            ev.OrderFilled(order_id=order_id, ticket=self.tickets, deal=self.tickets,
                           volume=volume, price=price)
        )  # fmt: skip
        self.parts.bus.publish(
            ev.PositionOpened(
                position=self.tickets, order_id=order_id, signal_id=order.signal_id,
                strategy_id="s", symbol=order.symbol, side=order.side, volume=volume,
                price=price, reason="tag", account=account(self.balance),
                stop_loss=order.stop_loss, commission=-paid,
            )
        )  # fmt: skip
        self._test()

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), cancelled=st.booleans())
    def an_order_comes_to_nothing(self, data: st.DataObject, cancelled: bool) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.flights)))
        del self.flights[order_id]
        self.parts.bus.publish(
            ev.OrderCancelled(order_id=order_id, reason="withdrawn") if cancelled
            else ev.OrderRejected(
                order_id=order_id, symbol="EURUSD", side=Side.LONG, retcode=10_006, message="no",
                account=account(self.balance),
            )
        )  # fmt: skip

    @precondition(lambda self: any(not flight.unknown for flight in self.flights.values()))
    @rule(data=st.data())
    def an_answer_is_lost(self, data: st.DataObject) -> None:
        known = sorted(item for item, flight in self.flights.items() if not flight.unknown)
        order_id = data.draw(st.sampled_from(known))
        self.flights[order_id].unknown = True
        self.parts.bus.publish(
            ev.OrderUnknown(order_id=order_id, symbol="EURUSD", side=Side.LONG, message="?",
                            account=account(self.balance))
        )  # fmt: skip

    @rule(symbol=st.sampled_from(SYMBOLS), by=st.integers(-2_500, 2_500))
    def the_price_moves_and_stops_are_hit(self, symbol: str, by: Points) -> None:
        """What is in flight fills near its price: the price stands still for it."""
        if any(item.approved.order.symbol == symbol for item in self.flights.values()):
            return
        held = [item for item in self.parts.market.positions.values() if item.symbol == symbol]
        spread = SPREADS[symbol]
        bid = self._within_the_gap(held, self.parts.market.ticks[symbol].bid + by, spread)
        self.parts.bus.feed(ev.Tick(symbol, bid, bid + spread))
        for position in held:
            side = position.side
            price = bid if side is Side.LONG else bid + spread
            if (price - position.stop_loss) * side <= 0:
                self._leave(position, price - side * SLIPPAGE, 0)
        self._test()

    def _within_the_gap(self, held: list[Position], bid: Points, spread: Points) -> Points:
        """The price, kept from jumping farther beyond the first stop that it hits than allowed."""
        for position in sorted(held, key=lambda item: -item.side * item.stop_loss):
            reach = ceil(GAP * position.stop_loss)
            if position.side is Side.LONG and bid <= position.stop_loss:
                return max(bid, position.stop_loss - reach)
            if position.side is Side.SHORT and bid + spread >= position.stop_loss:
                return min(bid, position.stop_loss + reach - spread)
        return max(bid, 1_000)

    @rule()
    def a_day_turns(self) -> None:
        self.days += 1
        self.approved_today = 0
        self.parts.bus.feed(ev.ResetDue(f"day {self.days}", self.balance, self._equity(), 0))
        self._carry_out()

    @rule()
    def the_user_resumes(self) -> None:
        self.parts.risk.trading = self.parts.risk.trading.resume()

    def _position(self, data: st.DataObject) -> Position:
        ticket = data.draw(st.sampled_from(sorted(self.parts.market.positions)))
        return self.parts.market.positions[ticket]

    def _leave(self, position: Position, price: Points, order_id: int) -> None:
        spec, spread = SPECS[position.symbol], SPREADS[position.symbol]
        profit = money.profit_at(spec, position.side, position.volume, position.entry, price,
                                 spread)  # fmt: skip
        paid = money.commission(spec, position.volume)
        self.balance += profit - paid
        if order_id:
            self.parts.bus.publish(
                ev.OrderFilled(order_id=order_id, ticket=order_id, deal=order_id,
                               volume=position.volume, price=price)
            )  # fmt: skip
        self.parts.bus.publish(
            ev.PositionClosed(
                position=position.ticket, symbol=position.symbol, side=position.side,
                volume=position.volume, price=price, reason="x", profit=profit,
                net=profit - paid + position.commission, commission=-paid, order_id=order_id,
                account=account(self.balance),
            )
        )  # fmt: skip
        self._test()

    def _equity(self) -> Cents:
        total = self.balance
        for position in self.parts.market.positions.values():
            tick, spec = self.parts.market.ticks[position.symbol], SPECS[position.symbol]
            price = tick.bid if position.side is Side.LONG else tick.ask
            total += money.profit(spec, position.side, position.volume, position.entry, price,
                                  tick.bid, tick.ask)  # fmt: skip
        return total

    def _test(self) -> None:
        self.parts.bus.feed(ev.AccountSeen(self.balance, self._equity(), 0))
        self._carry_out()

    # --- what must hold ---

    @invariant()
    def no_limit_of_counts_is_exceeded_with_what_is_in_flight(self) -> None:
        alive = [item.approved.order.symbol for item in self.flights.values()]
        alive += [position.symbol for position in self.parts.market.positions.values()]
        assert len(alive) <= TERMS.max_positions
        assert all(alive.count(symbol) <= TERMS.max_positions_per_symbol for symbol in alive)
        assert self.approved_today <= (TERMS.max_orders_per_day or 0)

    @invariant()
    def no_order_risks_more_than_its_limit_and_five_cents(self) -> None:
        evaluation = self.parts.evaluation
        assert isinstance(evaluation, Evaluation)
        for flight in self.flights.values():
            anchor = max(self.parts.risk.anchor, START * 2)  # the anchor may have fallen since
            assert flight.approved.risk <= TERMS.per_trade_risk_fraction * anchor + RISK_TOLERANCE

    @invariant()
    def equity_never_reaches_a_floor_of_the_firms(self) -> None:
        evaluation = self.parts.evaluation
        assert isinstance(evaluation, Evaluation)
        assert self._equity() > evaluation.standing.floor
        assert evaluation.seen.least_room > 0
        assert not of_kind(self.parts.journal, ev.AttemptEnded)

    @invariant()
    def if_every_stop_were_hit_now_the_account_would_still_stand(self) -> None:
        evaluation = self.parts.evaluation
        assert isinstance(evaluation, Evaluation)
        lost = sum(item.approved.worst or item.approved.risk for item in self.flights.values())
        for position in self.parts.market.positions.values():
            spec, spread = SPECS[position.symbol], SPREADS[position.symbol]
            lost += exposure.worst_of_position(TERMS, spec, position, spread, self.balance)
        assert self.balance - lost > evaluation.standing.floor


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


@pytest.mark.deep
class TestMarketAtLength(Market.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=3_000, stateful_step_count=50, deadline=None)
