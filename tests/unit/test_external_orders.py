"""What stands at the venue beside the session's own: counted as risk, never touched, and a level
that somebody moved by hand."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.types import Side
from risk.exposure_book import ExposureBook
from tests.builders import limits, of_kind, signal
from tests.venue_steps import Live, deal_in, deals, live, result, seen

OURS = mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0, sl=1.0991, tp=1.1021, magic=26)


def by_hand(**fields: Any) -> mt5.TradePosition:
    usual = {"ticket": 50, "symbol": "GBPUSD", "volume": 0.3, "type": mt5.POSITION_TYPE_SELL}
    return mt5.TradePosition.of(**{**usual, **fields})


def waiting(**fields: Any) -> mt5.TradeOrder:
    usual = {
        "ticket": 60, "symbol": "EURUSD", "volume_current": 0.2,
        "type": mt5.ORDER_TYPE_BUY_STOP_LIMIT,
    }  # fmt: skip
    return mt5.TradeOrder.of(**{**usual, **fields})


def holding() -> Live:
    """A lot of EURUSD, bought as position 7."""
    desk = live()
    desk.parts.bus.publish(signal("s:1", volume=10_000))
    desk.reply(result(), deals=(deal_in(),))
    return desk


def differences(desk: Live) -> list[ev.ReconciliationMismatch]:
    return of_kind(desk.parts.journal, ev.ReconciliationMismatch)


def reason_to_deny(desk: Live) -> list[str]:
    """Why an entry in EURUSD is denied now, if it is."""
    desk.parts.bus.publish(signal("s:9", volume=10_000))
    return [item.reason for item in of_kind(desk.parts.journal, ev.OrderDenied)]


class TestForeign:
    def test_a_manual_position_is_told_once_with_what_it_may_lose(self) -> None:
        desk = live()
        for _ in range(3):
            desk.see(positions=(by_hand(),), risks={50: 123.45})
        (told,) = differences(desk)
        assert told.mismatches == ()
        assert told.external == (
            ev.ExternalExposure(
                ticket=50, symbol="GBPUSD", side=Side.SHORT, volume=3_000, risk=12_345
            ),
        )

    def test_a_waiting_order_counts_too_but_not_a_positions_own(self) -> None:
        desk = live()
        desk.see(orders=(waiting(), waiting(ticket=61, position_id=50)), risks={60: 10.0})
        (told,) = differences(desk)
        assert [(item.ticket, item.side, item.volume) for item in told.external] == [
            (60, Side.LONG, 2_000)
        ]

    def test_nothing_is_ever_sent_for_it(self) -> None:
        desk = live()
        desk.see(positions=(by_hand(),), orders=(waiting(),), risks={50: 1.0, 60: 1.0})
        desk.see()
        assert desk.sent == []

    def test_its_risk_takes_the_room_of_our_own_orders(self) -> None:
        desk = live()
        desk.see(positions=(by_hand(),), risks={50: 1_990.0})  # of 2,000 for the day
        assert reason_to_deny(desk) == [ev.DenyReason.DAILY_LOSS]

    def test_it_takes_the_place_of_none_of_our_positions(self) -> None:
        """What other hands hold is risk, however many they are: the counts are of our own mark."""
        desk = live()
        held = [by_hand(ticket=50 + n, symbol="EURUSD") for n in range(8)]
        desk.see(positions=held, orders=(waiting(),), risks={item.ticket: 1.0 for item in held})
        assert reason_to_deny(desk) == []

    @pytest.mark.parametrize(("ours", "counted"), [(True, 1), (False, 0)])
    def test_a_position_with_our_mark_counts_whichever_session_made_it(
        self, ours: bool, counted: int
    ) -> None:
        parts = live().parts
        book = ExposureBook(parts.portfolio, parts.order_manager, limits())
        book.external = (
            ev.ExternalExposure(
                ticket=50, symbol="EURUSD", side=Side.LONG, volume=3_000, risk=100, ours=ours
            ),
        )
        assert (book.count(), book.totals("EURUSD").on_symbol) == (counted, counted)
        assert book.worst_open() == 100

    def test_its_end_is_told_and_gives_the_room_back(self) -> None:
        desk = live()
        desk.see(positions=(by_hand(),), risks={50: 1_990.0})
        desk.see()
        assert differences(desk)[-1] == ev.ReconciliationMismatch()
        assert reason_to_deny(desk) == []

    def test_another_session_of_the_engine_at_work_latches_trading(self) -> None:
        """Two that know nothing of each other would spend the account's limits twice."""
        desk = live()
        desk.see(positions=(by_hand(magic=26, comment="cd-1"),), risks={50: 1.0})
        (told,) = differences(desk)
        assert told.external[0].ours
        (why,) = told.mismatches
        assert "another Butler works on this account" in why
        assert not desk.parts.risk.trading.active


