"""Every fault on every function that a running session calls, one after another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.genuine.audit import audit, is_entry
from tests.genuine.engine import Running, Trader
from tests.genuine.rig.played import wait_for

LOOKING = (
    "account_info", "symbol_info_tick", "positions_get", "orders_get", "copy_rates_from_pos",
    "order_calc_profit", "order_calc_margin", "history_deals_position", "history_deals_get",
    "history_orders_ticket", "terminal_info", "login", "hello",
)  # fmt: skip
"""Calls of the pipe that a session makes beside sending."""

CODES = (-1, -3, -4, -5, -6, -7, -10_000, -10_002, -10_004)
SENDING: list[tuple[str, Any]] = [
    ("drop", None), ("drop_after", None), ("wrong", None), ("hang", 2), ("hang_after", 2),
    ("partial", 0.04), ("placed", None), *(("status", code) for code in (*CODES, -8)),
]  # fmt: skip


NO_BARS: dict[str, Any] = {"call": "copy_rates_from_pos", "do": "empty", "times": -1}
"""Bars are asked for when a new one opens, so each quarter of an hour; while there are none, at
each look."""


@pytest.fixture
def session(trader: Trader, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A session with a position; in agreement with the terminal in the end."""
    callspec = getattr(request.node, "callspec", None)
    if callspec is not None and callspec.params.get("call") == NO_BARS["call"]:
        trader.terminal.faults(NO_BARS)
    symbols = ("--symbol", "EURUSD", "--symbol", "GBPUSD")
    running = trader.shadow("--no-dry-run", "--max-positions", 9, *symbols)
    running.ready()
    trader.signal("long", symbol="GBPUSD", stop_loss=1.26, volume=0.1)
    running.await_rows(1, "OPEN")
    yield running
    trader.terminal.tell(faults=None)
    assert running.process.poll() is None, running.wait()
    wait_for(lambda: running.status()["link"] == "up", 90, "the link")
    trader.resume(running)
    assert trader.order("flatten", running).code == 0
    wait_for(lambda: not trader.terminal.book()["positions"], 60, "nothing open")
    trader.order("stop", running)
    running.wait()
    audit(running, trader.terminal)


@pytest.mark.parametrize("call", LOOKING)
def test_a_look_that_fails_is_survived(trader: Trader, session: Running, call: str) -> None:
    """Each kind of failure of one call: no close is told, nothing sent, active again by itself."""
    kinds: list[tuple[str, Any]] = [("drop", None), ("wrong", None), ("hang", 2)]
    kinds += [("status", code) for code in CODES]
    for do, value in kinds:
        trader.terminal.faults({"call": call, "do": do, "value": value}, NO_BARS)
        time.sleep(2.5)
        wait_for(lambda: session.status()["state"] == "active", 90, f"active after {do} {value}")
    assert session.rows("CLOSE") == []
    assert len([send for send in trader.terminal.sends() if is_entry(send)]) == 1


def sent_with(trader: Trader, session: Running, do: str, value: Any) -> None:
    """One entry with a fault at its send: never doubled, resolved, and the next one works."""
    name = f"{do}-{value}"
    before, opened = len(trader.terminal.sends()), len(session.rows("OPEN"))
    trader.terminal.fault("order_send", do, value)
    trader.signal("long", stop_loss=1.08, volume=0.1, strategy_id=name)
    wait_for(lambda: len(trader.terminal.sends()) > before, 60, f"the send of {name}")
    wait_for(lambda: session.status()["link"] == "up", 90, f"the link after {name}")
    if len(trader.terminal.book()["positions"]) == 2:
        session.await_rows(opened + 1, "OPEN", seconds=90)
        closed = len(session.rows("CLOSE"))
        trader.terminal.tell(faults=None)
        trader.terminal.hand("close", position="last")
        session.await_rows(closed + 1, "CLOSE", seconds=60)
    assert len(trader.terminal.sends()) == before + 1
    trader.resume(session)
    wait_for(lambda: session.status()["state"] == "active", 90, f"active after {name}")


@pytest.mark.core
@pytest.mark.parametrize(("do", "value"), [("drop_after", None)])
def test_an_entry_that_meets_a_fault_is_neither_lost_nor_doubled(
    trader: Trader, session: Running, do: str, value: Any
) -> None:
    """Before and after its effect, the answer is lost, late, wrong or partial."""
    sent_with(trader, session, do, value)


def test_entries_that_meet_every_fault_are_neither_lost_nor_doubled(
    trader: Trader, session: Running
) -> None:
    """Every one of them in one session, twice around."""
    for do, value in SENDING + SENDING[:6]:
        sent_with(trader, session, do, value)


@pytest.mark.parametrize(("do", "value"), SENDING, ids=str)
def test_a_close_that_meets_a_fault_is_done_in_the_end(
    trader: Trader, session: Running, do: str, value: Any
) -> None:
    """A flatten with a fault at its only close: closed once, by one deal or by its parts.

    What was surely never sent is sent again by itself; of what is unknown the user decides.
    """
    trader.terminal.fault("order_send", do, value)
    trader.order("flatten", session, "--wait", 20)  # what is unknown waits for the user
    wait_for(trader.terminal.sends, 60, "the close")
    wait_for(lambda: session.status()["link"] == "up", 90, "the link")
    if session.rows("UNKNOWN") and trader.terminal.book()["positions"]:
        trader.resume(session)  # it was not executed
        assert trader.order("flatten", session).code == 0
    wait_for(lambda: not trader.terminal.book()["positions"], 60, f"a close after {do} {value}")
    deals = [deal for deal in trader.terminal.book()["deals"] if deal["entry"] == 1]
    assert sum(deal["volume"] for deal in deals) == pytest.approx(0.1)


@pytest.mark.parametrize("do", ["hang", "hang_after"])
def test_a_call_that_hangs_is_ended_and_its_order_found(
    trader: Trader, session: Running, do: str
) -> None:
    """Longer than the deadline: the host ends, another comes, the late deal is found."""
    trader.terminal.fault("order_send", do, 45)
    trader.signal("long", stop_loss=1.08, volume=0.1, strategy_id="hung")
    session.await_rows(1, "UNKNOWN", seconds=60)
    wait_for(lambda: session.status()["link"] == "up", 120, "the link")
    wait_for(lambda: len(trader.terminal.book()["positions"]) == 2, 60, "the late deal")
    session.await_rows(2, "OPEN", seconds=90)


@pytest.mark.parametrize("call", LOOKING[:5])
def test_a_look_that_hangs_is_ended(trader: Trader, session: Running, call: str) -> None:
    """A look that hangs longer than its deadline costs the host, not the session."""
    trader.terminal.faults({"call": call, "do": "hang", "value": 90}, NO_BARS)
    session.await_rows(2, "HALT", seconds=120)
    wait_for(lambda: session.status()["state"] == "active", 120, "an active session")
