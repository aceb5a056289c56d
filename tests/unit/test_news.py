"""News on an account that forbids trading around it: exits that are held back, and violations."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.rules import Calendar, News, Phase
from engine.types import Side
from risk import restrictions
from risk.challenge import Challenge, ChallengeActor
from risk.news import NEVER, PROTECTIVE, NewsRestriction
from scripts.app.sessions.replay import concluding, connect, replay_feed, started
from tests.builders import EURUSD, SPECS, Wired, closed, limits, of_kind, opened, signal, wired
from tests.challenges import rules
from tests.user_signal_runs import Ohlc, Told, at, bar_file, flat, iso, signal_file, terms_of

MINUTE = 60_000
NEWS_AT = 1_707_226_200_000  # 2024-02-06 13:30 UTC
FUNDED = rules(phases=(Phase(name="account", news_minutes=2),))
USD_NEWS = Calendar(news=(News(time=NEWS_AT, currencies=("USD",)),))
EXIT: dict[str, Any] = {
    "action": ev.CLOSE, "position": 7, "reason": "OPPOSITE", "price": 110_000,
}  # fmt: skip


def on_account(moment: int, calendar: Calendar = USD_NEWS, **changes: Any) -> Wired:
    """A funded account with position 7 open at `moment`."""
    parts = wired(
        limits(daily_loss_fraction=0.9, max_positions=9),
        challenge=Challenge(rules=FUNDED, calendar=calendar, **changes),
    )
    parts.bus.time = NEWS_AT - 3_600_000
    parts.bus.publish(opened(7, order_id=0))
    parts.bus.time = moment
    return parts


def violations(parts: Wired) -> list[tuple[str, int]]:
    return [(item.cause, item.position) for item in of_kind(parts.journal, ev.RuleViolated)]


class TestViolations:
    @pytest.mark.parametrize(
        ("offset", "within"),
        [
            (-2 * MINUTE - 1, False), (-2 * MINUTE, True), (0, True),
            (2 * MINUTE, True), (2 * MINUTE + 1, False),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize(
        ("reason", "order_id", "cause"),
        [
            ("SL", 0, "stop"), ("TP", 0, "target"), ("STOP_OUT", 0, "stop_out"),
            ("OPPOSITE", 3, "close"), ("END", 3, "close"), ("MANUAL", 0, "close"),
            ("FLATTEN", 3, "close"), ("WEEKEND", 3, "close"),
        ],
    )  # fmt: skip
    def test_every_close_within_the_window_counts_with_cause_and_time(
        self, offset: int, within: bool, reason: str, order_id: int, cause: str
    ) -> None:
        parts = on_account(NEWS_AT + offset)
        parts.bus.publish(closed(7, reason=reason, order_id=order_id))
        assert violations(parts) == ([(cause, 7)] if within else [])
        for item in of_kind(parts.journal, ev.RuleViolated):
            assert (item.attempt, item.phase, item.rule) == (1, 1, "news")
            assert "within 2 minutes of news for USD at 2024-02-06 13:30:00" in item.detail

    def test_an_opening_within_the_window_counts(self) -> None:
        """A waiting entry that is filled, or one that somebody places by hand."""
        parts = on_account(NEWS_AT)
        parts.bus.publish(opened(8))
        assert violations(parts) == [("open", 8)]

    def test_a_position_that_is_taken_over_was_opened_before(self) -> None:
        parts = on_account(NEWS_AT)
        parts.bus.publish(opened(8, order_id=0))
        assert violations(parts) == []

    def test_what_a_bar_shows_happened_at_any_time_in_it(self) -> None:
        """The stop was met between 13:15 and 13:30; the window began at 13:28."""
        parts = on_account(NEWS_AT)
        parts.bus.bar = ("EURUSD", NEWS_AT - 15 * MINUTE)
        parts.bus.publish(closed(7))
        (found,) = of_kind(parts.journal, ev.RuleViolated)
        assert found.since == NEWS_AT - 15 * MINUTE
        assert "between 2024-02-06 13:15:00 UTC and 2024-02-06 13:30:00 UTC" in found.detail

    def test_what_the_venue_closed_happened_since_the_last_look_at_the_account(self) -> None:
        """A look before the window and one after it: the stop may have been filled within."""
        parts = on_account(NEWS_AT - 3 * MINUTE)
        parts.bus.feed(ev.AccountSeen(10_000_000, 10_000_000, 0))
        parts.bus.time = NEWS_AT + 3 * MINUTE
        parts.bus.publish(closed(7, reason="SL"))
        assert violations(parts) == [("stop", 7)]

    @pytest.mark.parametrize(
        ("calendar", "phase"),
        [
            (Calendar(news=(News(time=NEWS_AT, currencies=("GBP",)),)), FUNDED.phases[0]),
            (Calendar(), FUNDED.phases[0]),
            (USD_NEWS, Phase(name="challenge", target=9_000)),
        ],
    )
    def test_other_news_and_phases_without_the_rule_leave_it_alone(
        self, calendar: Calendar, phase: Phase
    ) -> None:
        challenge = Challenge(rules=rules(phases=(phase,)), calendar=calendar)
        parts = wired(limits(daily_loss_fraction=0.9), challenge=challenge)
        parts.bus.time = NEWS_AT
        parts.bus.publish(opened(7, order_id=0))
        parts.bus.publish(closed(7))
        assert violations(parts) == []


class TestHeldExits:
    @pytest.mark.parametrize("offset", [-2 * MINUTE, 0, 2 * MINUTE])
    @pytest.mark.parametrize("reason", ["OPPOSITE", "END", "TIME"])
    def test_a_discretionary_exit_waits_until_the_window_is_over(
        self, offset: int, reason: str
    ) -> None:
        parts = on_account(NEWS_AT + offset)
        parts.bus.publish(signal("s:7", **{**EXIT, "reason": reason}))
        (denied,) = of_kind(parts.journal, ev.OrderDenied)
        assert denied.reason is ev.DenyReason.NEWS_WINDOW
        assert "held until after 2024-02-06 13:32:00 UTC" in denied.detail
        assert "protective exits are not" in denied.detail
        news = parts.news
        assert news is not None
        over = NEWS_AT + 2 * MINUTE
        assert news.next_time("EURUSD") == over + 1
        assert list(news.all_due(over)) == list(news.due("GBPUSD", over + 1)) == []
        parts.bus.time = over + 1
        for due in list(news.due("EURUSD", over + 1)):
            parts.bus.feed(due)
        (approved,) = of_kind(parts.journal, ev.OrderApproved)
        assert (approved.order.terms.reason, approved.order.terms.position) == (reason, 7)
        assert news.next_time("EURUSD") == NEVER

    @pytest.mark.parametrize("reason", sorted(PROTECTIVE))
    def test_what_protects_the_account_is_never_held(self, reason: str) -> None:
        parts = on_account(NEWS_AT)
        parts.bus.publish(signal("s:7", **{**EXIT, "reason": reason}))
        assert len(of_kind(parts.journal, ev.OrderApproved)) == 1

    def test_windows_that_follow_closely_are_one(self) -> None:
        calendar = Calendar(news=tuple(News(time=NEWS_AT + k * 3 * MINUTE) for k in range(3)))
        phase = FUNDED.phases[0]
        over = restrictions.news_over(phase, calendar, EURUSD, NEWS_AT)
        assert over == NEWS_AT + 8 * MINUTE + 1
        assert restrictions.news_over(phase, calendar, EURUSD, over) == over

    def test_a_position_that_a_stop_closed_meanwhile_is_not_closed_again(self) -> None:
        parts = on_account(NEWS_AT)
        parts.bus.publish(signal("s:7", **EXIT))
        parts.bus.publish(closed(7, reason="SL"))
        assert parts.news is not None
        assert list(parts.news.all_due(NEVER)) == []
        parts.bus.feed(ev.HeldExitDue(7))
        assert not of_kind(parts.journal, ev.OrderApproved)

    def test_a_session_that_goes_on_knows_what_it_held(self) -> None:
        parts = on_account(NEWS_AT)
        parts.bus.publish(signal("s:7", **EXIT))
        bus, portfolio = Bus(MemoryJournal()), Portfolio(SPECS)
        orders = OrderManager(bus)
        challenge = Challenge(rules=FUNDED, calendar=USD_NEWS)
        actor = ChallengeActor(bus, portfolio, orders, challenge)
        restored = NewsRestriction(bus, portfolio, orders, actor)
        routes = restored.replay_routes()
        for record in parts.journal.records:
            bus.time = record.time
            if type(record.event) in routes:
                routes[type(record.event)](record.event)
        assert list(restored.all_due(NEVER)) == [ev.HeldExitDue(7)]


def replayed(folder: Path, bars: list[Ohlc], exit_place: float, *, every_bar: bool = False) -> Told:
    """One long entry at the second bar, with an exit time; news 2 minutes after bar 8 opens."""
    folder.mkdir(exist_ok=True)
    calendar = folder / "calendar.csv"
    moment = iso(at(8) + 2 * MINUTE)
    calendar.write_text(f"time,kind,until,currencies\n{moment},news,,USD\n", encoding="utf-8")
    file = signal_file(
        folder,
        [
            {
                "time": at(1), "symbol": "EURUSD", "direction": "long", "stop_loss": 1.0790,
                "take_profit": 1.0890, "exit_time": at(exit_place), "volume": 0.1,
            }
        ],
    )  # fmt: skip
    terms = terms_of(
        {"EURUSD": bar_file(folder, "EURUSD", bars)},
        file,
        objectives="ftmo_2step:account",
        calendar=calendar,
    )
    terms = dataclasses.replace(terms, every_bar=every_bar)
    journal = MemoryJournal()
    parts = connect(journal, terms)
    feed = replay_feed(parts, terms)
    parts.bus.time = min(item.ref.first for item in terms.inputs)
    parts.bus.publish(started(terms))

    async def run() -> None:
        async for _ in feed.slices():
            await parts.bus.flush()

    asyncio.run(run())
    conclude = concluding(parts.portfolio, parts.risk, parts.challenge_actor)
    parts.bus.conclude(conclude(ev.SessionOutcome.DONE, ""))
    return Told(journal.records)


class TestReplay:
    def test_an_exit_time_in_the_window_closes_at_the_first_opening_after_it(
        self, tmp_path: Path
    ) -> None:
        told = replayed(tmp_path, flat(20), 8)
        ((moment, close),) = told.timed(ev.PositionClosed)
        assert (moment, close.reason) == (at(9), "END")
        assert told.of(ev.RuleViolated) == []

    def test_one_outside_of_it_closes_at_its_time(self, tmp_path: Path) -> None:
        told = replayed(tmp_path, flat(20), 7)
        ((moment, _),) = told.timed(ev.PositionClosed)
        assert moment == at(7)

    def test_a_stop_in_the_bar_of_the_window_is_a_violation(self, tmp_path: Path) -> None:
        bars = flat(20)
        bars[8] = (108_000, 108_005, 107_800, 107_900)
        told = replayed(tmp_path, bars, 15)
        found = told.only(ev.RuleViolated)
        assert (found.cause, found.since, found.phase) == ("stop", at(8), 3)

    def test_bars_that_are_skipped_change_nothing(self, tmp_path: Path) -> None:
        """The bar after the window is played whatever the fast way finds uneventful."""
        one, other = (
            replayed(tmp_path / str(every), flat(60), 8, every_bar=every) for every in (True, False)
        )
        assert one.records == other.records


def test_the_side_of_the_position_does_not_matter() -> None:
    parts = on_account(NEWS_AT)
    parts.bus.publish(opened(9, side=Side.SHORT, stop_loss=110_110, take_profit=109_810))
    parts.bus.publish(closed(9, side=Side.SHORT, reason="TP"))
    assert violations(parts) == [("open", 9), ("target", 9)]
