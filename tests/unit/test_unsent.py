"""A close that certainly never left stays wanted, whoever wants it, and is no rejection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.exits import Exits
from engine.rules import Phase, TradingRestrictions
from engine.session import Restorer
from engine.trading import HaltCause
from engine.types import LimitAction, Limits
from risk.challenge import Challenge
from tests.builders import START, limits, of_kind, opened, signal
from tests.challenges import WEEK, rules
from tests.risk_steps import see
from tests.venue_steps import Live, deal_in, deal_out, deals, live, result, seen

GUARD = "the terminal host refused: the terminal does not say which account is logged in"
STANDING = mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0, sl=1.0991, tp=1.1021)
LOOSE = limits(daily_loss_fraction=0.5)
CLOSES = 1_000_000_000
EARNED = rules(
    phases=(Phase(name="earned", flat_minutes=30),), restrictions=TradingRestrictions(week=WEEK)
)


def holding(terms: Limits = LOOSE, challenge: Challenge | None = None) -> Live:
    """A lot of EURUSD as position 7, in a session that can be told to close everything."""
    desk = live(terms, challenge=challenge)
    bus = desk.parts.bus
    bus.attach(Exits(bus, desk.parts.portfolio, desk.parts.order_manager).routes())
    bus.publish(opened(7, order_id=0))
    return desk


def refused(desk: Live) -> None:
    """The host's guard does not send the request that waits."""
    desk.reply(None, error=(mt5.RES_E_INTERNAL_FAIL_CONNECT, GUARD), account=None)


def later(desk: Live, millis: int = 3_600_000, *, price: bool = True) -> None:
    """Time passes, and a price comes unless told otherwise."""
    bus, tick = desk.parts.bus, desk.parts.portfolio.ticks["EURUSD"]
    bus.time += millis
    if price:
        bus.feed(ev.Tick(tick.symbol, tick.bid, tick.ask))


def sent(desk: Live) -> list[int]:
    return [venue_request.request["position"] for venue_request in desk.sent]


def by_the_user(desk: Live) -> None:
    desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.FLATTEN, reason="news"))


def by_the_weekend(desk: Live) -> None:
    desk.parts.bus.time = CLOSES - 1_800_000
    desk.parts.bus.feed(ev.WeekendDue(CLOSES))


def by_a_strategy(desk: Live) -> None:
    desk.parts.bus.publish(signal("s:2", action=ev.CLOSE, position=7, volume=10_000, reason="WHY"))


@dataclass(frozen=True)
class Wish:
    """What wants position 7 closed, and under which terms."""

    act: Callable[[Live], None]
    reason: str
    terms: dict[str, Any] = field(default_factory=dict)
    challenge: Challenge | None = None

    def holding(self) -> Live:
        return holding(limits(**{"daily_loss_fraction": 0.5, **self.terms}), self.challenge)

    def unsent(self) -> Live:
        """A session in which that close was refused by the host's guard."""
        desk = self.holding()
        self.act(desk)
        assert sent(desk) == [7]
        refused(desk)
        assert desk.sent == []
        return desk


WISHES = {
    "own limit": Wish(
        lambda desk: see(desk.parts, START - 250, START - 250_000),
        "FLATTEN",
        {"daily_loss_fraction": 0.02, "actions": {"daily_loss": LimitAction.FLATTEN}},
    ),
    "firm floor": Wish(
        lambda desk: see(desk.parts, START - 250, START - 45_000),
        "FLATTEN",
        {"firm_reserve_fraction": 0.001},
        Challenge(rules=rules()),
    ),
    "weekend": Wish(by_the_weekend, "WEEKEND", {}, Challenge(rules=EARNED)),
    "user": Wish(by_the_user, "MANUAL"),
    "strategy": Wish(by_a_strategy, "WHY"),
}


@pytest.fixture(params=WISHES)
def wish(request: pytest.FixtureRequest) -> Wish:
    return WISHES[request.param]


