"""The lines that openings and closings get in one step are those made cell by cell."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.projection import LogProjection
from adapters.reports.sinks import LogLines, csv_bytes
from engine import events as ev
from engine.types import Side
from tests.builders import ONE_OF_EACH, started

TEXTS = st.sampled_from(
    ["", "storm:EURUSD:1", "SL", "100%", "%s", "-1", "-1.5", "-x", "=1", "+1"]
) | st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n =@\t'), max_size=3)
MONEY = st.integers(-(10**12), 10**12) | st.integers(-200, 200)
POINTS = st.integers(0, 3) | st.integers(1, 10**7)
OTHERS = [event for event in ONE_OF_EACH if not isinstance(event, ev.SessionStarted)]


@st.composite
def deals(draw: st.DrawFn) -> ev.Event:
    """An opening or a closing with anything in it, or a record of another kind."""
    common: dict[str, Any] = {
        "position": draw(st.integers(0, 2**40)),
        "order_id": draw(st.integers(0, 5)),
        "signal_id": draw(TEXTS),
        "strategy_id": draw(TEXTS),
        "symbol": draw(st.sampled_from(["EURUSD", "unheard of", "a,b"])),
        "side": draw(st.sampled_from(Side)),
        "volume": draw(st.integers(0, 10**7)),
        "price": draw(POINTS),
        "reason": draw(TEXTS),
        "account": ev.Account(balance=draw(MONEY), equity=draw(MONEY)),
        "commission": draw(MONEY),
    }
    if draw(st.booleans()):
        common |= {"stop_loss": draw(POINTS), "take_profit": draw(POINTS)}
        if draw(st.booleans()):
            common["asked"] = draw(st.integers(1, 10**6))
        return ev.PositionOpened(**common)
    return ev.PositionClosed(**common, profit=draw(MONEY), net=0, swap=draw(MONEY))


@given(
    st.lists(st.lists(deals() | st.sampled_from(OTHERS), max_size=4), max_size=3),
    st.sampled_from(["USD", "JPY"]),
    st.sampled_from(["2025-a", "50%", "=a", "a,b"]),
    st.integers(-(10**12), 10**13),
)
def test_lines_are_those_made_cell_by_cell(
    batches: list[list[ev.Event]], currency: str, session_id: str, time: int
) -> None:
    """Whatever texts and figures stand in them, in whatever batches records come."""
    lines, projection = LogLines(), LogProjection()
    begun = ev.Record(1, time, None, started(currency=currency), {"session_id": session_id})
    assert lines.content([begun]) == b""
    assert projection.row(begun) is None
    for number, batch in enumerate(batches):
        records = [ev.Record(2, time + number, None, event) for event in batch]
        rows = [row for record in records if (row := projection.row(record))]
        assert lines.content(records) == csv_bytes(rows, header=False)
