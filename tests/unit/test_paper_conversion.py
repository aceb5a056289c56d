"""Profits in a third currency on the paper account: by the tick of the pair that converts them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.swap import swap_of
from adapters.paper.terminal.functions import PaperTerminal
from engine.money import RateMissing
from engine.types import Rate, Side, pair_of
from tests.builders import EURGBP, GBPUSD, LOT, SPECS, START, USDJPY, XAUUSD
from tests.paper_terminals import BUY, NOW, done, sent

EURJPY = msgspec.structs.replace(EURGBP, name="EURJPY", quote="JPY", digits=3)
CROSSES = {**SPECS, "EURGBP": EURGBP, "EURJPY": EURJPY}
ORDER: dict[str, Any] = {**BUY, "symbol": "EURGBP", "volume": 1.0, "sl": 0.0, "tp": 0.0}


def account(**ticks: tuple[int, int]) -> PaperAccount:
    """Both crosses quoted, and what else is."""
    made = PaperAccount(CROSSES, START)
    quotes = {"EURGBP": (86_000, 86_010), "EURJPY": (160_000, 160_010), **ticks}
    for symbol, (bid, ask) in quotes.items():
        made.quote(symbol, bid, ask, NOW * 1000)
    return made


def test_the_pair_is_that_of_the_profits_currency_and_the_accounts() -> None:
    assert pair_of(EURGBP, SPECS.values()) is GBPUSD
    assert pair_of(EURJPY, SPECS.values()) is USDJPY
    assert pair_of(EURGBP, [USDJPY, XAUUSD]) is None


def test_a_gain_is_worth_the_pairs_bid_and_a_loss_its_ask() -> None:
    made = account(GBPUSD=(125_000, 125_010))
    assert made.converter.rate_of(EURGBP) == Rate((125_000, 100_000), (125_010, 100_000))


def test_where_the_account_is_the_pairs_base_it_is_divided_by_ask_and_bid() -> None:
    made = account(USDJPY=(150_000, 150_010))
    assert made.converter.rate_of(EURJPY) == Rate((1_000, 150_010), (1_000, 150_000))


def test_what_somebody_else_knows_comes_first() -> None:
    made = account(GBPUSD=(125_000, 125_010))
    made.converter.from_broker["EURGBP"] = Rate((2, 1), (3, 1))
    assert made.converter.rate_of(EURGBP) == Rate((2, 1), (3, 1))


def test_a_symbol_with_a_formula_needs_no_rate() -> None:
    assert account(GBPUSD=(125_000, 125_010)).converter.rate_of(GBPUSD) is None


def test_a_position_on_a_cross_lives_in_dollars() -> None:
    """Bought at 0.86010; 100 points higher a lot earns 100.00 GBP."""
    made = account(GBPUSD=(125_000, 125_010))
    terminal = PaperTerminal(made)
    ticket = done(terminal, ORDER).order
    assert made.margin == 107_521  # 100,000 x 0.86010 x 1.2501 / 100
    made.quote("EURGBP", 86_110, 86_120, NOW * 1000)
    (position,) = terminal.positions_get() or ()
    assert position.profit == 125.00
    made.quote("EURGBP", 85_910, 85_920, NOW * 1000)
    assert made.equity() == START - 250 - 12_501
    done(terminal, {**ORDER, "type": mt5.ORDER_TYPE_SELL, "position": ticket})
    assert made.balance == START - 500 - 12_501


def test_a_part_of_a_position_keeps_its_part_of_the_margin() -> None:
    made = account(GBPUSD=(125_000, 125_010))
    terminal = PaperTerminal(made)
    ticket = done(terminal, ORDER).order
    half = {**ORDER, "volume": 0.5, "type": mt5.ORDER_TYPE_SELL, "position": ticket}
    done(terminal, half)
    assert made.margin == 53_761  # 53,760.55, rounded


def test_the_terminal_reckons_in_dollars() -> None:
    terminal = PaperTerminal(account(GBPUSD=(125_000, 125_010)))
    buy = (mt5.ORDER_TYPE_BUY, "EURGBP", 1.0, 0.8601)
    assert terminal.order_calc_profit(*buy, 0.8611) == 125.0
    assert terminal.order_calc_profit(*buy, 0.8591) == -125.01
    assert terminal.order_calc_margin(*buy) == 1_075.21
    info = terminal.symbol_info("EURGBP")
    assert info is not None
    assert info.trade_tick_value == pytest.approx(1.25)


def test_without_a_price_of_the_pair_the_terminal_cannot_tell_and_takes_no_order() -> None:
    terminal = PaperTerminal(account())
    buy = (mt5.ORDER_TYPE_BUY, "EURGBP", 1.0, 0.8601)
    assert terminal.order_calc_profit(*buy, 0.8611) is None
    assert terminal.order_calc_margin(*buy) is None
    assert sent(terminal, ORDER).retcode == mt5.TRADE_RETCODE_PRICE_OFF
    info = terminal.symbol_info("EURGBP")
    assert info is not None
    assert info.trade_tick_value == 0.0


def test_a_swap_is_converted_as_a_profit_is() -> None:
    spec = msgspec.structs.replace(EURGBP, swap_long=-8.0, swap_short=4.0)
    rate = Rate((125_000, 100_000), (125_010, 100_000))
    held = {"volume": 2 * LOT, "nights": 3, "bid": 86_000, "ask": 86_010, "rate": rate}
    assert swap_of(spec, Side.LONG, **held) == -6_000  # type: ignore[arg-type]
    assert swap_of(spec, Side.SHORT, **held) == 3_000  # type: ignore[arg-type]
    with pytest.raises(RateMissing):
        swap_of(spec, Side.LONG, LOT, 1, 86_000, 86_010)
