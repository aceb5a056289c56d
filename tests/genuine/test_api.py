"""Each function of the package that the engine uses, called as the engine calls it.

The package decides which arguments it takes, what types it gives and what `last_error` says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.engine import core
from tests.genuine.product import contract as mt5
from tests.genuine.rig.hosts import WineHost
from tests.genuine.rig.played import LOGIN, SERVER, PlayedTerminal

SECONDS = 20.0
DAY = 86_400
SYMBOL = "EURUSD"
SUCCESS = (1, "Success")
ENTRY = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": SYMBOL, "volume": 0.1, "type": mt5.ORDER_TYPE_BUY,
    "price": 1.1, "deviation": 10, "type_filling": mt5.ORDER_FILLING_FOK, "magic": 26111500,
    "comment": "abcdef-1", "sl": 1.05, "tp": 0.0,
}  # fmt: skip
"""The keys and types of an entry, as the engine writes them."""


class Caller:
    """The engine's own client of the host."""

    def __init__(self, host: WineHost) -> None:
        self.client = product.client(host.port, host.token, LOGIN, SERVER)

    def __call__(self, function: str, *args: Any, **kwargs: Any) -> Any:
        return self.client.call(function, *args, deadline=SECONDS, **kwargs)


@pytest.fixture
def call(host: WineHost) -> Iterator[Caller]:
    """Calls the genuine package through host and channel; attached."""
    caller = Caller(host)
    with caller.client:
        caller.client.start()
        assert caller("initialize").value is True
        yield caller


def server_day() -> int:
    return int(time.time()) // DAY * DAY


READING: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("version", (), {}, "tuple"),
    ("terminal_info", (), {}, "TerminalInfo"),
    ("account_info", (), {}, "AccountInfo"),
    ("symbol_select", (SYMBOL, True), {}, "bool"),
    ("symbols_get", (), {}, "tuple"),
    ("symbol_info", (SYMBOL,), {}, "SymbolInfo"),
    ("symbol_info_tick", (SYMBOL,), {}, "Tick"),
    ("copy_rates_from_pos", (SYMBOL, mt5.TIMEFRAME_M15, 0, 5000), {}, "ndarray"),
    ("copy_rates_range", (SYMBOL, mt5.TIMEFRAME_M15, 1_790_000_000, 1_790_600_000), {}, "ndarray"),
    ("positions_get", (), {}, "tuple"),
    ("orders_get", (), {}, "tuple"),
    ("history_orders_get", (), {"ticket": 5}, "tuple"),
    ("history_deals_get", (), {"position": 5}, "tuple"),
    ("order_calc_profit", (mt5.ORDER_TYPE_BUY, SYMBOL, 1.0, 1.1, 1.1001), {}, "float"),
    ("order_calc_margin", (mt5.ORDER_TYPE_BUY, SYMBOL, 0.01, 1.1), {}, "float"),
    ("order_check", (ENTRY,), {}, "OrderCheckResult"),
]


@pytest.mark.core
@pytest.mark.parametrize(("function", "args", "kwargs", "kind"), READING)
def test_a_reading_function_gives_the_contracts_type(
    call: Caller, function: str, args: tuple[Any, ...], kwargs: dict[str, Any], kind: str
) -> None:
    """Through host and channel comes the package's own type, with success and no send."""
    answer = call(function, *args, **kwargs)
    assert (type(answer.value).__name__, answer.last_error) == (kind, SUCCESS)
    assert not answer.failed


@pytest.mark.core
def test_structs_have_the_contracts_fields(call: Caller) -> None:
    """Every struct that the package gives has the fields and types that the contract lists."""
    sent = call("order_send", dict(ENTRY)).value
    assert sent.retcode == mt5.TRADE_RETCODE_DONE
    now = call("symbol_info_tick", SYMBOL).value.time
    found = [
        call("account_info").value, call("terminal_info").value, call("symbol_info", SYMBOL).value,
        call("symbol_info_tick", SYMBOL).value, call("positions_get").value[0], sent, sent.request,
        call("order_check", dict(ENTRY)).value,
        call("history_deals_get", position=sent.order).value[0],
        call("history_orders_get", now - DAY, now + DAY).value[0],
    ]  # fmt: skip
    names = {type(item).__name__ for item in found}
    assert names == set(mt5.STRUCTS) - {"BookInfo"}
    kinds = {"int": int, "float": float, "str": str, "bool": bool}
    for item in found:
        types = mt5.field_types(type(item))
        for field, value in zip(types, item, strict=True):
            wanted = kinds.get(str(types[field]))
            assert wanted is None or type(value) is wanted, (type(item).__name__, field, value)


