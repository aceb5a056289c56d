"""The execution adapter: each answer of the venue becomes the event that it proves, no other."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.gateway import Gateway, InProcess
from adapters.mt5.execution.remote import carry_out
from adapters.mt5.execution.terminal_port import TerminalPort
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.terminal.direct import PaperExecution
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.orders import OrderState
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import (
    SPECS,
    START,
    TICKS,
    Wired,
    halted,
    of_kind,
    signal,
    terms,
    wired,
)
from tests.venue_steps import FIGURES, REQUESTS, Live, deal_in, deal_out, deals, live, result


def entering() -> Live:
    """A lot of EURUSD is on its way to the venue."""
    desk = live()
    desk.parts.bus.publish(signal("s:1", volume=10_000))
    assert len(desk.sent) == 1
    return desk


def holding() -> Live:
    """And was bought at 1.10010."""
    desk = entering()
    desk.reply(result(), deals=(deal_in(),))
    return desk


def managing(action: ev.Action, **changes: int) -> Live:
    """Something is asked of that position."""
    desk = holding()
    desk.parts.bus.publish(
        signal("s:2", action=action, position=7, volume=10_000, reason="WHY", price=110_000,
               **changes)
    )  # fmt: skip
    return desk


class TestSubmitting:
    def test_the_submission_is_recorded_before_the_request_leaves(self) -> None:
        assert entering().recorded == [
            ev.OrderSubmitted(
                order_id=1, terms=terms("s:1", volume=10_000), volume=10_000
            )
        ]  # fmt: skip

    def test_the_request_is_that_of_the_approved_order(self) -> None:
        desk = entering()
        (approved,) = of_kind(desk.parts.journal, ev.OrderApproved)
        assert desk.sent[0].request == REQUESTS.of(approved.order, approved.volume)

    def test_an_entry_approved_before_a_halt_is_cancelled_and_not_sent(self) -> None:
        """The halt was dispatched while the approval waited."""
        desk = live()
        desk.gateway.on_trading_state(halted())
        desk.parts.bus.publish(signal("s:1", volume=10_000))
        assert desk.sent == []
        assert desk.events(ev.OrderApproved) == [
            ev.OrderCancelled(order_id=1, reason="trading was halted before it was sent")
        ]
        assert desk.parts.order_manager.alive == {}

    def test_an_entry_whose_halt_is_recorded_before_its_submission_is_not_sent_either(
        self,
    ) -> None:
        """The halt comes right behind the approval: the journal must not show a send after it."""
        desk = live()
        bus = desk.parts.bus
        bus.attach({ev.OrderIntent: lambda _: bus.publish(halted())})
        bus.publish(signal("s:1", volume=10_000))
        assert desk.sent == []
        assert of_kind(desk.parts.journal, ev.OrderCancelled) != []
        assert desk.parts.order_manager.alive == {}

    def test_while_halted_positions_are_still_managed(self) -> None:
        desk = holding()
        desk.gateway.on_trading_state(halted())
        desk.parts.bus.publish(signal("s:2", action=ev.Action.CLOSE, position=7, volume=10_000))
        assert len(desk.sent) == 1


class TestDone:
    def test_a_done_entry_is_a_fill_and_a_position_by_its_deal(self) -> None:
        desk = entering()
        desk.reply(result(price=1.5), deals=(deal_in(),))  # the deal's price is the truth
        assert desk.events() == [
            ev.OrderFilled(order_id=1, ticket=7, deal=11, volume=10_000, price=110_010),
            ev.PositionOpened(
                position=7, order_id=1, signal_id="s:1", strategy_id="s", symbol="EURUSD",
                side=Side.LONG, volume=10_000, price=110_010, reason="tag", account=FIGURES,
                stop_loss=109_910, take_profit=110_210, commission=-250,
            ),
        ]  # fmt: skip
        assert desk.parts.portfolio.positions[7].entry == 110_010

    def test_an_entry_that_filled_in_several_deals_is_one_position_of_all_of_them(self) -> None:
        desk = entering()
        """At their average price, each weighed by its volume."""
        parts = (
            deal_in(volume=0.4, commission=-1.0),
            deal_in(volume=0.6, commission=-1.5, ticket=12, price=1.1011),
        )
        desk.reply(result(), deals=parts)
        (opened,) = of_kind(desk.parts.journal, ev.PositionOpened)
        assert (opened.volume, opened.price, opened.commission) == (10_000, 110_070, -250)
        assert desk.parts.order_manager.alive == {}

    def test_every_deal_is_followed_by_an_equity_test(self) -> None:
        desk = entering()
        poor = mt5.AccountInfo.of(balance=98_100.0, equity=98_000.0)
        desk.reply(result(), deals=(deal_in(),), account=poor)
        assert desk.parts.portfolio.account == ev.AccountSeen(9_810_000, 9_800_000, 0)
        assert desk.parts.risk.trading.causes == (HaltCause.DAILY_LOSS,)

    def test_a_done_close_carries_the_whole_result(self) -> None:
        desk = managing(ev.Action.CLOSE)
        leaving = deal_out(order=8, reason=mt5.DEAL_REASON_EXPERT)
        desk.reply(result(order=8, deal=12), deals=(deal_in(), leaving))
        filled, closed = desk.events()
        assert filled == ev.OrderFilled(order_id=2, ticket=8, deal=12, volume=10_000, price=110_210)
        # 200.00 - 2.50 - 0.31, and 2.50 paid when it was opened.
        assert closed == ev.PositionClosed(
            position=7, symbol="EURUSD", side=Side.LONG, volume=10_000, price=110_210,
            reason="WHY", profit=20_000, net=19_469, account=FIGURES, strategy_id="s",
            signal_id="s:1", order_id=2, commission=-250, swap=-31, remaining=0,
        )  # fmt: skip
        assert desk.parts.portfolio.positions == {}

    def test_a_done_change_of_stops_moves_them(self) -> None:
        desk = managing(ev.Action.MODIFY, stop_loss=110_050)
        desk.reply(result(deal=0, order=0, volume=0.0, price=0.0))
        assert desk.events() == [
            ev.StopModified(
                order_id=2, position=7, symbol="EURUSD", side=Side.LONG, volume=10_000,
                stop_loss=110_050, take_profit=110_210, reason="WHY", account=FIGURES,
            )
        ]  # fmt: skip
        assert desk.parts.portfolio.positions[7].stop_loss == 110_050

    def test_the_opening_commission_is_shared_out_once_over_partial_closes(self) -> None:
        """2.50 were paid for a lot: 1.00 for the 0.4 that leave first, 1.50 for the rest."""
        desk = managing(ev.Action.CLOSE)
        free = {"commission": 0.0, "swap": 0.0, "profit": 0.0}
        part = deal_out(volume=0.4, **free)
        desk.reply(result(mt5.TRADE_RETCODE_DONE_PARTIAL, order=8, deal=12, volume=0.4, price=1.1),
                   deals=(deal_in(), part))  # fmt: skip
        desk.see(deals=deals(deal_in(), part, deal_out(ticket=13, volume=0.6, **free)))
        closes = of_kind(desk.parts.journal, ev.PositionClosed)
        assert [(item.volume, item.remaining, item.net) for item in closes] == [
            (4_000, 6_000, -100),
            (6_000, 0, -150),
        ]


class TestNotDone:
    @pytest.mark.parametrize(
        "retcode",
        [
            code
            for code, known in mt5.RETURN_CODES.items()
            if known.outcome is mt5.RequestOutcome.REJECTED
        ],
    )
    def test_a_refusal_is_a_rejection_with_its_code(self, retcode: int) -> None:
        desk = entering()
        desk.reply(result(retcode, comment="because"))
        rejected = desk.events()[0]
        assert rejected == ev.OrderRejected(
            order_id=1, symbol="EURUSD", side=Side.LONG, retcode=retcode,
            message=f"{mt5.RETURN_CODES[retcode].meaning} (because)",
            account=FIGURES,
        )  # fmt: skip
        assert desk.parts.order_manager.alive == {}

    @pytest.mark.parametrize("retcode", [10_011, 10_012, 10_031, 4_242, 0])
    def test_a_code_that_proves_nothing_leaves_the_outcome_unknown(self, retcode: int) -> None:
        desk = entering()
        desk.reply(result(retcode, comment="?"))
        unknown = desk.events()[0]
        assert isinstance(unknown, ev.OrderUnknown)
        known = mt5.RETURN_CODES.get(retcode)
        meaning = known.meaning if known else "a return code that is not documented"
        assert unknown.message == f"{retcode} {meaning} (?)"
        assert desk.parts.order_manager.alive == {1: OrderState.UNKNOWN}
        assert [order.order_id for order in desk.gateway.unresolved] == [1]
        assert desk.sent == []

    @pytest.mark.parametrize("code", [-2, -8, -10_004])
    def test_no_result_with_an_error_that_proves_it_never_left_is_a_rejection(
        self, code: int
    ) -> None:
        desk = entering()
        desk.reply(None, error=(code, "text"), account=None)
        rejected = desk.events()[0]
        assert isinstance(rejected, ev.OrderRejected)
        assert (rejected.retcode, rejected.message) == (code, "text")
        # Where the terminal could not tell, the last known figures stand.
        assert rejected.account == ev.Account(balance=START, equity=START)

    @pytest.mark.parametrize("code", [1, 0, -1, -3, -4, -10_001, -10_002, -10_005, -77])
    def test_no_result_with_any_other_error_leaves_the_outcome_unknown(self, code: int) -> None:
        desk = entering()
        desk.reply(None, error=(code, "text"), account=None)
        unknown = desk.events()[0]
        assert isinstance(unknown, ev.OrderUnknown)
        assert unknown.message == f"no result, error {code} text"
        assert desk.parts.risk.trading.state is TradingState.LATCHED

    @pytest.mark.parametrize("answer", [result(mt5.TRADE_RETCODE_PLACED, order=7), result()])
    def test_a_placed_order_or_a_deal_without_history_is_accepted_and_no_fill(
        self, answer: mt5.OrderSendResult
    ) -> None:
        desk = entering()
        desk.reply(answer, deals=())
        assert desk.events() == [ev.OrderAccepted(order_id=1, ticket=7)]
        assert desk.gateway.snapshot_query().orders == (7,)

    @pytest.mark.parametrize("action", [ev.Action.OPEN, ev.Action.CLOSE])
    @pytest.mark.parametrize("retcode", [mt5.TRADE_RETCODE_PLACED, mt5.TRADE_RETCODE_DONE])
    @pytest.mark.parametrize("deal", [0, 11])
    def test_an_accepted_order_without_a_ticket_is_of_unknown_outcome(
        self, retcode: int, deal: int, action: ev.Action
    ) -> None:
        """There is no order 0 and no position 0: nothing is looked up by it."""
        desk = entering() if action is ev.Action.OPEN else managing(action)
        desk.reply(result(retcode, order=0, deal=deal, comment="Done"), deals=())
        unknown = desk.events()[0]
        assert isinstance(unknown, ev.OrderUnknown)
        assert unknown.message == f"{retcode} Done, but without the ticket of an order"
        assert desk.parts.risk.trading.state is TradingState.LATCHED
        assert (len(desk.gateway.unresolved), desk.gateway.snapshot_query().orders) == (1, ())

    def test_a_deal_that_is_no_entry_opens_no_position(self) -> None:
        desk = entering()
        desk.reply(result(), deals=(deal_out(ticket=11),))
        assert desk.events() == [ev.OrderAccepted(order_id=1, ticket=7)]

    @pytest.mark.parametrize(
        "other",
        [*({"type": kind} for kind in range(2, 18)), {"volume": 0.0}, {"position_id": 0}],
        ids=str,
    )
    def test_a_movement_of_the_account_is_no_fill_whatever_it_names(
        self, other: dict[str, Any]
    ) -> None:
        """Balance, credit, correction and the like move money, also with our symbol, magic,
        comment and position; a look at them fills nothing either."""
        desk = entering()
        movement = deal_in(**{"comment": "ab-1", **other})
        desk.reply(result(), deals=(movement,))
        assert desk.events() == [ev.OrderAccepted(order_id=1, ticket=7)]
        desk.see(deals={7: (movement,)}, recent=(movement,))
        assert not desk.parts.portfolio.positions

    def test_an_order_of_before_that_was_accepted_without_a_ticket_becomes_unknown(self) -> None:
        """A journal may hold such a record; the session that goes on with it looks for traces."""
        desk = entering()
        desk.parts.bus.publish(ev.OrderAccepted(order_id=1, ticket=0))
        desk.gateway.abandoned()
        assert desk.parts.order_manager.alive == {1: OrderState.UNKNOWN}
        assert desk.gateway.snapshot_query().orders == ()

    def test_a_dry_run_ends_the_order_with_what_the_check_said(self) -> None:
        desk = entering()
        desk.reply(None, checked=mt5.OrderCheckResult.of(retcode=0, comment="Done"))
        assert desk.events() == [
            ev.OrderCancelled(order_id=1, reason="dry run, order_check says: Done")
        ]


class TestInThisProcess:
    """The replay's link: a paper terminal answers at once."""

    @staticmethod
    def _linked() -> tuple[Wired, PaperAccount, InProcess]:
        parts = wired()
        account = PaperAccount(SPECS, START)
        for tick in TICKS.values():
            account.quote(tick.symbol, tick.bid, tick.ask, 0)
        terminal = PaperTerminal(account)
        port = TerminalPort(terminal, REQUESTS)
        gateway = Gateway(parts.bus, parts.portfolio, parts.order_manager, REQUESTS, port)
        gateway.attach()
        return parts, account, InProcess(gateway, port)

    def test_an_entry_and_its_stop_are_told_with_the_accounts_own_figures(self) -> None:
        parts, account, link = self._linked()
        parts.bus.publish(signal("s:1", volume=10_000))
        account.play("EURUSD", Bar(110_000, 110_000, 109_900, 109_950, 10))
        link.reconcile()
        (opened,) = of_kind(parts.journal, ev.PositionOpened)
        (closed,) = of_kind(parts.journal, ev.PositionClosed)
        assert (opened.position, opened.price, opened.commission) == (1, 110_010, -250)
        assert (closed.reason, closed.price, closed.profit, closed.net) == (
            "SL", 109_910, -10_000, -10_500,
        )  # fmt: skip
        assert closed.account.balance == account.balance == START - 10_500
        assert parts.portfolio.positions == {}

    @pytest.mark.parametrize("condition", ["trade_allowed", "autotrading", "connected"])
    def test_a_counter_refuses_with_the_words_of_the_packages_functions(
        self, condition: str
    ) -> None:
        told = []
        for by_requests in (False, True):
            parts = wired()
            account = PaperAccount(SPECS, START)
            account.quote("EURUSD", TICKS["EURUSD"].bid, TICKS["EURUSD"].ask, 0)
            terminal = PaperTerminal(account)
            setattr(terminal.conditions, condition, False)
            port = (TerminalPort if by_requests else PaperExecution)(terminal, REQUESTS)
            gateway = Gateway(parts.bus, parts.portfolio, parts.order_manager, REQUESTS, port)
            gateway.attach()
            parts.bus.publish(signal("s:1", volume=10_000))
            told.append([record.event for record in parts.journal.records])
        assert told[0] == told[1]
        assert isinstance(told[0][-2], ev.OrderRejected | ev.OrderUnknown), "before the halt"

    def test_carrying_out_reads_back_what_the_deal_did(self) -> None:
        _, account, _ = self._linked()
        terminal = PaperTerminal(account)
        reply = carry_out(terminal, {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD",
                                     "volume": 1.0, "type": mt5.ORDER_TYPE_BUY})  # fmt: skip
        assert reply.result is not None
        assert [deal.order for deal in reply.deals] == [reply.result.order]
        assert reply.account == terminal.account_info()
        assert reply.deals[0].position_id == reply.result.order
        refused = carry_out(terminal, {"volume": 1})
        assert (refused.result, refused.deals, refused.error[0]) == (None, (), -2)
