"""What terminal and account allow, looked at all the time: connection, permissions, symbols."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.genuine.audit import audit
from tests.genuine.engine import Running, Trader, core
from tests.genuine.rig.played import wait_for


@pytest.fixture
def session(trader: Trader) -> Iterator[Running]:
    """A session with a position that trades; whole in the end."""
    symbols = ("--symbol", "EURUSD", "--symbol", "GBPUSD")
    running = trader.shadow("--no-dry-run", "--max-positions", 9, *symbols)
    running.ready()
    trader.signal("long", symbol="GBPUSD", stop_loss=1.26, volume=0.1)
    running.await_rows(1, "OPEN")
    yield running
    trader.terminal.tell(faults=None, account=None, terminal=None, symbols=None, still=None)
    assert running.process.poll() is None, running.wait()
    trader.order("stop", running)
    running.wait()
    audit(running, trader.terminal)


NOT_ALLOWED: list[dict[str, Any]] = [
    {"terminal": {"connected": False}},
    {"terminal": {"trade_allowed": False}},
    {"account": {"trade_allowed": False}},
    {"account": {"trade_expert": False}},
]


@pytest.mark.parametrize("changed", NOT_ALLOWED, ids=str)
def test_what_forbids_trading_suspends_and_releases_by_itself(
    trader: Trader, session: Running, changed: dict[str, Any]
) -> None:
    """Suspended within seconds, nothing sent meanwhile, active again without anybody's help."""
    trader.terminal.tell(**changed)
    wait_for(lambda: session.status()["state"] == "suspended", 15, "a suspended session")
    trader.signal("short", stop_loss=1.125, volume=0.1, strategy_id="meanwhile")
    time.sleep(3)
    assert len(trader.terminal.sends()) == 1
    trader.terminal.tell(**dict.fromkeys(changed))
    wait_for(lambda: session.status()["state"] == "active", 30, "an active session")
    trader.signal("long", stop_loss=1.08, volume=0.1, strategy_id="after")
    session.await_rows(2, "OPEN")


def test_an_answer_of_a_terminal_without_connection_is_no_riddle(
    trader: Trader, session: Running
) -> None:
    """10031 while `connected` is false: the order never reached the server, and nothing latches."""
    gone = {"call": "terminal_info", "do": "answer", "value": {"connected": False}}
    trader.terminal.faults(
        {"call": "order_send", "do": "retcode", "value": 10031},
        {**gone, "after": "order_send", "times": 3},
    )
    trader.signal("short", stop_loss=1.125, volume=0.1, strategy_id="meanwhile")
    wait_for(lambda: len(trader.terminal.sends()) == 2, 60, "the send")
    session.await_rows(2, "RESUME", seconds=60)
    assert session.rows("UNKNOWN") == []
    assert "terminal" in {row["reason"] for row in session.rows("HALT")}


def test_a_price_that_stands_still_suspends_within_seconds(
    trader: Trader, session: Running
) -> None:
    """A feed that ticked every second and stops is mute long before five minutes are over."""
    time.sleep(20)  # in which the feed's usual pace is learned
    (tick,) = trader.terminal.calls("symbol_info_tick")[-1:]
    trader.terminal.tell(still=tick["at"] + 2 * 3600)
    wait_for(lambda: session.status()["state"] == "suspended", 60, "a suspended session")
    trader.terminal.tell(still=None)
    wait_for(lambda: session.status()["state"] == "active", 60, "an active session")


SWITCHED: list[dict[str, Any]] = [
    {"login": 7654321},
    {"login": 1234567, "trade_mode": 2},
    {"login": 123456},
    {"login": 12345678},
    {"server": "Rig-Live"},
    {"server": "RIG-DEMO"},
]


@pytest.mark.parametrize("account", [core(SWITCHED[1]), SWITCHED[0]], ids=str)
def test_another_account_gets_no_order(
    trader: Trader, session: Running, account: dict[str, Any]
) -> None:
    """Somebody logs in elsewhere: suspended, nothing sent, nothing believed of its figures."""
    switched_away(trader, session, account)


@pytest.mark.parametrize("account", SWITCHED[2:], ids=str)
def test_an_account_that_only_looks_like_ours_gets_no_order(
    trader: Trader, session: Running, account: dict[str, Any]
) -> None:
    """A login that begins like ours, a server that differs in case only, is another one."""
    switched_away(trader, session, account)


