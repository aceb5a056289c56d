"""Faults around the paper terminal: each does what it says, for as long as it says, by seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.contract import RequestOutcome
from adapters.paper.terminal.functions import PaperTerminal
from tests.builders import START
from tests.paper_terminals import BUY, BUY_LIMIT, terminal_at_ticks, told
from tests.simulation.fault_injector import Effects, FaultyTerminal
from tests.simulation.faults import ORDER_FAULTS, Fault, FaultKind, FaultPlan, FaultScript
from tests.simulation.faults import ScriptedFault as Scripted

SELL = {**BUY, "type": mt5.ORDER_TYPE_SELL, "sl": 0.0, "tp": 0.0}


class Happened(Exception):
    """Stands for the end of the process, or for a hang that the host's client ended."""


def raising(what: str) -> Callable[[], None]:
    def strike() -> None:
        raise Happened(what)

    return strike


class World:
    """A faulty terminal with what was noted and waited for."""

    def __init__(self, *script: Scripted, **options: Any) -> None:
        self.noted = 0
        self.waited: list[float] = []
        self.paper = terminal_at_ticks(**options)
        effects = Effects(hang=raising("hang"), die=raising("die"), wait=self.waited.append)
        self.mt5 = FaultyTerminal(self.paper, FaultScript(script), effects, noted=self.note)

    def note(self) -> None:
        self.noted += 1

    @property
    def open_now(self) -> int:
        """Positions that are really open."""
        return len(self.paper.account.positions)


def at(kind: FaultKind, function: str = "order_send", call: int = 1, **fault: Any) -> Scripted:
    return Scripted(function=function, call=call, fault=Fault(kind=kind, **fault))


class TestAnswers:
    @pytest.mark.parametrize(("code", "text"), [(0, "IPC send failed"), (-1, "Terminal: Call")])
    def test_a_failure_does_nothing(self, code: int, text: str) -> None:
        world = World(at(FaultKind.FAIL, code=code))
        assert world.mt5.order_send(BUY) is None
        assert world.mt5.last_error()[1].startswith(text)
        assert world.open_now == 0
        assert told(world.mt5.order_send(BUY)).retcode == mt5.TRADE_RETCODE_DONE
        assert world.mt5.last_error() == (1, "Success")

    def test_a_lost_reply_hides_what_was_done(self) -> None:
        world = World(at(FaultKind.LOST_REPLY, code=-10002))
        assert world.mt5.order_send(BUY) is None
        assert world.mt5.last_error() == (-10002, "IPC recv failed")
        assert world.open_now == 1

    @pytest.mark.parametrize("name", [name for name in mt5.FUNCTIONS if name.startswith("symbol_")])
    def test_any_function_can_fail_with_its_own_value(self, name: str) -> None:
        world = World(at(FaultKind.FAIL, name, code=-3))
        assert mt5.FUNCTIONS[name].failed(getattr(world.mt5, name)("EURUSD"))
        assert world.mt5.last_error() == (-3, "Terminal: Out of memory")

    @pytest.mark.parametrize(
        ("kind", "open_then"),
        [
            (FaultKind.HANG_BEFORE, 0),
            (FaultKind.DIE_BEFORE, 0),
            (FaultKind.HANG_AFTER, 1),
            (FaultKind.DIE_AFTER, 1),
        ],
    )
    def test_a_hang_or_death_strikes_before_or_after_the_order_took_effect(
        self, kind: FaultKind, open_then: int
    ) -> None:
        world = World(at(kind))
        with pytest.raises(Happened, match=kind.partition("_")[0]):
            world.mt5.order_send(BUY)
        assert (world.open_now, world.noted) == (open_then, 1)

    def test_a_slow_call_waits_and_answers(self) -> None:
        world = World(at(FaultKind.SLOW, "account_info", seconds=1.5))
        assert told(world.mt5.account_info()).login == 1
        assert world.waited == [1.5]


