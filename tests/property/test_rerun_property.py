"""A session's recorded inputs lead today's program to what the session decided."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events as ev
from engine.rerun import FROM_OUTSIDE
from tests.reruns import difference, is_decision, recorded, rerun

SEEDS = range(1, 17)
"""With and without crashes of the engine, faults of the terminal and a failing disk."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_session_decides_the_same_again(seed: int) -> None:
    """Every record is compared, also after each crash from which the session went on."""
    records = recorded(seed)
    totals = rerun(records)
    assert totals.difference is None
    assert totals.decisions == sum(map(is_decision, records))
    assert totals.inputs == sum(isinstance(record.event, FROM_OUTSIDE) for record in records)


@pytest.mark.deep
def test_many_sessions_decide_the_same_again() -> None:
    for seed in range(1_000, 2_000):
        assert rerun(recorded(seed)).difference is None, f"seed {seed}"


def test_the_seeds_have_resumed_sessions_that_were_warmed_up() -> None:
    """Else the sample would not show what it is to show."""
    journals = [recorded(seed) for seed in SEEDS]
    resumed = [
        records for records in journals
        if any(isinstance(record.event, ev.SessionResumed) for record in records)
    ]  # fmt: skip
    assert len(resumed) > len(journals) // 2
    bars = [
        len(record.event.bars)
        for records in resumed
        for record in records
        if isinstance(record.event, ev.WarmedUp)
    ]
    assert sum(count > 3 for count in bars) > len(resumed) // 2


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_journal_that_ends_anywhere_is_the_same_as_far_as_it_goes(
    seed: int, data: st.DataObject
) -> None:
    """What the program would still have decided at the end is counted, not called a difference."""
    records = recorded(seed)
    cut = data.draw(st.integers(1, len(records)))
    totals = rerun(records[:cut])
    assert totals.difference is None
    rest = 0
    while cut + rest < len(records) and is_decision(records[cut + rest]):
        rest += 1
    # After a crash the journal may lack what the session itself had decided.
    assert totals.beyond >= rest


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_any_one_changed_decision_is_found_and_named(seed: int, data: st.DataObject) -> None:
    records = list(recorded(seed))
    place = data.draw(
        st.sampled_from([place for place, item in enumerate(records) if is_decision(item)])
    )
    right = records[place]
    wrong = msgspec.structs.replace(right, event=_changed(right.event))
    records[place] = wrong
    found = difference(rerun(records))
    assert found.recorded == wrong
    assert found.today is not None
    assert msgspec.structs.replace(found.today, metadata=None) == right


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_a_decision_that_is_missing_or_was_made_up_is_named(seed: int, data: st.DataObject) -> None:
    """The first record that does not fit is the one in its place."""
    records = recorded(seed)
    inner = [
        place for place, item in enumerate(records[:-1])
        if is_decision(item) and not isinstance(records[place + 1].event, ev.SessionResumed)
    ]  # fmt: skip
    place = data.draw(st.sampled_from(inner))
    renumbered = [msgspec.structs.replace(item, seq=item.seq - 1) for item in records[place + 1 :]]
    found = difference(rerun([*records[:place], *renumbered]))
    assert found.recorded.seq == records[place].seq
    assert found.today is not None
    made_up = msgspec.structs.replace(
        records[place], event=ev.OrderCancelled(order_id=1, reason="?")
    )
    found = difference(rerun([*records[:place], made_up]))
    assert found.recorded == made_up


def _changed(event: ev.Event | ev.Input) -> ev.Event | ev.Input:
    """The same with one number or text that is another."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if type(value) is int:
            return msgspec.structs.replace(event, **{name: value + 1})
        if type(value) is str:
            return msgspec.structs.replace(event, **{name: value + "?"})
    if isinstance(event, ev.OrderApproved):
        return msgspec.structs.replace(event, risk=event.risk + 1)
    if isinstance(event, ev.OrderDenied):
        return msgspec.structs.replace(event, detail="?")
    assert isinstance(event, ev.ReconciliationMismatch | ev.TradingStateChanged)
    if isinstance(event, ev.TradingStateChanged):
        return msgspec.structs.replace(event, detail=event.detail + "?")
    return msgspec.structs.replace(event, mismatches=(*event.mismatches, "?"))
