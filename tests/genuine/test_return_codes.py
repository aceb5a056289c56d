"""Every return code of the trade server, on an entry, a close and a change of levels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.audit import audit, refused_by_the_package
from tests.genuine.engine import Running, Trader
from tests.genuine.product import contract as mt5
from tests.genuine.rig.played import wait_for

TRANSIENT = (10004, 10018, 10020, 10021, 10024)
"""What another moment may answer differently: new orders are suspended, not stopped for good."""

UNKNOWN = (10011, 10012, 10031)
REJECTED = [
    code
    for code, known in mt5.RETURN_CODES.items()
    if known.outcome is mt5.RequestOutcome.REJECTED and code not in TRANSIENT
]
CORE = (10006, 10019)


def a_session(trader: Trader) -> Running:
    running = trader.shadow("--no-dry-run", "--max-positions", 40)
    running.ready()
    return running


@pytest.fixture
def session(trader: Trader) -> Iterator[Running]:
    """A session that trades; whole and in agreement with the terminal when the test is over."""
    running = a_session(trader)
    yield running
    trader.terminal.tell(faults=None)
    trader.resume(running)  # else what is unknown stays so
    assert trader.order("flatten", running).code == 0
    assert trader.order("stop", running).code == 0
    running.wait()
    audit(running, trader.terminal)


def enter(trader: Trader, name: str) -> None:
    trader.signal("long", stop_loss=1.08, volume=0.1, strategy_id=name)


def refused(trader: Trader, session: Running, codes: tuple[int, ...] | list[int]) -> None:
    """Each code: one send, a REJECT row that says what it means, a latch, `butler resume`."""
    for number, code in enumerate(codes, start=1):
        trader.terminal.fault("order_send", "retcode", code)
        before = len(trader.terminal.sends())
        enter(trader, f"code-{code}")
        row = session.await_rows(number, "REJECT")[-1]
        assert len(trader.terminal.sends()) == before + 1
        told = str(row.values())
        assert str(code) in told, row
        assert mt5.RETURN_CODES[code].meaning.split(";")[0] in told, row
        assert session.status()["state"] == "latched"
        said = trader.order("resume", session, "--reason", f"after {code}")
        assert said.code == 0, said
        session.await_rows(number + 1, "RESUME")


@pytest.mark.core
def test_a_rejection_latches_and_says_what_it_means(trader: Trader, session: Running) -> None:
    """A rejection stops new orders at once, its row tells code and meaning, resume releases."""
    refused(trader, session, CORE)
    enter(trader, "good")
    session.await_rows(1, "OPEN")


def test_every_rejection_latches_and_says_what_it_means(trader: Trader, session: Running) -> None:
    """The same for each code that will repeat itself."""
    refused(trader, session, [code for code in REJECTED if code not in CORE])


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_transient_answer_suspends_and_releases_by_itself(
    trader: Trader, session: Running, code: int
) -> None:
    """Suspended at once, the entry never sent again, active after 30 s at the earliest."""
    trader.terminal.fault("order_send", "retcode", code)
    enter(trader, "unlucky")
    (refused,) = session.await_rows(1, "REJECT")
    released = session.await_rows(2, "RESUME", seconds=90)[-1]
    first, last = (datetime.fromisoformat(row["timestamp"]) for row in (refused, released))
    assert (last - first).total_seconds() >= 30
    assert "transient_rejection" in {row["reason"] for row in session.rows("HALT")}
    assert len(trader.terminal.sends()) == 1
    assert trader.terminal.calls("order_check")
    enter(trader, "next")
    session.await_rows(1, "OPEN")


def test_three_transient_answers_within_an_hour_latch(trader: Trader, session: Running) -> None:
    """The third one is no accident any more."""
    for number in (1, 2, 3):
        trader.terminal.fault("order_send", "retcode", 10018)
        enter(trader, f"unlucky-{number}")
        session.await_rows(number, "REJECT")
        if number < 3:
            session.await_rows(number + 1, "RESUME", seconds=180)
    assert session.status()["state"] == "latched"


@pytest.mark.parametrize("code", UNKNOWN)
def test_an_unknown_outcome_is_never_sent_again(
    trader: Trader, session: Running, code: int
) -> None:
    """Nothing proves that it was not executed: told as UNKNOWN, latched, listed, sent once."""
    trader.terminal.fault("order_send", "retcode", code)
    enter(trader, "lost")
    session.await_rows(1, "UNKNOWN")
    time.sleep(5)
    status = session.status()
    assert status["state"] == "latched"
    assert status["unresolved"] == [1]
    assert len(trader.terminal.sends()) == 1


CLOSING = (10004, 10006, 10018, 10021, 10024, 10028, 10029)


@pytest.mark.parametrize("code", CLOSING)
def test_a_flatten_goes_on_after_a_refused_close(
    trader: Trader, session: Running, code: int
) -> None:
    """A close that was refused is tried again until nothing is open."""
    enter(trader, "one")
    session.await_rows(1, "OPEN")
    trader.terminal.fault("order_send", "retcode", code)
    trader.order("flatten", session)
    wait_for(lambda: not trader.terminal.book()["positions"], 120, f"a close after {code}")


def own_strategy(trader: Trader, body: str, timeframe: str = "M1") -> str:
    """A preset of the user's own whose strategy answers each bar with `body`; its path."""
    code = [
        "import msgspec", product.STRATEGY_IMPORTS, "",
        "class Parameters(msgspec.Struct, frozen=True):", "    lots: float = 0.1", "",
        "class Mine:", "    parameters_type = Parameters", f"    timeframes = ({timeframe!r},)",
        "    def __init__(self, spec, parameters):", "        self.spec = spec", "",
        "    def on_bar(self, bar, view):", *(f"        {line}" for line in body.splitlines()),
    ]  # fmt: skip
    (trader.folder / "mine.py").write_text("\n".join(code) + "\n", encoding="utf-8")
    preset = trader.folder / "mine.yaml"
    preset.write_text(PRESET, encoding="utf-8")
    return str(preset)


