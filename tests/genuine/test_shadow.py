"""Sessions of `butler shadow` at the genuine package: what the user wants, and what hands do."""

from __future__ import annotations

import time

import pytest

from tests.genuine.audit import audit, refused_by_the_package
from tests.genuine.engine import Running, Trader
from tests.genuine.rig.played import wait_for

PINNED = {"EURUSD": {"bid": 1.1, "ask": 1.1001}}


@pytest.fixture
def session(trader: Trader) -> Running:
    """A session that sends what its followed signals say, and trades."""
    running = trader.shadow()
    running.ready()
    return running


def ended(trader: Trader, session: Running) -> None:
    """`butler stop` ends it, and nothing is wrong with what it did."""
    said = trader.order("stop", session)
    assert said.code == 0, said
    session.wait()
    audit(session, trader.terminal)


@pytest.mark.core
def test_a_followed_signal_becomes_the_terminals_deal(trader: Trader, session: Running) -> None:
    """Entry with stop and target, filled as the terminal says, closed at the target by itself."""
    trader.terminal.tell(ticks=PINNED)
    trader.signal("long", stop_loss=1.09, take_profit=1.11, volume=0.1)
    (opened,) = session.await_rows(1, "OPEN")
    send = trader.terminal.sends()[-1]["result"]
    assert (int(opened["ticket"]), float(opened["price"])) == (send["order"], send["price"])
    trader.terminal.tell(ticks={"EURUSD": {"bid": 1.1105, "ask": 1.1106}})
    (closed,) = session.await_rows(1, "CLOSE")
    deal = trader.terminal.book()["deals"][-1]
    assert (closed["reason"], float(closed["profit"])) == ("TP", deal["profit"])
    ended(trader, session)
    assert len(trader.terminal.sends()) == 1


def test_a_stop_ends_a_session_with_exit_0(trader: Trader, session: Running) -> None:
    """What the user ordered is done: the session's own exit code is 0."""
    assert trader.order("stop", session).code == 0
    said = session.wait()
    assert said.code == 0, said
    audit(session, trader.terminal)


@pytest.mark.core
def test_pause_resume_and_flatten(trader: Trader, session: Running) -> None:
    """A pause lets nothing leave, a resume does, flatten closes everything and waits for it."""
    assert trader.order("pause", session, "--reason", "news").code == 0
    session.await_rows(2, "HALT")
    trader.signal("long", stop_loss=1.08, volume=0.1)
    wait_for(lambda: session.status()["causes"] == ["paused"], 20, "a paused status")
    time.sleep(4)
    assert trader.terminal.sends() == []
    said = trader.order("status", session)
    assert said.code == 0, said
    assert "paused" in said.out
    assert trader.order("resume", session, "--reason", "over").code == 0
    trader.signal("short", stop_loss=1.125, volume=0.1)
    session.await_rows(1, "OPEN")
    said = trader.order("flatten", session)
    assert said.code == 0, said
    assert trader.terminal.book()["positions"] == [], said
    ended(trader, session)


def test_a_stop_that_is_moved_by_hand_is_taken_over(trader: Trader, session: Running) -> None:
    """The log tells the new stop with reason MANUAL; the engine sends nothing against it."""
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN")
    trader.terminal.hand("levels", position="last", sl=1.085, tp=0.0)
    (moved,) = session.await_rows(1, "MODIFY")
    assert (moved["reason"], float(moved["stop_loss"])) == ("MANUAL", 1.085)
    assert len(trader.terminal.sends()) == 1
    ended(trader, session)


def test_a_part_that_is_closed_by_hand_is_noticed(trader: Trader, session: Running) -> None:
    """Half of a position closed by hand is a CLOSE of that half, and half stays open."""
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN")
    trader.terminal.hand("close", position="last", volume=0.04)
    (closed,) = session.await_rows(1, "CLOSE")
    assert (closed["reason"], float(closed["volume"])) == ("MANUAL", 0.04)
    (standing,) = session.status()["positions"]
    assert standing["volume"] == pytest.approx(0.06)
    ended(trader, session)


def test_a_foreign_position_is_shown_and_never_touched(trader: Trader, session: Running) -> None:
    """What somebody else opened is listed by status, and flatten leaves it alone."""
    trader.terminal.hand("open", symbol="EURUSD", type=0, volume=0.2, magic=7, comment="mine")
    wait_for(lambda: trader.terminal.book()["positions"], 20, "the position")
    (position,) = trader.terminal.book()["positions"]
    wait_for(lambda: session.status()["external"], 20, "it in the status")
    (shown,) = session.status()["external"]
    assert (shown["ticket"], shown["volume"]) == (position["ticket"], 0.2)
    assert trader.order("flatten", session).code == 0
    assert len(trader.terminal.book()["positions"]) == 1
    ended(trader, session)
    assert [item["ticket"] for item in session.summary()["external"]] == [position["ticket"]]


