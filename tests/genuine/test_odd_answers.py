"""Answers and records that no one expects: told, charged, latched, and never the session's end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.genuine.audit import audit
from tests.genuine.engine import Running, Trader, core
from tests.genuine.rig.played import wait_for

NO_TICKETS = {"order": 0, "deal": 0}


@pytest.fixture
def session(trader: Trader) -> Iterator[Running]:
    """A session that trades; still alive, and in agreement with the terminal, in the end."""
    symbols = ("--symbol", "EURUSD", "--symbol", "GBPUSD")
    running = trader.shadow("--no-dry-run", "--max-positions", 9, *symbols)
    running.ready()
    yield running
    trader.terminal.tell(faults=None, lag=None)
    assert running.process.poll() is None, running.wait()
    trader.resume(running)
    assert trader.order("flatten", running).code == 0
    wait_for(lambda: not trader.terminal.book()["positions"], 60, "nothing open")
    wait_for(lambda: not running.status()["positions"], 60, "nothing open in the status")
    trader.order("stop", running)
    running.wait()
    audit(running, trader.terminal)


def enter(trader: Trader, **values: Any) -> None:
    trader.signal("long", **{"stop_loss": 1.08, "volume": 0.1, **values})


@pytest.mark.parametrize("retcode", [core(10009), 10008, 10010])
@pytest.mark.parametrize("done", [True, False])
def test_an_acceptance_without_tickets_is_an_unknown_outcome(
    trader: Trader, session: Running, retcode: int, done: bool
) -> None:
    """Accepted, order 0 and deal 0: found when it was done, unknown when not, never a crash."""
    answer = {"retcode": retcode, **NO_TICKETS}
    trader.terminal.fault("order_send", "answer" if done else "answer_only", answer)
    enter(trader)
    session.await_rows(1, "OPEN" if done else "UNKNOWN", seconds=60)
    assert len(trader.terminal.sends()) == 1
    assert session.status()["running"] is True


@pytest.mark.parametrize(
    "odd",
    [
        {"retcode": 0}, {"retcode": 1}, {"retcode": 10037}, {"retcode": 4_294_967_295},
        {"price": 0.0}, {"volume": 0.0}, {"volume": 5.0}, {"deal": 0}, {"order": 0},
        {"deal": 400_001}, {"comment": "x" * 99}, {"price": 1e300},
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_answer_to_an_order_that_was_done(
    trader: Trader, session: Running, odd: dict[str, Any]
) -> None:
    """Whatever the answer says, what was done is found and booked as the deal says, once."""
    trader.terminal.fault("order_send", "answer", odd)
    enter(trader)
    (opened,) = session.await_rows(1, "OPEN", seconds=60)
    deal = trader.terminal.book()["deals"][-1]
    assert float(opened["volume"]) == deal["volume"]
    assert float(opened["price"]) == deal["price"]


def test_a_partial_fill_is_booked_as_it_was_dealt(trader: Trader, session: Running) -> None:
    """10010: the position has the volume of its deal, the rest is not sent again."""
    trader.terminal.fault("order_send", "partial", 0.04)
    enter(trader)
    (opened,) = session.await_rows(1, "OPEN")
    assert float(opened["volume"]) == 0.04
    assert len(trader.terminal.sends()) == 1


def test_a_placed_order_is_resolved_by_the_history(trader: Trader, session: Running) -> None:
    """10008 without deal: the deal that the history shows is the fill."""
    trader.terminal.fault("order_send", "placed")
    enter(trader)
    (opened,) = session.await_rows(1, "OPEN")
    assert float(opened["price"]) == trader.terminal.book()["deals"][-1]["price"]


def test_a_history_that_lags_changes_nothing(trader: Trader, session: Running) -> None:
    """The deal shows up four seconds late: no row before, the right one after."""
    trader.terminal.tell(lag=4)
    enter(trader)
    (opened,) = session.await_rows(1, "OPEN", seconds=40)
    assert int(opened["ticket"]) == trader.terminal.sends()[0]["effect"]["order"]


def test_entry_deals_at_different_prices_give_their_average(
    trader: Trader, session: Running
) -> None:
    """Two entry deals of one order: the position's price is their mean by volume."""
    trader.terminal.tell(ticks={"EURUSD": {"bid": 1.1, "ask": 1.1001}})
    trader.terminal.fault("order_send", "answer", {"retcode": 10008, "deal": 0, "volume": 0.0})
    trader.terminal.tell(lag=3600)
    enter(trader)
    wait_for(lambda: trader.terminal.book()["positions"], 30, "the position")
    (position,) = trader.terminal.book()["positions"]
    trader.terminal.hand(
        "deal", type=0, entry=0, order=position["ticket"], position_id=position["ticket"],
        volume=0.1, price=1.1003, symbol="EURUSD", magic=position["magic"],
        comment=position["comment"],
    )  # fmt: skip
    trader.terminal.hand("levels", position="last", volume=0.2)
    trader.terminal.tell(lag=None)
    (opened,) = session.await_rows(1, "OPEN", seconds=60)
    assert float(opened["price"]) == pytest.approx(1.1002)


