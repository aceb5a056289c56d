"""What the venue did by itself: found by looking, told once, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import SnapshotFailed
from adapters.mt5.execution.remote import carry_out
from adapters.mt5.execution.snapshot import SnapshotQuery, fetch_snapshot
from adapters.mt5.execution.translation import snapshot_of
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.orders import OrderState
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import SPECS, START, TICKS, of_kind, signal
from tests.paper_terminals import told
from tests.venue_steps import (
    FIGURES,
    REQUESTS,
    Live,
    deal_in,
    deal_out,
    deals,
    live,
    result,
    seen,
)

STANDING = mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0, sl=1.0991, tp=1.1021)
ENDED = {"expired": mt5.ORDER_STATE_EXPIRED, "refused": mt5.ORDER_STATE_REJECTED,
         "withdrawn": mt5.ORDER_STATE_CANCELED}  # fmt: skip


def entering() -> Live:
    desk = live()
    desk.parts.bus.publish(signal("s:1", volume=10_000))
    return desk


def holding() -> Live:
    """A lot of EURUSD, bought at 1.10010 as position 7."""
    desk = entering()
    desk.reply(result(), deals=(deal_in(),))
    return desk


def asked(action: ev.Action, **changes: int) -> Live:
    """Something is asked of that position and under way."""
    desk = holding()
    desk.parts.bus.publish(
        signal("s:2", action=action, position=7, volume=10_000, reason="WHY", **changes)
    )
    return desk


def lost(desk: Live) -> Live:
    """The request under way gets no answer that proves anything."""
    desk.reply(None, error=(-10_005, "IPC timeout"), account=None)
    return desk


def closes(desk: Live) -> list[ev.PositionClosed]:
    return of_kind(desk.parts.journal, ev.PositionClosed)


class TestClosedByTheVenue:
    @pytest.mark.parametrize(
        ("why", "reason"),
        [
            (mt5.DEAL_REASON_SL, "SL"),
            (mt5.DEAL_REASON_TP, "TP"),
            (mt5.DEAL_REASON_SO, "STOP_OUT"),
            (mt5.DEAL_REASON_CLIENT, "MANUAL"),
            (mt5.DEAL_REASON_MOBILE, "MANUAL"),
            (mt5.DEAL_REASON_EXPERT, "MANUAL"),
        ],
    )
    def test_the_reason_is_that_of_the_closing_deal(self, why: int, reason: str) -> None:
        desk = holding()
        desk.see(deals=deals(deal_in(), deal_out(reason=why)))
        assert [item.reason for item in closes(desk)] == [reason]
        assert desk.parts.portfolio.positions == {}

    def test_the_net_is_the_whole_result_with_the_opening_commission(self) -> None:
        desk = holding()
        desk.see(deals=deals(deal_in(), deal_out()))
        assert closes(desk) == [
            ev.PositionClosed(
                position=7, symbol="EURUSD", side=Side.LONG, volume=10_000, price=110_210,
                reason="TP", profit=20_000, net=20_000 - 250 - 31 - 250, account=FIGURES,
                strategy_id="s", signal_id="s:1", order_id=0, commission=-250, swap=-31,
            )
        ]  # fmt: skip

    def test_a_position_that_stands_is_left_alone(self) -> None:
        desk = holding()
        desk.see(positions=(STANDING,))
        assert closes(desk) == []

    def test_a_position_without_a_closing_deal_is_not_closed_yet(self) -> None:
        """The history may lag behind: the next snapshot will show."""
        desk = holding()
        desk.see()
        desk.see(deals=deals(deal_in()))
        assert closes(desk) == []
        assert desk.gateway.snapshot_query() == SnapshotQuery((7,), magic=26)
        desk.see(deals=deals(deal_in(), deal_out()))
        assert len(closes(desk)) == 1

    def test_looking_again_tells_nothing_twice(self) -> None:
        desk = holding()
        for _ in range(2):
            desk.see(deals=deals(deal_in(), deal_out()))
        assert len(closes(desk)) == 1

    def test_a_position_that_left_in_several_deals_is_closed_with_all_of_them(self) -> None:
        desk = holding()
        parts = (
            deal_out(volume=0.4, profit=80.0, swap=0.0, commission=-1.0),
            deal_out(ticket=13, volume=0.6, profit=120.0, swap=0.0, commission=-1.5),
        )
        for _ in range(2):
            desk.see(deals=deals(deal_in(), *parts))
        assert desk.parts.portfolio.positions == {}
        assert sum(item.volume for item in closes(desk)) == 10_000
        assert sum(item.profit for item in closes(desk)) == 20_000
        assert sum(item.net for item in closes(desk)) == 20_000 - 250 - 250

    def test_a_part_that_left_by_hand_is_told_and_the_rest_stays_open(self) -> None:
        desk = holding()
        part = deal_out(volume=0.4, profit=80.0, swap=0.0, commission=-1.0,
                        reason=mt5.DEAL_REASON_CLIENT)  # fmt: skip
        left = {"deals": deals(deal_in(), part), "positions": (STANDING._with(volume=0.6),)}
        assert desk.gateway.has_changes(seen(**left))
        for _ in range(2):
            desk.see(**left)
        assert not desk.gateway.has_changes(seen(**left))
        assert [(item.volume, item.remaining, item.reason, item.net) for item in closes(desk)] == [
            (4_000, 6_000, "MANUAL", 8_000 - 100 - 100)
        ]
        assert desk.parts.portfolio.positions[7].volume == 6_000


class TestAcceptedOrders:
    """A pending order, or a deal that the history did not show yet."""

    def working(self) -> Live:
        desk = entering()
        desk.reply(result(mt5.TRADE_RETCODE_PLACED, order=7))
        return desk

    def test_one_that_still_stands_is_left_alone(self) -> None:
        desk = self.working()
        desk.see(orders=(mt5.TradeOrder.of(ticket=7),))
        assert desk.parts.order_manager.alive == {1: OrderState.ACCEPTED}

    def test_one_that_filled_is_a_position(self) -> None:
        desk = self.working()
        desk.see(deals=deals(deal_in()), positions=(STANDING,))
        filled, opened = desk.events(ev.OrderAccepted)
        assert isinstance(filled, ev.OrderFilled)
        assert isinstance(opened, ev.PositionOpened)
        assert (opened.position, opened.order_id, opened.price) == (7, 1, 110_010)
        assert desk.gateway.snapshot_query() == SnapshotQuery((7,), magic=26)

    def test_one_that_filled_and_was_closed_since_is_both(self) -> None:
        desk = self.working()
        desk.see(deals=deals(deal_in(), deal_out(reason=mt5.DEAL_REASON_SL)))
        assert [type(event) for event in desk.events(ev.OrderAccepted)] == [
            ev.OrderFilled, ev.PositionOpened, ev.PositionClosed,
        ]  # fmt: skip
        assert closes(desk)[0].reason == "SL"

    @pytest.mark.parametrize("how", ENDED)
    def test_one_that_ended_without_a_fill_is_cancelled(self, how: str) -> None:
        desk = self.working()
        desk.see(ended={7: mt5.TradeOrder.of(ticket=7, state=ENDED[how])})
        (cancelled,) = desk.events(ev.OrderAccepted)
        assert isinstance(cancelled, ev.OrderCancelled)
        assert desk.parts.order_manager.alive == {}

    def test_one_of_which_nothing_is_known_stays(self) -> None:
        desk = self.working()
        desk.see()
        desk.see(ended={7: mt5.TradeOrder.of(ticket=7, state=mt5.ORDER_STATE_FILLED)})
        assert desk.parts.order_manager.alive == {1: OrderState.ACCEPTED}
        assert desk.gateway.snapshot_query().orders == (7,)

    def test_an_accepted_close_is_told_with_its_own_reason_once_the_position_is_gone(self) -> None:
        desk = asked(ev.Action.CLOSE)
        desk.reply(result(deal=12, order=8), deals=())
        ours = deal_out(order=8, reason=mt5.DEAL_REASON_EXPERT)
        desk.see(deals=deals(deal_in(), ours))
        assert [(item.reason, item.order_id) for item in closes(desk)] == [("WHY", 2)]
        assert desk.parts.order_manager.alive == {}

    def test_an_accepted_close_that_was_filled_in_part_is_over_and_told_as_ours(self) -> None:
        """The rest stays open: a close is filled at once or not at all."""
        desk = asked(ev.Action.CLOSE)
        desk.reply(result(mt5.TRADE_RETCODE_DONE_PARTIAL, order=8), deals=())
        part = deal_out(volume=0.4, profit=80.0, swap=0.0, commission=-1.0)
        for _ in range(2):
            desk.see(deals=deals(deal_in(), part), positions=(STANDING._with(volume=0.6),))
        assert [(item.volume, item.reason, item.order_id) for item in closes(desk)] == [
            (4_000, "WHY", 2)
        ]
        assert desk.parts.order_manager.alive == {}
        assert desk.parts.portfolio.positions[7].volume == 6_000

    def test_a_stop_that_was_faster_than_an_accepted_close_is_told_as_the_stop(self) -> None:
        desk = asked(ev.Action.CLOSE)
        desk.reply(result(mt5.TRADE_RETCODE_PLACED, order=8))
        theirs = deal_out(order=9, reason=mt5.DEAL_REASON_SL)
        desk.see(deals=deals(deal_in(), theirs))
        assert [item.reason for item in closes(desk)] == ["SL"]


class TestUnknownOutcomes:
    def test_the_look_asks_for_deals_from_a_day_before_the_order_left_to_a_day_past_now(
        self,
    ) -> None:
        """Also when a session that goes on finds it to be lost days later."""
        desk = live()
        desk.parts.bus.time = 1_736_251_200_000
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        desk.parts.bus.time += 3 * 86_400_000
        desk.gateway.abandoned()
        assert len(desk.gateway.unresolved) == 1
        assert desk.gateway.snapshot_query() == SnapshotQuery(
            span=(1_736_251_200 - 86_400, 1_736_251_200 + 4 * 86_400), magic=26
        )

    def test_the_deals_of_a_lost_order_are_found_on_a_terminal_that_takes_no_date_beyond_2038(
        self,
    ) -> None:
        desk = live()
        desk.parts.bus.time = 1_000_000
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        lost(desk)
        found = fetch_snapshot(TestLooking.terminal(), desk.gateway.snapshot_query())
        assert {"ab-1", "ab-2", "ab-3"} <= {deal.comment for deal in found.recent}

    def test_no_date_beyond_what_the_package_takes_is_asked_for(self) -> None:
        desk = live()
        desk.parts.bus.time = 2_147_428_800_000  # 2038-01-18 12:00
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        lost(desk)
        assert desk.gateway.snapshot_query().span == (2_147_428_800 - 86_400, 2_147_483_647)

    def test_an_entry_whose_deal_is_found_by_magic_and_comment_is_a_position(self) -> None:
        desk = lost(entering())
        desk.see(recent=(deal_in(),), positions=(STANDING,))
        filled, opened = desk.events(ev.TradingStateChanged)
        assert isinstance(filled, ev.OrderFilled)
        assert isinstance(opened, ev.PositionOpened)
        assert (desk.gateway.unresolved, desk.gateway.snapshot_query().span) == ([], None)

    def test_an_entry_that_is_found_waiting_at_the_venue_is_accepted(self) -> None:
        """Only one that bears the session's mark and its own."""
        desk = lost(entering())
        waits = mt5.TradeOrder.of(ticket=7, magic=26, comment="ab-1")
        desk.see(orders=(waits._with(magic=27), waits._with(comment="ab-2")))
        assert desk.parts.order_manager.alive == {1: OrderState.UNKNOWN}
        desk.see(orders=(waits,))
        (accepted,) = of_kind(desk.parts.journal, ev.OrderAccepted)
        assert (accepted.order_id, accepted.ticket) == (1, 7)
        assert desk.parts.order_manager.alive == {1: OrderState.ACCEPTED}
        assert desk.gateway.unresolved == []

    def test_who_resumes_says_that_what_was_not_found_was_never_executed(self) -> None:
        """Its end is on record; no other order of the user's says so."""
        desk = lost(entering())
        desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.PAUSE, reason="lunch"))
        assert len(desk.gateway.unresolved) == 1
        desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.RESUME, reason="not there"))
        (ended,) = of_kind(desk.parts.journal, ev.OrderCancelled)
        assert (ended.order_id, "never executed" in ended.reason) == (1, True)
        assert (desk.gateway.unresolved, desk.parts.order_manager.alive) == ([], {})

    @pytest.mark.parametrize(
        "other",
        [{"magic": 27}, {"comment": "ab-2"}, {"comment": "xy-1"}, {"entry": mt5.DEAL_ENTRY_OUT}],
    )
    def test_deals_of_others_prove_nothing(self, other: dict[str, Any]) -> None:
        desk = lost(entering())
        desk.see(recent=(deal_in(**other),))
        assert [order.order_id for order in desk.gateway.unresolved] == [1]
        assert desk.parts.order_manager.alive == {1: OrderState.UNKNOWN}

    def test_the_absence_of_traces_proves_nothing(self) -> None:
        desk = lost(entering())
        for _ in range(5):
            desk.see()
        assert desk.parts.order_manager.alive == {1: OrderState.UNKNOWN}
        assert desk.sent == []

    def test_a_close_whose_position_left_by_our_deal_is_told_with_its_reason(self) -> None:
        desk = lost(asked(ev.Action.CLOSE))
        ours = deal_out(order=8, reason=mt5.DEAL_REASON_EXPERT, comment="ab-2")
        desk.see(deals=deals(deal_in(), ours))
        assert [(item.reason, item.order_id) for item in closes(desk)] == [("WHY", 2)]
        assert desk.gateway.unresolved == []

    def test_a_close_whose_position_was_stopped_out_meanwhile_is_told_as_the_stop(self) -> None:
        desk = lost(asked(ev.Action.CLOSE))
        theirs = deal_out(order=9, reason=mt5.DEAL_REASON_SL, comment="[sl 1.09910]", magic=26)
        desk.see(deals=deals(deal_in(), theirs))
        assert [item.reason for item in closes(desk)] == ["SL"]

    def test_a_close_whose_position_stands_stays_unknown(self) -> None:
        desk = lost(asked(ev.Action.CLOSE))
        desk.see(positions=(STANDING,))
        assert len(desk.gateway.unresolved) == 1

    @pytest.mark.parametrize(("stop", "proven"), [(1.1005, True), (1.0991, False)])
    def test_a_change_of_stops_is_proven_by_the_positions_own_levels(
        self, stop: float, proven: bool
    ) -> None:
        desk = lost(asked(ev.Action.MODIFY, stop_loss=110_050))
        desk.see(positions=(STANDING._with(sl=stop),))
        assert (desk.gateway.unresolved == []) is proven
        assert len(of_kind(desk.parts.journal, ev.StopModified)) == proven

    def test_a_change_of_stops_whose_position_is_gone_ends_without_one(self) -> None:
        desk = lost(asked(ev.Action.MODIFY, stop_loss=110_050))
        desk.see(deals=deals(deal_in(), deal_out()))
        assert desk.gateway.unresolved == []
        assert desk.parts.order_manager.alive == {}
        assert [item.reason for item in closes(desk)] == ["TP"]

    def test_no_second_order_closes_what_one_of_unknown_outcome_may_have_closed(self) -> None:
        desk = lost(asked(ev.Action.CLOSE))
        desk.parts.bus.publish(
            signal("s:3", action=ev.Action.CLOSE, position=7, volume=10_000, reason="END")
        )
        assert desk.sent == []

    def test_a_change_whose_position_another_order_has_closed_can_do_nothing_more(self) -> None:
        desk = lost(asked(ev.Action.MODIFY, stop_loss=110_050))
        desk.parts.bus.publish(
            signal("s:3", action=ev.Action.CLOSE, position=7, volume=10_000, reason="END")
        )
        desk.reply(result(deal=12, order=8), deals=(deal_out(order=8),))
        assert [item.order_id for item in closes(desk)] == [3]
        desk.see()
        (cancelled,) = of_kind(desk.parts.journal, ev.OrderCancelled)
        assert (cancelled.order_id, cancelled.reason) == (2, "another order closed the position")
        assert desk.gateway.unresolved == []
        assert desk.parts.order_manager.alive == {}


