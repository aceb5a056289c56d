"""Pending orders and orders of unknown outcome: rows of the event log, figures of the summary."""

from __future__ import annotations

from typing import Any

from adapters.reports.projection import LogProjection
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.types import Side
from tests.builders import account, intent, opened, started

PENDING = intent(entry_price=109_500, stop_loss=109_000, take_profit=110_000, volume=1_000).terms


def submitted(order_id: int = 1, terms: Any = PENDING) -> ev.OrderSubmitted:
    return ev.OrderSubmitted(order_id=order_id, terms=terms, volume=1_000)


def unknown(order_id: int = 1) -> ev.OrderUnknown:
    return ev.OrderUnknown(
        order_id=order_id, symbol="EURUSD", side=Side.LONG, message="10012", account=account()
    )


def told(*events: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """The rows and the summary of a session with these events."""
    log, summary = LogProjection(), SummaryProjection()
    rows = []
    for seq, event in enumerate((started(), *events), start=1):
        record = ev.Record(seq, seq * 1000, None, event)
        if type(event) in log.KINDS and (row := log.row(record)) is not None:
            rows.append(row)
        if type(event) in summary.KINDS:
            summary.take(record)
    return rows, summary.summary()


def test_a_pending_order_leaves_a_row_when_it_is_placed_and_when_it_expires() -> None:
    rows, summary = told(
        submitted(),
        ev.OrderAccepted(order_id=1, ticket=77),
        ev.OrderCancelled(order_id=1, reason="expired"),
    )
    placed, ended = rows
    assert (placed["event"], placed["ticket"], placed["reason"]) == ("PLACED", "77", "placed")
    assert (placed["price"], placed["stop_loss"], placed["volume"]) == (
        "1.09500",
        "1.09000",
        "0.10",
    )
    assert (ended["event"], ended["ticket"], ended["reason"]) == ("CANCELLED", "77", "expired")
    assert (placed["equity"], placed["balance"]) == ("100000.00", "100000.00")
    assert summary["pending_orders_placed"] == 1
    assert summary["pending_orders_ended_unfilled"] == 1


def test_a_pending_order_that_fills_has_its_placing_and_its_opening() -> None:
    rows, summary = told(
        submitted(),
        ev.OrderAccepted(order_id=1, ticket=77),
        opened(77, order_id=1),
        ev.OrderCancelled(order_id=1, reason="late"),
    )
    assert [row["event"] for row in rows] == ["PLACED", "OPEN"]
    assert summary["pending_orders_ended_unfilled"] == 0


def test_an_order_of_unknown_outcome_is_not_unknown_for_ever() -> None:
    """Found waiting, found removed, or never executed: each has its row, and the end names it."""
    _, lost = told(submitted(), unknown())
    assert lost["unresolved_orders"] == [{"order_id": 1, "message": "10012"}]
    rows, found = told(
        submitted(),
        unknown(),
        ev.OrderAccepted(order_id=1, ticket=77),
        ev.OrderCancelled(order_id=1, reason="cancelled at the venue"),
    )
    assert [row["event"] for row in rows] == ["UNKNOWN", "PLACED", "CANCELLED"]
    assert found["unresolved_orders"] == []
    rows, gone = told(
        submitted(terms=intent(volume=1_000).terms),
        unknown(),
        ev.OrderCancelled(order_id=1, reason="never executed, as the user saw at the terminal"),
    )
    assert [row["event"] for row in rows] == ["UNKNOWN", "CANCELLED"]
    assert "never executed" in rows[-1]["reason"]
    assert gone["unresolved_orders"] == []
    assert gone["pending_orders_ended_unfilled"] == 0


def test_whatever_an_unknown_order_turned_out_to_be_the_summary_names_it_no_more() -> None:
    """It stands at the venue, it is a position, a stop that was moved, or the venue refused it."""
    refused = ev.OrderRejected(
        order_id=1, symbol="EURUSD", side=Side.LONG, retcode=10006, message="no", account=account()
    )
    moved = ev.StopModified(
        order_id=1, position=77, symbol="EURUSD", side=Side.LONG, volume=1_000, stop_loss=109_000,
        take_profit=0, reason="TRAIL", account=account(),
    )  # fmt: skip
    for found in (ev.OrderAccepted(order_id=1, ticket=77), opened(77, order_id=1), moved, refused):
        _, summary = told(submitted(), unknown(), found)
        assert summary["unresolved_orders"] == [], found


def test_an_order_that_is_dealt_at_once_has_no_row_of_its_own() -> None:
    rows, _ = told(
        submitted(terms=intent(volume=1_000).terms),
        ev.OrderAccepted(order_id=1, ticket=77),
        opened(77, order_id=1),
    )
    assert [row["event"] for row in rows] == ["OPEN"]
