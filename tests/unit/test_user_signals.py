"""A given signal reaches risk with all that its file said, and is left when its time comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from engine import events as ev
from engine.events import DenyReason, UserSignal
from engine.exits import Exits
from engine.types import UNITS_PER_LOT, Side
from signals.user_signals import EXIT_REASON, PENDING_LIFE, UserSignals
from tests.builders import TICKS, Wired, limits, of_kind, opened, wired

AT = 1_709_280_900_000
HOUR = 3_600_000


def given(**changes: Any) -> UserSignal:
    """A long on EURUSD at the usual tick, its stop 100 points below the ask."""
    return UserSignal(
        **{
            "line": 2, "time": AT, "symbol": "EURUSD", "side": Side.LONG, "stop_loss": 1.0991,
            **changes,
        }
    )  # fmt: skip


@dataclass
class Desk:
    """A wired session that takes given signals."""

    session: Wired

    def raised(self, signal: UserSignal, problem: DenyReason | None = None) -> ev.SignalRaised:
        self.session.bus.feed(ev.SignalDue(signal, problem))
        return of_kind(self.session.journal, ev.SignalRaised)[-1]

    def verdict(self, signal: UserSignal) -> ev.OrderApproved | ev.OrderDenied:
        """What risk says of the order that the signal leads to."""
        self.raised(signal)
        verdicts = [
            item.event
            for item in self.session.journal.records
            if isinstance(item.event, ev.OrderApproved | ev.OrderDenied)
        ]
        return verdicts[-1]


@pytest.fixture
def desk() -> Desk:
    session = wired(limits(max_positions=9, max_positions_per_symbol=9))
    exits = Exits(session.bus, session.portfolio, session.order_manager)
    session.bus.attach(UserSignals(session.bus, session.portfolio, exits).routes())
    return Desk(session)


def test_every_field_of_a_signal_is_in_what_is_raised(desk: Desk) -> None:
    """Prices become points of the symbol, lots become units; the price is the market's."""
    signal = given(
        side=Side.SHORT, stop_loss=1.11, entry_price=1.10255, take_profit=1.09, reason="tag",
        strategy_id="mine", risk_scale=0.25, volume=0.3, expires=AT + HOUR,
    )  # fmt: skip
    assert desk.raised(signal) == ev.SignalRaised(
        terms=ev.OrderTerms(
            signal_id=signal.signal_id,
            strategy_id="mine",
            symbol="EURUSD",
            action=ev.Action.OPEN,
            side=Side.SHORT,
            reason="tag",
            price=TICKS["EURUSD"].bid,
            stop_loss=111_000,
            take_profit=109_000,
            scale=0.25,
            volume=3_000,
            entry_price=110_255,
            expires=AT + HOUR,
        ),
    )  # fmt: skip


def test_points_are_those_of_the_symbol(desk: Desk) -> None:
    raised = desk.raised(given(symbol="USDJPY", stop_loss=149.5))
    assert (raised.terms.price, raised.terms.stop_loss) == (TICKS["USDJPY"].ask, 149_500)


def test_what_is_already_known_against_a_signal_is_its_denial(desk: Desk) -> None:
    """Of a symbol that the session does not have there is neither a price nor a size of points."""
    raised = desk.raised(given(symbol="NOSUCH"), DenyReason.UNKNOWN_SYMBOL)
    assert (raised.terms.price, raised.terms.stop_loss, raised.terms.entry_price) == (0, 0, 0)
    for problem in (DenyReason.OUTSIDE_DATA, DenyReason.EXPIRED):
        desk.raised(given(time=AT + HOUR), problem)
    denied = of_kind(desk.session.journal, ev.OrderDenied)
    reasons = [DenyReason.UNKNOWN_SYMBOL, DenyReason.OUTSIDE_DATA, DenyReason.EXPIRED]
    assert [item.reason for item in denied] == reasons
    assert all(len(item.detail) > 10 for item in denied)


def test_the_same_signal_leads_to_one_order(desk: Desk) -> None:
    """Also when a file says it twice with other prices."""
    assert isinstance(desk.verdict(given()), ev.OrderApproved)
    again = desk.verdict(given(line=9, stop_loss=1.0981))
    assert isinstance(again, ev.OrderDenied)
    assert again.reason is DenyReason.DUPLICATE_INTENT


# --- volume ---------------------------------------------------------------------------------