class TestOrders:
    def test_a_requote_carries_the_price_that_has_moved(self) -> None:
        world = World(at(FaultKind.REQUOTE, points=30))
        result = told(world.mt5.order_send(BUY))
        assert (result.retcode, result.bid, result.ask) == (10004, 1.1003, 1.1004)
        assert told(world.mt5.symbol_info_tick("EURUSD")).ask == 1.1004
        assert world.open_now == 0

    @pytest.mark.parametrize("code", [0, 10020, 10012])
    def test_a_rejection_has_the_code_that_was_asked_for(self, code: int) -> None:
        world = World(at(FaultKind.REJECT, code=code))
        result = told(world.mt5.order_send(BUY))
        assert (result.retcode, result.order) == (code or mt5.TRADE_RETCODE_REJECT, 0)
        assert world.open_now == 0

    def test_a_part_of_an_entry_or_close_is_filled(self) -> None:
        world = World(at(FaultKind.PARTIAL), at(FaultKind.PARTIAL, call=2))
        entry = told(world.mt5.order_send(BUY))
        assert (entry.retcode, entry.volume, entry.request.volume) == (10010, 0.25, 0.5)
        assert entry.deal
        leave = told(world.mt5.order_send({**SELL, "volume": 0.25, "position": entry.order}))
        assert (leave.retcode, leave.volume) == (10010, 0.12)
        assert world.paper.account.positions[entry.order].volume == 1_300

    def test_what_cannot_be_split_is_filled(self) -> None:
        world = World(at(FaultKind.PARTIAL))
        assert told(world.mt5.order_send({**BUY, "volume": 0.01})).retcode == 10009

    def test_a_placed_order_is_shown_and_executed_later(self) -> None:
        world = World(at(FaultKind.PLACED, span=3))
        result = told(world.mt5.order_send(BUY))
        assert (result.retcode, result.deal, result.price) == (10008, 0, 0.0)
        (order,) = told(world.mt5.orders_get())
        assert (order.ticket, order.state, order.type) == (result.order, 0, 0)
        assert world.mt5.positions_get() == ()
        assert [item.ticket for item in told(world.mt5.positions_get())] == [result.order]
        assert world.mt5.orders_get() == ()

    def test_while_a_close_is_in_flight_another_is_refused(self) -> None:
        world = World(at(FaultKind.PLACED, call=2, span=2))
        close = {**SELL, "position": told(world.mt5.order_send(BUY)).order}
        assert told(world.mt5.order_send(close)).retcode == 10008
        assert told(world.mt5.order_send(close)).retcode == mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST
        assert world.mt5.positions_get() == ()

    def test_a_close_that_comes_too_late_ends_refused(self) -> None:
        world = World(
            at(FaultKind.PLACED, call=2, span=2), at(FaultKind.SERVER_CLOSE, "account_info")
        )
        close = {**SELL, "position": told(world.mt5.order_send(BUY)).order}
        late = told(world.mt5.order_send(close)).order
        world.mt5.account_info()
        world.mt5.account_info()
        (order,) = told(world.mt5.history_orders_get(ticket=late))
        assert order.state == mt5.ORDER_STATE_REJECTED
        assert len(told(world.mt5.history_deals_get(position=1))) == 2

    @pytest.mark.parametrize("kind", sorted(ORDER_FAULTS))
    def test_a_request_that_the_server_refuses_anyway_is_refused_as_ever(
        self, kind: FaultKind
    ) -> None:
        world = World(at(kind))
        assert told(world.mt5.order_send({**BUY, "sl": 1.2})).retcode == 10016

    def test_waiting_orders_are_not_split_or_requoted(self) -> None:
        for kind in ORDER_FAULTS - {FaultKind.REJECT}:
            assert told(World(at(kind)).mt5.order_send(BUY_LIMIT)).retcode == 10009


