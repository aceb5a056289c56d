"""What the paper terminal tells of positions, waiting orders and the past, and how it is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.matching import Bar
from adapters.paper.terminal.calling import group_filter
from adapters.paper.terminal.functions import PaperTerminal
from tests.paper_terminals import BUY, BUY_LIMIT, NOW, done, sent, terminal_at_ticks, told

HOUR = 3600
HISTORIES = ("deals_get", "deals_total", "orders_get", "orders_total")
NAMES = ("AUDUSD", "EURJPY", "EURUSD", "EURUSD.m", "XAUUSD")


def traded() -> PaperTerminal:
    """Deals an hour apart: the deposit at 0, a buy (1), a partial close (2), a stop (3); an order.

    Numbers are the tickets of orders; 4 is waiting, 5 was removed at once.
    """
    terminal = terminal_at_ticks()
    account = terminal.account
    ticket = done(terminal, BUY).order
    account.now += HOUR * 1000
    close = {**BUY, "type": mt5.ORDER_TYPE_SELL, "volume": 0.2, "position": ticket, "comment": "c"}
    done(terminal, close)
    account.now += HOUR * 1000
    account.play("EURUSD", Bar(110_000, 110_000, 109_850, 109_900, 10))
    account.now += HOUR * 1000
    done(terminal, {**BUY_LIMIT, "symbol": "GBPUSD", "price": 1.2, "sl": 0.0, "tp": 0.0})
    removed = done(terminal, BUY_LIMIT).order
    done(terminal, {"action": mt5.TRADE_ACTION_REMOVE, "order": removed})
    return terminal


class TestDeals:
    def test_a_position_ends_in_parts_each_with_its_order(self) -> None:
        deals = told(traded().history_deals_get(position=1))
        assert [(d.order, d.entry, d.reason, d.volume) for d in deals] == [
            (1, mt5.DEAL_ENTRY_IN, mt5.DEAL_REASON_EXPERT, 0.5),
            (2, mt5.DEAL_ENTRY_OUT, mt5.DEAL_REASON_EXPERT, 0.2),
            (3, mt5.DEAL_ENTRY_OUT, mt5.DEAL_REASON_SL, 0.3),
        ]
        assert [d.comment for d in deals] == ["ab-1", "c", "[sl 1.09900]"]
        assert [d.type for d in deals] == [mt5.DEAL_TYPE_BUY] + [mt5.DEAL_TYPE_SELL] * 2
        assert [d.time for d in deals] == [NOW, NOW + HOUR, NOW + 2 * HOUR]
        assert [d.profit for d in deals] == [0.0, -2.0, -33.0]
        assert [d.commission for d in deals] == [-1.25, -0.5, -0.75]

    @pytest.mark.parametrize(
        ("span", "orders"),
        [
            ((0, NOW - 1), [0]),
            ((NOW, NOW), [1]),
            ((NOW + 1, NOW + 2 * HOUR), [2, 3]),
            ((NOW + 9 * HOUR, NOW + 10 * HOUR), []),
            ((NOW, 0), []),
        ],
    )
    def test_both_dates_belong_to_the_span(self, span: tuple[int, int], orders: list[int]) -> None:
        terminal = traded()
        assert [deal.order for deal in told(terminal.history_deals_get(*span))] == orders
        assert terminal.history_deals_total(*span) == len(orders)

    def test_dates_may_be_datetimes(self) -> None:
        since, until = (datetime.fromtimestamp(moment, UTC) for moment in (NOW, NOW + HOUR))
        assert len(told(traded().history_deals_get(since, until))) == 2

    @pytest.mark.parametrize("name", [f"history_{what}" for what in HISTORIES])
    @pytest.mark.parametrize("beyond", [2**31, 4_102_444_800, 2**70, -(2**31) - 1])
    def test_an_int_date_that_is_no_c_long_raises_as_in_the_package(
        self, name: str, beyond: int
    ) -> None:
        """Measured with MetaTrader5 5.0.6231; `last_error` says nothing of it."""
        terminal = traded()
        for span in ((0, beyond), (beyond, NOW)):
            with pytest.raises(SystemError, match=f"{name}> returned a result with"):
                getattr(terminal, name)(*span)
            assert terminal.last_error() == (1, "Success")
        assert getattr(terminal, name)(mt5.EARLIEST_DATE, mt5.LATEST_DATE)

    def test_a_datetime_beyond_is_silently_a_date_at_which_there_is_nothing(self) -> None:
        terminal = traded()
        assert terminal.history_deals_get(0, datetime(2100, 1, 1, tzinfo=UTC)) == ()
        assert terminal.last_error() == (1, "Success")

    def test_by_order_and_by_group(self) -> None:
        terminal = traded()
        assert [deal.ticket for deal in told(terminal.history_deals_get(ticket=2))] == [3]
        assert terminal.history_deals_get(ticket=99) == ()
        assert len(told(terminal.history_deals_get(0, mt5.LATEST_DATE, group="*,!GBP*"))) == 4
        assert len(told(terminal.history_deals_get(0, mt5.LATEST_DATE, group="EUR*"))) == 3

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            ((), {}), ((NOW,), {}), ((0, NOW, 5), {}), (("a", "b"), {}), ((None, 1.0), {}),
            ((), {"ticket": "1"}), ((), {"position": 1.0}), ((0, NOW), {"group": 5}),
            ((), {"date_from": 0, "date_to": NOW}),
        ],
    )  # fmt: skip
    def test_other_questions_are_refused(self, args: tuple[Any, ...], kwargs: Any) -> None:
        terminal = traded()
        for function in (terminal.history_deals_get, terminal.history_orders_get):
            assert function(*args, **kwargs) is None
            assert terminal.last_error()[0] == mt5.RES_E_INVALID_PARAMS


class TestOrders:
    def test_every_deal_has_its_order_in_the_history(self) -> None:
        terminal = traded()
        orders = told(terminal.history_orders_get(0, mt5.LATEST_DATE))
        assert [(o.ticket, o.state, o.reason) for o in orders] == [
            (1, mt5.ORDER_STATE_FILLED, mt5.ORDER_REASON_EXPERT),
            (2, mt5.ORDER_STATE_FILLED, mt5.ORDER_REASON_EXPERT),
            (3, mt5.ORDER_STATE_FILLED, mt5.ORDER_REASON_SL),
            (5, mt5.ORDER_STATE_CANCELED, mt5.ORDER_REASON_EXPERT),
        ]
        assert [o.position_id for o in orders] == [1, 1, 1, 0]
        assert [o.volume_current for o in orders] == [0.0, 0.0, 0.0, 0.5]
        assert terminal.history_orders_total(0, mt5.LATEST_DATE) == 4

    def test_waiting_orders_are_not_history(self) -> None:
        terminal = traded()
        assert [order.ticket for order in told(terminal.orders_get())] == [4]
        assert terminal.history_orders_get(ticket=4) == ()
        assert [o.ticket for o in told(terminal.history_orders_get(position=1))] == [1, 2, 3]


class TestOpen:
    def test_filters_of_positions_and_orders(self) -> None:
        terminal = terminal_at_ticks()
        for symbol, price in (("EURUSD", 1.1), ("USDJPY", 150.0)):
            levels = {"sl": 0.0, "tp": 0.0, "price": price - 1}
            done(terminal, {**BUY, **levels, "symbol": symbol})
            done(terminal, {**BUY_LIMIT, **levels, "symbol": symbol})
        for get, tickets in ((terminal.positions_get, [1, 3]), (terminal.orders_get, [2, 4])):
            questions: list[dict[str, Any]] = [
                {}, {"symbol": "USDJPY"}, {"group": "EUR*"}, {"ticket": tickets[1]},
                {"ticket": 99}, {"symbol": "NOPE"}, {"symbol": "EURUSD", "ticket": tickets[1]},
            ]  # fmt: skip
            found = [[item[0] for item in told(get(**where))] for where in questions]
            assert found == [tickets, tickets[1:], tickets[:1], tickets[1:], [], [], tickets[1:]]
            assert terminal.last_error() == (1, "Success")
        assert (terminal.positions_total(), terminal.orders_total()) == (2, 2)

    def test_a_part_leaves_ticket_identifier_and_marks_as_they_were(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, BUY).order
        terminal.account.now += 5_000
        close = {**BUY, "type": mt5.ORDER_TYPE_SELL, "volume": 0.2, "position": ticket}
        done(terminal, {**close, "comment": "part", "magic": 7})
        (position,) = told(terminal.positions_get(ticket=ticket))
        assert (position.identifier, position.volume, position.magic) == (ticket, 0.3, 26)
        assert (position.comment, position.time) == ("ab-1", NOW)
        assert position.time_update_msc == NOW * 1000 + 5_000
        too_much = sent(terminal, {**close, "volume": 0.31})
        assert too_much.retcode == mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME


@pytest.mark.parametrize(
    ("group", "chosen"),
    [
        ("*", NAMES),
        ("EURUSD", ("EURUSD",)),
        ("EUR*", ("EURJPY", "EURUSD", "EURUSD.m")),
        ("*USD", ("AUDUSD", "EURUSD", "XAUUSD")),
        ("*, !*USD*", ("EURJPY",)),
        ("*,!EUR*,EURUSD.m", ("AUDUSD", "EURUSD.m", "XAUUSD")),
        ("AUD*,XAU*", ("AUDUSD", "XAUUSD")),
        ("", ()),
        ("EURUSD?m", ()),
    ],
)
def test_groups_are_masks_taken_in_order(group: str, chosen: tuple[str, ...]) -> None:
    assert tuple(filter(group_filter(group), NAMES)) == chosen
