"""Risk over any sequence of entries, fills, rejections and lost answers: the limits hold.

Prices stand still, so that all that can be lost is what was approved: whatever happens in whatever
order, the account with every order and position stopped out stays above the day's floor.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import events as ev
from engine import money
from engine.market import Position
from engine.trading import HaltCause
from engine.types import Side
from risk.limits import RISK_TOLERANCE
from tests.builders import SPECS, START, TICKS, account, levels, limits, of_kind, signal, wired

TERMS = limits(
    max_positions=3, max_positions_per_symbol=2, per_trade_risk_fraction=0.004,
    daily_loss_fraction=0.01,
)  # fmt: skip
SYMBOLS = sorted(SPECS)


@dataclass
class Flight:
    """An approved order and what may still become of it."""

    approved: ev.OrderApproved
    unknown: bool = False


class Desk(RuleBasedStateMachine):
    """A venue and a strategy that do as they please; risk must keep order."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = wired(TERMS)
        self.balance = START
        self.flights: dict[int, Flight] = {}
        self.seen = 0
        self.signals = 0
        self.tickets = 0

    # --- what the strategy does ---

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
        approvals = of_kind(self.parts.journal, ev.OrderApproved)
        for approved in approvals[self.seen :]:
            order = approved.order
            self.flights[order.order_id] = Flight(approved)
            self.parts.bus.publish(
                ev.OrderSubmitted(
                    order_id=order.order_id, symbol=order.symbol, action=order.action,
                    side=order.side, volume=approved.volume,
                )
            )  # fmt: skip
        self.seen = len(approvals)

    # --- what the venue does ---

    def _one(self, data: st.DataObject) -> tuple[int, Flight]:
        order_id = data.draw(st.sampled_from(sorted(self.flights)))
        return order_id, self.flights[order_id]

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def an_order_fills_at_the_tick(self, data: st.DataObject) -> None:
        order_id, flight = self._one(data)
        del self.flights[order_id]
        approved, order = flight.approved, flight.approved.order
        spec, tick = SPECS[order.symbol], TICKS[order.symbol]
        paid = money.commission(spec, approved.volume)
        self.tickets += 1
        self.balance -= paid
        price = tick.ask if order.side is Side.LONG else tick.bid
        self.parts.bus.publish(
            ev.OrderFilled(order_id=order_id, ticket=self.tickets, deal=self.tickets,
                           volume=approved.volume, price=price)
        )  # fmt: skip
        self.parts.bus.publish(
            ev.PositionOpened(
                position=self.tickets, order_id=order_id, signal_id=order.signal_id,
                strategy_id="s", symbol=order.symbol, side=order.side, volume=approved.volume,
                price=price, reason="tag", account=account(self.balance),
                stop_loss=order.stop_loss, commission=-paid,
            )
        )  # fmt: skip
        self._equity_is_tested()

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), cancelled=st.booleans())
    def an_order_comes_to_nothing(self, data: st.DataObject, cancelled: bool) -> None:
        order_id, _ = self._one(data)
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

    @precondition(lambda self: self.parts.market.positions)
    @rule(data=st.data())
    def a_position_is_stopped_out(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.parts.market.positions)))
        position = self.parts.market.positions[ticket]
        profit, paid = self._at_stop(position)
        self.balance += profit - paid
        self.parts.bus.publish(
            ev.PositionClosed(
                position=ticket, symbol=position.symbol, side=position.side,
                volume=position.volume, price=position.stop_loss, reason="SL", profit=profit,
                net=profit - paid + position.commission, commission=-paid,
                account=account(self.balance),
            )
        )  # fmt: skip
        self._equity_is_tested()

    @rule()
    def the_user_resumes(self) -> None:
        self.parts.risk.trading = self.parts.risk.trading.resume()

    # --- what must hold ---

    def _at_stop(self, position: Position) -> tuple[int, int]:
        """Profit at the stop, and the commission of closing there."""
        spec, tick = SPECS[position.symbol], TICKS[position.symbol]
        profit = money.profit_at(spec, position.side, position.volume, position.entry,
                                 position.stop_loss, tick.ask - tick.bid)  # fmt: skip
        return profit, money.commission(spec, position.volume)

    def _equity_is_tested(self) -> None:
        self.parts.bus.feed(ev.AccountSeen(self.balance, self.balance, 0))

    @invariant()
    def open_and_in_flight_never_exceed_the_limits(self) -> None:
        alive = [flight.approved.order.symbol for flight in self.flights.values()]
        alive += [position.symbol for position in self.parts.market.positions.values()]
        assert len(alive) <= TERMS.max_positions
        assert all(alive.count(symbol) <= TERMS.max_positions_per_symbol for symbol in alive)

    @invariant()
    def no_order_risks_more_than_its_limit_and_five_cents(self) -> None:
        allowed = TERMS.per_trade_risk_fraction * START + RISK_TOLERANCE
        assert all(flight.approved.risk <= allowed for flight in self.flights.values())

    @invariant()
    def all_that_was_approved_lost_together_leaves_the_account_above_the_days_floor(self) -> None:
        worst = self.balance - sum(flight.approved.risk for flight in self.flights.values())
        worst += sum(
            profit - paid
            for profit, paid in map(self._at_stop, self.parts.market.positions.values())
        )
        assert worst >= START * (1 - TERMS.daily_loss_fraction) - 1e-6

    @invariant()
    def an_unknown_outcome_or_a_broken_floor_never_goes_unnoticed(self) -> None:
        if self.balance <= START * (1 - TERMS.daily_loss_fraction):
            assert HaltCause.DAILY_LOSS in self.parts.risk.trading.causes


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(
    st.lists(st.tuples(st.integers(-50_000, 50_000), st.booleans()), max_size=40),
    st.sampled_from([0.005, 0.02, 0.172]),
)
def test_the_day_is_over_exactly_from_the_first_test_at_its_floor_to_the_next_reset(
    story: list[tuple[int, bool]], fraction: float
) -> None:
    parts = wired(limits(daily_loss_fraction=fraction))
    equity, anchor, over = START, START, False
    for change, midnight in story:
        equity += change
        floor = anchor * (1 - fraction)
        if midnight:
            parts.bus.feed(ev.ResetDue("2025-01-08", equity, equity, 0))
            anchor, over = equity, False
        else:
            parts.bus.feed(ev.AccountSeen(equity, equity, 0))
            over = over or equity <= floor + 1e-6
        assert parts.risk.anchor == anchor
        assert (HaltCause.DAILY_LOSS in parts.risk.trading.causes) is over
