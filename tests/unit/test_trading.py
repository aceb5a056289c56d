"""Causes that stop trading, the states they lead to, and who may clear them."""

from __future__ import annotations

import pytest

from engine.trading import HaltCause, IllegalClear, Trading, TradingState

SUSPENDING = (
    HaltCause.LINK, HaltCause.FEED, HaltCause.CLOCK, HaltCause.TERMINAL,
    HaltCause.TRANSIENT_REJECTION, HaltCause.LEDGER, HaltCause.STRATEGY,
)  # fmt: skip
LATCHING = (
    HaltCause.REJECTION, HaltCause.UNKNOWN_OUTCOME, HaltCause.RECONCILIATION_MISMATCH,
    HaltCause.MAX_LOSS,
    HaltCause.PAUSED, HaltCause.LIMIT, HaltCause.TARGET_REACHED,
)  # fmt: skip
UNTIL_RESET = (HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT)
EVERYTHING = Trading((HaltCause.LINK, HaltCause.DAILY_LOSS, HaltCause.PAUSED, HaltCause.CLOCK))


def test_trading_starts_active() -> None:
    assert Trading().active
    assert Trading().state is TradingState.ACTIVE
    assert Trading().reason is None


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        *((cause, TradingState.SUSPENDED) for cause in SUSPENDING),
        *((cause, TradingState.UNTIL_RESET) for cause in UNTIL_RESET),
        (HaltCause.FIRM_BREACH, TradingState.LATCHED),
        *((cause, TradingState.LATCHED) for cause in LATCHING),
    ],
)
def test_each_cause_leads_to_its_state(cause: HaltCause, state: TradingState) -> None:
    halted = Trading().halt(cause)
    assert not halted.active
    assert halted.state is state
    assert halted.reason is cause


def test_every_cause_is_one_of_the_three_kinds() -> None:
    kinds = {*SUSPENDING, *UNTIL_RESET, *LATCHING, HaltCause.FIRM_BREACH}
    assert kinds == set(HaltCause)


def test_the_state_is_that_of_the_gravest_cause_and_the_reason_the_oldest_of_them() -> None:
    trading = Trading().halt(HaltCause.LINK)
    trading = trading.halt(HaltCause.DAILY_LOSS)
    assert (trading.state, trading.reason) == (TradingState.UNTIL_RESET, HaltCause.DAILY_LOSS)
    trading = trading.halt(HaltCause.REJECTION).halt(HaltCause.PAUSED)
    assert (trading.state, trading.reason) == (TradingState.LATCHED, HaltCause.REJECTION)
    assert trading.causes == (
        HaltCause.LINK,
        HaltCause.DAILY_LOSS,
        HaltCause.REJECTION,
        HaltCause.PAUSED,
    )


def test_a_cause_that_holds_already_changes_nothing() -> None:
    once = Trading().halt(HaltCause.PAUSED)
    assert once.halt(HaltCause.PAUSED) is once


def test_a_halt_leaves_the_old_value_as_it_was() -> None:
    before = Trading()
    before.halt(HaltCause.PAUSED)
    assert before.active


@pytest.mark.parametrize("cause", SUSPENDING)
def test_a_suspension_ends_when_its_own_check_passes_again(cause: HaltCause) -> None:
    other = next(item for item in SUSPENDING if item is not cause)
    trading = Trading((cause, other)).checked_again(cause)
    assert trading.causes == (other,)
    assert trading.checked_again(other).active


def test_a_check_that_passes_without_a_suspension_changes_nothing() -> None:
    assert Trading((HaltCause.PAUSED,)).checked_again(HaltCause.LINK).causes == (HaltCause.PAUSED,)


@pytest.mark.parametrize("cause", [*UNTIL_RESET, *LATCHING, HaltCause.FIRM_BREACH])
def test_no_check_clears_a_loss_or_a_latch(cause: HaltCause) -> None:
    trading = Trading((cause,))
    with pytest.raises(IllegalClear, match=f"{cause} is not cleared by a check"):
        trading.checked_again(cause)
    assert trading.causes == (cause,)


def test_the_reset_clears_the_daily_loss_and_nothing_else() -> None:
    assert EVERYTHING.reset().causes == (HaltCause.LINK, HaltCause.PAUSED, HaltCause.CLOCK)


def test_a_reset_without_anything_to_clear_changes_nothing() -> None:
    assert Trading().reset() == Trading()
    assert Trading((HaltCause.PAUSED,)).reset() == Trading((HaltCause.PAUSED,))


def test_the_user_clears_every_latch_and_nothing_else() -> None:
    assert EVERYTHING.resume().causes == (HaltCause.LINK, HaltCause.DAILY_LOSS, HaltCause.CLOCK)
    assert Trading(LATCHING).resume().active


def test_after_a_breach_of_the_firms_rules_the_user_cannot_resume() -> None:
    with pytest.raises(IllegalClear, match="breach of the firm's rules is final"):
        Trading((HaltCause.MAX_LOSS,)).resume(firm_breach=True)
    with pytest.raises(IllegalClear, match="breach of the firm's rules is final"):
        Trading((HaltCause.FIRM_BREACH,)).resume()
