"""A firm's objectives over what happens to an account; the figures are those of published cases."""

from __future__ import annotations

import msgspec
import pytest

from config.rules import load_rules
from engine.rules import (
    BreachAt,
    DailyLoss,
    DayStartBasis,
    Measured,
    Mode,
    Phase,
    RuleAction,
    RuleSet,
)
from engine.types import Cents
from risk import objectives as obj

TWO_STEP = load_rules("ftmo_2step")
ONE_STEP = load_rules("ftmo_1step")
USD = 100
I = 100_000 * USD  # noqa: E741 - the initial balance has this name in the rules


def daily(**changes: object) -> RuleSet:
    """The 2-Step with other terms of its daily limit."""
    return msgspec.structs.replace(
        TWO_STEP, daily=msgspec.structs.replace(TWO_STEP.daily, **changes)
    )


def after_days(rules: RuleSet, *ends: int, initial: int = 100_000) -> list[obj.ChallengeState]:
    """The standing on the first day and after each midnight, whose balances are dollars."""
    state = obj.new_phase(rules, 0, initial * USD, "2026-06-01")
    found = [state]
    for number, balance in enumerate(ends, start=2):
        state = obj.next_day(rules, state, f"2026-06-{number:02}", balance * USD, balance * USD)
        found.append(state)
    return found


def broken(rules: RuleSet, state: obj.ChallengeState, equity: Cents) -> str | None:
    breach = obj.breach_of(rules, state, state.day_balance, equity)
    return breach.rule if breach else None


class TestDailyLimit:
    def test_it_hangs_on_each_midnights_balance_up_and_down(self) -> None:
        limits = [item.day_limit for item in after_days(TWO_STEP, 102_000, 101_000)]
        assert limits == [95_000 * USD, 97_000 * USD, 96_000 * USD]

    def test_a_loss_open_at_the_reset_may_break_the_new_days_limit_at_once(self) -> None:
        """200,000 at the start, 4,000 closed, 13,000 floating: alive before midnight, not after."""
        before = obj.new_phase(TWO_STEP, 0, 200_000 * USD, "2026-06-15")
        balance, equity = 204_000 * USD, 191_000 * USD
        assert obj.breach_of(TWO_STEP, before, balance, equity) is None
        assert equity - before.day_limit == 1_000 * USD
        after = obj.next_day(TWO_STEP, before, "2026-06-16", balance, equity)
        assert after.day_limit == 194_000 * USD
        breach = obj.breach_of(TWO_STEP, after, balance, equity)
        assert breach == obj.Breach("daily_loss", 194_000 * USD, equity, RuleAction.FAIL)

    def test_profit_open_at_the_reset_is_not_in_a_balance_anchor(self) -> None:
        first = obj.new_phase(TWO_STEP, 0, I, "2026-06-01")
        assert obj.next_day(TWO_STEP, first, "2026-06-02", I, I + 300_000).day_limit == 9_500_000

    @pytest.mark.parametrize(
        ("name", "limit"),
        [("fundednext_stellar_2step", 9_500_000), ("the5ers_high_stakes", 9_785_000),
         ("fundingpips_2step", 9_785_000)],
    )  # fmt: skip
    def test_other_firms_anchor_it_on_the_larger_figure_and_take_a_part_of_that(
        self, name: str, limit: Cents
    ) -> None:
        rules = load_rules(name)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        assert obj.next_day(rules, first, "2026-06-02", I, 10_300_000).day_limit == limit

    def test_an_anchor_of_equity_falls_with_a_floating_loss(self) -> None:
        rules = daily(day_start=DayStartBasis.EQUITY)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        assert obj.next_day(rules, first, "2026-06-02", I, 9_800_000).day_limit == 9_300_000

    def test_a_loss_open_at_the_reset_eats_the_new_days_room(self) -> None:
        first = obj.new_phase(TWO_STEP, 0, I, "2026-06-01")
        second = obj.next_day(TWO_STEP, first, "2026-06-02", I, 9_800_000)
        assert 9_800_000 - second.day_limit == 3_000 * USD

    @pytest.mark.parametrize(
        ("breach_at", "touching"), [(BreachAt.CROSS, None), (BreachAt.TOUCH, "daily_loss")]
    )
    def test_reaching_the_limit_breaks_it_only_where_a_touch_counts(
        self, breach_at: BreachAt, touching: str | None
    ) -> None:
        rules = daily(breach_at=breach_at)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        assert broken(rules, first, 9_500_001) is None
        assert broken(rules, first, 9_500_000) == touching
        assert broken(rules, first, 9_499_999) == "daily_loss"

    def test_profit_closed_today_adds_room_and_leaves_the_limit(self) -> None:
        first = obj.new_phase(TWO_STEP, 0, I, "2026-06-01")
        closed = I + 3_000 * USD
        for floating, room, breach in [(0, 800_000, False), (-800_000, 0, False),
                                       (-800_001, -1, True)]:  # fmt: skip
            assert closed + floating - first.day_limit == room
            found = obj.breach_of(TWO_STEP, first, closed, closed + floating)
            assert (found is not None) is breach

    def test_measured_on_the_balance_a_floating_loss_does_not_count(self) -> None:
        rules = daily(measured_on=Measured.BALANCE)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        assert obj.breach_of(rules, first, I, 9_400_000) is None
        assert obj.breach_of(rules, first, 9_400_000, I) is not None

    def test_a_rule_that_pauses_says_so_and_the_overall_limit_comes_first(self) -> None:
        rules = daily(action=RuleAction.PAUSE)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        paused = obj.breach_of(rules, first, I, 9_400_000)
        assert paused is not None
        assert (paused.rule, paused.action) == ("daily_loss", RuleAction.PAUSE)
        failed = obj.breach_of(rules, first, I, 8_999_999)
        assert failed is not None
        assert (failed.rule, failed.action) == ("max_loss", RuleAction.FAIL)

    def test_a_limit_between_two_cents_is_rounded_up(self) -> None:
        rule = DailyLoss(percent=333)
        assert obj.day_limit(rule, 1_001, 1_001) == 1_001 - 33  # 3.33 % are 33.3333