@pytest.mark.parametrize("kind", [2, 3, 5, 6, 7, 12, 15, 17])
def test_a_balance_operation_is_no_fill(trader: Trader, session: Running, kind: int) -> None:
    """Balance, credit, correction, dividend and the like move the account, never a position."""
    enter(trader)
    session.await_rows(1, "OPEN")
    (position,) = trader.terminal.book()["positions"]
    trader.terminal.hand("deal", type=kind, profit=-12.5, comment="movement")
    trader.terminal.hand(
        "deal", type=kind, profit=0.0, comment=position["comment"], magic=position["magic"],
        position_id=position["ticket"],
    )  # fmt: skip
    trader.terminal.fault("order_send", "answer", {"retcode": 10009, **NO_TICKETS})
    enter(trader, symbol="GBPUSD", stop_loss=1.26)
    rows = session.await_rows(2, "OPEN", seconds=60)
    assert {row["price"] for row in rows} - {"0.00000", ""} == {row["price"] for row in rows}
    assert session.rows("CLOSE") == []


def test_an_answer_that_cannot_travel_is_an_unknown_outcome(
    trader: Trader, session: Running
) -> None:
    """A comment that is no text: done in a living host that could not tell; found, sent once."""
    trader.terminal.fault("order_send", "answer", {"comment": "\ud800"})
    enter(trader)
    session.await_rows(1, "OPEN", seconds=60)
    assert len(trader.terminal.sends()) == 1


@pytest.mark.parametrize(
    ("call", "do", "value"),
    [
        ("positions_get", "empty", None), ("history_deals_position", "empty", None),
        ("positions_get", "stale", 3), ("account_info", "answer", {"login": 7}),
        ("account_info", "answer", {"equity": 0.0, "balance": 0.0}),
        ("symbol_info_tick", "answer", {"bid": 0.0, "ask": 0.0}),
        ("symbol_info_tick", "answer", {"bid": 2.0, "ask": 1.0}),
        ("symbol_info_tick", "answer", {"time": 0, "time_msc": 0}),
        ("copy_rates_from_pos", "empty", None),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_look_for_a_moment_changes_nothing(
    trader: Trader, session: Running, call: str, do: str, value: Any
) -> None:
    """Two looks that show nonsense: no close is told, nothing is sent, the session goes on."""
    enter(trader)
    session.await_rows(1, "OPEN")
    trader.terminal.fault(call, do, value, times=2)
    time.sleep(8)
    assert session.rows("CLOSE") == []
    assert len(trader.terminal.sends()) == 1
    wait_for(lambda: session.status()["state"] == "active", 60, "an active session")
    (standing,) = session.status()["positions"]
    assert standing["volume"] == pytest.approx(0.1)
