"""From an approved order to the request that carries it out."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument, Requests, filling_of
from adapters.paper.terminal.arguments import check_request
from engine import events as ev
from engine.types import Side
from tests.builders import LOT, SPECS, approved

REQUESTS = Requests(
    {name: Instrument(spec, f"{name}.x", mt5.ORDER_FILLING_IOC) for name, spec in SPECS.items()},
    magic=26,
    tag="ab",
    deviation=10,
    to_server=lambda moment: moment // 1000 + 7_200,
)

DEAL: dict[str, Any] = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD.x", "volume": 1.0, "deviation": 10,
    "type_filling": mt5.ORDER_FILLING_IOC, "magic": 26, "comment": "ab-5",
}  # fmt: skip


def request(volume: int = LOT, **changes: Any) -> dict[str, Any]:
    order = approved(5, volume, **changes)
    made = REQUESTS.of(order.order, order.volume)
    # What the package would refuse for its type never leaves.
    check_request(made)
    return made


@pytest.mark.parametrize(
    ("side", "kind", "price", "stop", "target"),
    [
        (Side.LONG, mt5.ORDER_TYPE_BUY, 110_010, 109_910, 110_210),
        (Side.SHORT, mt5.ORDER_TYPE_SELL, 110_000, 110_100, 109_800),
    ],
)
def test_an_entry_is_a_deal_with_its_stops(
    side: Side, kind: int, price: int, stop: int, target: int
) -> None:
    made = request(side=side, price=price, stop_loss=stop, take_profit=target)
    assert made == {**DEAL, "type": kind, "price": price / 1e5, "sl": stop / 1e5,
                    "tp": target / 1e5}  # fmt: skip


@pytest.mark.parametrize(
    ("side", "kind"), [(Side.LONG, mt5.ORDER_TYPE_SELL), (Side.SHORT, mt5.ORDER_TYPE_BUY)]
)
def test_a_close_is_the_opposite_deal_on_its_position_without_stops(side: Side, kind: int) -> None:
    made = request(action=ev.Action.CLOSE, side=side, price=110_000, position=7)
    assert made == {**DEAL, "type": kind, "price": 1.1, "position": 7}


def test_a_change_of_stops_names_the_position_and_both_levels() -> None:
    made = request(action=ev.Action.MODIFY, position=7, stop_loss=110_050)
    assert made == {
        "action": mt5.TRADE_ACTION_SLTP, "position": 7, "symbol": "EURUSD.x", "sl": 1.1005,
        "tp": 1.1021, "magic": 26,
    }  # fmt: skip


def test_a_level_that_is_not_wanted_is_a_zero_of_the_right_type() -> None:
    made = request(take_profit=0)
    assert made["tp"] == 0.0
    assert isinstance(made["tp"], float)


@pytest.mark.parametrize(
    ("side", "entry_price", "kind"),
    [
        (Side.LONG, 109_950, mt5.ORDER_TYPE_BUY_LIMIT),
        (Side.LONG, 110_060, mt5.ORDER_TYPE_BUY_STOP),
        (Side.SHORT, 110_060, mt5.ORDER_TYPE_SELL_LIMIT),
        (Side.SHORT, 109_950, mt5.ORDER_TYPE_SELL_STOP),
    ],
)
def test_an_entry_price_makes_it_a_pending_order_that_expires_by_the_servers_clock(
    side: Side, entry_price: int, kind: int
) -> None:
    made = request(side=side, entry_price=entry_price, expires=1_736_251_200_000)
    assert (made["action"], made["type"], made["price"]) == (
        mt5.TRADE_ACTION_PENDING, kind, entry_price / 1e5,
    )  # fmt: skip
    assert made["type_filling"] == mt5.ORDER_FILLING_RETURN
    assert (made["type_time"], made["expiration"]) == (
        mt5.ORDER_TIME_SPECIFIED, 1_736_251_200 + 7_200,
    )  # fmt: skip


def test_prices_have_the_symbols_digits_and_volumes_are_lots() -> None:
    yen = request(12_300, symbol="USDJPY", price=150_010, stop_loss=149_003, take_profit=0)
    assert (yen["symbol"], yen["price"], yen["sl"], yen["volume"]) == (
        "USDJPY.x", 150.01, 149.003, 1.23,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mask", "filling"),
    [
        (mt5.SymbolFilling.FOK, mt5.ORDER_FILLING_FOK),
        (mt5.SymbolFilling.IOC, mt5.ORDER_FILLING_IOC),
        (mt5.SymbolFilling.FOK | mt5.SymbolFilling.IOC, mt5.ORDER_FILLING_FOK),
        (0, mt5.ORDER_FILLING_RETURN),
        (mt5.SymbolFilling.BOC, mt5.ORDER_FILLING_RETURN),
    ],
)
def test_the_filling_mode_comes_from_the_symbols_mask(mask: int, filling: int) -> None:
    assert filling_of(int(mask)) == filling
