"""Symbol facts of a terminal in the engine's units."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.symbol_specs import alike, instrument, no_entry, symbol_mode
from engine import events as ev
from engine.types import Conversion
from tests.builders import EURUSD, USDJPY, XAUUSD
from tests.paper_terminals import terminal_at_ticks, told


def account(**changes: Any) -> mt5.AccountInfo:
    info: mt5.AccountInfo = told(terminal_at_ticks().account_info())._with(**changes)
    return info


def symbol(name: str = "EURUSD", **changes: Any) -> mt5.SymbolInfo:
    told_of = changes.pop("called", name)
    info: mt5.SymbolInfo = told(terminal_at_ticks().symbol_info(name))._with(
        name=told_of, **changes
    )
    return info


def test_what_a_paper_terminal_tells_is_the_specification_it_was_made_of() -> None:
    for spec in (EURUSD, USDJPY, XAUUSD):
        found = instrument(spec.name, symbol(spec.name), account(), spec)
        assert found.spec == spec
        assert found.name == spec.name
        assert found.filling in (mt5.ORDER_FILLING_FOK, mt5.ORDER_FILLING_IOC)


def test_lots_become_units_and_the_venues_own_name_is_kept() -> None:
    info = symbol(called="EURUSD.x", volume_min=0.1, volume_step=0.05, volume_max=7.5, digits=4)
    found = instrument("EURUSD", info, account(), EURUSD)
    assert (found.spec.name, found.name, found.spec.digits) == ("EURUSD", "EURUSD.x", 4)
    volumes = (found.spec.volume_min, found.spec.volume_step, found.spec.volume_max)
    assert volumes == (1_000, 500, 75_000)


def test_of_an_unknown_symbol_costs_are_nought_and_the_leverage_the_accounts() -> None:
    spec = instrument("EURUSD", symbol(), account(leverage=30), None).spec
    assert (spec.commission, spec.spread_floor, spec.leverage) == (0.0, 0, 30)


@pytest.mark.parametrize(("ours", "accounts", "used"), [(30, 100, 30), (100, 30, 30), (30, 0, 1)])
def test_the_smaller_leverage_counts(ours: int, accounts: int, used: int) -> None:
    known = msgspec.structs.replace(EURUSD, leverage=ours)
    assert instrument("EURUSD", symbol(), account(leverage=accounts), known).spec.leverage == used


def test_profit_in_the_base_currency_is_divided_by_the_price() -> None:
    info = symbol("USDJPY")
    assert instrument("USDJPY", info, account(), None).spec.conversion is Conversion.DIVIDE
    assert instrument("EURUSD", symbol(), account(), None).spec.conversion is Conversion.NONE


@pytest.mark.parametrize(
    "told",
    [
        {"currency_base": "EUR", "currency_profit": "GBP"},
        {"currency_base": "JPY", "currency_profit": "JPY"},
        {"currency_base": "USD", "currency_profit": "EUR", "trade_calc_mode": 3},
        {"trade_calc_mode": mt5.SYMBOL_CALC_MODE_FUTURES},
        {"trade_contract_size": 0.1},
        {"trade_contract_size": 2.5},
    ],
    ids=["cross", "foreign index", "index with a base", "future", "tenth", "two and a half"],
)
def test_where_no_formula_is_known_to_hold_the_terminal_tells_the_money(
    told: dict[str, Any],
) -> None:
    spec = instrument("EURGBP", symbol(**told), account(), None).spec
    assert spec.conversion is Conversion.FROM_BROKER
    assert spec.contract >= 1


@pytest.mark.parametrize(
    "mode", [mt5.SYMBOL_CALC_MODE_CFD, mt5.SYMBOL_CALC_MODE_CFDINDEX, mt5.SYMBOL_CALC_MODE_FOREX]
)
def test_a_metal_and_an_index_in_dollars_need_no_conversion(mode: int) -> None:
    info = symbol("XAUUSD", trade_calc_mode=mode)
    assert instrument("XAUUSD", info, account(), None).spec.conversion is Conversion.NONE


@pytest.mark.parametrize(
    ("mode", "long", "short", "why"),
    [
        (mt5.SYMBOL_TRADE_MODE_FULL, True, True, ""),
        (mt5.SYMBOL_TRADE_MODE_DISABLED, False, False, "trading is disabled"),
        (mt5.SYMBOL_TRADE_MODE_LONGONLY, True, False, "only long positions may be opened"),
        (mt5.SYMBOL_TRADE_MODE_SHORTONLY, False, True, "only short positions may be opened"),
        (mt5.SYMBOL_TRADE_MODE_CLOSEONLY, False, False, "only closing is allowed"),
        (77, False, False, "its trade mode 77 is not known"),
    ],
)
def test_the_trade_mode_says_what_may_be_opened(
    mode: int, long: bool, short: bool, why: str
) -> None:
    assert symbol_mode("EURUSD", mode) == ev.SymbolModeSeen("EURUSD", long, short, why)
    assert no_entry(symbol(trade_mode=mode)) == (None if long or short else why)


def test_names_like_ours_are_found_whatever_their_case_and_suffix() -> None:
    every = [symbol(called=name) for name in ("GBPUSD", "eurusd.x", "mEURUSD", "XAUUSD")]
    assert alike("EURUSD", every) == ["eurusd.x", "mEURUSD"]
    assert len(alike("EURUSD", [symbol(called=f"EURUSD{n}") for n in range(9)])) == 5
    assert alike("EURUSD", None) == []