class TestOverallLimit:
    def test_static_it_stays_whatever_the_days_bring(self) -> None:
        limits = {item.max_limit for item in after_days(TWO_STEP, 108_000, 93_000)}
        assert limits == {9_000_000}

    def test_trailing_it_follows_the_best_end_of_a_day_and_never_falls(self) -> None:
        limits = [item.max_limit for item in after_days(ONE_STEP, 104_000, 103_000)]
        assert limits == [9_000_000, 9_400_000, 9_400_000]

    def test_profit_within_the_day_does_not_move_a_trailing_limit(self) -> None:
        (first,) = after_days(ONE_STEP)
        assert obj.breach_of(ONE_STEP, first, I + 900_000, I + 900_000) is None
        assert first.max_limit == 9_000_000

    def test_a_trailing_limit_stops_at_its_lock(self) -> None:
        maximum = msgspec.structs.replace(ONE_STEP.maximum, lock=10_000)
        rules = msgspec.structs.replace(ONE_STEP, maximum=maximum)
        limits = [item.max_limit for item in after_days(rules, 105_000, 125_000)]
        assert limits == [9_000_000, 9_500_000, 10_000_000]

    def test_it_may_trail_the_larger_of_balance_and_equity(self) -> None:
        maximum = msgspec.structs.replace(ONE_STEP.maximum, trails=DayStartBasis.LARGER)
        rules = msgspec.structs.replace(ONE_STEP, maximum=maximum)
        first = obj.new_phase(rules, 0, I, "2026-06-01")
        assert obj.next_day(rules, first, "2026-06-02", I, 10_200_000).max_limit == 9_200_000

    def test_the_floor_in_force_is_the_higher_of_the_two(self) -> None:
        second = after_days(TWO_STEP, 93_000)[1]
        assert (second.day_limit, second.max_limit, second.floor) == (
            8_800_000, 9_000_000, 9_000_000,
        )  # fmt: skip
        assert broken(TWO_STEP, second, 8_999_999) == "max_loss"

    def test_a_static_rule_ignores_the_highest_day(self) -> None:
        assert TWO_STEP.maximum.mode is Mode.STATIC


