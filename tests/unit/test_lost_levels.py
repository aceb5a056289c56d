"""A change of levels whose outcome was lost releases trading by itself once it is found."""

from __future__ import annotations

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.session import Restorer
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import TICKS, levels, of_kind, opened, signal
from tests.venue_steps import Live, deal_in, deal_out, deals, live

OLD, NEW = 109_910, 109_950
STANDING = mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0, sl=1.0991, tp=1.1021)
MOVED = STANDING._with(sl=1.0995)


def lost(*others: ev.SignalRaised) -> Live:
    """A session whose change of a stop has no answer, nor have the others."""
    desk = live()
    bus = desk.parts.bus
    bus.publish(opened(7, order_id=0))
    change = {"action": ev.MODIFY, "position": 7, "volume": 10_000, "stop_loss": NEW}
    for wish in (*others, signal("s:2", **change)):
        bus.publish(wish)
        desk.reply(None, error=(-10_005, "IPC timeout"), account=None)
    assert desk.parts.risk.trading.causes == (HaltCause.UNKNOWN_OUTCOME,)
    return desk


def test_it_is_latched_until_it_is_found_and_then_active() -> None:
    desk = lost()
    desk.see(positions=(STANDING,), deals=deals(deal_in()))
    assert desk.parts.risk.trading.state is TradingState.LATCHED
    desk.see(positions=(MOVED,), deals=deals(deal_in()))
    assert desk.parts.risk.trading.active
    released = of_kind(desk.parts.journal, ev.TradingStateChanged)[-1]
    assert released.detail == "the change of levels of unknown outcome is found again"


def test_a_position_that_is_closed_settles_it_too() -> None:
    desk = lost()
    desk.see(deals=deals(deal_in(), deal_out(reason=mt5.DEAL_REASON_SL)))
    assert desk.parts.risk.trading.active


ENTRY = signal("s:3", symbol="GBPUSD", scale=0.5, **levels(Side.LONG, TICKS["GBPUSD"], 500, 1_000))
CLOSE = signal("s:3", action=ev.CLOSE, position=7, volume=10_000)


@pytest.mark.parametrize("other", [ENTRY, CLOSE], ids=["entry", "close"])
def test_an_entry_or_a_close_of_unknown_outcome_is_the_users(other: ev.SignalRaised) -> None:
    """However it ends: he must look."""
    desk = lost(other)
    desk.see(positions=(MOVED,), deals=deals(deal_in()))
    assert desk.parts.risk.trading.causes == (HaltCause.UNKNOWN_OUTCOME,)


def test_after_a_restart_it_is_released_as_well() -> None:
    before, after = lost(), live()
    parts = after.parts
    memories = [
        parts.portfolio.replay_routes(),
        parts.order_manager.replay_routes(),
        parts.risk.replay_routes(),
        *after.gateway.replay_routes(),
    ]
    Restorer(parts.bus, memories).restore(before.parts.journal.records)
    assert parts.risk.trading.causes == (HaltCause.UNKNOWN_OUTCOME,)
    after.see(positions=(MOVED,), deals=deals(deal_in()))
    assert parts.risk.trading.active


def test_other_causes_stay() -> None:
    desk = lost()
    desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.PAUSE, reason="lunch"))
    desk.see(positions=(MOVED,), deals=deals(deal_in()))
    assert desk.parts.risk.trading.causes == (HaltCause.PAUSED,)
