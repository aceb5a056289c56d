"""The actor that follows objectives: what it counts, when it ends a phase, how it comes back."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.balance_reset import BalanceReset
from engine import events as ev
from engine.bus import Bus
from engine.events import AttemptOutcome
from engine.journal import MemoryJournal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.rules import DailyLoss, DayStartBasis, Phase, TradingRestrictions
from engine.trading import HaltCause
from engine.types import Side
from risk.challenge import Challenge, ChallengeActor
from tests import builders
from tests.builders import SPECS, START, closed, limits, of_kind, opened, wired
from tests.challenges import WEEK, rules
from tests.risk_steps import enter, reset, see, submitted

TIGHT = Challenge(rules=rules())
"""500.00 a day, 1,000.00 in all; 600.00 and two trading days, then 300.00 and one."""

WIDE = limits(daily_loss_fraction=0.9, max_positions=9)


def ends(journal: MemoryJournal) -> list[tuple[AttemptOutcome, str]]:
    return [(end.outcome, end.cause) for end in of_kind(journal, ev.AttemptEnded)]


class TestEnds:
    def test_a_breach_is_final_whatever_the_balance_does_later(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        see(parts, START, START - 50_001)
        for _ in range(2):
            parts.bus.publish(opened(7))
            parts.bus.publish(closed(7))
            see(parts, START + 100_000)
            reset(parts, START + 100_000)
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "daily_loss")]
        assert parts.risk.trading.reason is HaltCause.FIRM_BREACH

    def test_the_user_cannot_resume_after_it(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        see(parts, START, START - 50_001)
        parts.bus.publish(ev.UserCommanded(action=ev.UserAction.RESUME, reason="once more"))
        assert parts.risk.trading.causes == (HaltCause.FIRM_BREACH,)

    def test_a_phase_is_passed_at_its_target_flat_and_after_its_days(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        parts.bus.publish(opened(7))
        parts.bus.publish(closed(7))
        see(parts, START + 60_000)
        assert ends(parts.journal) == []  # one trading day of two
        reset(parts, START + 60_000)
        parts.bus.publish(opened(8))
        see(parts, START + 60_000)
        assert ends(parts.journal) == []  # a position is open
        parts.bus.publish(closed(8))
        see(parts, START + 60_000)
        assert ends(parts.journal) == [(AttemptOutcome.PHASE_PASSED, "")]
        assert parts.risk.trading.reason is HaltCause.TARGET_REACHED

    def test_a_breach_beats_a_pass_at_one_instant(self) -> None:
        daily = DailyLoss(percent=50, day_start=DayStartBasis.EQUITY)
        phases = (Phase(name="only", target=60),)
        parts = wired(WIDE, challenge=Challenge(rules=rules(daily=daily, phases=phases)))
        reset(parts, START, START + 200_000)
        see(parts, START + 100_000)  # the target, 1,000.00 below the anchor
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "daily_loss")]

    def test_the_new_days_limit_is_tested_at_the_reset_itself(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        parts.bus.publish(opened(7))
        see(parts, START + 40_000, START - 20_000)
        assert ends(parts.journal) == []
        reset(parts, START + 40_000, START - 20_000)  # limit 99,900.00 now
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "daily_loss")]

    def test_what_is_open_when_the_week_closes_is_a_breach_where_it_must_not_be(self) -> None:
        phases = (Phase(name="earned", flat_minutes=30),)
        parts = wired(
            WIDE,
            challenge=Challenge(
                rules=rules(phases=phases, restrictions=TradingRestrictions(week=WEEK))
            ),
        )
        parts.bus.publish(opened(7))
        closes = 1_000_000_000
        parts.bus.time = closes - 1_800_000
        parts.bus.feed(ev.WeekendDue(closes))
        (close,) = of_kind(parts.journal, ev.OrderApproved)
        assert (close.order.terms.position, close.order.terms.reason) == (7, "WEEKEND")
        assert parts.risk.trading.reason is HaltCause.DAY_LIMIT
        parts.bus.time = closes
        parts.bus.feed(ev.WeekendDue(closes))
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "weekend")]


class TestUnderWay:
    """An account that is under way at the start: its phase began with another balance."""

    NAMED = Challenge(rules=rules(), initial_balance=START)

    def test_floors_and_target_hang_on_the_balance_that_was_named(self) -> None:
        parts = wired(WIDE, challenge=self.NAMED, balance=START - 40_000)
        (began,) = of_kind(parts.journal, ev.AttemptStarted)
        assert (began.day_limit, began.max_limit) == (START - 50_000, START - 100_000)
        assert began.target == START + 60_000
        assert began.account.balance == START - 40_000, "the account has what it has"
        assert parts.risk.losses.day_start == START - 40_000

    def test_what_the_balance_has_lost_already_counts(self) -> None:
        parts = wired(WIDE, challenge=self.NAMED, balance=START - 40_000)
        assert parts.challenge_actor is not None
        see(parts, START - 40_000, START - 50_000)
        assert ends(parts.journal) == []
        assert parts.challenge_actor.lows.min_buffer == 0
        see(parts, START - 40_000, START - 50_001)
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "daily_loss")]

    def test_an_account_that_has_gained_is_held_to_the_stricter_day(self) -> None:
        """Its day may have begun with what it has now, never with less room than that leaves."""
        parts = wired(WIDE, challenge=self.NAMED, balance=START + 30_000)
        (began,) = of_kind(parts.journal, ev.AttemptStarted)
        assert (began.day_limit, began.max_limit) == (START - 20_000, START - 100_000)

    def test_it_is_brought_back_from_records(self) -> None:
        parts = wired(WIDE, challenge=self.NAMED, balance=START - 40_000)
        bus = Bus(MemoryJournal())
        restored = ChallengeActor(bus, Portfolio(SPECS), OrderManager(bus), self.NAMED)
        bus.attach(restored.replay_routes())
        for record in parts.journal.records:
            bus.time = record.time
            bus.feed(record.event)  # type: ignore[arg-type]
        assert parts.challenge_actor is not None
        assert (restored.initial, restored.state) == (START, parts.challenge_actor.state)
        assert vars(restored.lows) == vars(parts.challenge_actor.lows)


class TestFreshStart:
    def test_figures_of_the_old_balance_are_not_judged_on_the_new_one(self) -> None:
        challenge = Challenge(rules=rules(), repeat=True)
        parts = wired(WIDE, challenge=challenge, account=BalanceReset(PaperAccount(SPECS, START)))
        old = ev.AccountSeen(START, START - 50_001, 0)

        def once_more(ended: ev.AttemptEnded) -> None:
            if ended.attempt == 1:
                parts.bus.feed(old)

        parts.bus.attach({ev.AttemptEnded: once_more})
        parts.bus.feed(old)
        assert ends(parts.journal) == [(AttemptOutcome.BREACHED, "daily_loss")]
        assert [item.attempt for item in of_kind(parts.journal, ev.AttemptStarted)] == [1, 2]
        assert parts.risk.trading.active

    def test_equity_that_is_quiet_lies_above_every_floor_the_reserve_and_the_days_worst(
        self,
    ) -> None:
        parts = wired(limits(daily_loss_fraction=0.9, firm_reserve_fraction=0.001), challenge=TIGHT)
        assert parts.risk.equity_band()[0] >= START  # nothing was seen yet: every test is new
        see(parts, START, START - 45_000)
        see(parts, START, START - 20_000)
        assert parts.challenge_actor is not None
        assert parts.challenge_actor.uneventful_low(10_000) == START - 40_000
        assert parts.challenge_actor.uneventful_low(0) == START - 45_000
        reset(parts, START)  # no equity of the new day was lower than this
        assert parts.challenge_actor.uneventful_low(0) == START


class TestRequests:
    def test_every_send_counts_whatever_becomes_of_it_and_every_entry_taken_back(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        challenge_actor = parts.challenge_actor
        assert challenge_actor is not None
        enter(parts, "EURUSD")
        pending: dict[str, Any] = {
            "symbol": "GBPUSD", "entry_price": 125_500, "stop_loss": 125_000,
            "take_profit": 126_500, "scale": 0.5, "expires": 9_999,
        }  # fmt: skip
        parts.bus.publish(builders.signal("s:GBPUSD", **pending))
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(builders.submitted(2, **pending))
        parts.bus.publish(ev.OrderAccepted(order_id=2, ticket=9))
        assert challenge_actor.state.requests == 2
        parts.bus.publish(
            ev.OrderRejected(order_id=1, symbol="EURUSD", side=Side.LONG, retcode=10_006,
                             message="no", account=ev.Account(balance=START, equity=START))
        )  # fmt: skip
        assert challenge_actor.state.requests == 3  # the halt takes the waiting entry back
        reset(parts, START)
        assert challenge_actor.state.requests == 0


class TestHeadroom:
    def test_it_tells_money_orders_days_and_what_is_missing(self) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        challenge_actor = parts.challenge_actor
        assert challenge_actor is not None
        parts.bus.publish(opened(7))
        parts.bus.time = 5_000
        see(parts, START + 10_000, START - 20_000)
        see(parts, START + 30_000, START - 10_000)
        account = ev.Account(balance=START + 30_000, equity=START - 10_000)
        room = challenge_actor.loss_buffer(account, 15_000)
        assert (room.today, room.overall) == (40_000, 90_000)
        assert (room.orders_today, room.orders_overall) == (2, 6)
        assert (room.to_target, room.progress) == (30_000, 0.5)
        assert room.missing == ("target", "flat", "trading_days")
        assert (room.min_buffer, room.min_buffer_at) == (30_000, 5_000)
        assert room.worst_today == START - 20_000
        assert room.best_day_share == 1.0
        assert 0 < room.reset_in <= 25 * 3_600_000

    @pytest.mark.parametrize(("risk", "orders"), [(0, 0), (50_000, 1), (50_001, 0)])
    def test_orders_are_whole_ones(self, risk: int, orders: int) -> None:
        parts = wired(WIDE, challenge=TIGHT)
        assert parts.challenge_actor is not None
        account = ev.Account(balance=START, equity=START)
        assert parts.challenge_actor.loss_buffer(account, risk).orders_today == orders


def test_recorded_events_bring_the_standing_back_and_publish_nothing() -> None:
    parts = wired(WIDE, challenge=TIGHT)
    parts.bus.publish(opened(7))
    see(parts, START, START - 10_000)
    reset(parts, START + 5_000, START - 5_000)
    enter(parts, "GBPUSD")
    submitted(parts, 1, "GBPUSD")
    parts.bus.publish(closed(7))

    journal = MemoryJournal()
    bus = Bus(journal)
    restored = ChallengeActor(bus, Portfolio(SPECS), OrderManager(bus), TIGHT)
    bus.attach(restored.replay_routes())
    for record in parts.journal.records:
        bus.time = record.time
        bus.feed(record.event)  # type: ignore[arg-type]
    assert parts.challenge_actor is not None
    assert restored.state == parts.challenge_actor.state
    assert restored.attempt == 1
    assert restored.running
    assert journal.records == []