class TestPass:
    def passed(
        self, rules: RuleSet, state: obj.ChallengeState, balance: Cents, *, flat: bool = True
    ) -> tuple[str, ...]:
        return obj.missing(rules, state, balance, flat=flat)

    def test_the_target_is_on_the_balance_flat_and_after_enough_days(self) -> None:
        state = obj.new_phase(TWO_STEP, 0, I, "2026-06-01")
        assert self.passed(TWO_STEP, state, I) == ("target", "trading_days")
        state = msgspec.structs.replace(state, trading_days=4)
        assert self.passed(TWO_STEP, state, 10_999_999) == ("target",)
        assert self.passed(TWO_STEP, state, 11_000_000, flat=False) == ("flat",)
        assert self.passed(TWO_STEP, state, 11_000_000) == ()

    def test_the_second_phase_asks_for_less_and_the_account_for_nothing_to_pass(self) -> None:
        second = msgspec.structs.replace(
            obj.new_phase(TWO_STEP, 1, I, "2026-06-01"), trading_days=4
        )
        assert self.passed(TWO_STEP, second, 10_500_000) == ()
        funded = obj.new_phase(TWO_STEP, 2, I, "2026-06-01")
        assert self.passed(TWO_STEP, funded, 20_000_000) == ("no_target",)

    def test_a_trading_day_is_one_on_which_a_position_was_opened(self) -> None:
        state = obj.new_phase(TWO_STEP, 0, I, "2026-06-15")
        state = obj.opened(state)
        state = obj.opened(obj.next_day(TWO_STEP, state, "2026-06-16", I, I))
        state = obj.next_day(TWO_STEP, state, "2026-06-17", I, I)
        state = obj.opened(obj.opened(state))
        state = obj.next_day(TWO_STEP, state, "2026-06-18", I, I)  # closes only
        assert (state.trading_days, state.days) == (3, 4)

    def test_positions_and_requests_count_from_zero_each_day(self) -> None:
        state = obj.requested(obj.opened(obj.new_phase(TWO_STEP, 0, I, "2026-06-15")), 3)
        assert (state.positions, state.requests) == (1, 3)
        state = obj.next_day(TWO_STEP, state, "2026-06-16", I, I)
        assert (state.positions, state.requests) == (0, 0)

    def test_best_day_leaves_losing_days_out_and_only_delays(self) -> None:
        """-2,000, 10,000, -2,000, -2,000, 6,000: the best day has 10 of 16."""
        state = after_days(ONE_STEP, 98_000, 108_000, 106_000, 104_000, 110_000)[-1]
        assert (state.best_day, state.good_days) == (1_000_000, 1_600_000)
        assert obj.best_day_share(state, state.day_balance) == 0.625
        assert self.passed(ONE_STEP, state, 11_000_000) == ("best_day",)
        assert self.passed(ONE_STEP, state, 11_399_999) == ("best_day",)
        assert self.passed(ONE_STEP, state, 11_400_000) == ()  # 20,000 in all: 10 of 20

    def test_today_counts_as_a_day_of_its_own(self) -> None:
        (state,) = after_days(ONE_STEP)
        assert obj.best_day_share(state, I) is None
        assert obj.best_day_share(state, I + 1) == 1.0
        assert self.passed(ONE_STEP, state, 11_000_000) == ("best_day",)


def test_a_target_between_two_cents_is_the_higher_one() -> None:
    """10 percent of 100,000.01 are 10,000.001."""
    assert obj.target(Phase(name="p", target=1_000), 10_000_001) == 11_000_002