def test_risk_sizes_a_signal_that_names_no_volume(desk: Desk) -> None:
    """A lot loses 100 points and two commissions of 2.50 USD: 105 USD of the 400 that it may."""
    verdict = desk.verdict(given())
    assert isinstance(verdict, ev.OrderApproved)
    assert (verdict.volume, verdict.risk) == (38_000, 38 * 1_050)


@pytest.mark.parametrize(("scale", "lots"), [(1.0, 3.8), (0.5, 1.9), (0.013, 0.04), (7.0, 3.8)])
def test_a_risk_scale_scales_the_volume_but_never_above_the_limit(
    desk: Desk, scale: float, lots: float
) -> None:
    verdict = desk.verdict(given(risk_scale=scale))
    assert isinstance(verdict, ev.OrderApproved)
    assert verdict.volume == pytest.approx(lots * UNITS_PER_LOT, abs=100)


def test_a_risk_scale_so_small_that_no_volume_is_left_is_denied(desk: Desk) -> None:
    verdict = desk.verdict(given(risk_scale=1e-9))
    assert isinstance(verdict, ev.OrderDenied)
    assert verdict.reason is DenyReason.BELOW_MIN_VOLUME


@pytest.mark.parametrize(
    ("lots", "units"), [(0.01, 100), (0.1, 1_000), (0.1234, 1_200), (0.019, 100), (1.0, 10_000)]
)
def test_a_volume_that_the_signal_fixes_is_used_in_whole_steps(
    desk: Desk, lots: float, units: int
) -> None:
    """Rounded down: a user's volume is never exceeded; the risk scale does not touch it."""
    verdict = desk.verdict(given(volume=lots, risk_scale=0.1))
    assert isinstance(verdict, ev.OrderApproved)
    assert verdict.volume == units


@pytest.mark.parametrize("lots", [0.0099, 0.0001, 1e-9])
def test_a_volume_below_a_step_is_denied_and_never_sized_by_risk(desk: Desk, lots: float) -> None:
    """Even one that rounds to no unit at all is a volume that the user fixed."""
    verdict = desk.verdict(given(volume=lots))
    assert isinstance(verdict, ev.OrderDenied)
    assert verdict.reason is DenyReason.BELOW_MIN_VOLUME


@pytest.mark.parametrize("lots", [4.0, 50.0])
def test_a_volume_that_loses_too_much_at_its_stop_is_denied(desk: Desk, lots: float) -> None:
    verdict = desk.verdict(given(volume=lots))
    assert isinstance(verdict, ev.OrderDenied)
    assert verdict.reason is DenyReason.PER_TRADE_RISK


# --- stops ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "changes"),
    [
        (Side.LONG, {"stop_loss": 1.2}),
        (Side.LONG, {"stop_loss": 1.1}),  # the bid, at which a long would be closed at once
        (Side.LONG, {"take_profit": 1.1}),
        (Side.LONG, {"take_profit": 1e-9}),
        (Side.SHORT, {"stop_loss": 1.0}),
        (Side.SHORT, {"stop_loss": 1.1001}),
        (Side.SHORT, {"stop_loss": 1e-9}),
        (Side.SHORT, {"stop_loss": 1.2, "take_profit": 1.2}),
        (Side.LONG, {"entry_price": 1.09}),  # the stop is judged from where the order enters
        (Side.LONG, {"entry_price": 1e-9}),
    ],
)
def test_a_stop_or_target_on_the_wrong_side_is_denied(
    desk: Desk, side: Side, changes: dict[str, float]
) -> None:
    verdict = desk.verdict(given(side=side, **changes))
    assert isinstance(verdict, ev.OrderDenied)
    assert verdict.reason is DenyReason.INVALID_STOPS
    assert ("stop loss" if "take_profit" not in changes else "take profit") in verdict.detail


# --- times ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expires"),
    [
        ({}, 0),  # a market order
        ({"exit_time": AT + HOUR}, 0),
        ({"entry_price": 1.1}, AT + PENDING_LIFE),
        ({"entry_price": 1.1, "expires": AT + HOUR}, AT + HOUR),
        ({"entry_price": 1.1, "expires": AT + 50 * HOUR}, AT + 50 * HOUR),
        ({"entry_price": 1.1, "exit_time": AT + HOUR}, AT + HOUR),
        ({"entry_price": 1.1, "exit_time": AT + 50 * HOUR}, AT + PENDING_LIFE),
        ({"entry_price": 1.1, "exit_time": AT + 2 * HOUR, "expires": AT + HOUR}, AT + HOUR),
        ({"entry_price": 1.1, "exit_time": AT + HOUR, "expires": AT + 2 * HOUR}, AT + HOUR),
    ],
)
def test_a_pending_order_lives_a_day_or_as_long_as_it_says_but_not_past_its_exit(
    desk: Desk, changes: dict[str, Any], expires: int
) -> None:
    assert PENDING_LIFE == 24 * HOUR
    assert desk.raised(given(**changes)).terms.expires == expires


