"""A venue that does as it pleases with what risk approved: rules that state machines share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import events as ev
from engine import money
from engine.portfolio import Position
from engine.types import Cents, Limits, Points, Side, Units
from risk.limits import RISK_TOLERANCE
from tests.builders import SPECS, START, TICKS, Wired, account, of_kind

SYMBOLS = sorted(SPECS)
SPREADS = {name: tick.ask - tick.bid for name, tick in TICKS.items()}


@dataclass
class Flight:
    """An approved entry, what it might risk when it was approved, and what may become of it."""

    approved: ev.OrderApproved
    allowed: float
    unknown: bool = False


class VenueMachine(RuleBasedStateMachine):
    """Orders fill, come to nothing or are lost; a subclass wants entries and moves the market.

    `parts` is set by the subclass; `balance` is the venue's.
    """

    TERMS: ClassVar[Limits]
    parts: Wired

    def __init__(self) -> None:
        super().__init__()
        self.balance: Cents = START
        self.flights: dict[int, Flight] = {}
        self.seen = self.signals = self.tickets = self.approved_today = 0

    # --- for subclasses ---

    def tested(self) -> None:
        """Every deal is followed by an equity test; the subclass knows the equity."""
        raise NotImplementedError

    def closed_by_order(self, order: ev.OrderIntent) -> None:
        """Risk wants a position closed; by default it never does."""
        raise AssertionError(order)

    def carry_out(self) -> None:
        """Submit what risk approved since the last time."""
        approvals = of_kind(self.parts.journal, ev.OrderApproved)
        new, self.seen = approvals[self.seen :], len(approvals)
        for approved in new:
            order = approved.order
            self.submitted(order, approved.volume)
            if order.terms.action is ev.Action.OPEN:
                self.approved_today += 1
                allowed = self.TERMS.per_trade_risk_fraction * self.parts.risk.losses.day_start
                self.flights[order.order_id] = Flight(approved, allowed)
            else:
                self.closed_by_order(order)

    def submitted(self, order: ev.OrderIntent, volume: Units) -> None:
        self.parts.bus.publish(
            ev.OrderSubmitted(order_id=order.order_id, terms=order.terms, volume=volume)
        )

    def flight(self, data: st.DataObject) -> int:
        """One of the orders in flight."""
        order_id: int = data.draw(st.sampled_from(sorted(self.flights)))
        return order_id

    def position(self, data: st.DataObject) -> Position:
        """One of the open positions."""
        ticket = data.draw(st.sampled_from(sorted(self.parts.portfolio.positions)))
        return self.parts.portfolio.positions[ticket]

    def fill(self, order_id: int, volume: Units, price: Points) -> None:
        """An order in flight becomes a position."""
        order = self.flights.pop(order_id).approved.order
        paid = money.commission(SPECS[order.terms.symbol], volume)
        self.tickets += 1
        self.balance -= paid
        self._filled(order_id, self.tickets, volume, price)
        self.parts.bus.publish(
            ev.PositionOpened(
                position=self.tickets, order_id=order_id, signal_id=order.terms.signal_id,
                strategy_id="s", symbol=order.terms.symbol, side=order.terms.side, volume=volume,
                price=price, reason="tag", account=account(self.balance),
                stop_loss=order.terms.stop_loss, commission=-paid,
            )
        )  # fmt: skip
        self.tested()

    def leave(self, position: Position, price: Points, order_id: int = 0) -> None:
        """A position is closed at `price`, by an order or by its stop."""
        profit, paid = self.profit_at(position, price)
        self.balance += profit - paid + position.swap
        if order_id:
            self._filled(order_id, order_id, position.volume, price)
        self.parts.bus.publish(
            ev.PositionClosed(
                position=position.ticket, symbol=position.symbol, side=position.side,
                volume=position.volume, price=price, reason="x", profit=profit, swap=position.swap,
                net=profit - paid + position.swap + position.commission, commission=-paid,
                order_id=order_id, account=account(self.balance),
            )
        )  # fmt: skip
        self.tested()

    def _filled(self, order_id: int, ticket: int, volume: Units, price: Points) -> None:
        self.parts.bus.publish(
            ev.OrderFilled(order_id=order_id, ticket=ticket, deal=ticket, volume=volume,
                           price=price)
        )  # fmt: skip

    @staticmethod
    def profit_at(position: Position, price: Points) -> tuple[Cents, Cents]:
        """Profit of a close at `price`, and its commission."""
        spec = SPECS[position.symbol]
        profit = money.profit_at(spec, position.side, position.volume, position.entry, price,
                                 SPREADS[position.symbol])  # fmt: skip
        return profit, money.commission(spec, position.volume)

    # --- what the venue and the user do ---

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), cancelled=st.booleans())
    def an_order_comes_to_nothing(self, data: st.DataObject, cancelled: bool) -> None:
        order_id = self.flight(data)
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

    @rule()
    def the_user_resumes(self) -> None:
        self.parts.risk.control.trading = self.parts.risk.trading.resume()

    # --- what must hold ---

    @invariant()
    def no_limit_of_counts_is_exceeded_with_what_is_in_flight(self) -> None:
        alive = [item.approved.order.terms.symbol for item in self.flights.values()]
        alive += [position.symbol for position in self.parts.portfolio.positions.values()]
        terms = self.TERMS
        assert len(alive) <= terms.max_positions
        assert all(alive.count(symbol) <= terms.max_positions_per_symbol for symbol in alive)
        assert terms.max_orders_per_day is None or self.approved_today <= terms.max_orders_per_day

    @invariant()
    def no_order_risks_more_than_its_limit_and_five_cents(self) -> None:
        for flight in self.flights.values():
            assert flight.approved.risk <= flight.allowed + RISK_TOLERANCE
