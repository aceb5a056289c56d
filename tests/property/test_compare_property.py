"""A run equals itself, and whatever is changed in it is named."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.compare import Aspect, Tolerances, compare
from adapters.reports.projection import Row
from tests.logs_of_runs import closed, denied, opened, run_of


@st.composite
def logs(draw: st.DrawFn) -> list[Row]:
    """Trades and denials on two symbols; some positions stay open."""
    rows: list[Row] = []
    for number in range(draw(st.integers(1, 8))):
        at = number * 60 + draw(st.integers(0, 59))
        common = {
            "symbol": draw(st.sampled_from(["EURUSD", "GBPUSD"])),
            "direction": draw(st.sampled_from(["long", "short"])),
            "signal_id": f"x:{number}",
        }
        kind = draw(st.sampled_from(["trade", "open", "denied"]))
        if kind == "denied":
            rows.append(denied(at, number, **common))
            continue
        price = draw(st.integers(100_000, 120_000))
        rows.append(opened(at, number, price=f"{price / 1e5:.5f}", **common))
        if kind == "trade":
            profit = draw(st.integers(-50_000, 50_000))
            rows.append(closed(at + 30, number, profit=f"{profit / 100:.2f}", **common))
    return sorted(rows, key=lambda row: row["timestamp"])


@given(logs())
def test_a_run_equals_itself_by_id_and_without(rows: list[Row]) -> None:
    assert compare(run_of(rows), run_of(rows), Tolerances()).equal
    nameless = run_of([{**row, "signal_id": ""} for row in rows])
    assert compare(nameless, nameless, Tolerances()).equal


CHANGES: dict[str, Callable[[Row], str]] = {
    "price": lambda row: f"{float(row['price']) + 0.00007:.5f}",
    "reason": lambda row: row["reason"] + "2",
    "volume": lambda row: f"{float(row['volume']) + 0.5:.2f}",
    "commission": lambda row: f"{float(row['commission']) - 1:.2f}",
    "stop_loss": lambda row: f"{float(row['stop_loss']) - 0.001:.5f}",
}
NAMED = {
    ("OPEN", "price"): Aspect.OPEN_PRICE,
    ("OPEN", "volume"): Aspect.VOLUME,
    ("OPEN", "commission"): Aspect.MONEY,
    ("OPEN", "stop_loss"): Aspect.STOP,
    ("CLOSE", "price"): Aspect.CLOSE_PRICE,
    ("CLOSE", "reason"): Aspect.CLOSE_REASON,
    ("CLOSE", "commission"): Aspect.MONEY,
    ("FILTER", "reason"): Aspect.DENIAL,
}


@given(logs(), st.data())
def test_what_is_changed_is_named_and_nothing_else_comes_first(
    rows: list[Row], data: st.DataObject
) -> None:
    places = [
        (index, column)
        for index, row in enumerate(rows)
        for kind, column in NAMED
        if row["event"] == kind
    ]
    index, column = data.draw(st.sampled_from(places))
    row = rows[index]
    changed = [*rows[:index], {**row, column: CHANGES[column](row)}, *rows[index + 1 :]]
    for a, b in ((rows, changed), (changed, rows)):
        result = compare(run_of(a), run_of(b), Tolerances())
        assert result.first is not None
        assert result.first.aspect is NAMED[row["event"], column]
        assert result.first.subject.startswith(f"{row['symbol']} {row['direction']}")


@given(logs(), st.data())
def test_a_trade_that_is_taken_away_is_missing(rows: list[Row], data: st.DataObject) -> None:
    tickets = sorted({row["ticket"] for row in rows if row["ticket"]})
    if not tickets:
        return
    gone = data.draw(st.sampled_from(tickets))
    left = [row for row in rows if row["ticket"] != gone]
    result = compare(run_of(rows), run_of(left), Tolerances())
    assert [item.aspect for item in result.differences] == [Aspect.MISSING]
    assert [pair.a.ticket for pair in result.pairs if pair.a and not pair.b] == [gone]
