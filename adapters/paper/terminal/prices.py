"""The functions of the package that concern symbols and their prices of the moment."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UnsetType

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.calling import (
    Failure,
    Surface,
    function,
    group_filter,
    invalid_params,
    not_found,
)
from adapters.paper.terminal.rules import EXPIRATION_MODE, ORDER_MODE
from engine import money
from engine.types import Conversion, Rate, Side, SymbolSpec, Units, lots, units

_LARGEST: Final = float(1 << 53)
"""A volume or price from here on is none: it would not be exact any more."""

_SIDES: Final = {mt5.ORDER_TYPE_BUY: Side.LONG, mt5.ORDER_TYPE_SELL: Side.SHORT}


class PriceFunctions(Surface):
    """Symbols, last ticks, what a deal would bind or earn."""

    @function
    def symbols_total(self) -> int | None:
        return len(self.account.specs)

    @function
    def symbols_get(self, *placed: str, **where: Any) -> tuple[mt5.SymbolInfo, ...] | None:
        """All symbols, or those of `group=`; False when the group is no text."""
        chosen = group_filter(where.get("group", *placed[:1] or ("*",)))
        return tuple(
            self._symbol_info(spec) for name, spec in self.account.specs.items() if chosen(name)
        )

    @function
    def symbol_info(self, symbol: str, /) -> mt5.SymbolInfo | None:
        return self._symbol_info(self._spec(symbol))

    @function
    def symbol_info_tick(self, symbol: str, /) -> mt5.MqlTick | None:
        spec, account = self._spec(symbol), self.account
        if symbol not in account.bids or symbol in self.conditions.hidden:
            raise not_found()
        moment = account.quoted[symbol]
        return mt5.MqlTick.of(
            time=moment // 1000,
            bid=spec.price(account.bids[symbol]),
            ask=spec.price(account.asks[symbol]),
            time_msc=moment,
            flags=mt5.TICK_FLAG_BID | mt5.TICK_FLAG_ASK,
        )

    @function
    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """Show a symbol in the terminal or hide it; one in use cannot be hidden."""
        self._spec(symbol)
        if enable:
            self.conditions.hidden.discard(symbol)
            return True
        account = self.account
        ordered = any(order.spec.name == symbol for order in account.orders.values())
        if account.held[symbol] or ordered:
            raise Failure(mt5.RES_E_FAIL, "Terminal: Call failed")
        self.conditions.hidden.add(symbol)
        return True

    @function
    def order_calc_margin(
        self, action: int, symbol: str, volume: float, price: float, /
    ) -> float | None:
        spec = self._spec(symbol)
        _side(action)
        points, rate = spec.points(_price(price)), self._rate(spec)
        return money.margin(spec, _units(volume), points, rate) / 100

    @function
    def order_calc_profit(
        self, action: int, symbol: str, volume: float, opened: float, closed: float, /
    ) -> float | None:
        spec = self._spec(symbol)
        close = spec.points(_price(closed))
        entry = spec.points(_price(opened))
        spread = self.account.asks.get(symbol, 0) - self.account.bids.get(symbol, 0)
        side = _side(action)
        rate = self._rate(spec)
        return money.profit_at(spec, side, _units(volume), entry, close, spread, rate) / 100

    @function
    def market_book_add(self, symbol: str, /) -> bool:
        """There is no depth of market here."""
        raise self._no_book(symbol)

    @function
    def market_book_get(self, symbol: str, /) -> tuple[mt5.BookInfo, ...] | None:
        raise self._no_book(symbol)

    @function
    def market_book_release(self, symbol: str, /) -> bool:
        raise self._no_book(symbol)

    def _rate(self, spec: SymbolSpec) -> Rate | None:
        """What converts the symbol's money, None where nothing needs to."""
        rate = self.account.converter.rate_of(spec)
        if rate is None and spec.conversion is Conversion.FROM_BROKER:
            raise Failure(mt5.RES_E_FAIL, "Terminal: Call failed")
        return rate

    def _no_book(self, symbol: str) -> Failure:
        self._spec(symbol)
        return Failure(mt5.RES_E_FAIL, "Terminal: Call failed")

    def _symbol_info(self, spec: SymbolSpec) -> mt5.SymbolInfo:
        account, rules, name = self.account, self._rules(spec.name), spec.name
        bid, ask = account.bids.get(name, 0), account.asks.get(name, 0)
        seen = name not in self.conditions.hidden
        swaps = bool(spec.swap_long or spec.swap_short)
        tick = 1 if isinstance(spec.tick_size, UnsetType) else spec.tick_size
        worth = _tick_value(spec, ask or bid, account.converter.rate_of(spec))
        return mt5.SymbolInfo.of(
            name=name,
            path=f"Paper\\{name}",
            select=seen,
            visible=seen,
            time=account.quoted.get(name, 0) // 1000,
            digits=spec.digits,
            spread=ask - bid,
            spread_float=True,
            trade_calc_mode=rules.calc_mode,
            trade_mode=rules.trade_mode,
            trade_stops_level=spec.stops_level,
            trade_freeze_level=rules.freeze_level,
            trade_exemode=rules.execution,
            swap_mode=mt5.SYMBOL_SWAP_MODE_POINTS if swaps else mt5.SYMBOL_SWAP_MODE_DISABLED,
            swap_long=spec.swap_long,
            swap_short=spec.swap_short,
            swap_rollover3days=spec.triple_swap_weekday,
            expiration_mode=EXPIRATION_MODE,
            filling_mode=rules.filling,
            order_mode=ORDER_MODE,
            bid=spec.price(bid),
            ask=spec.price(ask),
            point=spec.price(1),
            trade_tick_value=worth * tick,
            trade_tick_value_profit=worth * tick,
            trade_tick_value_loss=worth * tick,
            trade_tick_size=spec.price(tick),
            trade_contract_size=float(spec.contract),
            volume_min=lots(spec.volume_min),
            volume_max=lots(spec.volume_max),
            volume_step=lots(spec.volume_step),
            volume_limit=lots(rules.volume_limit),
            currency_base=spec.base,
            currency_profit=spec.quote,
            currency_margin=spec.base,
        )


def _tick_value(spec: SymbolSpec, price: int, rate: Rate | None) -> float:
    """What a point of one lot is worth, in the account's currency; 0.0 while that is unknown."""
    if spec.conversion is Conversion.NONE:
        return spec.contract / float(10**spec.digits)
    if spec.conversion is Conversion.DIVIDE:
        return spec.contract / price if price else 0.0
    if rate is None:
        return 0.0
    number, per = rate.gain
    return spec.contract * number / (per * spec.points(1.0))


def _side(action: int) -> Side:
    if action not in _SIDES:
        raise invalid_params()
    return _SIDES[action]


def _units(volume: float) -> Units:
    if not 0 < volume < _LARGEST:
        raise invalid_params()
    return units(float(volume))


def _price(price: float) -> float:
    if not 0 < price < _LARGEST:
        raise invalid_params()
    return float(price)