def filled(desk: Desk, ticket: int, **changes: Any) -> UserSignal:
    """A signal that is raised and whose position is open."""
    signal = given(exit_time=AT + HOUR, **changes)
    desk.raised(signal)
    (order,) = [
        item for item in of_kind(desk.session.journal, ev.OrderIntent)
        if item.terms.signal_id == signal.signal_id
    ]  # fmt: skip
    desk.session.bus.publish(
        opened(ticket, signal_id=signal.signal_id, side=signal.side, order_id=order.order_id)
    )
    return signal


def left(desk: Desk, signal: UserSignal, moment: int) -> list[ev.OrderIntent]:
    """The orders to close that come when the signal's time of leaving is told at `moment`."""
    desk.session.bus.time = moment
    desk.session.bus.feed(ev.ExitDue(signal.signal_id, signal.exit_time))
    orders = of_kind(desk.session.journal, ev.OrderIntent)
    return [order for order in orders if order.terms.action is ev.Action.CLOSE]


def test_the_time_of_leaving_closes_the_signal_s_own_position_with_reason_end(desk: Desk) -> None:
    mine, _ = filled(desk, 7), filled(desk, 8, side=Side.SHORT, stop_loss=1.102)
    (order,) = left(desk, mine, AT + HOUR)
    assert EXIT_REASON == "END"
    assert (order.terms.reason, order.terms.position, order.terms.side) == ("END", 7, Side.LONG)
    assert (order.terms.price, order.terms.volume) == (TICKS["EURUSD"].bid, opened().volume)


def test_a_short_is_left_at_the_ask(desk: Desk) -> None:
    signal = filled(desk, 7, side=Side.SHORT, stop_loss=1.102)
    (order,) = left(desk, signal, AT + HOUR)
    assert order.terms.price == TICKS["EURUSD"].ask


def test_leaving_what_is_not_open_does_nothing(desk: Desk) -> None:
    signal = given(exit_time=AT + HOUR)
    assert left(desk, signal, AT + HOUR) == []
    desk.raised(signal)
    assert left(desk, signal, AT + HOUR) == []


def test_the_exit_of_a_second_signal_like_it_leaves_the_first_one_s_position(desk: Desk) -> None:
    """The second was denied as a duplicate: nothing of it may move money."""
    mine = filled(desk, 7)
    again = given(line=9, exit_time=AT + HOUR // 2)
    assert again.signal_id == mine.signal_id
    desk.raised(again)
    assert left(desk, again, AT + HOUR // 2) == []
    assert len(left(desk, mine, AT + HOUR)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"exit_time": AT + HOUR},
        {"entry_price": 1.09, "stop_loss": 1.08, "expires": AT + HOUR},
        {"entry_price": 1.09, "stop_loss": 1.08, "exit_time": AT + HOUR},
        {"entry_price": 1.09, "stop_loss": 1.08, "expires": AT + HOUR + 900},  # within the second
    ],
)
def test_a_signal_that_would_be_over_before_it_could_begin_has_expired(
    desk: Desk, changes: dict[str, Any]
) -> None:
    desk.session.bus.time = AT + HOUR
    verdict = desk.verdict(given(**changes))
    assert isinstance(verdict, ev.OrderDenied)
    assert verdict.reason is DenyReason.EXPIRED
    desk.session.bus.time = AT + HOUR - 1_000
    assert isinstance(desk.verdict(given(**changes)), ev.OrderApproved)


@pytest.mark.parametrize(("side", "price"), [(Side.LONG, 1.1001), (Side.SHORT, 1.1)])
def test_an_entry_price_that_is_the_market_s_own_makes_a_market_order(
    desk: Desk, side: Side, price: float
) -> None:
    """A venue lets nothing wait where it could be filled: it would refuse, and that would halt."""
    raised = desk.raised(given(side=side, stop_loss=1.1 - side * 0.001, entry_price=price))
    assert (raised.terms.entry_price, raised.terms.expires) == (0, 0)
    away = desk.raised(given(side=side, stop_loss=1.1 - side * 0.001, entry_price=price + 1e-5))
    assert (away.terms.entry_price, away.terms.expires) == (
        round(price * 1e5) + 1,
        AT + PENDING_LIFE,
    )
