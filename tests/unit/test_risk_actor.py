"""The risk actor: reservations and figures, on a real bus."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import events as ev
from engine.events import DenyReason
from engine.types import Side
from tests.builders import START, TICKS, closed, levels, limits, of_kind, opened, signal, wired
from tests.risk_steps import approvals, denials, enter, lost, rejected, reset, see, submitted


class TestInFlight:
    """An approved order counts as open from its approval until something is known of it."""

    def test_orders_in_flight_count_against_the_limit_of_positions(self) -> None:
        parts = wired()
        for symbol in ("EURUSD", "GBPUSD", "USDJPY"):
            enter(parts, symbol)
        assert len(approvals(parts)) == 2
        assert denials(parts) == [DenyReason.MAX_POSITIONS]

    def test_they_count_on_their_symbol(self) -> None:
        parts = wired()
        enter(parts, "EURUSD", "s:1")
        enter(parts, "EURUSD", "s:2")
        assert denials(parts) == [DenyReason.MAX_POSITIONS_PER_SYMBOL]

    def test_a_fill_turns_the_reservation_into_a_position_and_counts_once(self) -> None:
        parts = wired()
        enter(parts, "EURUSD")
        parts.bus.publish(opened(7, order_id=1))
        enter(parts, "GBPUSD")
        enter(parts, "USDJPY")
        assert len(approvals(parts)) == 2
        assert denials(parts) == [DenyReason.MAX_POSITIONS]

    @pytest.mark.parametrize("end", [rejected, lambda number: ev.OrderCancelled(
        order_id=number, reason="withdrawn")], ids=["rejected", "cancelled"])  # fmt: skip
    def test_a_rejection_or_a_cancellation_frees_the_place(
        self, end: Callable[[int], ev.Event]
    ) -> None:
        parts = wired(limits(max_positions=1))
        enter(parts, "EURUSD")
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(end(1))
        parts.risk.control.trading = parts.risk.trading.resume()
        enter(parts, "GBPUSD")
        assert len(approvals(parts)) == 2

    def test_an_unknown_outcome_keeps_its_place_even_after_the_user_resumes(self) -> None:
        parts = wired(limits(max_positions=1))
        enter(parts, "EURUSD")
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(lost(1))
        parts.risk.control.trading = parts.risk.trading.resume()
        enter(parts, "GBPUSD")
        assert denials(parts) == [DenyReason.MAX_POSITIONS]

    def test_an_unknown_outcome_that_turns_out_filled_is_a_position_and_no_reservation(
        self,
    ) -> None:
        parts = wired(limits(max_positions=2))
        enter(parts, "EURUSD")
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(lost(1))
        parts.bus.publish(opened(7, order_id=1))
        parts.risk.control.trading = parts.risk.trading.resume()
        enter(parts, "GBPUSD")
        enter(parts, "USDJPY")
        assert len(approvals(parts)) == 2
        assert denials(parts) == [DenyReason.MAX_POSITIONS]

    def test_the_risk_and_the_margin_in_flight_are_charged_to_the_next_order(self) -> None:
        # Day loss of 300.00 allowed; each order risks 0.5 x 0.004 of the account: nearly 200.00.
        parts = wired(limits(daily_loss_fraction=0.003))
        enter(parts, "EURUSD")
        enter(parts, "GBPUSD")
        assert len(approvals(parts)) == 1
        assert denials(parts) == [DenyReason.DAILY_LOSS]
        first = approvals(parts)[0].risk
        second = of_kind(parts.journal, ev.OrderDenied)[0]
        # The same distance in points on the same contract: the same risk.
        assert second.detail == (
            f"worst case of {(START - 2 * first) / 100:.2f} USD is below the floor of 99700.00"
        )

    def test_open_positions_are_charged_with_what_they_lose_at_their_stops(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.003))
        # A lot bought at 110,010 with its stop at 109,860: 150.00, and 2.50 to close it.
        parts.bus.publish(opened(7, stop_loss=109_860))
        away = levels(Side.LONG, TICKS["GBPUSD"], 100, 200)
        parts.bus.publish(signal("s:2", symbol="GBPUSD", volume=14_100, **away))
        # 1.41 lots risk 141.00 and twice half(352.5) cents: 148.06; the floor is 300.00 below.
        detail = of_kind(parts.journal, ev.OrderDenied)[0].detail
        worst = (START - 15_250 - 14_806) / 100
        assert detail == f"worst case of {worst:.2f} USD is below the floor of 99700.00"

    def test_a_stop_beyond_the_entry_is_never_a_gain(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.001))
        parts.bus.publish(opened(7, stop_loss=110_500))
        away = levels(Side.LONG, TICKS["GBPUSD"], 100, 200)
        parts.bus.publish(signal("s:2", symbol="GBPUSD", volume=9_600, **away))
        assert denials(parts) == [DenyReason.DAILY_LOSS]  # 100.80 of the 100.00 allowed

    def test_the_same_signal_is_taken_once(self) -> None:
        parts = wired()
        enter(parts, "EURUSD", "s:1")
        enter(parts, "GBPUSD", "s:1")
        assert denials(parts) == [DenyReason.DUPLICATE_INTENT]

    def test_managing_passes_in_every_state_and_reserves_nothing(self) -> None:
        parts = wired(limits(max_positions=1))
        parts.bus.publish(opened(7))
        see(parts, 9_700_000)
        for action in (ev.Action.CLOSE, ev.Action.MODIFY):
            parts.bus.publish(signal(action=action, position=7, volume=10_000))
        assert [item.order.terms.action for item in approvals(parts)] == [
            ev.Action.CLOSE,
            ev.Action.MODIFY,
        ]
        parts.bus.publish(closed(7))
        parts.risk.control.trading = parts.risk.trading.reset()
        see(parts, START)
        enter(parts, "EURUSD", "s:9")
        assert len(approvals(parts)) == 3


class TestFigures:
    def test_drawdown_is_from_the_peak_and_daily_loss_from_the_days_anchor(self) -> None:
        parts = wired()
        for equity in (10_400_000, 10_140_000, 10_300_000, 9_900_000):
            see(parts, START, equity)
        reset(parts, START)
        see(parts, START, 9_950_000)
        figures = parts.risk.figures()
        assert figures.max_drawdown_fraction == 500_000 / 10_400_000
        assert figures.max_daily_loss_fraction == 0.01

    def test_without_a_loss_both_are_zero(self) -> None:
        parts = wired()
        see(parts, START, 10_100_000)
        figures = parts.risk.figures()
        assert (figures.max_drawdown_fraction, figures.max_daily_loss_fraction) == (0.0, 0.0)

    def test_the_peak_of_positions_is_the_most_that_were_open_at_once(self) -> None:
        parts = wired()
        parts.bus.publish(opened(7))
        parts.bus.publish(opened(8, symbol="GBPUSD"))
        parts.bus.publish(closed(7))
        parts.bus.publish(opened(9, symbol="USDJPY"))
        assert parts.risk.figures().peak_positions == 2


@pytest.mark.parametrize(
    ("changes", "low"),
    [
        ({"daily_loss_fraction": 0.02}, 9_800_000),
        ({"daily_loss_fraction": 0.02, "max_loss_fraction": 0.01}, 9_900_000),
        ({"daily_loss_fraction": 0.005, "max_loss_fraction": 0.01}, 9_950_000),
    ],
)
def test_equity_is_quiet_above_the_higher_of_the_own_floors(
    changes: dict[str, float], low: int
) -> None:
    """Up to the peak: a new one is told."""
    assert wired(limits(**changes)).risk.equity_band() == (low, START)


def test_a_position_without_a_stop_denies_entries_by_its_own_name_and_halts_nothing() -> None:
    """The day's loss is not the cause: once the position has a stop, entries pass again."""
    parts = wired(limits(max_positions=5))
    parts.bus.publish(opened(7, stop_loss=0))
    enter(parts, "GBPUSD", "s:1")
    assert denials(parts) == [DenyReason.NO_STOP]
    assert parts.risk.trading.active
    parts.bus.publish(closed(7))
    enter(parts, "GBPUSD", "s:2")
    assert len(approvals(parts)) == 1
