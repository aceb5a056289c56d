"""Where a usual case is told at a look, it is told as the long way tells every case."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signals.strategy
from engine.events import Account
from engine.types import Side
from risk.loss_floors import LossFloors
from signals.strategy import Decision, Enter, Exit, insist_on_types
from tests.builders import limits


class Whole(int):
    """A number that is no plain int and means the same."""


class Text(str):
    """A text that is no plain str and means the same."""

    __slots__ = ()


NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**62, 2**62 + 1, -(2**62), -(2**62) - 1, 10**40, True, False, Whole(5)]),
    st.floats(),
    st.sampled_from([None, "1", b"1", Side.LONG]),
)
TEXTS = st.one_of(
    st.text(max_size=3),
    st.sampled_from(["", Text("x"), "f\u00fcr", chr(0xD800), "x" + chr(0xDFFF), b"x", None, 1]),
)
SIDES = st.sampled_from([Side.LONG, Side.SHORT, 1, -1, True, None, "long"])


def refusal(decision: Decision) -> str | None:
    """What is said against a decision; None where it is taken."""
    try:
        insist_on_types(decision)
    except TypeError as error:
        return str(error)
    return None


@given(
    side=SIDES, stop=NUMBERS, target=NUMBERS, reason=TEXTS, scale=NUMBERS, volume=NUMBERS,
    note=TEXTS, usual=st.sets(st.sampled_from(Enter.__struct_fields__)),
)  # fmt: skip
@settings(deadline=None)
def test_a_plain_entry_is_one_that_every_field_by_itself_lets_pass(
    side: Any, stop: Any, target: Any, reason: Any, scale: Any, volume: Any, note: Any,
    usual: set[str],
) -> None:  # fmt: skip
    plain = Enter(side=Side.LONG, stop_loss=1, take_profit=2, reason="r", scale=0.5, volume=7)
    odd: dict[str, Any] = {
        "side": side, "stop_loss": stop, "take_profit": target, "reason": reason, "scale": scale,
        "volume": volume, "note": note,
    }  # fmt: skip
    changes = {name: value for name, value in odd.items() if name not in usual}
    entry = msgspec.structs.replace(plain, **changes)
    told = refusal(entry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signals.strategy, "_is_plain", lambda _: False)
        assert told == refusal(entry)


@given(reason=TEXTS, reverse_with=st.sampled_from([None, lambda _: None, 5]))
@settings(deadline=None)
def test_a_plain_exit_is_one_that_every_field_by_itself_lets_pass(
    reason: Any, reverse_with: Any
) -> None:
    leaving = Exit(reason, reverse_with)
    told = refusal(leaving)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signals.strategy, "_is_plain_exit", lambda _: False)
        assert told == refusal(leaving)


@given(
    equities=st.lists(st.one_of(st.integers(9_000_000, 11_000_000), st.just(None)), max_size=30),
    overall=st.sampled_from([None, 0.05]),
)
def test_the_extremes_are_those_of_all_equity_tests(
    equities: list[int | None], overall: float | None
) -> None:
    """None is a day that begins with the last equity as its balance."""
    losses = LossFloors(limits(daily_loss_fraction=0.02, max_loss_fraction=overall))
    losses.start(Account(balance=10_000_000, equity=10_000_000))
    last = peak = day_start = 10_000_000
    drawdowns, day_losses = [0.0], [0.0]
    for equity in equities:
        if equity is None:
            day_start = last
            losses.day_starts_at(last)
            continue
        reached = losses.test(equity)
        assert reached == bool(list(losses.hit(equity)))
        last, peak = equity, max(peak, equity)
        drawdowns.append((peak - equity) / peak)
        day_losses.append(max(0, day_start - equity) / day_start)
    assert losses.drawdowns.peak == peak
    assert losses.drawdowns.drawdown == max(drawdowns)
    assert losses.drawdowns.daily_loss == max(day_losses)