class TestUnexplained:
    def test_a_position_with_this_sessions_mark_whose_order_is_over_latches_trading(self) -> None:
        desk = live()
        desk.see(positions=(by_hand(magic=26, comment="ab-99"),), risks={50: 1.0})
        assert "carries this session's mark 'ab-99'" in differences(desk)[0].mismatches[0]
        assert not desk.parts.risk.trading.active
        desk.see()
        assert not desk.parts.risk.trading.active  # until the user has looked

    def test_an_order_under_way_that_fills_before_its_reply_is_no_stranger(self) -> None:
        desk = live()
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        desk.see(positions=(OURS._with(comment="ab-1"),), risks={7: 1.0})
        assert differences(desk) == []

    def test_a_stale_look_that_still_shows_a_closed_position_raises_no_alarm(self) -> None:
        desk = holding()
        desk.see(deals=deals(deal_in(), deal_in(ticket=12, entry=mt5.DEAL_ENTRY_OUT)))
        assert desk.parts.portfolio.positions == {}
        desk.see(positions=(OURS,), risks={7: 1.0})
        assert differences(desk) == []
        assert desk.parts.risk.trading.active

    def test_a_stale_look_that_does_not_show_a_new_position_yet_closes_nothing(self) -> None:
        desk = holding()
        desk.see()
        assert list(desk.parts.portfolio.positions) == [7]
        assert desk.parts.risk.trading.active


class TestLooksWorthTaking:
    """The feed looks every second; only what is new is recorded."""

    def lost(self) -> Live:
        desk = live()
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        desk.reply(None, error=(-10_005, "IPC timeout"), account=None)
        return desk

    def test_an_order_of_unknown_outcome_is_looked_for_but_the_same_look_is_taken_once(
        self,
    ) -> None:
        desk = self.lost()
        gateway = desk.gateway
        assert gateway.has_changes(seen())
        desk.see()
        assert not gateway.has_changes(seen())
        assert gateway.has_changes(seen(recent=(deal_in(),)))
        desk.see(recent=(deal_in(),))
        assert list(desk.parts.portfolio.positions) == [7]

    def test_a_risk_that_moves_with_every_tick_is_not_told_each_time(self) -> None:
        desk = live()
        for dollars in (100.0, 100.5, 101.0, 99.1):
            desk.see(positions=(by_hand(),), risks={50: dollars})
        assert len(differences(desk)) == 1
        desk.see(positions=(by_hand(),), risks={50: 103.0})
        assert [item.external[0].risk for item in differences(desk)] == [10_000, 10_300]


class TestMovedByHand:
    MOVED = OURS._with(sl=1.0985, tp=0.0)

    def levels(self, desk: Live) -> tuple[int, int]:
        position = desk.parts.portfolio.positions[7]
        return position.stop_loss, position.take_profit

    @pytest.mark.parametrize(("looks", "believed"), [(1, False), (2, False), (3, True), (9, True)])
    def test_other_levels_are_taken_over_once_three_looks_agree(
        self, looks: int, believed: bool
    ) -> None:
        desk = holding()
        before = self.levels(desk)
        for _ in range(looks):
            desk.see(positions=(self.MOVED,))
        assert self.levels(desk) == ((109_850, 0) if believed else before)
        changes = of_kind(desk.parts.journal, ev.StopModified)
        assert [item.reason for item in changes] == [ev.BY_HAND] * believed

    def test_looks_that_disagree_begin_the_count_again(self) -> None:
        desk = holding()
        before = self.levels(desk)
        for stop in (1.0985, 1.0985, 1.0984, 1.0984, 1.0985):
            desk.see(positions=(OURS._with(sl=stop),))
        assert self.levels(desk) == before

    def test_a_look_at_the_known_levels_forgets_the_others(self) -> None:
        desk = holding()
        before = self.levels(desk)
        for item in (self.MOVED, self.MOVED, OURS, self.MOVED, self.MOVED):
            desk.see(positions=(item,))
        assert self.levels(desk) == before

    def test_while_an_order_of_ours_is_under_way_nothing_is_believed(self) -> None:
        desk = holding()
        desk.parts.bus.publish(
            signal("s:2", action=ev.Action.MODIFY, position=7, volume=10_000, reason="TRAIL",
                   stop_loss=109_950, take_profit=110_210)
        )  # fmt: skip
        before = self.levels(desk)
        for _ in range(5):
            desk.see(positions=(self.MOVED,))
        assert self.levels(desk) == before
