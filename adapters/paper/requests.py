"""What the paper server checks in a trade request before it executes it, in a fixed order.

The order of checks is not published; structure comes before symbol, quotes, volume, filling, stops
and the position named, money last.
"""

from __future__ import annotations

from typing import Any

from adapters.mt5 import contract as mt5
from adapters.paper.account import PaperAccount, PaperPosition
from engine import money
from engine.types import Points, Side, SymbolSpec, Units, units

OK = mt5.ORDER_CHECK_PASSED

FILLING_MASK = mt5.SymbolFilling.FOK | mt5.SymbolFilling.IOC
"""Filling modes that the paper server offers for every symbol."""

_MARKET_TYPES = {mt5.ORDER_TYPE_BUY: Side.LONG, mt5.ORDER_TYPE_SELL: Side.SHORT}
_MASK_OF_FILLING = {
    mt5.ORDER_FILLING_FOK: mt5.SymbolFilling.FOK,
    mt5.ORDER_FILLING_IOC: mt5.SymbolFilling.IOC,
}


def side_of(request: dict[str, Any]) -> Side | None:
    """The side of a market order, None for any other order type."""
    return _MARKET_TYPES.get(request.get("type", mt5.ORDER_TYPE_BUY))


def malformed(request: dict[str, Any]) -> str | None:
    """The first key whose value has a type that the package refuses, or None.

    Floats must be floats and integers Python integers; keys that are missing mean zero.
    """
    for key, kind in mt5.REQUEST_TYPES.items():
        value = request.get(key)
        if key in request and (
            not isinstance(value, kind) or (kind is float and isinstance(value, bool))
        ):
            return key
    for key in ("symbol", "comment"):
        if len(request.get(key, "")) > mt5.COMMENT_MAX_CHARS:
            return key
    return None


def check(request: dict[str, Any], account: PaperAccount) -> int:
    """`OK`, or the return code that the server would refuse the request with."""
    action = request.get("action", 0)
    if action == mt5.TRADE_ACTION_DEAL:
        return _check_deal(request, account)
    if action == mt5.TRADE_ACTION_SLTP:
        return _check_stops_change(request, account)
    return mt5.TRADE_RETCODE_INVALID


def _check_deal(request: dict[str, Any], account: PaperAccount) -> int:
    side = side_of(request)
    if side is None:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    symbol = request.get("symbol", "")
    spec = account.specs.get(symbol)
    if spec is None:
        return mt5.TRADE_RETCODE_INVALID
    if symbol not in account.bids:
        return mt5.TRADE_RETCODE_PRICE_OFF
    volume = units(request.get("volume", 0.0))
    if not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
        return mt5.TRADE_RETCODE_INVALID_VOLUME
    if not _filling_allowed(request.get("type_filling", mt5.ORDER_FILLING_FOK)):
        return mt5.TRADE_RETCODE_INVALID_FILL
    ticket = request.get("position", 0)
    if ticket:
        return _check_close(account.positions.get(ticket), symbol, side, volume)
    if not _stops_valid(account, spec, side, *levels(request, spec)):
        return mt5.TRADE_RETCODE_INVALID_STOPS
    price = account.asks[symbol] if side is Side.LONG else account.bids[symbol]
    if money.margin(spec, volume, price) > account.equity() - account.margin:
        return mt5.TRADE_RETCODE_NO_MONEY
    return OK


def _filling_allowed(filling: int) -> bool:
    return bool(_MASK_OF_FILLING.get(filling, mt5.SymbolFilling(0)) & FILLING_MASK)


def _check_close(position: PaperPosition | None, symbol: str, side: Side, volume: Units) -> int:
    if position is None:
        return mt5.TRADE_RETCODE_POSITION_CLOSED
    if position.spec.name != symbol or position.side is side:
        return mt5.TRADE_RETCODE_INVALID
    if volume != position.volume:
        return mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME
    return OK


def _check_stops_change(request: dict[str, Any], account: PaperAccount) -> int:
    position = account.positions.get(request.get("position", 0))
    if position is None:
        return mt5.TRADE_RETCODE_POSITION_CLOSED
    stop, target = levels(request, position.spec)
    if (stop, target) == (position.stop, position.target):
        return mt5.TRADE_RETCODE_NO_CHANGES
    # A level that stays is not judged again: the price may just have passed it.
    changed_stop = 0 if stop == position.stop else stop
    changed_target = 0 if target == position.target else target
    if not _stops_valid(account, position.spec, position.side, changed_stop, changed_target):
        return mt5.TRADE_RETCODE_INVALID_STOPS
    return OK


def levels(request: dict[str, Any], spec: SymbolSpec) -> tuple[Points, Points]:
    """Stop loss and take profit of the request in points, 0 where there is none."""
    return spec.points(request.get("sl", 0.0)), spec.points(request.get("tp", 0.0))


def _stops_valid(
    account: PaperAccount, spec: SymbolSpec, side: Side, stop: Points, target: Points
) -> bool:
    """Stops are judged on the price that closes the position: the bid of a long, a short's ask."""
    price = account.bids[spec.name] if side is Side.LONG else account.asks[spec.name]
    nearest = max(spec.stops_level, 1)
    return (not stop or (price - stop) * side >= nearest) and (
        not target or (target - price) * side >= nearest
    )
