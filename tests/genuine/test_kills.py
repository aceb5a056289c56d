"""Engine, host and terminal killed in the middle of a session, and the session resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.audit import audit
from tests.genuine.engine import Running, Trader
from tests.genuine.rig.played import wait_for


def opened_session(trader: Trader) -> Running:
    """A session with a position of its own."""
    session = trader.shadow()
    session.ready()
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN")
    return session


def finish(trader: Trader, session: Running) -> None:
    """Flatten, stop and compare everything with the terminal."""
    said = trader.order("flatten", session)
    assert said.code == 0, said
    wait_for(lambda: not trader.terminal.book()["positions"], 30, "everything closed")
    wait_for(lambda: not session.status()["positions"], 30, "no position in the status")
    assert trader.order("stop", session).code == 0
    session.wait()
    audit(session, trader.terminal)


@pytest.mark.core
def test_a_killed_engine_is_resumed(trader: Trader) -> None:
    """The position is known again, a stop moved meanwhile is taken over, nothing is sent twice."""
    session = opened_session(trader)
    session.kill()
    trader.terminal.hand("levels", position="last", sl=1.085, tp=0.0)
    resumed = trader.shadow("--no-dry-run", resume=session)
    resumed.await_rows(1, "MODIFY")
    (standing,) = resumed.status()["positions"]
    assert float(standing["stop_loss"]) == 1.085
    finish(trader, resumed)


@pytest.mark.parametrize("skip", [0, 1])
def test_an_engine_killed_while_an_order_is_under_way(trader: Trader, skip: int) -> None:
    """Killed while the terminal holds the answer back: resumed, the deal is found, not repeated."""
    session = trader.shadow()
    session.ready()
    trader.terminal.fault("order_send", "hang" if skip else "hang_after", 4)
    trader.signal("long", stop_loss=1.08, volume=0.1)
    if skip:  # what hangs before its effect is in the terminal's log only after that
        wait_for(lambda: _under_way(session), 60, "an order under way")
        time.sleep(2)
    else:
        wait_for(trader.terminal.sends, 60, "the send")
    session.kill()
    time.sleep(5)
    resumed = trader.shadow("--no-dry-run", resume=session)
    resumed.await_rows(1, "OPEN", seconds=60)
    assert len(trader.terminal.sends()) == 1
    finish(trader, resumed)


def _under_way(session: Running) -> bool:
    events = (record.event for record in product.records(session.folder))
    return any(isinstance(event, product.events.OrderSubmitted) for event in events)


def kill_host(trader: Trader) -> None:
    assert trader.host is not None
    trader.host.kill()


def kill_terminal(trader: Trader) -> None:
    trader.terminal.kill()
    trader.terminal.start()


KILLS: dict[str, Callable[[Trader], None]] = {"host": kill_host, "terminal": kill_terminal}


@pytest.mark.parametrize("victim", KILLS)
def test_a_session_outlives_its_host_and_its_terminal(trader: Trader, victim: str) -> None:
    """Suspended while it is gone, active again after it is back; the position stays known."""
    session = opened_session(trader)
    halts = len(session.rows("HALT"))
    KILLS[victim](trader)
    session.await_rows(halts + 1, "HALT", seconds=60)
    session.await_rows(2, "RESUME", seconds=90)
    assert "link" in {row["reason"] for row in session.rows("HALT")}
    trader.terminal.hand("close", position="last")
    session.await_rows(1, "CLOSE")
    trader.signal("short", stop_loss=1.125, volume=0.1)
    session.await_rows(2, "OPEN")
    finish(trader, session)


@pytest.mark.parametrize("victim", KILLS)
def test_a_kill_while_an_order_is_under_way_neither_loses_nor_doubles_it(
    trader: Trader, victim: str
) -> None:
    """The answer is lost, the deal was done: found by the look that follows, sent once."""
    session = trader.shadow()
    session.ready()
    trader.terminal.fault("order_send", "hang_after", 3)
    trader.signal("long", stop_loss=1.08, volume=0.1)
    wait_for(trader.terminal.sends, 30, "the send")
    KILLS[victim](trader)
    session.await_rows(1, "OPEN", seconds=90)
    assert len(trader.terminal.sends()) == 1
    finish(trader, session)


def test_a_session_ends_in_time_though_its_link_is_down(trader: Trader) -> None:
    """The terminal does not come back: `--duration` ends the session at its time all the same."""
    session = trader.shadow("--no-dry-run", "--duration", "25s")
    session.ready()
    trader.terminal.tell(faults=[{"call": "*", "do": "drop", "times": -1}])
    said = session.wait()
    assert said.code in (0, 4), said
    summary = session.summary()
    assert summary["session_id"] == session.folder.name
    began, ended = (datetime.fromisoformat(summary[name]) for name in ("started_at", "ended_at"))
    # It asks for 25 s; the rest is a terminal's last call and its program's end.
    assert (ended - began).total_seconds() < 50, (summary, said)


def test_resume_is_refused_without_a_look(trader: Trader) -> None:
    """While the link is down an order of unknown outcome cannot be declared never executed."""
    session = trader.shadow()
    session.ready()
    faults: list[dict[str, Any]] = [
        {"call": "order_send", "do": "drop_after"},
        {"call": "positions_get", "do": "status", "value": -1, "times": -1, "after": "order_send"},
    ]
    trader.terminal.faults(*faults)
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "UNKNOWN", seconds=60)
    said = trader.order("resume", session, "--reason", "go on")
    assert said.code != 0, said
    trader.terminal.faults()
    session.await_rows(1, "OPEN", seconds=60)
    said = trader.order("resume", session, "--reason", "now")
    assert said.code == 0, said
    finish(trader, session)


def test_the_position_of_a_lost_order_is_always_listed_and_flattened(trader: Trader) -> None:
    """Whatever was resumed, what carries the session's mark is listed, and flatten closes it."""
    session = trader.shadow()
    session.ready()
    down = {"call": "positions_get", "do": "status", "value": -1, "times": 12}
    trader.terminal.faults(
        {"call": "order_send", "do": "drop_after"}, {**down, "after": "order_send"}
    )
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "UNKNOWN", seconds=60)
    trader.order("resume", session, "--reason", "go on")
    wait_for(
        lambda: session.status()["positions"] or session.status().get("external"),
        90,
        "the position in the status",
    )
    finish(trader, session)


def test_a_flatten_stands_until_everything_is_closed(trader: Trader) -> None:
    """The pipe breaks after one of three closes: the others never left, and are sent later."""
    symbols = ("--symbol", "EURUSD", "--symbol", "GBPUSD", "--symbol", "USDJPY")
    session = trader.shadow("--no-dry-run", "--max-positions", 5, *symbols)
    session.ready()
    for symbol, stop in (("EURUSD", 1.08), ("GBPUSD", 1.26), ("USDJPY", 147.0)):
        trader.signal("long", symbol=symbol, stop_loss=stop, volume=0.1)
    session.await_rows(3, "OPEN", seconds=60)
    trader.terminal.fault("account_info", "drop", after="order_send")
    trader.order("flatten", session)
    wait_for(lambda: not trader.terminal.book()["positions"], 60, "nothing open")
    finish(trader, session)
