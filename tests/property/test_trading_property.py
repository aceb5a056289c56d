"""The trading state over any sequence of causes and clearings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.trading import HaltCause, IllegalClear, Trading, TradingState

CHECKED = {
    HaltCause.LINK, HaltCause.FEED, HaltCause.CLOCK, HaltCause.TERMINAL,
    HaltCause.TRANSIENT_REJECTION, HaltCause.LEDGER, HaltCause.STRATEGY,
}  # fmt: skip
DAILY = {HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT}
LATCHED = set(HaltCause) - CHECKED - DAILY

causes = st.sampled_from(list(HaltCause))
changes = st.one_of(
    st.tuples(st.just("halt"), causes),
    st.tuples(st.just("checked"), causes),
    st.just(("reset", None)),
    st.just(("resume", None)),
    st.just(("breached", None)),
)


def changed(trading: Trading, change: str, cause: HaltCause | None) -> Trading:
    """What the change leads to; an illegal one leads nowhere."""
    try:
        if cause is not None:
            return trading.halt(cause) if change == "halt" else trading.checked_again(cause)
        if change == "reset":
            return trading.reset()
        return trading.resume(firm_breach=change == "breached")
    except IllegalClear:
        return trading


def expected(held: set[HaltCause], change: str, cause: HaltCause | None) -> set[HaltCause]:
    if change == "halt" and cause is not None:
        return held | {cause}
    if HaltCause.FIRM_BREACH in held and change == "resume":
        return held  # final: only a new account ends it
    cleared: set[HaltCause] = {
        "checked": CHECKED & {cause} if cause is not None else set(),
        "reset": DAILY,
        "resume": LATCHED,
        "breached": set(),
    }[change]
    return held - cleared


@given(st.lists(changes, max_size=40))
def test_a_cause_holds_until_exactly_its_own_kind_of_clearing(
    story: list[tuple[str, HaltCause | None]],
) -> None:
    trading, held = Trading(), set[HaltCause]()
    for change, cause in story:
        trading = changed(trading, change, cause)
        held = expected(held, change, cause)
        assert set(trading.causes) == held
        assert len(trading.causes) == len(held)
        assert trading.active is (not held)
        state = (
            TradingState.LATCHED if held & LATCHED
            else TradingState.UNTIL_RESET if held & DAILY
            else TradingState.SUSPENDED if held
            else TradingState.ACTIVE
        )  # fmt: skip
        assert trading.state is state
        assert (trading.reason in held) if held else trading.reason is None


@given(st.lists(causes, max_size=10))
def test_causes_are_kept_in_the_order_in_which_they_came(story: list[HaltCause]) -> None:
    trading = Trading()
    for cause in story:
        trading = trading.halt(cause)
    assert trading.causes == tuple(dict.fromkeys(story))