def test_a_pending_entry_waits_fills_and_is_told(trader: Trader, session: Running) -> None:
    """Placed with its expiry, told as waiting, filled by the terminal, told as OPEN."""
    trader.terminal.tell(ticks=PINNED)
    trader.signal("long", entry_price=1.095, stop_loss=1.09, volume=0.1)
    wait_for(trader.terminal.sends, 30, "the pending order")
    request = trader.terminal.sends()[0]["request"]
    assert (request["action"], request["price"], request["type_time"]) == (5, 1.095, 2)
    wait_for(lambda: session.status()["orders"], 20, "the order in the status")
    trader.terminal.tell(ticks={"EURUSD": {"bid": 1.0948, "ask": 1.0949}})
    (opened,) = session.await_rows(1, "OPEN")
    assert float(opened["price"]) == 1.0949
    ended(trader, session)


def test_a_pending_entry_leaves_a_row_when_it_is_placed_and_taken_back(
    trader: Trader, session: Running
) -> None:
    """Placed and taken back by a flatten: the log and the terminal's history tell both."""
    trader.terminal.tell(ticks=PINNED)
    trader.signal("long", entry_price=1.095, stop_loss=1.09, volume=0.1)
    wait_for(lambda: trader.terminal.book()["orders"], 30, "the pending order")
    before = len(session.rows())
    assert trader.order("flatten", session).code == 0
    wait_for(lambda: not trader.terminal.book()["orders"], 30, "its withdrawal")
    ended(trader, session)
    (ticket,) = {str(row["ticket"]) for row in trader.terminal.book()["history"]}
    told = [row for row in session.rows() if row["ticket"] == ticket]
    assert len(told) >= 2, session.rows()[before - 1 :]


def test_a_pending_entry_that_expires_leaves_a_row(trader: Trader, session: Running) -> None:
    """The terminal lets it expire; the log says so, and nothing waits any more."""
    trader.terminal.tell(ticks=PINNED)
    soon = int(time.time()) + 8
    trader.signal("long", entry_price=1.095, stop_loss=1.09, volume=0.1, expires=soon)
    wait_for(lambda: trader.terminal.book()["history"], 60, "the expiry")
    (order,) = trader.terminal.book()["history"]
    wait_for(lambda: not session.status()["orders"], 20, "no waiting order")
    ended(trader, session)
    told = [row for row in session.rows() if row["ticket"] == str(order["ticket"])]
    assert any("expire" in str(row).casefold() for row in told), session.rows()


def test_an_exit_time_closes_the_position(trader: Trader, session: Running) -> None:
    """A signal's exit time closes what it opened, with reason END."""
    trader.signal("long", stop_loss=1.08, volume=0.1, exit_time=int(time.time()) + 10)
    session.await_rows(1, "OPEN")
    (closed,) = session.await_rows(1, "CLOSE")
    assert closed["reason"] == "END"
    ended(trader, session)


@pytest.mark.core
def test_a_dry_session_sees_ticks_and_sends_nothing(trader: Trader) -> None:
    """Prices come from the package, fills from paper; every call is one that the package takes."""
    session = trader.shadow("--dry-run")
    session.ready()
    trader.signal("long", stop_loss=1.08, volume=0.1)
    (opened,) = session.await_rows(1, "OPEN")
    assert opened["volume"] == "0.10"
    assert trader.terminal.calls("copy_ticks_range")
    assert trader.order("stop", session).code == 0
    session.wait()
    assert trader.terminal.sends() == []
    assert refused_by_the_package(trader.terminal) == []


def test_duration_ends_a_session_in_time(trader: Trader) -> None:
    """`--duration 60s` ends it by itself with exit 0, in agreement with the terminal."""
    session = trader.shadow("--no-dry-run", "--duration", "60s")
    session.ready()
    trader.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN")
    said = session.wait()
    assert said.code == 0, said
    audit(session, trader.terminal)


def test_an_interrupt_ends_a_session_in_order(trader: Trader, session: Running) -> None:
    """Ctrl+C is exit 130 with a summary that agrees with the terminal."""
    trader.signal("short", stop_loss=1.125, volume=0.1)
    session.await_rows(1, "OPEN")
    session.interrupt()
    assert session.wait().code == 130
    audit(session, trader.terminal)
