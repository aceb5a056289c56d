"""Which deals took from a position: never one that was told before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import closing_deals, reducing_deals
from engine.fields import Deal


def deals_of(entered: Sequence[int], left: Sequence[int]) -> list[Deal]:
    """The history of position 1: deals in, then deals out."""
    sides = [(mt5.DEAL_ENTRY_IN, volume) for volume in entered]
    sides += [(mt5.DEAL_ENTRY_OUT, volume) for volume in left]
    return [
        Deal(ticket, ticket, 1, entry, 0, volume, 110_000, 0, 0, 0)
        for ticket, (entry, volume) in enumerate(sides, start=1)
    ]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.data(),
)
def test_what_was_told_is_not_told_again(
    entered: list[int], left: list[int], data: st.DataObject
) -> None:
    """Whatever the volumes: told ones may well add up to what is left."""
    rest = max(0, sum(left) - sum(entered))
    deals = deals_of([*entered, rest] if rest else entered, left)
    told = data.draw(st.integers(0, len(left) - 1))
    known = sum(entered) + rest - sum(left[:told])
    new = deals[-len(left) :][told:]
    assert list(closing_deals(deals, known)) == new
    assert list(reducing_deals(deals, known, sum(left[told:]))) == new


def test_a_partial_close_by_us_after_one_by_hand() -> None:
    """2.57 lots, 0.86 closed by hand and told, 0.85 of the rest by our order."""
    deals = deals_of([25_700], [8_600, 8_500])
    assert [deal.volume for deal in closing_deals(deals, 17_100)] == [8_500]


def test_a_deal_that_is_not_in_the_history_yet_is_not_replaced_by_an_older_one() -> None:
    deals = deals_of([20_000], [5_000])
    assert reducing_deals(deals, known=15_000, gone=5_000) == ()


def test_a_reply_with_its_own_deals_alone_counts_the_last() -> None:
    (closing,) = deals_of([], [17_100])
    assert list(closing_deals([closing], 17_100)) == [closing]
    assert list(closing_deals([closing], 20_000)) == [closing]
    assert list(reducing_deals([closing], known=20_000, gone=17_100)) == [closing]
