"""The paper terminal's surface: the package's result shapes, return codes and failures."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from engine.types import Side
from tests.builders import SPECS, START, TICKS

BUY: dict[str, Any] = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.5, "price": 1.1001,
    "type": mt5.ORDER_TYPE_BUY, "type_filling": mt5.ORDER_FILLING_FOK, "sl": 1.099, "tp": 1.102,
    "deviation": 10, "magic": 26, "comment": "ab-1",
}  # fmt: skip


T = TypeVar("T")


def told(answer: T | None) -> T:
    """An answer that is no failure."""
    assert answer is not None
    return answer


def new_terminal() -> PaperTerminal:
    """The starting balance, one position (a lot of EURUSD bought at 1.10010 with ticket 1)."""
    account = PaperAccount(SPECS, START)
    for tick in TICKS.values():
        if tick.symbol != "GBPUSD":  # no quotes for this one
            account.quote(tick.symbol, tick.bid, tick.ask, 1_736_251_200_500)
    account.open("EURUSD", Side.LONG, 10_000, 109_900, 110_200, 26, "ab-0")
    return PaperTerminal(account)


@pytest.fixture
def terminal() -> PaperTerminal:
    return new_terminal()


def sent(terminal: PaperTerminal, **changes: Any) -> mt5.OrderSendResult:
    result = terminal.order_send({**BUY, **changes})
    assert isinstance(result, mt5.OrderSendResult)
    return result


class TestSending:
    def test_a_buy_is_done_at_the_ask_and_echoes_the_request(self, terminal: PaperTerminal) -> None:
        result = sent(terminal)
        assert (result.retcode, result.comment) == (mt5.TRADE_RETCODE_DONE, "Request executed")
        assert (result.volume, result.price, result.bid, result.ask) == (0.5, 1.1001, 1.1, 1.1001)
        assert {name: getattr(result.request, name) for name in BUY} == BUY
        assert result.request.position == 0
        assert terminal.last_error() == (1, "Success")
        (position,) = told(terminal.positions_get(ticket=result.order))
        assert isinstance(position, mt5.TradePosition)
        assert (position.sl, position.tp, position.volume) == (1.099, 1.102, 0.5)
        assert (position.magic, position.comment) == (26, "ab-1")
        (deal,) = told(terminal.history_deals_get(position=result.order))
        assert (deal.ticket, deal.order, deal.position_id) == (result.deal, *[result.order] * 2)
        assert (deal.commission, deal.profit, deal.price) == (-1.25, 0.0, 1.1001)

    def test_a_close_names_its_position_and_realises_its_profit(
        self, terminal: PaperTerminal
    ) -> None:
        result = sent(terminal, type=mt5.ORDER_TYPE_SELL, volume=1.0, position=1, sl=0.0, tp=0.0)
        assert (result.retcode, result.price) == (mt5.TRADE_RETCODE_DONE, 1.1)
        assert terminal.positions_get() == ()
        opening, closing = told(terminal.history_deals_get(position=1))
        assert (opening.entry, closing.entry) == (mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT)
        assert (closing.profit, closing.commission) == (-10.0, -2.5)
        assert told(terminal.account_info()).balance == 100_000 - 15.0

    def test_stops_are_moved_without_a_deal(self, terminal: PaperTerminal) -> None:
        result = terminal.order_send(
            {"action": mt5.TRADE_ACTION_SLTP, "position": 1, "symbol": "EURUSD", "sl": 1.0995,
             "tp": 1.102}
        )  # fmt: skip
        assert isinstance(result, mt5.OrderSendResult)
        assert (result.retcode, result.deal, result.price) == (mt5.TRADE_RETCODE_DONE, 0, 0.0)
        (position,) = told(terminal.positions_get(symbol="EURUSD"))
        assert (position.sl, position.tp) == (1.0995, 1.102)

    def test_an_order_check_of_a_good_request_says_done_with_code_0_and_changes_nothing(
        self, terminal: PaperTerminal
    ) -> None:
        result = terminal.order_check(dict(BUY))
        assert isinstance(result, mt5.OrderCheckResult)
        assert (result.retcode, result.comment) == (0, "Done")
        # A lot is open, 1,100.10, and half a lot more would be.
        assert (result.margin, result.balance) == (1_650.15, 99_997.5)
        assert result.margin_free == round(result.equity - 1_650.15, 2)
        assert len(told(terminal.positions_get())) == 1


REFUSALS: dict[str, tuple[dict[str, Any], int]] = {
    "no action": ({"action": 0}, mt5.TRADE_RETCODE_INVALID),
    "an unknown action": ({"action": 99}, mt5.TRADE_RETCODE_INVALID),
    "an unknown symbol": ({"symbol": "NOTHING"}, mt5.TRADE_RETCODE_INVALID),
    "a pending type": ({"type": mt5.ORDER_TYPE_BUY_LIMIT}, mt5.TRADE_RETCODE_INVALID_ORDER),
    "no quotes": ({"symbol": "GBPUSD"}, mt5.TRADE_RETCODE_PRICE_OFF),
    "no volume": ({"volume": 0.0}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "less than the minimum": ({"volume": 0.001}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "more than the maximum": ({"volume": 50.01}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "no whole step": ({"volume": 0.015}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "a negative volume": ({"volume": -1.0}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "no number of lots": ({"volume": math.nan}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "endless lots": ({"volume": math.inf}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    "the mask as filling": ({"type_filling": 3}, mt5.TRADE_RETCODE_INVALID_FILL),
    "filling by return": (
        {"type_filling": mt5.ORDER_FILLING_RETURN}, mt5.TRADE_RETCODE_INVALID_FILL),
    "a stop at the bid": ({"sl": 1.1}, mt5.TRADE_RETCODE_INVALID_STOPS),
    "a target at the bid": ({"tp": 1.1}, mt5.TRADE_RETCODE_INVALID_STOPS),
    "a stop that is no number": ({"sl": math.nan}, mt5.TRADE_RETCODE_INVALID_STOPS),
    "a target without end": ({"tp": math.inf}, mt5.TRADE_RETCODE_INVALID_STOPS),
    "more than the money": ({"symbol": "XAUUSD", "volume": 20.0, "sl": 0.0, "tp": 0.0},
                            mt5.TRADE_RETCODE_NO_MONEY),
    "a position that is gone": ({"position": 77}, mt5.TRADE_RETCODE_POSITION_CLOSED),
    "its own side": ({"position": 1}, mt5.TRADE_RETCODE_INVALID),
    "another symbol's position": (
        {"position": 1, "symbol": "USDJPY", "type": mt5.ORDER_TYPE_SELL},
        mt5.TRADE_RETCODE_INVALID),
    "more than the position": (
        {"position": 1, "type": mt5.ORDER_TYPE_SELL, "volume": 1.01},
        mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME),
    "stops of a position that is gone": (
        {"action": mt5.TRADE_ACTION_SLTP, "position": 77}, mt5.TRADE_RETCODE_POSITION_CLOSED),
    "stops that stay": (
        {"action": mt5.TRADE_ACTION_SLTP, "position": 1}, mt5.TRADE_RETCODE_NO_CHANGES),
    "a new stop beyond the bid": (
        {"action": mt5.TRADE_ACTION_SLTP, "position": 1, "sl": 1.1002},
        mt5.TRADE_RETCODE_INVALID_STOPS),
}  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize("name", REFUSALS)
    def test_each_has_its_return_code_and_changes_nothing(
        self, terminal: PaperTerminal, name: str
    ) -> None:
        changes, retcode = REFUSALS[name]
        request = {**BUY, **changes}
        if changes.get("action") == mt5.TRADE_ACTION_SLTP:
            request = {"symbol": "EURUSD", "sl": 1.099, "tp": 1.102, **changes}
        before = (terminal.account_info(), terminal.positions_get())
        result = terminal.order_send(request)
        assert isinstance(result, mt5.OrderSendResult)
        assert (result.retcode, result.deal, result.order) == (retcode, 0, 0)
        assert result.comment == mt5.RETURN_CODES[retcode].meaning
        checked = terminal.order_check(request)
        assert isinstance(checked, mt5.OrderCheckResult)
        assert (checked.retcode, checked.comment) == (retcode, result.comment)
        assert (terminal.account_info(), terminal.positions_get()) == before
        assert terminal.last_error() == (1, "Success")

    def test_a_level_that_stays_is_not_judged_again(self, terminal: PaperTerminal) -> None:
        """The price may just have passed it."""
        terminal.account.quote("EURUSD", 109_800, 109_810, 0)
        result = terminal.order_send(
            {"action": mt5.TRADE_ACTION_SLTP, "position": 1, "symbol": "EURUSD", "sl": 1.099,
             "tp": 1.103}
        )  # fmt: skip
        assert result is not None
        assert result.retcode == mt5.TRADE_RETCODE_DONE

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("volume", 1), ("price", 1), ("sl", 0), ("tp", "1.1"), ("volume", True),
            ("action", 1.0), ("magic", "26"), ("position", 1.0), ("type", None), ("symbol", 5),
            ("comment", b"ab"), ("comment", "x" * 30), ("symbol", "E" * 30),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("function", ["order_send", "order_check"])
    def test_a_value_of_another_type_is_no_request_at_all(
        self, terminal: PaperTerminal, function: str, key: str, value: object
    ) -> None:
        assert getattr(terminal, function)({**BUY, key: value}) is None
        assert terminal.last_error() == (-2, f'Invalid "{key}" argument')
        assert len(told(terminal.positions_get())) == 1

    def test_keys_that_nobody_knows_are_ignored(self, terminal: PaperTerminal) -> None:
        assert sent(terminal, surplus=object()).retcode == mt5.TRADE_RETCODE_DONE

    def test_the_next_call_clears_the_error(self, terminal: PaperTerminal) -> None:
        terminal.order_send({**BUY, "volume": 1})
        terminal.positions_get()
        assert terminal.last_error() == (1, "Success")


class TestReading:
    def test_the_account_has_the_packages_fields_and_types(self, terminal: PaperTerminal) -> None:
        info = terminal.account_info()
        assert isinstance(info, mt5.AccountInfo)
        assert (info.trade_mode, info.currency, info.margin_mode) == (
            mt5.ACCOUNT_TRADE_MODE_DEMO, "USD", mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
        )  # fmt: skip
        assert (info.balance, info.profit, info.equity) == (99_997.5, -10.0, 99_987.5)
        assert (info.margin, info.margin_free) == (1_100.1, 98_887.4)
        kinds = mt5.field_types(mt5.AccountInfo)
        assert [type(value).__name__ for value in info] == list(kinds.values())

    def test_a_tick_carries_seconds_and_milliseconds(self, terminal: PaperTerminal) -> None:
        tick = terminal.symbol_info_tick("USDJPY")
        assert isinstance(tick, mt5.MqlTick)
        assert (tick.bid, tick.ask) == (150.0, 150.01)
        assert (tick.time, tick.time_msc) == (1_736_251_200, 1_736_251_200_500)

    def test_an_unknown_symbol_is_none_with_an_error(self, terminal: PaperTerminal) -> None:
        for function in (terminal.symbol_info, terminal.symbol_info_tick):
            assert function("NOTHING") is None
            assert terminal.last_error()[0] == -4

    def test_none_found_is_an_empty_tuple_and_no_failure(self, terminal: PaperTerminal) -> None:
        assert terminal.positions_get(symbol="USDJPY") == ()
        assert terminal.positions_get(ticket=77) == ()
        assert terminal.history_deals_get(position=77) == ()
        assert terminal.last_error() == (1, "Success")

    def test_profit_and_margin_can_be_reckoned_beforehand(self, terminal: PaperTerminal) -> None:
        assert terminal.order_calc_margin(mt5.ORDER_TYPE_BUY, "EURUSD", 0.5, 1.1001) == 550.05
        profit = terminal.order_calc_profit(mt5.ORDER_TYPE_SELL, "EURUSD", 0.5, 1.1001, 1.1)
        assert profit == 5.0


VALUES = (
    st.integers(0, 20) | st.integers() | st.floats() | st.sampled_from(["EURUSD", "GBPUSD", ""])
    | st.text(max_size=4) | st.none() | st.booleans() | st.sampled_from([1.0, 0.01, 1.1, 1.09])
)  # fmt: skip
REQUESTS = st.dictionaries(st.sampled_from([*mt5.REQUEST_TYPES, "surplus"]), VALUES, max_size=12)
NEARLY_GOOD = st.dictionaries(st.sampled_from(list(mt5.REQUEST_TYPES)), VALUES, max_size=2).map(
    lambda drawn: {**BUY, **drawn}
)


@given(REQUESTS | NEARLY_GOOD)
def test_no_request_raises_anything_that_the_package_would_not(request: dict[str, Any]) -> None:
    """A result, or None and an error; SystemError for an int that does not fit, as it does."""
    terminal = new_terminal()
    try:
        checked = terminal.order_check(request)
        sending = terminal.order_send(request)
    except SystemError:
        assert any(isinstance(value, int) and not 0 <= value < 2**32 for value in request.values())
        return
    if checked is None or sending is None:
        assert checked is None
        assert sending is None
        assert terminal.last_error()[0] == -2
    else:
        assert checked.retcode in (0, *mt5.RETURN_CODES)
        good = checked.retcode == 0
        assert sending.retcode == (mt5.TRADE_RETCODE_DONE if good else checked.retcode)