def test_it_is_sent_once_a_look_has_proved_link_and_account(wish: Wish) -> None:
    """Not before: while the link is down nothing would reach the venue."""
    desk = wish.unsent()
    desk.parts.bus.feed(ev.LinkChanged(up=False, detail="gone"))
    assert desk.sent == []
    assert desk.gateway.has_changes(seen(positions=(STANDING,)))  # though it shows nothing new
    desk.see(positions=(STANDING,))
    assert sent(desk) == [7]
    desk.reply(result(order=8, deal=12), deals=(deal_out(),))
    (closed,) = of_kind(desk.parts.journal, ev.PositionClosed)
    assert closed.reason == wish.reason
    assert desk.parts.portfolio.positions == {}
    desk.see(deals=deals(deal_in(), deal_out()))
    assert desk.sent == []


def test_it_is_no_rejection(wish: Wish) -> None:
    desk = wish.unsent()
    assert of_kind(desk.parts.journal, ev.OrderRejected) == []
    assert HaltCause.REJECTION not in desk.parts.risk.trading.causes
    (cancelled,) = of_kind(desk.parts.journal, ev.OrderCancelled)
    assert (cancelled.unsent, cancelled.reason) == (True, f"never sent: -10004 {GUARD}")


def test_as_often_as_it_is_refused_it_is_asked_for_again(wish: Wish) -> None:
    desk = wish.unsent()
    for _ in range(3):
        desk.see(positions=(STANDING,))
        assert sent(desk) == [7]
        refused(desk)
    orders = [item.order_id for item in of_kind(desk.parts.journal, ev.OrderSubmitted)]
    assert len(orders) == len(set(orders)) == 4


def test_while_it_is_under_way_it_is_not_sent_twice(wish: Wish) -> None:
    desk = wish.unsent()
    for _ in range(3):
        desk.see(positions=(STANDING,))
    assert sent(desk) == [7]


def test_a_position_that_its_stop_closed_meanwhile_needs_no_close(wish: Wish) -> None:
    desk = wish.unsent()
    desk.see(deals=deals(deal_in(), deal_out(reason=mt5.DEAL_REASON_SL)))
    assert desk.sent == []
    assert not desk.gateway.has_changes(seen())


def test_a_strategys_close_that_the_venue_itself_rejects_is_not_asked_for_again() -> None:
    desk = WISHES["strategy"].unsent()
    desk.see(positions=(STANDING,))
    desk.reply(result(10_018))
    assert HaltCause.REJECTION in desk.parts.risk.trading.causes
    later(desk)
    assert not desk.gateway.has_changes(seen(positions=(STANDING,)))
    desk.see(positions=(STANDING,))
    assert desk.sent == []


def test_a_close_of_unknown_outcome_is_not_asked_for_again() -> None:
    desk = WISHES["user"].unsent()
    desk.see(positions=(STANDING,))
    desk.reply(None, error=(-10_005, "IPC timeout"), account=None)
    desk.see(positions=(STANDING,))
    assert desk.sent == []


def test_an_entry_that_was_never_sent_is_over_and_told_as_refused() -> None:
    """Nobody wants an entry of another moment."""
    desk = live()
    desk.parts.bus.publish(signal("s:1", volume=10_000))
    refused(desk)
    assert [item.retcode for item in of_kind(desk.parts.journal, ev.OrderRejected)] == [-10_004]
    desk.see()
    assert desk.sent == []


def test_after_a_restart_it_is_still_wanted(wish: Wish) -> None:
    before, after = wish.unsent(), live(LOOSE)
    parts = after.parts
    memories = [
        parts.portfolio.replay_routes(),
        parts.order_manager.replay_routes(),
        *after.gateway.replay_routes(),
    ]
    Restorer(parts.bus, memories).restore(before.parts.journal.records)
    after.see(positions=(STANDING,))
    assert sent(after) == [7]
