"""What terminal, account and symbols allow is looked at all the time and acted on at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.conditions import trading_conditions
from adapters.mt5.live.server_clock import ServerClock
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.rules import SymbolRules
from engine import events as ev
from engine.events import DenyReason
from engine.trading import HaltCause
from engine.types import Side
from tests.builders import TICKS, levels, of_kind, signal, wired
from tests.live_scene import M15, MONDAY, Scene
from tests.paper_terminals import account_at_ticks, told
from tests.risk_steps import approvals, denials, enter

FORBIDDEN = {
    "connected": "no connection with the trade server",
    "autotrading": "AutoTrading is off",
    "api_allowed": "Python API",
    "trade_allowed": "the account may not trade",
    "experts_allowed": "does not let programs trade",
}


@pytest.mark.parametrize("condition", FORBIDDEN)
def test_what_forbids_trading_suspends_at_once_and_is_released_by_itself(condition: str) -> None:
    """At the next look, with the reason in words; active again at the look after it is over."""
    scene = Scene(12)
    causes: list[tuple[HaltCause, ...]] = []

    def now(allowed: bool) -> Callable[[], None]:
        def change() -> None:
            causes.append(scene.live.parts.risk.trading.causes)
            setattr(scene.client.terminal.conditions, condition, allowed)

        return change

    scene.play(scene.to(2), now(False), now(True), now(True))
    assert causes == [(), (HaltCause.TERMINAL,), ()]
    (halt,) = [item for item in of_kind(scene.live.parts.journal, ev.TradingStateChanged)
               if item.cause]  # fmt: skip
    assert FORBIDDEN[condition] in halt.detail


@pytest.mark.parametrize("condition", FORBIDDEN)
def test_a_dry_run_needs_no_permission_to_send_but_the_connection(condition: str) -> None:
    terminal = PaperTerminal(account_at_ticks())
    setattr(terminal.conditions, condition, False)
    conditions = trading_conditions(terminal, ["EURUSD"], account=None)
    assert bool(conditions.objection) is (condition == "connected")


def test_the_mode_of_a_symbol_is_told_at_first_and_when_it_changes() -> None:
    scene = Scene(12)
    seen: list[ev.SymbolModeSeen] = []
    scene.live.parts.bus.attach({ev.SymbolModeSeen: seen.append})

    def close_only() -> None:
        rules = SymbolRules(trade_mode=mt5.SYMBOL_TRADE_MODE_CLOSEONLY)
        scene.client.terminal.terms.rules["EURUSD"] = rules  # type: ignore[index]

    scene.play(scene.to(2), scene.to(3), close_only, lambda: None)
    assert [(item.long, item.short) for item in seen] == [(True, True), (False, False)]


@pytest.mark.parametrize(
    ("mode", "denied"),
    [
        (ev.SymbolModeSeen("EURUSD", True, False, "only long positions may be opened"), [-1]),
        (ev.SymbolModeSeen("EURUSD", False, True, "only short positions may be opened"), [1]),
        (ev.SymbolModeSeen("EURUSD", False, False, "only closing is allowed"), [1, -1]),
        (ev.SymbolModeSeen("GBPUSD", False, False, "trading is disabled"), []),
    ],
)
@pytest.mark.parametrize("side", Side)
def test_an_entry_that_the_symbol_does_not_take_is_denied_and_halts_nothing(
    mode: ev.SymbolModeSeen, denied: list[int], side: Side
) -> None:
    parts = wired()
    parts.bus.feed(mode)
    away: dict[str, Any] = levels(side, TICKS["EURUSD"], 500, 1_000)
    parts.bus.publish(signal(side=side, scale=0.5, **away))
    if side in denied:
        assert denials(parts) == [DenyReason.SYMBOL_MODE]
        assert mode.detail in of_kind(parts.journal, ev.OrderDenied)[0].detail
    else:
        assert len(approvals(parts)) == 1
    assert parts.risk.trading.active


def test_the_mode_is_known_again_after_a_restart() -> None:
    """The recorded mode denies an entry that is raised before the first look."""
    parts = wired()
    mode = ev.SymbolModeSeen("EURUSD", False, False, "only closing is allowed")
    parts.risk.replay_routes()[ev.SymbolModeSeen](mode)
    enter(parts, "EURUSD")
    assert denials(parts) == [DenyReason.SYMBOL_MODE]


def test_a_terminal_that_tells_nothing_is_a_failed_look() -> None:
    scene = Scene(12)
    answers = scene.client.terminal.terminal_info

    def mute() -> None:
        scene.to(3)()
        scene.client.terminal.terminal_info = lambda: None  # type: ignore[method-assign]

    def speak() -> None:
        scene.client.terminal.terminal_info = answers  # type: ignore[method-assign]

    scene.play(scene.to(2), mute, speak, scene.to(4))
    assert told(answers()).connected
    assert scene.bars() == [(2, False), (3, False)]


class TestPricesAndTime:
    """A feed that watches its server's clock, looked at from Monday, 01:00 on."""

    def _played(self, *seconds: int) -> list[tuple[HaltCause, ...]]:
        """The causes that halt trading after a look at each of these seconds after 01:00."""
        scene = Scene(40, server=ServerClock({"utc": lambda utc: utc}))
        causes: list[tuple[HaltCause, ...]] = []

        def look(second: int) -> Callable[[], None]:
            def move() -> None:
                causes.append(scene.live.parts.risk.trading.causes)
                moment = (MONDAY + 3_600 + second) * 1000
                scene.market.advance(moment)
                scene.clock.advance_to(moment)

            return move

        scene.play(*map(look, seconds), lambda: causes.append(scene.live.parts.risk.trading.causes))
        return causes[2:]

    def test_new_orders_wait_until_fresh_ticks_tell_the_servers_clock(self) -> None:
        """The first may be old; one that came between two looks is not."""
        first, second = self._played(0, M15 + 4)[-1], self._played(M15 - 4, M15 + 4)[-1]
        assert (first, second) == ((HaltCause.CLOCK,), ())

    def test_without_prices_while_the_market_is_open_new_orders_wait_until_one_comes(self) -> None:
        """Five minutes without any, which the paper market's bars leave between their moves."""
        silence = range(M15 - 4, 2 * M15 - 4, 8)
        *before, last = self._played(*silence, 2 * M15 + 4)
        assert (HaltCause.FEED,) in before
        assert last == ()
