"""What the venue's rejections do to trading: of the moment, of levels, or for good."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.rejections import effect_of
from adapters.mt5.live.release import FIRST, TransientRelease
from config.limits import limit_complaint
from engine import events as ev
from engine.events import DenyReason
from engine.fields import RejectionEffect
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import EURUSD, LIMITS, TICKS, account, halted, levels, of_kind, signal, wired
from tests.risk_steps import enter
from tests.venue_steps import REQUESTS, deal_in, live, result

TRANSIENT = (10004, 10018, 10020, 10021, 10024)
REJECTED = [
    code for code, known in mt5.RETURN_CODES.items() if known.outcome is mt5.RequestOutcome.REJECTED
]

AWAY: dict[str, Any] = levels(Side.LONG, TICKS["EURUSD"], 500, 1_000)


class TestEffects:
    @pytest.mark.parametrize("code", REJECTED)
    def test_only_answers_of_the_moment_suspend(self, code: int) -> None:
        """What will repeat itself latches, whatever could release a suspension."""
        expected = RejectionEffect.SUSPEND if code in TRANSIENT else RejectionEffect.LATCH
        assert effect_of(ev.Action.OPEN, code, may_suspend=True) is expected
        assert effect_of(ev.Action.CLOSE, code, may_suspend=True) is expected
        assert effect_of(ev.Action.OPEN, code, may_suspend=False) is RejectionEffect.LATCH

    @pytest.mark.parametrize("suspending", [True, False])
    def test_levels_that_came_too_late_concern_their_position_alone(self, suspending: bool) -> None:
        for code in (10016, 10029):
            effect = effect_of(ev.Action.MODIFY, code, may_suspend=suspending)
            assert effect is RejectionEffect.LEVELS

    def test_the_strict_way_is_an_option_of_the_limits(self) -> None:
        assert LIMITS.transient_rejections == "suspend"
        assert limit_complaint("transient_rejections", "latch") is None
        assert limit_complaint("transient_rejections", "ignore") is not None


def rejected(order_id: int, effect: RejectionEffect, **more: Any) -> ev.OrderRejected:
    return ev.OrderRejected(
        order_id=order_id, symbol="EURUSD", side=Side.LONG, retcode=10_018,
        message="the market is closed", account=account(), effect=effect, **more,
    )  # fmt: skip


class TestRisk:
    def test_the_third_within_an_hour_latches(self) -> None:
        parts = wired()
        states = []
        for number in (1, 2, 3):
            enter(parts, "EURUSD", f"s:{number}")
            parts.bus.publish(
                ev.OrderSubmitted(order_id=number, terms=signal().terms, volume=1_000)
            )
            parts.bus.publish(rejected(number, RejectionEffect.SUSPEND))
            states.append(parts.risk.trading.state)
            released = ev.ConditionSeen(HaltCause.TRANSIENT_REJECTION, False, "passes")
            parts.bus.feed(released)
        assert states == [TradingState.SUSPENDED, TradingState.SUSPENDED, TradingState.LATCHED]
        assert parts.risk.trading.causes == (HaltCause.REJECTION,)
        last = of_kind(parts.journal, ev.TradingStateChanged)[-1]
        assert "third such answer within an hour" in last.detail

    @pytest.mark.parametrize(("minutes", "latched"), [(59, True), (61, False)])
    def test_an_hour_later_they_are_forgotten(self, minutes: int, latched: bool) -> None:
        parts = wired()
        apply = parts.risk.replay_routes()[ev.OrderRejected]
        for _ in range(2):  # an earlier part of the session had them
            apply(rejected(1, RejectionEffect.SUSPEND))
        parts.bus.time += minutes * 60_000
        enter(parts, "EURUSD")
        parts.bus.publish(ev.OrderSubmitted(order_id=1, terms=signal().terms, volume=1_000))
        parts.bus.publish(rejected(1, RejectionEffect.SUSPEND))
        assert (parts.risk.trading.state is TradingState.LATCHED) is latched


def managing(terms: Any = LIMITS) -> Any:
    """A session with a position whose stop is about to be moved."""
    desk = live(terms)
    desk.parts.bus.publish(signal(scale=0.5, **AWAY))
    desk.reply(result(), deals=(deal_in(),))
    return desk


def move(desk: Any, stop: int) -> None:
    position = desk.parts.portfolio.positions[7]
    desk.parts.bus.publish(
        signal(
            f"m:{stop}", action=ev.Action.MODIFY, position=7, stop_loss=stop,
            take_profit=position.take_profit,
        )
    )  # fmt: skip


class TestLevels:
    def test_a_change_that_came_too_late_keeps_the_old_stop_and_rests_that_position(self) -> None:
        """It says so, trading goes on, and changes of that position wait: longer each time."""
        desk = managing()
        old = desk.parts.portfolio.positions[7].stop_loss
        waits = []
        for number in (1, 2, 3):
            move(desk, old + number)
            desk.reply(result(10016))
            (refused,) = [e for e in desk.events() if isinstance(e, ev.OrderRejected)]
            assert "keeps its levels" in refused.message
            assert desk.parts.risk.trading.active
            move(desk, old + 10 + number)
            assert desk.sent == []
            denied = of_kind(desk.parts.journal, ev.OrderDenied)[-1]
            assert denied.reason is DenyReason.LEVELS_SUSPENDED
            waits.append(int(re.findall(r"for (\d+) s", denied.detail)[0]))
            desk.parts.bus.time += waits[-1] * 1000
        assert desk.parts.portfolio.positions[7].stop_loss == old
        assert waits == [30, 60, 120]

    @pytest.mark.parametrize("news", [True, False])
    def test_a_change_that_changes_nothing_is_no_event(self, news: bool) -> None:
        """Where our books have other levels than the venue, they are taken over."""
        desk = managing()
        old = desk.parts.portfolio.positions[7].stop_loss
        move(desk, old + 5 if news else old)
        desk.reply(result(10025))
        assert desk.parts.risk.trading.active
        assert of_kind(desk.parts.journal, ev.OrderRejected) == []
        assert len(of_kind(desk.parts.journal, ev.StopModified)) == news
        assert desk.parts.portfolio.positions[7].stop_loss == (old + 5 if news else old)
        assert desk.parts.order_manager.alive == {}


class TestNoConnection:
    def test_an_order_for_which_the_terminal_had_no_connection_never_left(self) -> None:
        """No riddle: it ends, nothing latches, and nothing is charged for it."""
        desk = live()
        desk.parts.bus.publish(signal(scale=0.5, **AWAY))
        desk.reply(result(10031), connected=False)
        (ended,) = desk.events()
        assert isinstance(ended, ev.OrderCancelled)
        assert "never sent: 10031" in ended.reason
        assert desk.parts.risk.trading.active
        assert desk.parts.order_manager.in_flight == {}

    @pytest.mark.parametrize("connected", [True, None])
    def test_with_a_connection_the_same_answer_proves_nothing(self, connected: Any) -> None:
        desk = live()
        desk.parts.bus.publish(signal(scale=0.5, **AWAY))
        desk.reply(result(10031), connected=connected)
        assert isinstance(desk.events()[0], ev.OrderUnknown)

    def test_a_close_that_never_left_stays_wanted(self) -> None:
        desk = managing()
        desk.parts.bus.publish(signal("c:1", action=ev.Action.CLOSE, position=7, volume=1_000))
        desk.reply(result(10031), connected=False)
        assert list(desk.parts.order_manager.unsent) == [7]


class TestRelease:
    """A fresh price and a check of the same kind, half a minute later at the earliest."""

    def suspended(self) -> tuple[Any, TransientRelease]:
        parts = wired()
        release = TransientRelease(parts.bus, parts.portfolio, parts.order_manager)
        parts.bus.attach(release.routes())
        away: dict[str, Any] = levels(Side.LONG, TICKS["EURUSD"], 500, 1_000)
        parts.bus.publish(signal(scale=0.5, **away))
        (approved,) = of_kind(parts.journal, ev.OrderApproved)
        parts.bus.publish(
            ev.OrderSubmitted(order_id=1, terms=approved.order.terms, volume=approved.volume)
        )
        parts.bus.publish(rejected(1, RejectionEffect.SUSPEND))
        return parts, release

    def tick(self, parts: Any, by: int) -> None:
        last = parts.portfolio.ticks["EURUSD"]
        parts.bus.feed(ev.Tick("EURUSD", last.bid + by, last.ask + by))

    def test_without_a_fresh_price_nothing_is_checked(self) -> None:
        parts, release = self.suspended()
        assert release.due(parts.bus.time + 10 * FIRST) is None
        self.tick(parts, 3)
        assert release.due(parts.bus.time + FIRST - 1) is None
        assert release.due(parts.bus.time + FIRST) is not None

    def test_the_check_is_of_the_same_kind_at_the_new_price(self) -> None:
        parts, release = self.suspended()
        before = of_kind(parts.journal, ev.OrderSubmitted)[-1]
        self.tick(parts, 30)
        due = release.due(parts.bus.time + FIRST)
        assert due is not None
        request = REQUESTS.of(*due)
        asked = REQUESTS.of(of_kind(parts.journal, ev.OrderIntent)[-1], before.volume)
        moved = {name for name in asked if request[name] != asked[name]}
        assert moved == {"price", "sl", "tp"}
        for name in moved:
            assert EURUSD.points(request[name]) == EURUSD.points(asked[name]) + 30

    def test_a_check_that_fails_waits_longer_and_for_another_price(self) -> None:
        parts, release = self.suspended()
        self.tick(parts, 3)
        now = parts.bus.time + FIRST
        release.checked(now, 10018)
        assert not parts.risk.trading.active
        assert release.due(now + 2 * FIRST) is None
        self.tick(parts, 1)
        assert release.due(now + 2 * FIRST - 1) is None
        assert release.due(now + 2 * FIRST) is not None
        release.checked(now + 2 * FIRST, 0)
        assert parts.risk.trading.active
        assert release.due(now + 100 * FIRST) is None

    def test_a_restarted_session_knows_what_to_check(self) -> None:
        parts, _ = self.suspended()
        again = TransientRelease(parts.bus, parts.portfolio, parts.order_manager)
        routes = again.replay_routes()
        for record in parts.journal.records:
            parts.bus.time = record.time
            if handler := routes.get(type(record.event)):
                handler(record.event)
        again.on_tick(TICKS["EURUSD"])
        assert again.due(parts.bus.time + FIRST) is not None

    def test_nothing_is_checked_once_the_user_or_an_attempt_cleared_it(self) -> None:
        parts, release = self.suspended()
        self.tick(parts, 3)
        release.on_state(halted(None, state=TradingState.ACTIVE))
        assert release.due(parts.bus.time + FIRST) is None
