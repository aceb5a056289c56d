"""The user pauses, resumes and flattens a session: on record, and by the way of any order."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.exits import Exits
from engine.session import Restorer
from engine.standing import MANUAL_REASON
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import START, Wired, limits, of_kind, opened, signal, wired
from tests.risk_steps import changes, denials, enter, lost, rejected, see, submitted
from tests.venue_steps import Live, deal_out, live, result


def command(action: ev.UserAction, reason: str = "news at noon") -> ev.UserCommanded:
    return ev.UserCommanded(action=action, reason=reason)


def said(parts: Wired, action: ev.UserAction) -> None:
    parts.bus.publish(command(action))


class TestPause:
    def test_a_pause_latches_and_denies_what_comes(self) -> None:
        parts = wired()
        said(parts, ev.UserAction.PAUSE)
        enter(parts, "EURUSD")
        assert changes(parts) == [(TradingState.LATCHED, HaltCause.PAUSED)]
        assert denials(parts) == [ev.DenyReason.HALTED]
        assert of_kind(parts.journal, ev.TradingStateChanged)[0].detail == "news at noon"

    def test_the_order_itself_is_on_record_before_what_it_leads_to(self) -> None:
        parts = wired()
        said(parts, ev.UserAction.PAUSE)
        kinds = [type(record.event) for record in parts.journal.records[-2:]]
        assert kinds == [ev.UserCommanded, ev.TradingStateChanged]

    def test_a_second_pause_is_on_record_and_changes_nothing(self) -> None:
        parts = wired()
        said(parts, ev.UserAction.PAUSE)
        said(parts, ev.UserAction.PAUSE)
        assert len(of_kind(parts.journal, ev.UserCommanded)) == 2
        assert len(changes(parts)) == 1


class TestResume:
    def test_it_clears_the_pause_and_every_other_latch(self) -> None:
        parts = wired()
        submitted_entry(parts)
        parts.bus.publish(rejected(1))
        said(parts, ev.UserAction.PAUSE)
        said(parts, ev.UserAction.RESUME)
        assert parts.risk.trading.active
        assert changes(parts)[-1] == (TradingState.ACTIVE, None)

    def test_it_does_not_lift_a_loss_of_the_day_or_a_lost_link(self) -> None:
        parts = wired()
        see(parts, START, 9_700_000)
        parts.bus.feed(ev.LinkChanged(up=False, detail="gone"))
        said(parts, ev.UserAction.RESUME)
        assert set(parts.risk.trading.causes) == {HaltCause.DAILY_LOSS, HaltCause.LINK}

    def test_a_floor_that_equity_is_still_below_latches_again_at_once(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.5, max_loss_fraction=0.1))
        see(parts, START, 9_000_000)
        said(parts, ev.UserAction.RESUME)
        assert parts.risk.trading.causes == (HaltCause.MAX_LOSS,)

    def test_once_equity_is_above_the_floor_again_it_stays_cleared(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.5, max_loss_fraction=0.1))
        see(parts, START, 9_000_000)
        see(parts, START, 9_000_001)
        said(parts, ev.UserAction.RESUME)
        assert parts.risk.trading.active


def submitted_entry(parts: Wired) -> None:
    enter(parts, "EURUSD")
    submitted(parts, 1, "EURUSD")


def flat(*positions: ev.PositionOpened) -> Live:
    """A session with these positions, just told to flatten."""
    session = holding(*positions)
    said(session.parts, ev.UserAction.FLATTEN)
    return session


def holding(*positions: ev.PositionOpened) -> Live:
    session = live()
    parts = session.parts
    parts.bus.attach(Exits(parts.bus, parts.portfolio, parts.order_manager).routes())
    for position in positions:
        parts.bus.publish(position)
    return session


LONG = opened(7, order_id=0)
OURS = (
    mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0, sl=1.0991, tp=1.1021, magic=26),
)
SHORT = opened(8, order_id=0, symbol="GBPUSD", side=Side.SHORT, price=125_000, stop_loss=125_500,
               take_profit=124_000)  # fmt: skip


MARKED = mt5.TradePosition.of(
    ticket=50, symbol="GBPUSD", volume=0.3, type=mt5.POSITION_TYPE_SELL, price_open=1.25,
    sl=1.255, tp=1.24, magic=26, comment="ab-99",
)  # fmt: skip
"""A position with the session's mark that is in no books: of an order that seemed never executed.
"""


class TestFlattenWhatIsMarked:
    """Closing everything means everything that the session may have opened."""

    def test_a_position_with_the_sessions_mark_is_closed_whatever_the_books_say(self) -> None:
        session = holding(LONG)
        session.see(positions=(*OURS, MARKED), risks={50: 1.0})
        said(session.parts, ev.UserAction.FLATTEN)
        sent = [venue_request.request for venue_request in session.sent]
        assert [(item["position"], item["type"], item["volume"]) for item in sent] == [
            (7, mt5.ORDER_TYPE_SELL, 1.0), (50, mt5.ORDER_TYPE_BUY, 0.3),
        ]  # fmt: skip

    def test_its_way_out_is_booked_like_any_other(self) -> None:
        session = holding()
        session.see(positions=(MARKED,), risks={50: 1.0})
        said(session.parts, ev.UserAction.FLATTEN)
        out = deal_out(position_id=50, volume=0.3, symbol="GBPUSD", profit=-30.0)
        session.reply(result(order=8, deal=12), deals=(out,))
        (closed,) = of_kind(session.parts.journal, ev.PositionClosed)
        assert (closed.position, closed.reason, closed.profit) == (50, MANUAL_REASON, -3_000)
        session.see()
        assert session.parts.portfolio.marked == {}
        said(session.parts, ev.UserAction.FLATTEN)
        assert session.sent == []

    def test_a_second_order_does_not_close_it_twice(self) -> None:
        session = holding()
        session.see(positions=(MARKED,), risks={50: 1.0})
        for _ in range(2):
            said(session.parts, ev.UserAction.FLATTEN)
        assert [venue_request.request["position"] for venue_request in session.sent] == [50]

    @pytest.mark.parametrize("other", [{"comment": "cd-1"}, {"magic": 0}], ids=["session", "hand"])
    def test_what_others_opened_is_not_touched(self, other: dict[str, Any]) -> None:
        session = holding()
        session.see(positions=(MARKED._with(**other),), risks={50: 1.0})
        said(session.parts, ev.UserAction.FLATTEN)
        assert session.sent == []

    def test_after_a_restart_it_is_known_from_the_journal(self) -> None:
        before, after = holding(), holding()
        before.see(positions=(MARKED,), risks={50: 1.0})
        memories = (
            after.parts.portfolio.replay_routes(),
            after.parts.order_manager.replay_routes(),
        )
        Restorer(after.parts.bus, memories).restore(before.parts.journal.records)
        said(after.parts, ev.UserAction.FLATTEN)
        assert [venue_request.request["position"] for venue_request in after.sent] == [50]


class TestFlatten:
    def test_every_position_is_closed_at_the_market_by_a_request_of_its_own(self) -> None:
        session = flat(LONG, SHORT)
        sent = [venue_request.request for venue_request in session.sent]
        assert [(item["position"], item["type"], item["price"]) for item in sent] == [
            (7, mt5.ORDER_TYPE_SELL, 1.1), (8, mt5.ORDER_TYPE_BUY, 1.2501),
        ]  # fmt: skip
        intents = of_kind(session.parts.journal, ev.OrderIntent)
        assert {item.terms.reason for item in intents} == {MANUAL_REASON}

    def test_trading_is_paused_before_the_first_close_is_asked_for(self) -> None:
        session = flat(LONG)
        kinds = [type(record.event) for record in session.parts.journal.records]
        assert kinds.index(ev.TradingStateChanged) < kinds.index(ev.OrderIntent)
        assert session.parts.risk.trading.causes == (HaltCause.PAUSED,)

    def test_a_pending_entry_is_taken_back(self) -> None:
        session = holding()
        session.parts.bus.publish(
            signal(entry_price=109_950, stop_loss=109_850, take_profit=110_150, expires=9_999)
        )
        session.reply(result(mt5.TRADE_RETCODE_PLACED, order=41))
        said(session.parts, ev.UserAction.FLATTEN)
        request = session.sent[-1].request
        assert request == {"action": mt5.TRADE_ACTION_REMOVE, "order": 41}

    def test_a_second_order_does_not_close_twice_what_is_being_closed(self) -> None:
        session = flat(LONG)
        said(session.parts, ev.UserAction.FLATTEN)
        assert len(session.sent) == 1

    def test_after_a_rejected_close_it_may_be_ordered_again(self) -> None:
        session = flat(LONG)
        session.reply(result(10_018))
        said(session.parts, ev.UserAction.FLATTEN)
        assert len(session.sent) == 1
        session.reply(result(order=8, deal=12), deals=(deal_out(),))
        assert session.parts.portfolio.positions == {}
        said(session.parts, ev.UserAction.FLATTEN)
        assert session.sent == []

    def test_a_close_of_unknown_outcome_is_not_sent_again(self) -> None:
        session = flat(LONG)
        order = of_kind(session.parts.journal, ev.OrderIntent)[0]
        session.parts.bus.publish(lost(order.order_id))
        said(session.parts, ev.UserAction.FLATTEN)
        assert len(session.sent) == 1

    def test_after_a_restart_what_was_under_way_is_known_from_the_journal(self) -> None:
        before = flat(LONG, SHORT)
        before.reply(result(10_018))
        after = holding()
        memories = (after.parts.portfolio.routes(), after.parts.order_manager.replay_routes())
        Restorer(after.parts.bus, memories).restore(before.parts.journal.records)
        said(after.parts, ev.UserAction.FLATTEN)
        assert [venue_request.request["position"] for venue_request in after.sent] == [7]

    def test_a_position_without_a_price_yet_is_closed_too(self) -> None:
        session = holding(LONG)
        del session.parts.portfolio.ticks["EURUSD"]
        said(session.parts, ev.UserAction.FLATTEN)
        assert session.sent[0].request["price"] == 1.1001

    def test_a_pause_or_a_resume_closes_nothing(self) -> None:
        session = holding(LONG)
        said(session.parts, ev.UserAction.PAUSE)
        said(session.parts, ev.UserAction.RESUME)
        assert session.sent == []
