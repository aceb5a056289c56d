"""The paper terminal's surface against the measured one: calls, failures, shapes, return codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.contract import FUNCTIONS, NEVER_FAILS, Call
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.rules import TradingHours
from engine.types import Side
from tests.builders import SPECS
from tests.paper_terminals import (
    BUY,
    BUY_LIMIT,
    NOW,
    account_at_ticks,
    books,
    done,
    sent,
    terminal_at_ticks,
    told,
)

SYMBOL = ("EURUSD",)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "symbol_info": SYMBOL,
    "symbol_info_tick": SYMBOL,
    "symbol_select": SYMBOL,
    "market_book_add": SYMBOL,
    "market_book_get": SYMBOL,
    "market_book_release": SYMBOL,
    "copy_rates_from": ("EURUSD", mt5.TIMEFRAME_M1, NOW, 3),
    "copy_rates_from_pos": ("EURUSD", mt5.TIMEFRAME_M1, 0, 3),
    "copy_rates_range": ("EURUSD", mt5.TIMEFRAME_M1, 0, NOW),
    "copy_ticks_from": ("EURUSD", NOW, 3, mt5.COPY_TICKS_ALL),
    "copy_ticks_range": ("EURUSD", 0, NOW, mt5.COPY_TICKS_ALL),
    "order_calc_margin": (mt5.ORDER_TYPE_BUY, "EURUSD", 1.0, 1.1),
    "order_calc_profit": (mt5.ORDER_TYPE_BUY, "EURUSD", 1.0, 1.1, 1.2),
    "order_check": (BUY,),
    "order_send": (BUY,),
    "history_orders_total": (0, NOW),
    "history_orders_get": (0, NOW),
    "history_deals_total": (0, NOW),
    "history_deals_get": (0, NOW),
    "login": (1,),
}
"""Good arguments by position, of the functions that take any."""

DATES = {
    ("copy_rates_from", 2), ("copy_rates_range", 2), ("copy_rates_range", 3),
    ("copy_ticks_from", 1), ("copy_ticks_range", 1), ("copy_ticks_range", 2),
    *((f"history_{what}_total", place) for what in ("orders", "deals") for place in (0, 1)),
}  # fmt: skip
"""Where a function takes a date."""

CAN_FAIL = [name for name, function in FUNCTIONS.items() if function.failure is not NEVER_FAILS]


def call(terminal: PaperTerminal, name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(terminal, name)(*args, **kwargs)


class TestFailures:
    def test_every_function_of_the_package_is_there(self) -> None:
        terminal = terminal_at_ticks()
        assert [name for name in FUNCTIONS if not callable(getattr(terminal, name, None))] == []

    @pytest.mark.parametrize("name", [name for name in CAN_FAIL if name != "initialize"])
    def test_without_a_connection_each_gives_its_failure_value(self, name: str) -> None:
        terminal = PaperTerminal(account_at_ticks(), attached=False)
        assert terminal.last_error() == (0, "")
        answer = call(terminal, name, *ARGUMENTS.get(name, ()))
        assert FUNCTIONS[name].failed(answer)
        assert terminal.last_error() == (mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")

    def test_initialize_connects_and_shutdown_ends_it(self) -> None:
        terminal = PaperTerminal(account_at_ticks(), attached=False)
        assert terminal.initialize(timeout=1000) is True
        assert told(terminal.account_info()).login == 1
        assert terminal.shutdown() is True
        assert terminal.last_error() == (1, "Success")
        assert terminal.account_info() is None
        assert terminal.version() == (0, 0, "")

    @pytest.mark.parametrize("kwargs", [{"login": 2}, {"login": 1, "server": "Elsewhere"}])
    def test_another_account_is_refused(self, kwargs: dict[str, Any]) -> None:
        terminal = terminal_at_ticks()
        for log_in in (terminal.initialize, terminal.login):
            assert log_in(**kwargs) is False
            assert terminal.last_error() == (-6, "Terminal: Authorization failed")
        assert terminal.login(1, "any", server="Paper-Demo") is True

    @pytest.mark.parametrize(
        "bad",
        [
            {"login": "1"}, {"password": 1}, {"password": "p" * 254}, {"server": "s" * 254},
            {"timeout": 1.5}, {"portable": 1},
        ],
    )  # fmt: skip
    def test_initialize_takes_only_what_the_package_takes(self, bad: dict[str, Any]) -> None:
        terminal = terminal_at_ticks()
        assert terminal.initialize(**bad) is False
        assert terminal.last_error() == (-2, f'Invalid "{next(iter(bad))}" argument')

    def test_there_is_no_depth_of_market(self) -> None:
        terminal = terminal_at_ticks()
        answers = [call(terminal, f"market_book_{part}", "EURUSD") for part in ("add", "release")]
        assert answers == [False, False]
        assert terminal.market_book_get("EURUSD") is None


class TestArguments:
    @pytest.mark.parametrize(
        "name", [name for name in CAN_FAIL if FUNCTIONS[name].call is Call.POSITIONAL]
    )
    def test_functions_by_position_refuse_keywords_and_other_counts(self, name: str) -> None:
        """A wrong count fails; a keyword raises, and `last_error` stays as it was."""
        terminal, args = terminal_at_ticks(), ARGUMENTS[name]
        for wrong in ((), (*args, 1, 2)):
            assert FUNCTIONS[name].failed(call(terminal, name, *wrong))
            assert terminal.last_error() == (-2, "Invalid arguments")
            with pytest.raises(TypeError, match=name):
                call(terminal, name, *args, symbol="EURUSD")
            assert terminal.last_error() == (-2, "Invalid arguments")

    @pytest.mark.parametrize(
        "name", [name for name in CAN_FAIL if FUNCTIONS[name].call is Call.NOTHING]
    )
    @pytest.mark.parametrize(("args", "kwargs"), [(("EURUSD",), {}), ((), {"symbol": "EURUSD"})])
    def test_functions_without_arguments_raise_for_any(
        self, name: str, args: tuple[str, ...], kwargs: dict[str, str]
    ) -> None:
        terminal = terminal_at_ticks()
        with pytest.raises(TypeError, match=name):
            call(terminal, name, *args, **kwargs)
        assert terminal.last_error() == (1, "Success")

    @pytest.mark.parametrize("name", ["positions_get", "orders_get"])
    def test_functions_by_keyword_refuse_arguments_by_position(self, name: str) -> None:
        terminal = terminal_at_ticks()
        assert call(terminal, name, "EURUSD") is None
        assert terminal.last_error() == (-2, "Unnamed arguments not allowed")

    def test_a_group_of_symbols_may_come_by_position_and_a_keyword_outdoes_it(self) -> None:
        terminal = terminal_at_ticks()
        assert [item.name for item in told(terminal.symbols_get("EUR*"))] == ["EURUSD"]
        assert [item.name for item in told(terminal.symbols_get("EUR*", group="GBP*"))] == [
            "GBPUSD"
        ]
        assert call(terminal, "symbols_get", 5) is False
        assert terminal.last_error() == (-2, "Invalid 1st unnamed argument")

    @pytest.mark.parametrize(
        ("name", "place", "odd"),
        [
            (name, place, odd)
            for name in CAN_FAIL
            if FUNCTIONS[name].call is Call.POSITIONAL
            for place, value in enumerate(ARGUMENTS[name])
            if isinstance(value, int | float) and (name, place) not in DATES
            for odd in ("1", None, [1])
        ],
    )
    def test_a_number_that_is_none_raises_as_in_the_package(
        self, name: str, place: int, odd: Any
    ) -> None:
        """Its conversion fails before the symbol is looked at."""
        terminal, args = terminal_at_ticks(), list(ARGUMENTS[name])
        args[place] = odd
        for symbol in ("EURUSD", 5):
            asked = [symbol if item == "EURUSD" else item for item in args]
            with pytest.raises(SystemError, match=name):
                call(terminal, name, *asked)
            assert terminal.last_error() == (-2, "Invalid arguments")

    @pytest.mark.parametrize("name", ["positions_get", "orders_get"])
    def test_of_several_filters_the_ticket_counts_first(self, name: str) -> None:
        terminal = terminal_at_ticks()
        assert call(terminal, name, symbol=5, ticket="1", group=5) is None
        assert terminal.last_error() == (-2, 'Invalid "ticket" argument')
        assert call(terminal, name, symbol=5, group=5) is None
        assert terminal.last_error() == (-2, 'Invalid "symbol" argument')
        for beyond in (-1, 2**64):
            with pytest.raises(SystemError):
                call(terminal, name, ticket=beyond)
            assert terminal.last_error() == (-2, 'Invalid "ticket" argument')
        assert call(terminal, name, ticket=2**64 - 1) == ()

    def test_unknown_keywords_are_ignored(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, BUY)
        assert len(told(terminal.positions_get(magic=5, colour="red"))) == 1
        assert len(told(terminal.symbols_get(magic=5))) == len(SPECS)

    @pytest.mark.parametrize("name", ["positions_get", "orders_get"])
    @pytest.mark.parametrize(
        "where", [{"symbol": 1}, {"symbol": "S" * 30}, {"group": 1}, {"ticket": "1"}]
    )
    def test_filters_of_another_type_are_refused(self, name: str, where: dict[str, Any]) -> None:
        terminal = terminal_at_ticks()
        assert call(terminal, name, **where) is None
        assert terminal.last_error() == (-2, f'Invalid "{next(iter(where))}" argument')

    def test_symbols_get_with_a_group_that_is_no_text_is_false(self) -> None:
        terminal = terminal_at_ticks()
        assert call(terminal, "symbols_get", group=5) is False
        assert terminal.last_error()[0] == -2

    @pytest.mark.parametrize("symbol", ["NOPE", "E" * 30, 5, None])
    def test_a_symbol_that_is_none_is_told_apart_from_a_bad_argument(self, symbol: Any) -> None:
        terminal = terminal_at_ticks()
        assert terminal.symbol_info(symbol) is None
        assert terminal.last_error()[0] == (-4 if symbol == "NOPE" else -2)

    @pytest.mark.parametrize("name", ["order_send", "order_check"])
    def test_a_request_comes_as_one_dict_or_as_keywords_but_not_as_both(self, name: str) -> None:
        terminal = terminal_at_ticks()
        assert call(terminal, name, BUY).request == call(terminal, name, **BUY).request
        assert call(terminal, name, BUY, comment="x") is None
        assert terminal.last_error() == (-2, "Unnamed arguments not allowed")
        for nothing in ((), ([BUY],), ("buy",)):
            assert call(terminal, name, *nothing) is None
            assert terminal.last_error()[0] == -2


class TestRequestTypes:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            *((key, bad) for key in ("volume", "price", "stoplimit", "sl", "tp")
              for bad in (1, True, None, "1", np.float32(1))),
            *((key, bad) for key in ("action", "type", "deviation", "order", "expiration")
              for bad in (1.0, None, "1", np.int64(1))),
            ("symbol", None), ("symbol", "E" * 30), ("comment", None), ("comment", "c" * 30),
        ],
    )  # fmt: skip
    def test_a_value_of_another_type_is_refused_and_nothing_is_sent(
        self, key: str, value: Any
    ) -> None:
        terminal = terminal_at_ticks()
        assert terminal.order_send({**BUY, key: value}) is None
        assert terminal.last_error() == (-2, f'Invalid "{key}" argument')
        assert terminal.account.positions == {}

    @pytest.mark.parametrize("name", ["order_send", "order_check"])
    @pytest.mark.parametrize(
        ("key", "least", "beyond"),
        [
            *((key, 0, 1 << 32) for key in ("action", "type", "type_filling", "type_time")),
            *((key, 0, 1 << 64) for key in ("magic", "order", "deviation", "position",
                                            "position_by")),
            ("expiration", -(1 << 63), 1 << 63),
        ],
    )  # fmt: skip
    def test_an_int_that_does_not_fit_raises_as_in_the_package(
        self, name: str, key: str, least: int, beyond: int
    ) -> None:
        terminal = terminal_at_ticks()
        for value in (least - 1, beyond):
            with pytest.raises(SystemError, match=name):
                call(terminal, name, {**BUY, key: value})
            assert terminal.last_error() == (-2, f'Invalid "{key}" argument')
        assert terminal.account.positions == {}
        for value in (least, beyond - 1):
            assert call(terminal, name, {**BUY, key: value}) is not None

    def test_numpy_doubles_and_bools_pass_as_what_they_are(self) -> None:
        done(terminal_at_ticks(), {**BUY, "volume": np.float64(0.5), "magic": True, "unknown": ()})

    def test_missing_keys_mean_zero(self) -> None:
        assert sent(terminal_at_ticks(), {}).retcode == mt5.TRADE_RETCODE_INVALID
        bare = {key: BUY[key] for key in ("action", "symbol", "volume")}
        assert done(terminal_at_ticks(), bare).request.type == mt5.ORDER_TYPE_BUY


def wrong_fields(struct: Any) -> list[str]:
    """Fields whose value has another type than the package puts there."""
    kinds = {"int": int, "float": float, "str": str, "bool": bool, "TradeRequest": mt5.TradeRequest}
    fields = mt5.field_types(type(struct)).items()
    return [name for name, kind in fields if type(getattr(struct, name)) is not kinds[kind]]


class TestShapes:
    def test_every_struct_holds_the_types_of_the_package(self) -> None:
        terminal = terminal_at_ticks()
        deal, order = done(terminal, BUY), done(terminal, BUY_LIMIT)
        answers = [
            deal, deal.request, order, terminal.account_info(), terminal.terminal_info(),
            terminal.symbol_info("USDJPY"), terminal.symbol_info_tick("EURUSD"),
            terminal.order_check(BUY), *told(terminal.positions_get()),
            *told(terminal.orders_get()), *told(terminal.history_deals_get(0, NOW)),
            *told(terminal.history_orders_get(0, NOW)), *told(terminal.symbols_get()),
        ]  # fmt: skip
        assert [(type(item).__name__, wrong_fields(item)) for item in answers] == [
            (type(item).__name__, []) for item in answers
        ]

    def test_a_waiting_order_is_done_without_deal_and_price(self) -> None:
        result = done(terminal_at_ticks(), BUY_LIMIT)
        assert (result.deal, result.order, result.price, result.bid) == (0, 1, 0.0, 0.0)
        assert (result.volume, result.request_id) == (0.5, 1)

    def test_a_change_of_stops_is_done_without_deal_and_order(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, BUY).order
        change = {"action": mt5.TRADE_ACTION_SLTP, "position": ticket, "sl": 1.0985, "tp": 0.0}
        result = done(terminal, change)
        assert result[1:7] == (0, 0, 0.0, 0.0, 0.0, 0.0)
        assert told(terminal.positions_get())[0].tp == 0.0

    def test_a_refusal_is_all_zeros_and_has_no_request_id(self) -> None:
        result = sent(terminal_at_ticks(), {**BUY, "sl": 1.2})
        assert result[:7] == (mt5.TRADE_RETCODE_INVALID_STOPS, 0, 0, 0.0, 0.0, 0.0, 0.0)
        assert result.request_id == 0

    def test_a_requote_carries_the_new_prices(self) -> None:
        terminal = terminal_at_ticks({"execution": mt5.SYMBOL_TRADE_EXECUTION_INSTANT})
        terminal.account.quote("EURUSD", 110_020, 110_031, NOW * 1000)
        result = sent(terminal, {**BUY, "deviation": 20})
        assert (result.retcode, result.bid, result.ask) == (10004, 1.1002, 1.10031)
        assert done(terminal, {**BUY, "deviation": 21}).price == 1.10031


OPEN = TradingHours(2, 0, 12 * 60)  # the market closes at noon, which is now
REFUSALS: list[tuple[int, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (10017, {}, {"trade_mode": mt5.SYMBOL_TRADE_MODE_DISABLED}, {}),
    (10042, {"type": 1}, {"trade_mode": mt5.SYMBOL_TRADE_MODE_LONGONLY}, {}),
    (10043, {}, {"trade_mode": mt5.SYMBOL_TRADE_MODE_SHORTONLY}, {}),
    (10044, {}, {"trade_mode": mt5.SYMBOL_TRADE_MODE_CLOSEONLY}, {}),
    (10018, {}, {"hours": (OPEN,)}, {}),
    (10021, {}, {"selected": False}, {}),
    (10034, {"volume": 0.51}, {"volume_limit": 5_000}, {}),
    (10030, {"type_filling": mt5.ORDER_FILLING_FOK}, {"filling": 2}, {}),
    (10030, {"type_filling": mt5.ORDER_FILLING_RETURN}, {"filling": 3}, {}),
    (10030, {"type_filling": mt5.ORDER_FILLING_BOC}, {"filling": 3}, {}),
    (10015, {"price": 0.0}, {"execution": mt5.SYMBOL_TRADE_EXECUTION_INSTANT}, {}),
    (10033, {**BUY_LIMIT}, {}, {"max_orders": 0}),
    (10035, {"action": mt5.TRADE_ACTION_CLOSE_BY}, {}, {}),
    (10035, {**BUY_LIMIT, "type": mt5.ORDER_TYPE_BUY_STOP_LIMIT}, {}, {}),
    (10035, {**BUY_LIMIT, "type": mt5.ORDER_TYPE_BUY}, {}, {}),
    (10022, {**BUY_LIMIT, "type_time": mt5.ORDER_TIME_SPECIFIED, "expiration": NOW}, {}, {}),
    (10022, {**BUY_LIMIT, "type_time": mt5.ORDER_TIME_DAY}, {}, {}),
    (10013, {"action": mt5.TRADE_ACTION_REMOVE, "order": 99}, {}, {}),
    (10013, {"action": mt5.TRADE_ACTION_SLTP}, {}, {}),
    (10013, {"symbol": "NOPE"}, {}, {}),
]


class TestReturnCodes:
    @pytest.mark.parametrize(("retcode", "changes", "rules", "terms"), REFUSALS)
    def test_each_refusal_changes_nothing_and_is_foretold_by_a_check(
        self, retcode: int, changes: dict[str, Any], rules: dict[str, Any], terms: dict[str, Any]
    ) -> None:
        terminal = terminal_at_ticks(rules, terms)
        before = books(terminal.account)
        assert told(terminal.order_check({**BUY, **changes})).retcode == retcode
        assert sent(terminal, {**BUY, **changes}).retcode == retcode
        assert books(terminal.account) == before

    def test_of_several_faults_the_first_of_the_documented_order_is_named(self) -> None:
        terminal = terminal_at_ticks({"hours": (OPEN,), "freeze_level": 300, "filling": 1})
        account, conditions = terminal.account, terminal.conditions
        account.now -= 1
        done(terminal, BUY)
        account.now += 1
        conditions.connected = conditions.experts_allowed = conditions.autotrading = False
        conditions.trade_allowed = False
        conditions.hidden.add("EURUSD")
        request = {
            **BUY, "action": 2, "volume": 9e9, "type_filling": mt5.ORDER_FILLING_IOC, "position": 1
        }  # fmt: skip
        steps: list[tuple[int, Any]] = [
            (10031, lambda: setattr(conditions, "connected", True)),
            (10026, lambda: setattr(conditions, "experts_allowed", True)),
            (10027, lambda: setattr(conditions, "autotrading", True)),
            (10017, lambda: setattr(conditions, "trade_allowed", True)),
            (10013, lambda: request.update(action=mt5.TRADE_ACTION_DEAL, type=9)),
            (10035, lambda: request.update(type=mt5.ORDER_TYPE_SELL)),
            (10018, lambda: setattr(account, "now", account.now - 1)),
            (10021, lambda: conditions.hidden.clear()),
            (10014, lambda: request.update(volume=0.6)),
            (10030, lambda: request.update(type_filling=mt5.ORDER_FILLING_FOK)),
            (10029, lambda: account.quote("EURUSD", 109_500, 109_510, account.now)),
            (10038, lambda: request.update(volume=0.5)),
            (10009, lambda: None),
            (10036, lambda: None),
        ]
        for retcode, repair in steps:
            assert sent(terminal, request).retcode == retcode
            repair()

    def test_positions_and_waiting_orders_count_together(self) -> None:
        terminal = terminal_at_ticks(terms={"max_positions": 2})
        ticket = done(terminal, BUY).order
        done(terminal, BUY_LIMIT)
        assert sent(terminal, BUY).retcode == mt5.TRADE_RETCODE_LIMIT_POSITIONS
        assert sent(terminal, BUY_LIMIT).retcode == mt5.TRADE_RETCODE_LIMIT_POSITIONS
        done(terminal, {**BUY, "type": mt5.ORDER_TYPE_SELL, "position": ticket})

    def test_a_deal_beyond_the_free_margin_is_refused(self) -> None:
        terminal = terminal_at_ticks()
        bare = {**BUY, "sl": 0.0, "tp": 0.0, "volume": 50.0}
        done(terminal, bare)
        assert sent(terminal, bare).retcode == mt5.TRADE_RETCODE_NO_MONEY

    def test_a_terminal_that_forbids_programs_sends_nothing(self) -> None:
        terminal = terminal_at_ticks()
        terminal.conditions.api_allowed = False
        assert terminal.order_send(BUY) is None
        assert terminal.last_error()[0] == mt5.RES_E_AUTO_TRADING_DISABLED
        assert told(terminal.terminal_info()).tradeapi_disabled

    def test_closing_is_allowed_where_opening_is_not(self) -> None:
        for mode in (mt5.SYMBOL_TRADE_MODE_CLOSEONLY, mt5.SYMBOL_TRADE_MODE_LONGONLY):
            terminal = terminal_at_ticks({"trade_mode": mode})
            terminal.account.open("EURUSD", Side.LONG, 5_000, 0, 0, 0, "")
            done(terminal, {**BUY, "type": mt5.ORDER_TYPE_SELL, "position": 1})

    def test_a_hidden_symbol_has_no_tick_until_it_is_selected(self) -> None:
        terminal = terminal_at_ticks({"selected": False})
        assert terminal.symbol_info_tick("EURUSD") is None
        assert not told(terminal.symbol_info("EURUSD")).visible
        assert terminal.symbol_select("EURUSD", True) is True
        done(terminal, BUY)
        assert terminal.symbol_select("EURUSD", False) is False