PRESET = """\
name: mine
title: My own
strategy: mine.py:Mine
timeframe: M15
symbols: [EURUSD]
parameters: {lots: 0.1}
limits:
  max_positions: 2
  max_positions_per_symbol: 1
  per_trade_risk_fraction: 0.1
  daily_loss_fraction: 0.02
  reset_zone: Europe/Prague
"""

PROTECTING = """\
points = self.spec.points
if view.position is None:
    return Enter(side=Side.LONG, stop_loss=points(1.05), take_profit=0, reason='m', volume=1000)
self.moves = getattr(self, 'moves', 0) + 1
return MoveStop(points(1.05) + 10 * self.moves, 'TRAIL')
"""
"""Enters at the first bar, moves the stop up a little at each later one."""


@pytest.mark.parametrize(("code", "state"), [(10025, "active"), (10016, "active")])
def test_a_level_change_that_is_refused_does_not_stop_entries(
    trader: Trader, code: int, state: str
) -> None:
    """No changes is no event; a stop that came too late keeps the old one and says so."""
    preset = own_strategy(trader, PROTECTING)
    session = trader.shadow("--no-dry-run", "--preset", preset)
    session.await_rows(1, "OPEN", seconds=150)
    trader.terminal.fault("order_send", "retcode", code, where={"action": 6})
    wait_for(lambda: _changes(trader), 150, "a level change")
    time.sleep(4)
    assert session.status()["state"] == state
    trader.order("flatten", session)
    trader.order("stop", session)
    session.wait()
    audit(session, trader.terminal)


def _changes(trader: Trader) -> list[dict[str, Any]]:
    return [s for s in trader.terminal.sends() if s.get("request", {}).get("action") == 6]


@pytest.mark.parametrize("timeframe", ["M1", "M5"])
def test_a_strategy_gets_the_bars_that_it_asks_for(trader: Trader, timeframe: str) -> None:
    """Bars of a timeframe are that timeframe's: one each, none of another under its name."""
    seconds = {"M1": 60, "M5": 300}[timeframe]
    preset = own_strategy(trader, "return None", timeframe)
    session = trader.shadow("--dry-run", "--preset", preset, "--duration", f"{seconds + 75}s")
    said = session.wait(seconds + 150)
    assert said.code == 0, said
    records = product.records(session.folder)
    closed = [r.event for r in records if isinstance(r.event, product.events.BarClosed)]
    mine = [bar.time // 1000 for bar in closed if bar.timeframe == timeframe]
    assert mine
    assert all(opened % seconds == 0 for opened in mine)
    gaps = {after - before for before, after in pairwise(mine)}
    assert gaps <= {seconds}
    assert not refused_by_the_package(trader.terminal)