def switched_away(trader: Trader, session: Running, account: dict[str, Any]) -> None:
    trader.terminal.tell(account={"balance": 5.0, "equity": 5.0, **account})
    trader.signal("short", stop_loss=1.125, volume=0.1, strategy_id="meanwhile")
    wait_for(lambda: session.status()["state"] != "active", 30, "a halted session")
    time.sleep(3)
    assert len(trader.terminal.sends()) == 1
    assert session.status()["account"]["balance"] > 1000
    trader.terminal.tell(account=None)
    wait_for(lambda: session.status()["state"] == "active", 90, "an active session")
    assert session.rows("CLOSE") == []


def test_a_switch_right_before_the_send_is_caught_by_the_host(
    trader: Trader, session: Running
) -> None:
    """The host looks at the account in the same request: one wrong look there, nothing sent."""
    assert session.process.poll() is None
    trader.terminal.fault("account_info", "answer", {"login": 5}, times=30)
    trader.signal("short", stop_loss=1.125, volume=0.1, strategy_id="meanwhile")
    time.sleep(4)
    assert len(trader.terminal.sends()) == 1


MODES = {0: "disabled", 1: "long only", 2: "short only", 3: "close only"}


@pytest.mark.parametrize("mode", MODES, ids=MODES.get)
def test_a_symbol_that_takes_no_entry_is_managed_all_the_same(trader: Trader, mode: int) -> None:
    """Entries that its mode forbids are denied before sending; its position is known and closed."""
    session = trader.shadow("--no-dry-run", "--max-positions", 9)
    session.ready()
    side = "short" if mode == 1 else "long"
    terms = {"stop_loss": 1.125 if side == "short" else 1.08, "volume": 0.1}
    trader.signal(side, strategy_id="first", **terms)
    session.await_rows(1, "OPEN")
    session.kill()
    trader.terminal.tell(symbols={"EURUSD": {"trade_mode": mode}})
    resumed = trader.shadow("--no-dry-run", "--max-positions", 9, resume=session)
    resumed.await_rows(2, "RESUME", seconds=60)
    assert len(resumed.status()["positions"]) == 1
    trader.signal(side, strategy_id="second", **terms)
    resumed.await_rows(1, "FILTER")
    assert len(trader.terminal.sends()) == 1
    if mode:  # a disabled symbol lets nobody close
        trader.order("flatten", resumed)
        wait_for(lambda: not trader.terminal.book()["positions"], 30, "the close")
    trader.terminal.tell(symbols=None)
    trader.order("stop", resumed)
    resumed.wait()
    audit(resumed, trader.terminal)


VOLUMES = [(0.015, None), (0.001, None), (80.0, None), (0.1, 0.1)]


@pytest.mark.parametrize(("asked", "sent"), VOLUMES)
def test_a_volume_that_does_not_fit_is_denied_or_cut_with_a_word(
    trader: Trader, session: Running, asked: float, sent: float | None
) -> None:
    """0.015, 0.001 and 80 of at most 50 lots are no volumes: denied, or cut and both told."""
    trader.signal("short", stop_loss=1.125, volume=asked, strategy_id="odd")
    if sent is not None:
        session.await_rows(2, "OPEN")
        return
    wait_for(lambda: session.rows("FILTER") or len(session.rows("OPEN")) > 1, 30, "an answer")
    for row in session.rows("OPEN")[1:]:
        assert str(asked) in str(row.values()), row
    for send in trader.terminal.sends()[1:]:
        assert send["result"]["retcode"] != 10014


TICKS = {"trade_tick_size": 0.00025}


@pytest.mark.parametrize("pending", [False, True])
def test_prices_are_rounded_to_the_symbols_ticks(trader: Trader, pending: bool) -> None:
    """Where a tick is 25 points, stop, target and entry lie on ticks, on the safe side."""
    trader.terminal.tell(symbols={"EURUSD": TICKS}, ticks={"EURUSD": {"bid": 1.1, "ask": 1.10025}})
    session = trader.shadow()
    session.await_rows(1, "HALT")
    trader.terminal.tell(ticks=None)
    session.ready()
    trader.terminal.tell(ticks={"EURUSD": {"bid": 1.1, "ask": 1.10025}})
    more = {"entry_price": 1.09511} if pending else {}
    trader.signal("long", stop_loss=1.08011, take_profit=1.13013, volume=0.1, **more)
    wait_for(trader.terminal.sends, 30, "a send")
    (send,) = trader.terminal.sends()
    assert send["result"]["retcode"] == 10009, send
    assert send["request"]["sl"] == 1.08025  # nearer to the entry: it risks no more than asked
    trader.order("flatten", session)
    trader.order("stop", session)
    session.wait()
    audit(session, trader.terminal)