class OddTerminal:
    """Accepts and deals orders, but names neither order nor deal; `asked` are questions for deals.

    Asked for what it does not know, it tells the deposit.
    """

    def __init__(self, terminal: PaperTerminal) -> None:
        self._terminal = terminal
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def order_send(self, request: dict[str, Any], /) -> Any:
        answer = self._terminal.order_send(request)
        assert answer is not None
        return answer._with(order=0, deal=0)

    def history_deals_get(self, *span: Any, **where: Any) -> Any:
        if not span:
            self.asked.append(where)
        found = self._terminal.history_deals_get(*span, **where)
        return found or self._terminal.history_deals_get(0, 0)


class TestLooking:
    """The questions themselves, asked of a paper terminal."""

    @staticmethod
    def terminal() -> PaperTerminal:
        account = PaperAccount(SPECS, START)
        for tick in TICKS.values():
            account.quote(tick.symbol, tick.bid, tick.ask, 1_000_000)
        account.open("EURUSD", Side.LONG, 10_000, 0, 0, 26, "ab-1")
        account.open("GBPUSD", Side.LONG, 10_000, 0, 0, 26, "ab-2")
        account.close(account.positions[1], 26, "ab-3")
        return PaperTerminal(account)

    def test_everything_open_is_told_and_the_deals_of_what_is_not(self) -> None:
        found = fetch_snapshot(self.terminal(), SnapshotQuery((1, 2), (), None))
        assert [position.ticket for position in found.positions] == [2]
        assert {ticket: len(told) for ticket, told in found.deals.items()} == {1: 2}
        assert (found.orders, found.recent) == ((), ())
        assert found.account.balance == 99_982.5

    def test_recent_deals_are_told_when_they_are_wanted(self) -> None:
        found = fetch_snapshot(self.terminal(), SnapshotQuery((), (), (999, 1_001)))
        assert [deal.comment for deal in found.recent] == ["ab-1", "ab-2", "ab-3"]

    def test_movements_of_the_balance_are_no_deals_of_a_position(self) -> None:
        terminal = self.terminal()
        terminal.account.deposit(5_000)
        assert len(terminal.history_deals_get(0, 2_000) or ()) == 5
        found = snapshot_of(fetch_snapshot(terminal, SnapshotQuery((), (), (0, 2_000))), REQUESTS)
        assert [deal.comment for deal in found.recent] == ["ab-1", "ab-2", "ab-3"]

    def test_neither_order_nor_position_0_is_ever_looked_up(self) -> None:
        """A terminal answers a question for position 0 with the deposit."""
        terminal = OddTerminal(self.terminal())
        found = fetch_snapshot(terminal, SnapshotQuery((0, 1), (0,), None, (2,)))
        assert sorted(found.deals) == [1, 2]
        assert terminal.asked == [{"position": 1}, {"position": 2}]

    def test_an_answer_without_a_ticket_is_not_read_back_and_a_look_finds_what_it_did(self) -> None:
        account = PaperAccount(SPECS, START)
        account.quote("EURUSD", TICKS["EURUSD"].bid, TICKS["EURUSD"].ask, 1_000_000)
        terminal = OddTerminal(PaperTerminal(account))
        desk = entering()
        venue_request = desk.sent.pop(0)
        reply = carry_out(terminal, venue_request.request)
        assert (reply.result and reply.result.order, reply.deals, terminal.asked) == (0, (), [])
        desk.parts.bus.feed(venue_request.answered(reply))
        assert len(desk.gateway.unresolved) == 1
        found = fetch_snapshot(terminal, desk.gateway.snapshot_query())
        desk.gateway.reconcile(snapshot_of(found, REQUESTS))
        (opened,) = of_kind(desk.parts.journal, ev.PositionOpened)
        assert (opened.position, opened.volume, desk.gateway.unresolved) == (1, 10_000, [])
        assert desk.parts.risk.trading.state is TradingState.LATCHED

    def test_a_terminal_that_cannot_tell_is_no_terminal_that_holds_nothing(self) -> None:
        silent = PaperTerminal(PaperAccount(SPECS, START), attached=False)
        with pytest.raises(SnapshotFailed, match=r"positions_get: \(-10004, 'No IPC connection'\)"):
            fetch_snapshot(silent, SnapshotQuery())


