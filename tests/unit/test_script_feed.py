"""A script enters nothing while an order of an earlier part may still be executed."""

from __future__ import annotations

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.live.days import Days
from adapters.mt5.live.script import ScriptedEntry, ScriptFeed, ScriptQuote
from engine import events as ev
from engine.clock import SystemClock
from engine.trading import Trading
from engine.types import Side
from tests.builders import START, TICKS, account, signal
from tests.paper_terminals import BUY_LIMIT, done
from tests.unit.test_venue import Scene, played
from tests.venue_steps import result

PLAN = ScriptedEntry(name="1", symbol="EURUSD", side=Side.LONG, stop=200, volume=1_000)


def feed_of(scene: Scene, days: Days | None = None) -> ScriptFeed:
    async def quote(symbol: str) -> ScriptQuote:
        return ScriptQuote(TICKS[symbol], ev.AccountSeen.of(account()))

    async def sleep(_seconds: float) -> None:
        """Nothing is waited for."""

    live = scene.live
    return ScriptFeed(
        scene.bus, live.parts.portfolio, live.gateway, scene.venue, SystemClock(), [PLAN],
        quote=quote, sleep=sleep, hold=0.0, pace=0.0, trading=Trading,
        days=days,
    )  # fmt: skip


@pytest.mark.parametrize("waits", [True, False], ids=["an order waits", "nothing waits"])
def test_what_waits_at_the_venue_keeps_the_next_plan_from_being_entered(waits: bool) -> None:
    async def story(scene: Scene) -> None:
        due: list[ev.SignalDue] = []
        scene.bus.attach({ev.SignalDue: due.append})
        if waits:
            ticket = done(scene.client.terminal, BUY_LIMIT).order
            terms = {"entry_price": 109_900, "stop_loss": 109_800, "expires": 1}
            scene.bus.publish(signal("s:1", volume=5_000, **terms))
            scene.live.reply(result(mt5.TRADE_RETCODE_PLACED, order=ticket))
            assert scene.live.gateway.snapshot_query().orders == (ticket,)
        async for _ in feed_of(scene).slices():
            pass
        assert [item.signal.strategy_id for item in due] == ([] if waits else [PLAN.mark])

    played(Scene, story)


def test_days_that_began_meanwhile_are_turned_before_anything_is_entered() -> None:
    """With the figures of the account at that look, and each once."""

    async def story(scene: Scene) -> None:
        fed: list[object] = []
        scene.bus.attach(dict.fromkeys((ev.ResetDue, ev.WeekendDue, ev.SignalDue), fed.append))
        resets = iter([(1, "2025-01-07"), (2, "2025-01-08"), (1 << 60, "")])
        days = Days(scene.bus, resets, iter([(3, 4), (1 << 60, 1 << 60)]))
        async for _ in feed_of(scene, days).slices():
            pass
        assert fed[:3] == [
            ev.ResetDue("2025-01-07", START, START, 0),
            ev.ResetDue("2025-01-08", START, START, 0),
            ev.WeekendDue(4),
        ]
        assert [type(item) for item in fed[3:]] == [ev.SignalDue]

    played(Scene, story)
