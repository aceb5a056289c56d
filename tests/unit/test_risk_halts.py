"""The risk actor: floors, halts and the trading day, on a real bus."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import events as ev
from engine.events import DenyReason
from engine.trading import HaltCause, TradingState
from tests.builders import START, account, intent, limits, of_kind, wired
from tests.risk_steps import (
    approvals,
    changes,
    denials,
    enter,
    lost,
    rejected,
    reset,
    see,
    submitted,
)

SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")


class TestHalts:
    @pytest.mark.parametrize(("equity", "halts"), [(9_800_001, False), (9_800_000, True)])
    def test_equity_at_or_below_the_day_floor_halts_until_the_reset(
        self, equity: int, halts: bool
    ) -> None:
        parts = wired()
        see(parts, START, equity)
        expected = [(TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)] if halts else []
        assert changes(parts) == expected

    @pytest.mark.parametrize(
        ("balance", "fraction", "floor"), [(9_000_000, 0.172, 7_452_000), (9_000_000, 0.07,
                                                                          8_370_000)])  # fmt: skip
    def test_a_floor_that_floats_put_beside_a_whole_cent_is_that_cent(
        self, balance: int, fraction: float, floor: int
    ) -> None:
        parts = wired(limits(daily_loss_fraction=fraction))
        reset(parts, balance)
        see(parts, floor + 1)
        assert changes(parts) == []
        see(parts, floor)
        assert changes(parts) == [(TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)]

    def test_max_loss_halts_for_good_and_is_measured_from_the_start(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.5, max_loss_fraction=0.05))
        reset(parts, 9_600_000)
        see(parts, 9_500_001)
        assert changes(parts) == []
        see(parts, 9_500_000)
        reset(parts, 9_500_000, date="2025-01-09")
        see(parts, START)
        assert changes(parts) == [(TradingState.LATCHED, HaltCause.MAX_LOSS)]
        enter(parts, "EURUSD")
        assert denials(parts) == [DenyReason.HALTED]

    def test_both_floors_may_break_in_one_test_and_the_reset_clears_one(self) -> None:
        parts = wired(limits(max_loss_fraction=0.02))
        see(parts, 9_800_000)
        assert changes(parts) == [
            (TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS),
            (TradingState.LATCHED, HaltCause.MAX_LOSS),
        ]
        reset(parts, 9_900_000)
        assert changes(parts)[2:] == [(TradingState.LATCHED, None)]
        assert parts.risk.trading.causes == (HaltCause.MAX_LOSS,)

    def test_a_halt_is_told_once_however_often_it_is_confirmed(self) -> None:
        parts = wired()
        for equity in (9_800_000, 9_700_000, 9_900_000, 9_600_000):
            see(parts, equity)
        assert changes(parts) == [(TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)]

    def test_a_denial_for_the_daily_loss_halts_and_later_entries_are_halted(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.003))
        for symbol in SYMBOLS:
            enter(parts, symbol)
        assert denials(parts) == [DenyReason.DAILY_LOSS, DenyReason.HALTED, DenyReason.HALTED]
        assert changes(parts) == [(TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)]

    def test_a_denial_for_the_maximum_loss_halts_for_good(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.5, max_loss_fraction=0.001))
        enter(parts, "EURUSD")
        assert denials(parts) == [DenyReason.MAX_LOSS]
        assert changes(parts) == [(TradingState.LATCHED, HaltCause.MAX_LOSS)]

    def test_other_denials_only_drop_their_entry(self) -> None:
        parts = wired()
        parts.bus.publish(intent(9, stop_loss=0))
        assert denials(parts) == [DenyReason.INVALID_STOPS]
        assert changes(parts) == []

    @pytest.mark.parametrize(
        ("event", "cause"),
        [(rejected, HaltCause.REJECTION), (lost, HaltCause.UNKNOWN_OUTCOME)],
    )
    def test_a_rejection_and_an_unknown_outcome_stop_new_orders_for_a_person_to_look(
        self, event: Callable[[int], ev.Event], cause: HaltCause
    ) -> None:
        parts = wired()
        enter(parts, "EURUSD")
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(event(1))
        assert changes(parts) == [(TradingState.LATCHED, cause)]
        reset(parts, START)
        enter(parts, "GBPUSD")
        assert denials(parts) == [DenyReason.HALTED]


class TestDays:
    def test_the_reset_sets_the_anchor_to_the_balance_and_says_so(self) -> None:
        parts = wired()
        reset(parts, 9_900_000, 9_950_000)
        (day,) = of_kind(parts.journal, ev.DayRolled)
        assert (day.date, day.day_start, day.floor) == ("2025-01-08", 9_900_000, 9_702_000.0)
        assert day.account == account(9_900_000, 9_950_000)
        assert parts.risk.losses.day_start == 9_900_000

    def test_the_reset_releases_the_daily_halt_and_tests_equity_at_once(self) -> None:
        parts = wired()
        see(parts, 9_800_000)
        reset(parts, 9_800_000)
        assert changes(parts)[1:] == [(TradingState.ACTIVE, None)]
        enter(parts, "EURUSD")
        assert len(approvals(parts)) == 1
        # Floating losses: the balance is the anchor, the equity already below its floor.
        reset(parts, 9_800_000, 9_604_000, date="2025-01-09")
        assert changes(parts)[2:] == [(TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)]

    def test_the_realised_loss_is_that_of_the_current_day(self) -> None:
        parts = wired()
        see(parts, 9_900_000)
        assert parts.risk.figures().daily_realized_loss == 100_000
        reset(parts, 9_900_000)
        assert parts.risk.figures().daily_realized_loss == 0
        see(parts, 9_950_000)
        assert parts.risk.figures().daily_realized_loss == 0


class TestReleases:
    """A check that passes releases what it checked, and nothing beside it."""

    OTHERS = (HaltCause.FEED, HaltCause.CLOCK, HaltCause.TERMINAL, HaltCause.STRATEGY)

    @pytest.mark.parametrize("other", OTHERS)
    def test_a_link_that_is_back_releases_the_link_alone(self, other: HaltCause) -> None:
        parts = wired()
        parts.bus.feed(ev.ConditionSeen(other, holds=True, detail="not certain"))
        parts.bus.feed(ev.LinkChanged(up=False, detail="gone"))
        parts.bus.feed(ev.LinkChanged(up=True, detail="back"))
        assert parts.risk.trading.causes == (other,)
        enter(parts, "EURUSD")
        assert denials(parts) == [DenyReason.HALTED]

    @pytest.mark.parametrize("other", OTHERS)
    def test_a_condition_that_passes_releases_itself_alone(self, other: HaltCause) -> None:
        parts = wired()
        for cause in self.OTHERS:
            parts.bus.feed(ev.ConditionSeen(cause, holds=True, detail="not certain"))
        parts.bus.feed(ev.LinkChanged(up=False, detail="gone"))
        parts.bus.feed(ev.ConditionSeen(other, holds=False, detail="certain again"))
        left = (*(cause for cause in self.OTHERS if cause is not other), HaltCause.LINK)
        assert parts.risk.trading.causes == left