class TestSpans:
    def test_books_lag_behind_for_a_span(self) -> None:
        world = World(at(FaultKind.STALE, span=3))
        ticket = told(world.mt5.order_send(BUY)).order
        assert world.mt5.positions_get() == ()
        assert world.mt5.history_deals_get(position=ticket) == ()
        assert len(told(world.mt5.positions_get())) == 1
        assert len(told(world.mt5.history_deals_get(position=ticket))) == 1

    def test_account_figures_are_not_stale(self) -> None:
        world = World(at(FaultKind.STALE, span=2))
        world.mt5.order_send(BUY)
        assert told(world.mt5.account_info()).margin > 0

    def test_a_mute_feed_shows_the_same_tick(self) -> None:
        world = World(at(FaultKind.MUTE, "symbol_info_tick", span=2))
        before = world.mt5.symbol_info_tick("EURUSD")
        world.paper.account.quote("EURUSD", 110_500, 110_510, world.paper.account.now + 1)
        assert world.mt5.symbol_info_tick("EURUSD") == before
        assert told(world.mt5.symbol_info_tick("EURUSD")).bid == 1.105

    @pytest.mark.parametrize(
        ("kind", "retcode", "field"),
        [
            (FaultKind.OFFLINE, mt5.TRADE_RETCODE_CONNECTION, "connected"),
            (FaultKind.AUTOTRADING_OFF, mt5.TRADE_RETCODE_CLIENT_DISABLES_AT, "trade_allowed"),
        ],
    )
    def test_conditions_change_for_a_span(self, kind: FaultKind, retcode: int, field: str) -> None:
        world = World(at(kind, "account_info", span=3))
        assert told(world.mt5.account_info()).login == 1
        assert told(world.mt5.order_send(BUY)).retcode == retcode
        assert getattr(told(world.mt5.terminal_info()), field) is False
        assert getattr(told(world.mt5.terminal_info()), field) is True
        assert told(world.mt5.order_send(BUY)).retcode == 10009

    def test_without_a_terminal_everything_fails_for_a_span(self) -> None:
        world = World(at(FaultKind.NO_IPC, span=3))
        assert world.mt5.order_send(BUY) is None
        assert world.mt5.last_error() == (-10004, "No IPC connection")
        assert world.mt5.version() == (0, 0, "")
        assert world.mt5.symbol_select("EURUSD") is False
        assert world.mt5.positions_get() == ()
        assert world.open_now == 0

    def test_another_account_is_shown_whole_and_keeps_its_own_books(self) -> None:
        world = World(at(FaultKind.OTHER_ACCOUNT, "account_info", call=2, span=2))
        world.mt5.order_send(BUY)
        assert told(world.mt5.account_info()).login == 1
        other = told(world.mt5.account_info())
        assert (other.login, other.server, other.margin) == (2, "Other-Demo", 0.0)
        assert world.mt5.positions_get() == ()
        assert told(world.mt5.account_info()).login == 1
        assert len(world.mt5.other.account.deals) == 1

    def test_an_order_sent_meanwhile_ends_up_on_the_other_account(self) -> None:
        world = World(at(FaultKind.OTHER_ACCOUNT))
        assert told(world.mt5.order_send(BUY)).retcode == 10009
        assert (world.open_now, len(world.mt5.other.account.positions)) == (0, 1)