def test_of_a_stranger_whose_symbol_cannot_be_asked_about_all_may_be_lost() -> None:
    """The package takes no longer name: such a position ends no session, and leaves no room."""
    terminal = TestLooking.terminal()
    (standing,) = told(terminal.positions_get())
    named = standing._with(symbol="A-SYMBOL-WITH-MORE-THAN-29-CHARS", sl=0.0)

    class Strange(OddTerminal):
        def positions_get(self, **_where: Any) -> Any:
            return (named,)

    found = fetch_snapshot(Strange(terminal), SnapshotQuery(magic=5))
    assert found.risks == {named.ticket: found.account.equity}


HALTED = ev.TradingStateChanged(
    state=TradingState.UNTIL_RESET, account=FIGURES, cause=HaltCause.DAILY_LOSS
)


class TestHaltsAndWaitingOrders:
    """A pending entry must not open a position while trading is halted."""

    def test_a_halt_takes_a_pending_entry_back_from_the_venue(self) -> None:
        desk = live()
        desk.parts.bus.publish(
            signal("s:1", volume=10_000, entry_price=109_950, stop_loss=109_850, expires=1)
        )
        desk.reply(result(mt5.TRADE_RETCODE_PLACED, order=7))
        desk.gateway.on_trading_state(HALTED)
        assert desk.sent[-1].request == {"action": mt5.TRADE_ACTION_REMOVE, "order": 7}
        desk.reply(result(order=7))
        assert desk.parts.order_manager.alive == {}
        assert desk.gateway.snapshot_query().orders == ()

    def test_one_that_the_venue_has_just_filled_stays_to_be_looked_for(self) -> None:
        desk = live()
        desk.parts.bus.publish(
            signal("s:1", volume=10_000, entry_price=109_950, stop_loss=109_850, expires=1)
        )
        desk.reply(result(mt5.TRADE_RETCODE_PLACED, order=7))
        desk.gateway.on_trading_state(HALTED)
        desk.reply(result(mt5.TRADE_RETCODE_INVALID, order=0))
        assert desk.gateway.snapshot_query().orders == (7,)

    @pytest.mark.parametrize(("swap", "risk"), [(0, 100.0), (-1_250, 112.5), (20_000, 0.0)])
    def test_what_is_not_ours_may_lose_its_stop_and_the_swap_that_waits_to_be_booked(
        self, swap: int, risk: float
    ) -> None:
        account = PaperAccount(SPECS, START)
        account.quote("EURUSD", 110_000, 110_010, 1_000_000)
        account.open("EURUSD", Side.LONG, 10_000, 109_910, 0, 99, "")
        account.positions[1].swap = swap
        assert fetch_snapshot(PaperTerminal(account), SnapshotQuery(magic=26)).risks == {1: risk}