@pytest.mark.core
def test_every_action_of_the_engine_is_taken(call: Caller, terminal: PlayedTerminal) -> None:
    """Entry, level change, partial close, close, pending entry and withdrawal in its own keys."""
    opened = call("order_send", dict(ENTRY)).value
    levels = {"action": 6, "position": opened.order, "symbol": SYMBOL, "sl": 1.06, "tp": 0.0}
    close = {k: v for k, v in ENTRY.items() if k not in ("sl", "tp")} | {"type": 1, "price": 1.1}
    pending = ENTRY | {
        "action": 5, "type": mt5.ORDER_TYPE_BUY_LIMIT, "price": 1.08, "comment": "abcdef-3",
        "type_filling": mt5.ORDER_FILLING_RETURN, "type_time": mt5.ORDER_TIME_SPECIFIED,
        "expiration": call("symbol_info_tick", SYMBOL).value.time + 3600,
    }  # fmt: skip
    requests = [levels | {"magic": 5}, close | {"position": opened.order, "volume": 0.04}]
    codes = [call("order_send", request).value.retcode for request in requests]
    placed = call("order_send", pending).value
    codes += [
        placed.retcode,
        call("order_send", {"action": 8, "order": placed.order}).value.retcode,
    ]
    assert codes == [mt5.TRADE_RETCODE_DONE] * 4
    assert [send["request"]["action"] for send in terminal.sends()[-4:]] == [6, 1, 5, 8]


EDGES = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 4_102_444_800, 253_402_300_799)


@pytest.mark.core
@pytest.mark.parametrize("until", EDGES)
@pytest.mark.parametrize("function", ["history_deals_get", "history_orders_get"])
def test_dates_beyond_2038_are_refused_by_the_package(
    call: Caller, function: str, until: int
) -> None:
    """An int date is a 32-bit C long there: one beyond it raises, one within is answered."""
    if until < 2**31:
        assert call(function, until - DAY, until).value == ()
        return
    with pytest.raises(product.ArgumentsRefused, match="SystemError"):
        call(function, server_day(), until)


@pytest.mark.core
def test_none_found_is_no_failure(call: Caller) -> None:
    """An unknown ticket gives an empty tuple with success, an unknown symbol none and -4."""
    assert call("positions_get", ticket=99).value == ()
    assert call("history_deals_get", position=99).last_error == SUCCESS
    answer = call("symbol_info", "NONE")
    assert (answer.value, answer.last_error[0], answer.failed) == (None, mt5.RES_E_NOT_FOUND, True)


CODES = sorted(code for code in mt5.ERROR_CODES if -10_000 < code < 0 and code != -2)
FUNCTIONS = [
    ("terminal_info", ()), ("account_info", ()), ("symbol_info", (SYMBOL,)),
    ("symbol_info_tick", (SYMBOL,)), ("positions_get", ()), ("orders_get", ()),
    ("copy_rates_from_pos", (SYMBOL, 15, 0, 5)), ("order_check", (ENTRY,)),
    ("order_calc_margin", (0, SYMBOL, 0.1, 1.1)),
    ("order_calc_profit", (0, SYMBOL, 0.1, 1.1, 1.2)),
]  # fmt: skip
SENDING = ("order_send", (ENTRY,))


def name_of(function: tuple[str, tuple[Any, ...]]) -> str:
    return function[0]


@pytest.mark.parametrize("function", [*FUNCTIONS, core(SENDING)], ids=name_of)
def test_every_status_becomes_that_last_error(
    call: Caller, terminal: PlayedTerminal, function: tuple[str, tuple[Any, ...]]
) -> None:
    """Whatever code the terminal answers, the function fails with it, and nothing is done."""
    name, args = function
    for code in CODES:
        terminal.fault(name, "status", code)
        answer = call(name, *args)
        assert (answer.value, answer.last_error[0], answer.failed) == (None, code, True)
        if code != -8:  # which has its own text where it can come, at order_send
            assert answer.last_error[1].startswith(mt5.ERROR_CODES[code].text[:20])
    assert terminal.book()["positions"] == [] or name != "order_send"


@pytest.mark.parametrize("function", [*FUNCTIONS, core(SENDING)], ids=name_of)
@pytest.mark.parametrize(
    ("do", "code"), [("drop", -10_002), ("drop_after", -10_002), ("wrong", -10_000)]
)
def test_a_broken_pipe_is_told_and_mended_by_initialize(
    call: Caller,
    terminal: PlayedTerminal,
    do: str,
    code: int,
    function: tuple[str, tuple[Any, ...]],
) -> None:
    """A pipe that breaks at a call gives its code, then -10001 until `initialize` succeeds."""
    name, args = function
    terminal.fault(name, do, skip=int(name == "account_info"))
    if name == "account_info":
        call(name)
    answer = call(name, *args)
    assert (answer.value, answer.last_error[0]) == (None, code)
    if do != "wrong":
        assert [call("symbols_total").last_error[0] for _ in range(2)] == [-10_001, -10_001]
    assert call("initialize").value is True
    assert call("symbols_total").value == 4