class TestTheWorld:
    def test_the_server_stops_the_oldest_position(self) -> None:
        world = World(at(FaultKind.SERVER_CLOSE, "positions_get"))
        ticket = told(world.mt5.order_send(BUY)).order
        world.mt5.order_send(SELL)
        assert len(told(world.mt5.positions_get())) == 1
        deal = told(world.mt5.history_deals_get(position=ticket))[-1]
        assert (deal.reason, deal.comment, deal.magic) == (4, "[sl 1.09900]", 26)

    def test_a_position_is_closed_by_hand(self) -> None:
        world = World(at(FaultKind.MANUAL_CLOSE, "positions_get"))
        ticket = told(world.mt5.order_send(BUY)).order
        assert world.mt5.positions_get() == ()
        deal = told(world.mt5.history_deals_get(position=ticket))[-1]
        assert (deal.reason, deal.comment, deal.magic) == (mt5.DEAL_REASON_CLIENT, "", 0)

    def test_a_position_is_opened_by_hand(self) -> None:
        world = World(at(FaultKind.MANUAL_TRADE, "positions_get"))
        (position,) = told(world.mt5.positions_get())
        assert (position.magic, position.reason, position.volume) == (0, 0, 0.01)

    def test_a_gap_against_the_position_stops_it_beyond_its_stop(self) -> None:
        world = World(at(FaultKind.PRICE_GAP, "positions_get", points=500))
        world.mt5.order_send(BUY)
        assert world.mt5.positions_get() == ()
        deal = world.paper.account.deals[-1]
        assert (deal.price, deal.reason) == (109_500, mt5.DEAL_REASON_SL)

    def test_nothing_happens_where_there_is_nothing(self) -> None:
        for kind in (FaultKind.SERVER_CLOSE, FaultKind.MANUAL_CLOSE):
            world = World(at(kind, "positions_get"))
            assert world.mt5.positions_get() == ()
            assert world.paper.account.balance == START


EVERY = dict.fromkeys(FaultKind, 0.2)


def seeded(seed: int, chances: dict[FaultKind, float], **options: Any) -> FaultPlan:
    return FaultPlan(Random(seed), chances, **options)  # noqa: S311 - nothing secret


class TestPlans:
    def decided(self, seed: int, **options: Any) -> list[Fault | None]:
        plan = seeded(seed, options.pop("chances", EVERY), **options)
        calls = [name for name in mt5.FUNCTIONS for _ in range(9)]
        return [plan.decide(index, name, 1) for index, name in enumerate(calls)]

    def test_the_same_seed_decides_the_same_and_another_seed_something_else(self) -> None:
        assert self.decided(7) == self.decided(7)
        assert self.decided(7) != self.decided(8)

    def test_a_decision_depends_on_no_other_call(self) -> None:
        plan = seeded(7, EVERY)
        alone = plan.decide(200, "order_send", 1)
        for index in range(200):
            plan.decide(index, "version", 1)
        assert plan.decide(200, "order_send", 9) == alone

    def test_every_kind_comes_up_and_order_faults_only_for_orders(self) -> None:
        plan = seeded(1, dict.fromkeys(FaultKind, 0.05))
        for name in ("order_send", "positions_get"):
            found = [plan.decide(index, name, 1) for index in range(3_000)]
            kinds = {fault.kind for fault in found if fault}
            assert kinds == set(FaultKind) - (set() if name == "order_send" else ORDER_FAULTS)

    def test_chances_can_be_kept_to_some_functions_and_to_nothing(self) -> None:
        kept = self.decided(3, functions=["order_send"])
        names = [name for name in mt5.FUNCTIONS for _ in range(9)]
        struck = {name for name, fault in zip(names, kept, strict=True) if fault}
        assert struck == {"order_send"}
        assert set(self.decided(3, chances={})) == {None}

    def test_codes_leave_no_doubt_only_where_nothing_was_done(self) -> None:
        plan = seeded(5, {FaultKind.LOST_REPLY: 1.0})
        for index in range(200):
            fault = told(plan.decide(index, "order_send", 1))
            assert mt5.delivery_of(fault.code) is mt5.Delivery.UNKNOWN
        plan = seeded(5, {FaultKind.REJECT: 1.0})
        for index in range(200):
            fault = told(plan.decide(index, "order_send", 1))
            assert mt5.outcome_of(fault.code) is RequestOutcome.REJECTED

    def test_without_faults_it_is_the_terminal_behind_it(self) -> None:
        world, plain = World(), terminal_at_ticks()
        for name, args in (("order_send", (BUY,)), ("positions_get", ()), ("version", ())):
            assert getattr(world.mt5, name)(*args) == getattr(plain, name)(*args)
        assert world.mt5.order_send(BUY, comment="x") is None
        assert world.mt5.last_error()[0] == -2
        assert world.mt5.shutdown() is True
        assert world.mt5.positions_get() is None
        assert isinstance(world.mt5.other, PaperTerminal)
